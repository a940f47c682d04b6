import io
import sys

import pytest

from neurospyke.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_silent_where_nobody_watches(monkeypatch):
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert list(progress(range(3), "images")) == [0, 1, 2]
    assert stderr.getvalue() == ""


def test_a_terminal_sees_a_bar_with_label_for_each_pass(monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    batches = progress([4, 5], "batches")
    assert [list(batches), list(batches)] == [[4, 5], [4, 5]]
    assert stderr.getvalue().count("batches: 100%") == 2


def test_length_is_that_of_what_is_wrapped():
    assert len(progress("abc")) == 3
    with pytest.raises(TypeError, match="len"):
        len(progress(iter("abc")))
