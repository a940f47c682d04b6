"""Import reports: what they refuse, print and keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurospyke.recording import Finding, ImportReport
from neurospyke.recording.report import KINDS, read_notes, written_notes

LINES = st.text(min_size=1, max_size=20).filter(lambda text: text.splitlines() == [text])
FINDINGS = st.builds(Finding, st.sampled_from(KINDS), LINES, st.integers(0, 10**12))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"kind": "lost"}, ValueError, "`kind` must be one of .*got 'lost'"),
        ({"text": ""}, ValueError, "one line"),
        ({"text": "a\nb"}, ValueError, "one line"),
        ({"text": "a\n"}, ValueError, "one line"),
        ({"text": 3}, TypeError, "`text` must be a string; got int"),
        ({"count": -1}, ValueError, "0 or more; got -1"),
        ({"count": 1.0}, TypeError, "whole number"),
        ({"count": True}, TypeError, "whole number"),
    ],
)
def test_bad_findings_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        Finding(**({"kind": "read", "text": "3 units", "count": 3} | changes))


def test_bad_reports_are_refused():
    with pytest.raises(TypeError, match="Finding objects; got str"):
        ImportReport(("read",))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="must be one of"):
        ImportReport().of_kind("lost")
    for rows in (["abc"], [["read", "3 units"]]):
        with pytest.raises(ValueError, match=r"\(kind, text, count\)"):
            ImportReport.from_rows(rows)


def test_reports_add_up_and_name_their_source():
    first = ImportReport().with_finding("read", "3 units", 3)
    both = first.from_source("a.nwb") + first.from_source("b.nwb")
    assert both.count("read") == 6
    assert str(both) == "read: a.nwb: 3 units\nread: b.nwb: 3 units"
    assert str(ImportReport()) == "nothing to report"


@given(
    notes=st.lists(LINES.filter(lambda line: not line.startswith("import "))),
    findings=st.lists(FINDINGS),
)
def test_notes_and_findings_come_back_from_one_text(notes, findings):
    report = ImportReport(tuple(findings))
    assert read_notes(written_notes(notes, report)) == (tuple(notes), report)
    assert ImportReport.from_rows(report.to_rows()) == report
