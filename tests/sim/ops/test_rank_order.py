import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes, to_spikes
from neurospyke.sim.ops.rank_order import rank_order, reference
from tests.conformance import assert_same, check_op, quarters

REGISTERED = torch.ops.neurospyke.rank_order.default


@pytest.mark.parametrize(
    ("bins", "n_bins", "dtype"),
    [
        ("proportional", 7, torch.float32),
        ("proportional", 254, torch.float64),
        ("equal", 5, torch.float64),
        ("spyker", 5, torch.float32),
        ("spyker", 254, torch.float64),
    ],
)
def test_conforms(bins, n_bins, dtype):
    intensity = quarters(3, 2, 5, 4, low=-2, high=8, seed=0, dtype=dtype)
    check_op(rank_order, REGISTERED, reference, intensity, n_bins, bins=bins)


def test_intensities_that_only_float64_tells_apart_are_ranked():
    intensity = torch.tensor([1.0, 1.0 + 2.0**-40], dtype=torch.float64).view(1, 1, 1, 2)
    assert rank_order(intensity, 2).flatten().tolist() == [1, 0]
    assert rank_order(intensity.float(), 2).flatten().tolist() == [SILENT, SILENT]


def test_bins_are_proportional_to_the_rank():
    intensity = torch.tensor([0.1, 0.9, 0.5, -3.0, 0.5, 0.0, torch.inf]).view(1, 1, 1, 7)
    assert rank_order(intensity, 5).flatten().tolist() == [4, 1, 2, 255, 2, 255, 0]
    assert rank_order(intensity, 2).flatten().tolist() == [1, 0, 0, 255, 0, 255, 0]


def test_equal_bins_drop_the_weakest_and_break_ties_by_index():
    intensity = torch.tensor([0.1, 0.9, 0.5, 0.0, 0.5, 0.5, 0.2]).view(1, 1, 7, 1)
    assert rank_order(intensity, 2, bins="equal").flatten().tolist() == [1, 0, 0, 255, 0, 1, 1]
    assert rank_order(intensity, 4, bins="equal").flatten().tolist() == [255, 0, 1, 255, 2, 3, 255]


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_a_constant_sample_is_silent_beside_one_that_is_not(value):
    intensity = torch.full((2, 1, 2, 2), value)
    intensity[1, 0, 0, 0] = 1.0
    latency = rank_order(intensity, 3)
    assert (latency[0] == SILENT).all()
    assert latency[1, 0, 0, 0] == 0


def test_spyker_by_hand():
    """6 of 7 are above the smallest: places 0 to 5 times 3 / 6; ties by index."""
    intensity = torch.tensor([0.1, 0.9, 0.5, -3.0, 0.5, 0.0, 0.7]).view(1, 1, 1, 7)
    latency = rank_order(intensity, 3, bins="spyker")
    assert latency.flatten().tolist() == [2, 0, 1, SILENT, 1, 2, 0]
    # a positive smallest intensity never fires either
    latency = rank_order(intensity + 4, 3, bins="spyker")
    assert latency.flatten().tolist() == [2, 0, 1, SILENT, 1, 2, 0]


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_spyker_fires_everywhere_without_contrast(value):
    intensity = torch.full((2, 1, 2, 2), value)
    intensity[1, 0, 0, 0] = 2.0
    latency = rank_order(intensity, 3, bins="spyker")
    assert latency.flatten().tolist() == [0, 0, 0, 0, 0, SILENT, SILENT, SILENT]


def test_spyker_margin_shows_beyond_a_hundred_thousand():
    """Of m = 200 001: 2.00001 times place 100 000 is m, bin 1; place 200 000 is past the end."""
    intensity = torch.arange(200_002, 0, -1, dtype=torch.float64).view(1, 1, 1, -1)
    latency = rank_order(intensity, 2, bins="spyker").flatten()
    assert latency[[0, 99_999, 100_000, 199_999, 200_000]].tolist() == [0, 0, 1, 1, SILENT]


