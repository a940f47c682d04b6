"""What an import did: read, dropped, excluded, inferred, and what looks wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("read", "dropped", "excluded", "inferred", "suspicious")
_WRITTEN = re.compile(rf"import ({'|'.join(KINDS)}) \((\d{{1,18}})\): (.+)")


@dataclass(frozen=True)
class Finding:
    """One thing that an import did or met.

    Args:
        kind: "read" (what came in), "dropped" (data the recording cannot hold, or that were
            faulty), "excluded" (left out by a rule or by the caller's wish), "inferred" (not
            stated by the file) or "suspicious" (kept, but to be looked at).
        text: one line that says what, in words that stand alone.
        count: how many units, trials, spikes or columns it is about.

    Raises:
        TypeError: if `text` is not a string or `count` not a whole number.
        ValueError: if `kind` is unknown, `text` empty or of several lines, `count` negative.

    >>> print(Finding("dropped", "2 spikes at NaN of unit 7", count=2))
    dropped: 2 spikes at NaN of unit 7
    """

    kind: str
    text: str
    count: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"`kind` must be one of {list(KINDS)}; got {self.kind!r}")
        if not isinstance(self.text, str):
            raise TypeError(f"`text` must be a string; got {type(self.text).__name__}")
        if self.text.splitlines() != [self.text]:
            raise ValueError(f"`text` must be one line that says something; got {self.text!r}")
        if isinstance(self.count, bool) or not isinstance(self.count, int):
            raise TypeError(f"`count` must be a whole number; got {self.count!r}")
        if self.count < 0:
            raise ValueError(f"`count` must be 0 or more; got {self.count}")

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class ImportReport:
    """All findings of an import, in the order in which they were made.

    Args:
        findings: the findings.

    Raises:
        TypeError: if one of them is not a `Finding`.

    >>> report = ImportReport().with_finding("read", "49 units", count=49)
    >>> report = report.with_finding("inferred", "observed time, 0 to 179.3 s")
    >>> print(report)
    read: 49 units
    inferred: observed time, 0 to 179.3 s
    >>> report.count("read"), report.of_kind("inferred")[0].text
    (49, 'observed time, 0 to 179.3 s')
    """

    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        findings = tuple(self.findings)
        for finding in findings:
            if not isinstance(finding, Finding):
                raise TypeError(
                    f"`findings` must hold Finding objects; got {type(finding).__name__}"
                )
        object.__setattr__(self, "findings", findings)

    def __str__(self) -> str:
        return "\n".join(self.lines) or "nothing to report"

    def __add__(self, other: ImportReport) -> ImportReport:
        return ImportReport(self.findings + other.findings)

    @property
    def lines(self) -> tuple[str, ...]:
        """The findings as text, one line each."""
        return tuple(map(str, self.findings))

    def with_finding(self, kind: str, text: str, count: int = 1) -> ImportReport:
        """The report with one more finding.

        Args:
            kind: one of `KINDS`.
            text: one line that says what.
            count: how many units, trials, spikes or columns it is about.

        Returns:
            A new report.
        """
        return ImportReport((*self.findings, Finding(kind, text, count)))

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind.

        Args:
            kind: one of `KINDS`.

        Returns:
            The findings in order.

        Raises:
            ValueError: if the kind is unknown.
        """
        if kind not in KINDS:
            raise ValueError(f"`kind` must be one of {list(KINDS)}; got {kind!r}")
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def count(self, kind: str) -> int:
        """Sum of the counts of the findings of one kind.

        Args:
            kind: one of `KINDS`.

        Returns:
            The sum.
        """
        return sum(finding.count for finding in self.of_kind(kind))

    def from_source(self, source: str) -> ImportReport:
        """The report with the source named in front of every finding.

        Args:
            source: the name of the file or session.

        Returns:
            A new report.

        >>> print(ImportReport((Finding("read", "3 units"),)).from_source("monday.nwb"))
        read: monday.nwb: 3 units
        """
        return ImportReport(
            tuple(
                Finding(finding.kind, f"{source}: {finding.text}", finding.count)
                for finding in self.findings
            )
        )

    def to_rows(self) -> list[list[Any]]:
        """The findings as plain rows (kind, text, count), for files.

        Returns:
            One row a finding.
        """
        return [[finding.kind, finding.text, finding.count] for finding in self.findings]

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[Any]]) -> ImportReport:
        """The report that `to_rows` took apart.

        Args:
            rows: (kind, text, count) of each finding.

        Returns:
            The report.

        Raises:
            TypeError: if a row holds something else.
            ValueError: if a row does not have three parts, or a part is out of range.

        >>> ImportReport.from_rows([["read", "3 units", 3]]).to_rows()
        [['read', '3 units', 3]]
        """
        return cls(tuple(Finding(*_three(row)) for row in rows))


def written_notes(notes: Iterable[str], report: ImportReport) -> str:
    """Notes and report as the lines of one text, for files with room for notes only.

    Args:
        notes: one line each.
        report: the report.

    Returns:
        The text; `read_notes` takes it apart again.

    >>> print(written_notes(["left eye"], ImportReport((Finding("read", "3 units", 3),))))
    left eye
    import read (3): 3 units
    """
    findings = [f"import {found.kind} ({found.count}): {found.text}" for found in report.findings]
    return "\n".join([*notes, *findings])


def read_notes(text: str) -> tuple[tuple[str, ...], ImportReport]:
    r"""Notes and report from the lines of one text.

    Args:
        text: the text of a file's notes, whoever wrote it.

    Returns:
        The lines that are no findings, and the findings.

    >>> notes, report = read_notes("left eye\nimport read (3): 3 units")
    >>> notes, report.count("read")
    (('left eye',), 3)
    """
    notes, findings = [], []
    for line in text.splitlines():
        found = _WRITTEN.fullmatch(line)
        if found:
            findings.append(Finding(found[1], found[3], int(found[2])))
        else:
            notes.append(line)
    return tuple(notes), ImportReport(tuple(findings))


def _three(row: Sequence[Any]) -> tuple[Any, Any, Any]:
    if isinstance(row, str) or len(row) != 3:
        raise ValueError(f"a finding must be (kind, text, count); got {row!r}")
    kind, text, count = row
    return kind, text, count
