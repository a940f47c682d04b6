import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes
from neurospyke.sim.ops.winners import reference, unit_winners, winners
from tests.conformance import assert_same, check_op, computed, latencies, paths, quarters

REGISTERED = torch.ops.neurospyke.winners.default


@pytest.mark.parametrize(
    ("k", "radius", "dtype"),
    [(3, None, torch.float32), (6, 0, torch.float64), (4, 1, torch.float32)],
)
def test_conforms(k, radius, dtype):
    latency = latencies(3, 5, 6, 7, n_bins=4, seed=0, silent=0.8)
    potential = quarters(3, 5, 6, 7, low=-1, high=2, seed=1, dtype=dtype)
    check_op(winners, REGISTERED, reference, latency, potential, k, radius=radius)


def one_map(*size, seed, maps=5):
    """Latency, potential and map of each position, and the same spread out over all maps."""
    generator = torch.Generator().manual_seed(seed)
    latency = latencies(*size, n_bins=3, seed=seed)
    potential = quarters(*size, low=1, high=2, seed=seed)
    owner = torch.randint(maps, size, generator=generator).masked_fill(latency == SILENT, -1)
    here = owner == torch.arange(maps).view(-1, 1, 1)
    spread = latency.masked_fill(~here, SILENT), potential.expand_as(here).contiguous()
    return (latency, potential, owner), spread


@pytest.mark.parametrize(("k", "radius"), [(3, None), (9, 0), (4, 2)])
def test_conforms_with_one_map_given_at_each_position(k, radius):
    (latency, potential, maps), _ = one_map(3, 1, 6, 7, seed=0)
    options = {"radius": radius, "maps": maps}
    check_op(winners, REGISTERED, reference, latency, potential, k, **options)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(*[st.sampled_from([0, 1, 2, 5])] * 2),
    k=st.sampled_from([1, 3, 40]),
    radius=st.sampled_from([None, 0, 1, 2**31 - 1]),
    seed=st.integers(0, 9999),
)
def test_given_maps_win_as_spread_out_ones(size, k, radius, seed):
    (latency, potential, maps), spread = one_map(2, 1, *size, seed=seed)
    expected = reference(*spread, k, radius=radius)
    for path in paths()[-2:]:
        with computed(path):
            assert_same(winners(latency, potential, k, radius=radius, maps=maps), expected)
            assert_same(winners(*spread, k, radius=radius), expected)


def test_a_position_without_a_map_does_not_win():
    latency = torch.tensor([[[[0, 1]]]], dtype=torch.uint8)
    maps = torch.tensor([[[[-1, 7]]]])
    for path in paths():
        with computed(path):
            found = winners(latency, torch.ones(1, 1, 1, 2), 2, maps=maps)
            assert found.tolist() == [[[7, 0, 1], [-1] * 3]]


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(*[st.sampled_from([0, 1, 2, 5])] * 4),
    k=st.sampled_from([1, 3, 40]),
    radius=st.sampled_from([None, 0, 1, 2**31 - 1]),
    dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]),
    seed=st.integers(0, 9999),
)
def test_any_shape_is_served(size, k, radius, dtype, seed):
    latency = latencies(*size, n_bins=3, seed=seed)
    potential = quarters(*size, low=-2, high=2, seed=seed, dtype=dtype)
    expected = reference(latency, potential, k, radius=radius)
    for path in paths()[-2:]:
        with computed(path):
            assert_same(winners(latency, potential, k, radius=radius), expected)


@settings(max_examples=25, deadline=None)
@given(k=st.integers(1, 7), radius=st.sampled_from([None, 0, 1, 2, 9]), seed=st.integers(0, 9999))
def test_ties_of_all_kinds_follow_the_reference(k, radius, seed):
    latency = latencies(2, 4, 5, 4, n_bins=2, seed=seed, silent=0.5)
    potential = quarters(2, 4, 5, 4, low=1, high=2, seed=seed)
    assert_same(
        winners(latency, potential, k, radius=radius),
        reference(latency, potential, k, radius=radius),
    )


