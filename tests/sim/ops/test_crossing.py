import numpy as np
import pytest
import torch

from neurospyke.sim.latency import from_spikes
from neurospyke.sim.ops.crossing import first_crossing, per_map
from tests.conformance import assert_same


def test_only_bins_with_news_are_computed_and_the_loop_ends_when_all_have_spiked():
    asked = []

    def potential_of(spiked):
        asked.append(spiked.tolist())
        return spiked.sum().float().view(1)

    latency = torch.tensor([3, 5, 9, 255], dtype=torch.uint8)
    spike, potential = first_crossing(latency, potential_of, torch.tensor([1.0]), 200)
    assert (spike.tolist(), potential.tolist()) == ([5], [2.0])
    assert asked == [[False] * 4, [True, False, False, False], [True, True, False, False]]


def test_a_negative_threshold_is_crossed_in_silence():
    silent = torch.tensor([255], dtype=torch.uint8)
    spike, potential = first_crossing(silent, torch.Tensor.float, torch.tensor([-1.0]), 4)
    assert (spike.tolist(), potential.tolist()) == ([0], [0.0])


def test_one_value_a_map_takes_the_dtype_of_the_weights():
    weight = torch.zeros(2, 3, dtype=torch.float64)
    assert per_map(torch.tensor([1.0, 2.0]), weight, "threshold").dtype == torch.float64
    assert per_map(3, weight, "threshold").tolist() == [3.0, 3.0]


def test_values_that_fit_no_map_are_refused():
    weight = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"`threshold` .* shape \(2,\).* got shape \(3,\)"):
        per_map(torch.zeros(3), weight, "threshold")
    with pytest.raises(TypeError, match=r"`threshold` must be a number or a tensor .* str"):
        per_map("high", weight, "threshold")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`threshold` must be finite; got inf"):
        per_map(float("inf"), weight, "threshold")


@pytest.mark.parametrize(
    ("threshold", "fired", "kept"),
    [
        (5.0, "spikes", "thresholded"),
        (5.0, "spikes", "threshold_fn"),
        (None, "spikes_infinite", "thresholded_infinite"),
    ],
)
def test_spyketorch_fire(shared_oracles, threshold, fired, kept):
    with np.load(shared_oracles / "spyketorch_fire.npz") as oracle:
        potential, spikes, thresholded = (
            torch.from_numpy(oracle[key]) for key in ("pot", fired, kept)
        )
    # one input spike a bin, so that each of the stored potentials is asked for
    latency = torch.arange(len(potential), dtype=torch.uint8)
    floor = None if threshold is None else torch.tensor(threshold)
    spike, drive = first_crossing(
        latency, lambda spiked: potential[int(spiked.sum()) - 1], floor, len(potential)
    )
    assert_same(spike, from_spikes(spikes))
    times = latency.view(-1, 1, 1, 1)
    assert_same(drive, (thresholded * (times == spike)).sum(0))
