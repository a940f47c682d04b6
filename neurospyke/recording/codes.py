"""Names for the codes of events, and a count of the codes that have none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neurospyke.recording.report import ImportReport

_MAX_NAMED = 20


def named_events(
    trials: Mapping[str, pd.DataFrame], event_codes: Mapping[int | str, str]
) -> tuple[dict[str, pd.DataFrame], ImportReport]:
    """Trial tables whose codes have become names.

    In each table that has a known code in its column `code`, else `stimulus`, that column moves to
    `code`, as text, and `stimulus` holds the names; a code without a name stays as it is and is
    counted. Codes are compared as text, 65281 and "65281" and 65281.0 being one.

    Args:
        trials: tables by name.
        event_codes: a name for each code.

    Returns:
        The tables, and what was named and what was not.

    Raises:
        TypeError: if it is not a mapping to strings.
        ValueError: if no table holds any of the codes; the error lists those there are.

    >>> table = pd.DataFrame({"start_time": [0.0, 1.0], "stimulus": ["65281", "3"]})
    >>> named, report = named_events({"events": table}, {65281: "stim_on"})
    >>> named["events"]["stimulus"].tolist()
    ['stim_on', '3']
    >>> print(report)
    read: 1 of 2 events of 'events' named by their codes
    suspicious: 1 events of 'events' with codes that have no name: 3 (1)
    """
    if not isinstance(event_codes, Mapping) or not all(
        isinstance(name, str) and name for name in event_codes.values()
    ):
        raise TypeError(f"`event_codes` must map codes to names; got {event_codes!r}")
    names = {_text(code): name for code, name in event_codes.items()}
    report = ImportReport()
    named = dict(trials)
    met: list[str] = []
    for table_name, table in trials.items():
        column = next((column for column in ("code", "stimulus") if column in table), None)
        if column is None:
            continue
        codes = pd.Series([_text(code) for code in table[column]], index=table.index, dtype=object)
        met.extend(codes.unique())
        known = codes.isin(list(names))
        if not known.any():
            continue
        named[table_name] = table.assign(code=codes, stimulus=codes.map(names).where(known, codes))
        report += _said(table_name, codes, known.to_numpy())
    if not report.findings:
        listed = sorted(set(met))[:_MAX_NAMED]
        raise ValueError(f"`event_codes` must name codes of the file's events, {listed}; none is")
    return named, report


def _text(code: object) -> str:
    if isinstance(code, float | np.floating) and float(code).is_integer():
        return str(int(code))
    return code.decode(errors="replace") if isinstance(code, bytes) else str(code).strip()


def _said(name: str, codes: pd.Series, known: np.ndarray) -> ImportReport:
    n_known = int(known.sum())
    text = f"{n_known} of {len(codes)} events of {name!r} named by their codes"
    report = ImportReport().with_finding("read", text, n_known)
    if known.all():
        return report
    counts = codes[~known].value_counts()
    listed = ", ".join(f"{code} ({count})" for code, count in counts.head(_MAX_NAMED).items())
    more = ", ..." if len(counts) > _MAX_NAMED else ""
    n_unknown = int(len(codes) - n_known)
    text = f"{n_unknown} events of {name!r} with codes that have no name: {listed}{more}"
    return report.with_finding("suspicious", text, n_unknown)