def test_time_comes_before_potential_and_potential_before_index():
    latency = torch.tensor([[3, 2, 2], [2, 2, 2]], dtype=torch.uint8).view(1, 2, 1, 3)
    potential = torch.tensor([[9.0, 1.0, 1.0], [1.0, 1.25, 1.25]]).view(1, 2, 1, 3)
    assert winners(latency, potential, 2).tolist() == [[[1, 0, 1], [0, 0, 1]]]


def test_the_radius_clears_a_square_in_all_maps():
    latency = torch.full((1, 3, 3, 3), SILENT, dtype=torch.uint8)
    latency[0, 0, 1, 1] = 0
    latency[0, 1, 1, 1] = 1
    latency[0, 1, 0, 2] = 2
    latency[0, 2, 2, 0] = 3
    potential = torch.ones(1, 3, 3, 3)
    assert winners(latency, potential, 3).tolist() == [[[0, 1, 1], [1, 1, 1], [2, 2, 0]]]
    assert winners(latency, potential, 3, radius=0).tolist() == [[[0, 1, 1], [1, 0, 2], [2, 2, 0]]]
    assert winners(latency, potential, 3, radius=1).tolist() == [[[0, 1, 1], [-1] * 3, [-1] * 3]]


@settings(max_examples=20, deadline=None)
@given(radius=st.sampled_from([None, 0, 1]), seed=st.integers(0, 9999))
def test_laws(radius, seed):
    latency = latencies(3, 4, 4, 5, n_bins=5, seed=seed)
    potential = torch.rand(3, 4, 4, 5, generator=torch.Generator().manual_seed(seed))
    best = winners(latency, potential, 3, radius=radius)
    samples = zip(latency[:, None], potential[:, None], strict=True)
    one_by_one = [winners(*sample, 3, radius=radius) for sample in samples]
    assert_same(torch.cat(one_by_one), best)

    later = torch.tensor([4, 5, 100, 101, 254], dtype=torch.uint8)[latency.long().clamp(max=4)]
    relabelled = later.masked_fill(latency == SILENT, SILENT)
    assert_same(winners(relabelled, potential, 3, radius=radius), best)

    flipped = winners(latency.flip(1), potential.flip(1), 3, radius=radius)
    flipped[..., 0] = torch.where(flipped[..., 0] < 0, -1, 3 - flipped[..., 0])
    assert_same(flipped, best)

    silence = torch.full((3, 2, 4, 5), SILENT, dtype=torch.uint8)
    more = torch.cat([latency, silence], 1), torch.cat([potential, torch.ones(3, 2, 4, 5)], 1)
    assert_same(winners(*more, 3, radius=radius), best)
    assert_same(winners(latency, potential, 2, radius=radius), best[:, :2])


def test_bad_input_is_refused_by_name():
    latency, potential = torch.zeros(1, 2, 3, 3, dtype=torch.uint8), torch.zeros(1, 2, 3, 3)
    for args, radius, error, message in [
        ((potential, potential, 1), None, TypeError, "`latency` must have dtype torch.uint8"),
        ((latency[0], potential, 1), None, ValueError, r"`latency` must have axes \(batch, map"),
        ((latency, latency, 1), None, TypeError, "`potential` must be a floating-point tensor"),
        ((latency, potential[0], 1), None, ValueError, "`potential` must have the shape"),
        (
            (latency, potential, 0),
            None,
            ValueError,
            "`k` must be an int from 1 up, at most 2147483647; got 0",
        ),
        ((latency, potential, 1), 2**63, ValueError, "`radius` must be an int from 0 up"),
        ((latency, potential, 1), -1, ValueError, "`radius` must be an int from 0 up, .*; got -1"),
    ]:
        with pytest.raises(error, match=message):
            winners(*args, radius=radius)
    one = latency[:, :1], potential[:, :1]
    maps = torch.zeros(1, 1, 3, 3, dtype=torch.int64)
    for (times, drive), given_maps, error, message in [
        (one, maps.int(), TypeError, "`maps` must be an int64 tensor; got torch.int32"),
        (one, maps[..., 1:], ValueError, "`maps` must have the shape of `latency`"),
        ((latency, potential), maps, ValueError, "`maps` must have the shape of `latency`"),
    ]:
        with pytest.raises(error, match=message):
            winners(times, drive, 1, maps=given_maps)


