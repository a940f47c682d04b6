from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.tiling import sttc, sttc_table
from neurospyke.compare.trains import SpikeTrains

TRAINS = st.lists(
    st.lists(st.integers(0, 79), max_size=8).map(lambda times: np.sort(times) / 8.0),
    min_size=2,
    max_size=5,
)


def by_definition(trains: list[np.ndarray], spans: list[tuple[float, float]], dt: float) -> float:
    """Union of intervals and comparison of all couples of spikes, pair of trains by pair."""

    def share_of_time(train: np.ndarray) -> float:
        covered = 0.0
        for start, stop in spans:
            inside = train[(train >= start) & (train < stop)]
            edges = np.unique(np.clip([start, stop, *(inside - dt), *(inside + dt)], start, stop))
            for left, right in pairwise(edges):
                middle = (left + right) / 2
                covered += (right - left) * bool((np.abs(inside - middle) <= dt).any())
        return covered / sum(stop - start for start, stop in spans)

    def share_of_spikes(one: np.ndarray, other: np.ndarray) -> float:
        hits = 0
        for start, stop in spans:
            a = one[(one >= start) & (one < stop)]
            b = other[(other >= start) & (other < stop)]
            hits += int((np.abs(a[:, None] - b) <= dt).any(axis=1).sum()) if len(b) else 0
        return hits / len(one)

    a, b = trains
    if not len(a) or not len(b):
        return np.nan
    terms = []
    for share, time in (
        (share_of_spikes(a, b), share_of_time(b)),
        (share_of_spikes(b, a), share_of_time(a)),
    ):
        terms.append(1.0 if share * time == 1 else (share - time) / (1 - share * time))
    return sum(terms) / 2


@settings(max_examples=60, deadline=None)
@given(TRAINS, st.sampled_from([0.125, 0.25, 0.3, 2.0, 20.0]), st.booleans())
def test_it_is_its_definition(trains: list[np.ndarray], dt: float, split: bool) -> None:
    spans = [(0.0, 4.0), (4.0, 10.0)] if split else [(0.0, 10.0)]
    found = sttc(SpikeTrains.of(trains, spans), dt)
    expected = [[by_definition([a, b], spans, dt) for b in trains] for a in trains]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(TRAINS, st.sampled_from([60.0, 86_400.0, 1_600_000_000.3]), st.randoms())
def test_neither_the_clock_nor_the_order_of_units_matters(
    trains: list[np.ndarray], shift: float, random: object
) -> None:
    here = sttc(SpikeTrains.of(trains, (0, 10)), 0.25)
    moved = SpikeTrains.of([train + shift for train in trains], (shift, shift + 10))
    np.testing.assert_allclose(sttc(moved, 0.25), here, rtol=0, atol=1e-6)
    order = list(range(len(trains)))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = sttc(SpikeTrains.of([trains[unit] for unit in order], (0, 10)), 0.25)
    np.testing.assert_array_equal(other, here[np.ix_(order, order)])


def test_independent_trains_have_none_a_day_after_zero() -> None:
    generator = np.random.default_rng(0)
    start = 86_400.0
    rows = [np.sort(generator.uniform(start, start + 60, 300)) for _ in range(20)]
    table = sttc_table(SpikeTrains.of(rows, (start, start + 60)), 0.005)
    assert abs(table["sttc"].mean()) < 0.005
    assert table["sttc"].abs().max() < 0.1
    assert (table["status"] == "ok").all()
    covered = ((table["low"] <= 0) & (table["high"] >= 0)).mean()
    assert 0.88 < covered <= 1


def test_elephant_agrees_where_it_is_right() -> None:
    import quantities as pq
    from elephant.spike_train_correlation import spike_time_tiling_coefficient
    from neo import SpikeTrain

    generator = np.random.default_rng(1)
    base = np.sort(generator.uniform(0.0, 1.0, 12))
    rows = [base, np.sort(np.clip(base + generator.normal(0, 0.01, 12), 0, 1)), base[::3]]
    found = sttc(SpikeTrains.of(rows, (0, 1)), 0.02)
    theirs = [SpikeTrain(row, units="s", t_stop=1.0) for row in rows]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = spike_time_tiling_coefficient(theirs[i], theirs[j], dt=0.02 * pq.s)
        assert found[i, j] == pytest.approx(expected, abs=1e-10)


def test_what_cannot_be_told_says_why() -> None:
    table = sttc_table(SpikeTrains.of([[0.5], [], [0.5]], (0, 1)), 0.1)
    assert table["status"].tolist() == ["no_spikes", "no_interval", "no_spikes"]
    assert np.isnan(table["sttc"][0])
    with pytest.raises(ValueError, match="`reach`"):
        sttc([], 0.0)


def test_spikes_just_so_far_apart_count_in_spite_of_rounding() -> None:
    # 0.9 - 0.7 is 0.2000000000000000_67 in binary
    assert sttc(SpikeTrains.of([[0.7], [0.9]], (0, 1)), 0.2)[0, 1] == 1
