"""The bar counts the whole course: what was done before, and what early stopping saves."""

import io
import re
import sys

from neurospyke.commands.follow import Follower
from neurospyke.sim import LearningStep
from neurospyke.sim.curriculum import Stage
from neurospyke.sim.update import Decisions

STAGES = [Stage("conv1", False, 3, 40), Stage("conv2", True, 2, 40)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def step(layer, epoch, n_seen, decisions=None):
    return LearningStep(layer, epoch, 0, 20, n_seen, 0.125, decisions)


def counts(text):
    """Counts that the bar has shown, as (images, of all)."""
    return [(int(done), int(total)) for done, total in re.findall(r"(\d+)/(\d+) \[", text)]


def watched(monkeypatch):
    """A terminal in place of stderr."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


def test_what_early_stopping_saves_is_taken_off(monkeypatch):
    terminal = watched(monkeypatch)
    with Follower(STAGES, quiet=False) as follower:
        follower(step("conv1", 0, 20))
        follower(step("conv1", 0, 40))
        follower(step("conv2", 0, 20))
    shown = counts(terminal.getvalue())
    assert shown[0] == (0, 200)
    assert shown[-1] == (60, 120)


def test_what_was_learned_before_an_interruption_counts(monkeypatch):
    terminal = watched(monkeypatch)
    with Follower(STAGES, quiet=False) as follower:
        follower(step("conv2", 1, 60))
    assert counts(terminal.getvalue())[-1] == (180, 200)
    assert "conv2, epoch 2 of 2" in terminal.getvalue()


def test_each_layer_is_told_once_it_has_finished(monkeypatch, capsys):
    watched(monkeypatch)
    with Follower(STAGES, quiet=False) as follower:
        follower(step("conv1", 0, 20))
        assert capsys.readouterr().out == ""
        follower(step("conv2", 0, 20))
        assert capsys.readouterr().out.startswith("conv1: 20 images, convergence 0.1250, ")
        follower(step("conv2", 0, 40, Decisions(15, 4, 1)))
    assert ", 75.0% right in its last batch, " in capsys.readouterr().out


def test_a_layer_that_was_interrupted_is_not_told_as_finished(monkeypatch, capsys):
    watched(monkeypatch)
    follower = Follower(STAGES, quiet=False)
    follower(step("conv1", 0, 20))
    follower.__exit__(KeyboardInterrupt)
    assert capsys.readouterr().out == ""


def test_quiet_and_pipes_see_no_bar(monkeypatch, capsys):
    for quiet, stderr in ((True, Terminal()), (False, io.StringIO())):
        monkeypatch.setattr(sys, "stderr", stderr)
        with Follower(STAGES, quiet=quiet) as follower:
            follower(step("conv1", 0, 20))
        assert stderr.getvalue() == ""
        assert bool(capsys.readouterr().out) is not quiet