def test_spyker_as_published_software_has_it():
    """Frozen from Spyker 0.1.0, where all 40 intensities differ."""
    intensity, seven, fifteen = torch.tensor(
        [
            *([11, 27, 4, 24, 23, 2, 3, 34, 18, 1, 10, 22, 20, 26, 28, 30, 37, 38, 17, 0],),
            *([5, 2, 6, 2, 2, 6, 6, 0, 3, 6, 5, 3, 3, 2, 1, 1, 0, 0, 3, 7],),
            *([10, 4, 13, 5, 6, 14, 13, 1, 8, 14, 11, 6, 7, 5, 4, 3, 0, 0, 8, 15],),
        ]
    )
    rest, rest_seven, rest_fifteen = torch.tensor(
        [
            *([21, 35, 9, 6, 32, 25, 19, 36, 8, 16, 13, 12, 7, 39, 5, 14, 29, 33, 15, 31],),
            *([3, 0, 5, 5, 1, 2, 3, 0, 5, 4, 4, 4, 5, 0, 6, 4, 1, 1, 4, 1],),
            *([6, 1, 11, 12, 2, 5, 7, 1, 11, 8, 10, 10, 12, 0, 13, 9, 3, 2, 9, 3],),
        ]
    )
    intensity = torch.cat([intensity, rest]).view(1, 1, 5, 8) / 64
    for n_bins, bins in [(7, [seven, rest_seven]), (15, [fifteen, rest_fifteen])]:
        expected = torch.cat(bins).masked_fill(torch.cat(bins) == n_bins, SILENT)
        latency = rank_order(intensity, n_bins, bins="spyker")
        assert latency.flatten().tolist() == expected.tolist()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 9999),
    n_bins=st.integers(1, 20),
    bins=st.sampled_from(["proportional", "equal", "spyker"]),
)
def test_laws(seed, n_bins, bins):
    intensity = quarters(3, 2, 6, 5, low=-2, high=8, seed=seed)
    latency = rank_order(intensity, n_bins, bins=bins)
    assert_same(latency, reference(intensity, n_bins, bins=bins))
    one_by_one = [rank_order(x[None], n_bins, bins=bins) for x in intensity]
    assert_same(torch.cat(one_by_one), latency)
    assert_same(rank_order(intensity.pow(3) * 2, n_bins, bins=bins), latency)
    if bins == "spyker":
        assert_same(rank_order(intensity - 3, n_bins, bins=bins), latency)
        return
    with_silence = torch.cat([intensity, torch.zeros(3, 1, 6, 5)], 1)
    assert_same(rank_order(with_silence, n_bins, bins=bins)[:, :2], latency)
    if bins == "proportional":
        assert_same(rank_order(intensity.flip(1, 2), n_bins), latency.flip(1, 2))
        assert_same(latency != SILENT, intensity > 0)
    else:
        counts = torch.stack([torch.bincount(x.flatten(), minlength=256)[:n_bins] for x in latency])
        n = (intensity > 0).flatten(1).sum(1, keepdim=True)
        assert_same(counts, (n // n_bins).expand(3, n_bins))


def test_bad_input_is_refused_by_name():
    intensity = torch.rand(2, 1, 3, 3)
    nan = intensity.clone()
    nan[1, 0, 0, 0] = torch.nan
    for args, bins, error, message in [
        ((intensity.byte(), 3), "equal", TypeError, "`intensity` must be a float32 or float64"),
        ((intensity[0], 3), "equal", ValueError, r"`intensity` must have axes \(batch, channel"),
        ((intensity, 255), "equal", ValueError, "`n_bins` must be 1 to 254; got 255"),
        ((intensity, 3), "linear", ValueError, r"`bins` must be one of \('proportional'"),
        ((intensity, 10), "equal", ValueError, "`intensity` must have at least `n_bins` = 10"),
        ((nan, 3), "proportional", ValueError, "`intensity` must not be NaN"),
    ]:
        with pytest.raises(error, match=message):
            rank_order(*args, bins=bins)


@pytest.mark.parametrize("key", ["a", "b"])
def test_spyketorch_intensity_to_latency(shared_oracles, key):
    with np.load(shared_oracles / "spyketorch_intensity2latency.npz") as oracle:
        intensity, spikes, wave = (
            torch.from_numpy(oracle[f"{key}_{part}"]) for part in ("in", "spikes", "wave")
        )
    latency = rank_order(intensity, len(spikes), bins="equal")
    assert_same(latency[0], from_spikes(spikes))
    assert_same(to_spikes(latency[0], len(spikes), accumulate=True).float(), spikes)
    # the same with the intensities carried along
    assert_same(to_spikes(latency[0], len(wave), accumulate=True) * intensity[0], wave)