@pytest.mark.parametrize(
    ("key", "potential", "k", "radius"),
    [
        ("winners_k1_r0", "thresholded", 1, None),
        ("winners_k5_r0", "thresholded", 5, None),
        ("winners_k5_r1", "thresholded", 5, 1),
        ("winners_k5_r3", "thresholded", 5, 3),
        ("winners_k20_r2", "thresholded", 20, 2),
        ("winners_inh_k8_r1", "inhibited", 8, 1),
    ],
)
def test_spyketorch_winners(shared_oracles, key, potential, k, radius):
    with np.load(shared_oracles / "spyketorch_k_winners.npz") as oracle:
        thresholded, expected = torch.from_numpy(oracle[potential]), torch.from_numpy(oracle[key])
    latency = from_spikes(thresholded)
    times = torch.arange(len(thresholded)).view(-1, 1, 1, 1)
    drive = (thresholded * (times == latency)).sum(0)
    found = winners(latency[None], drive[None], k, radius=radius)[0]
    assert_same(found[: len(expected)], expected)
    assert (found[len(expected) :] == -1).all()


def test_spyketorch_winner_of_the_last_bin(shared_oracles):
    with np.load(shared_oracles / "spyketorch_k_winners.npz") as oracle:
        wave, expected = (torch.from_numpy(oracle[key]) for key in ("pot", "winners_inf_k1"))
    latency = torch.where(wave[-1] > 0, len(wave) - 1, SILENT).to(torch.uint8)
    assert_same(winners(latency[None], wave[None, -1], 1)[0], expected)


def test_spyketorch_winners_without_inhibited_features(shared_oracles):
    """Maps silenced beforehand cannot win: the others win as if those were not there."""
    with np.load(shared_oracles / "spyketorch_k_winners.npz") as oracle:
        before, after = (
            torch.from_numpy(oracle[key]) for key in ("thresholded", "feature_inhibited")
        )
    others = torch.tensor([0, 2, 3, 5])
    assert (after[:, [1, 4]] == 0).all()
    times = torch.arange(len(before)).view(-1, 1, 1, 1)
    found = []
    for wave in (after, before[:, others]):
        latency = from_spikes(wave)
        drive = (wave * (times == latency)).sum(0)
        found.append(winners(latency[None], drive[None], 5, radius=1)[0])
    assert (found[1][:4, 0] >= 0).all()
    assert_same(found[0][:4, 0], others[found[1][:4, 0]])
    assert_same(found[0][:, 1:], found[1][:, 1:])


def test_units_clear_their_neighbours_by_number():
    """Bins 2 1 1 3 - 0: unit 5 first, then by potential unit 2 before 1; 4 is silent."""
    latency = torch.tensor([[2, 1, 1, 3, SILENT, 0]], dtype=torch.uint8)
    potential = torch.tensor([[1.0, 1.0, 2.0, 1.0, 0.0, 1.0]])
    for radius, best in (
        (None, [5, 2, 1, 0, 3, -1]),
        (0, [5, 2, 1, 0, 3, -1]),
        (1, [5, 2, 0, -1, -1, -1]),
        (2, [5, 2, -1, -1, -1, -1]),
    ):
        found = unit_winners(latency, potential, 6, radius=radius)
        assert found[0, :, 0].tolist() == best
        assert found[0, :, 1:].tolist() == [[min(unit, 0)] * 2 for unit in best]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), k=st.integers(1, 6), radius=st.none() | st.integers(0, 3))
def test_winning_units_follow_the_definition(seed, k, radius):
    latency = latencies(3, 9, n_bins=3, seed=seed)
    potential = quarters(3, 9, low=1, high=2, seed=seed)
    found = unit_winners(latency, potential, k, radius=radius)
    for sample in range(3):
        left = {unit for unit in range(9) if latency[sample, unit] != SILENT}
        for place in range(k):
            best = min(
                left,
                key=lambda unit: (latency[sample, unit], -potential[sample, unit], unit),
                default=-1,
            )
            assert found[sample, place, 0] == best
            left -= {best} | {unit for unit in left if abs(unit - best) <= (radius or 0)}
