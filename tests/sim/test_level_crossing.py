import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.level_crossing import level_crossing
from tests.conformance import assert_same


def test_levels_by_hand():
    # exactly a step counts; several levels at once give one spike and are all passed
    signal = torch.tensor([0.0, 0.5, 0.75, 2.0, 2.25, 1.5, 1.5]).view(7, 1, 1)
    found = level_crossing(signal, 0.5)[:, 0].T.tolist()
    assert found == [[0, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0]]


def test_what_is_left_over_a_level_counts_towards_the_next():
    # 0.7 passes 0.5 only; from there 0.9 is not a step away, and 1.05 is; less than a step is none
    signal = torch.tensor([0.0, 0.3, 0.7, 0.9, 1.05, 0.8], dtype=torch.float64).view(6, 1, 1)
    found = level_crossing(signal, 0.5)[:, 0].T.tolist()
    assert found == [[0, 0, 1, 0, 1, 0], [0] * 6]


@settings(deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=30))
def test_a_signal_upside_down_swaps_the_channels(values):
    signal = torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) / 4
    up, down = level_crossing(signal, 0.75).unbind(2)
    swapped = level_crossing(-signal, 0.75)
    assert_same(swapped, torch.stack([down, up], 2))
    assert (up * down).sum() == 0


def test_a_still_signal_is_silent_and_leads_are_apart():
    signal = torch.zeros(6, 2, 2)
    signal[3:, 1, 1] = 1.0
    found = level_crossing(signal, 0.5)
    assert found.sum() == 1
    assert found[3, 1].tolist() == [0, 1, 0, 0]


def test_bad_input_is_refused_by_name():
    for change, error, message in [
        ({"signal": torch.zeros(3, 1, 1).int()}, TypeError, "`signal` must be a float32"),
        ({"signal": torch.zeros(3, 1)}, ValueError, "`signal` must have axes"),
        ({"signal": torch.full((3, 1, 1), float("nan"))}, ValueError, "`signal` must be finite"),
        ({"step": 0.0}, ValueError, "`step` must be above 0"),
        ({"step": None}, ValueError, "`step` must be above 0 and finite; got None"),
    ]:
        with pytest.raises(error, match=message):
            level_crossing(**{"signal": torch.zeros(3, 1, 1), "step": 0.5, **change})
