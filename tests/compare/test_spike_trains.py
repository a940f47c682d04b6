from functools import partial
from pathlib import Path
from typing import Any

import neo
import numpy as np
import pandas as pd
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import van_rossum, van_rossum_rdm, victor_purpura, victor_purpura_rdm
from neurospyke.compare.spike_trains import spike_trains
from neurospyke.responses import Responses

TRAINS = st.lists(
    st.lists(st.integers(0, 12), max_size=5).map(lambda times: np.sort(times) / 4.0),
    min_size=2,
    max_size=4,
)


def make(values: np.ndarray, stimuli: list[str], measure: str = "count") -> Responses:
    return Responses(
        values,
        pd.DataFrame({"stimulus": stimuli}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.arange(values.shape[2] + 1.0),
        measure=measure,
        time_unit="step",
    )


def test_trains_of_neo_are_in_seconds_whatever_their_unit() -> None:
    plain = [np.array([0.1, 0.3]), np.array([0.102])]
    theirs = [neo.SpikeTrain(1000 * each * pq.ms, t_stop=1 * pq.s) for each in plain]
    expected = van_rossum(plain, 0.01)
    np.testing.assert_allclose(van_rossum(theirs, 0.01), expected, rtol=0, atol=1e-12)
    tau: Any = 10 * pq.ms
    np.testing.assert_allclose(van_rossum(theirs, tau), expected, rtol=0, atol=1e-12)
    rate: Any = 0.05 / pq.ms
    costs = victor_purpura(plain, 50.0)
    assert costs[0, 1] == pytest.approx(1.1)
    np.testing.assert_allclose(victor_purpura(theirs, rate), costs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tau", [5, 20, 100])
def test_van_rossum_equals_elephant(shared_oracles: Path, tau: int) -> None:
    with np.load(shared_oracles / "rsa_spikemetric.npz") as oracle:
        trains = [row[np.isfinite(row)] for row in oracle["in_spikes_ms"]]
        expected = oracle[f"el_vr_tau{tau}"]
    np.testing.assert_allclose(van_rossum(trains, tau), expected, rtol=0, atol=1e-7)
    np.testing.assert_allclose(van_rossum(trains, tau) ** 2, expected**2, rtol=0, atol=1e-10)


@pytest.mark.parametrize("q", ["0.01", "0.1", "1.0"])
def test_victor_purpura_equals_elephant(shared_oracles: Path, q: str) -> None:
    with np.load(shared_oracles / "rsa_spikemetric.npz") as oracle:
        trains = [row[np.isfinite(row)] for row in oracle["in_spikes_ms"]]
        expected = oracle[f"el_vp_q{q}"]
    np.testing.assert_allclose(victor_purpura(trains, float(q)), expected, rtol=0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(TRAINS, st.sampled_from([0.1, 1.0, 7.0]))
def test_van_rossum_is_its_double_sum(trains: list[np.ndarray], tau: float) -> None:
    def overlap(u: np.ndarray, v: np.ndarray) -> float:
        return float(np.exp(-np.abs(u[:, None] - v) / tau).sum())

    expected = [[overlap(u, u) + overlap(v, v) - 2 * overlap(u, v) for v in trains] for u in trains]
    np.testing.assert_allclose(van_rossum(trains, tau) ** 2, expected, atol=1e-10)


def edits(u: list[float], v: list[float], q: float) -> float:
    if not u or not v:
        return len(u) + len(v)
    return min(
        edits(u[1:], v, q) + 1,
        edits(u, v[1:], q) + 1,
        edits(u[1:], v[1:], q) + q * abs(u[0] - v[0]),
    )


@settings(max_examples=25, deadline=None)
@given(TRAINS, st.sampled_from([0.0, 0.3, 1.0, 5.0]))
def test_victor_purpura_is_the_least_of_all_edits(trains: list[np.ndarray], q: float) -> None:
    expected = [[edits(u.tolist(), v.tolist(), q) for v in trains] for u in trains]
    np.testing.assert_allclose(victor_purpura(trains, q), expected, atol=1e-12)


def test_no_trains_have_no_distances() -> None:
    assert van_rossum([], 1.0).shape == victor_purpura([], 1.0).shape == (0, 0)
    np.testing.assert_array_equal(victor_purpura([np.empty(0)] * 2, 1.0), np.zeros((2, 2)))


def test_a_long_time_constant_counts_spikes() -> None:
    counts = np.random.default_rng(0).poisson(1, (8, 3, 10))
    responses = make(counts, list("abcd") * 2)
    sums = counts.sum(axis=2).astype(float)
    total = ((sums[:, None] - sums) ** 2).sum(axis=2)
    expected = []
    for i in range(4):
        for j in range(i + 1, 4):
            between = total[np.ix_([i, i + 4], [j, j + 4])].mean()
            expected.append((between - total[i, i + 4] / 2 - total[j, j + 4] / 2) / 3)
    found = van_rossum_rdm(responses, tau=1e12).values
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_timing_that_counts_do_not_show_is_seen() -> None:
    # Both conditions have one spike, in bin 0 or in bin 3, 3 steps apart.
    values = np.zeros((4, 1, 4), dtype=int)
    values[[0, 2], 0, 0] = values[[1, 3], 0, 3] = 1
    responses = make(values, list("abab"), "spike")
    expected = 2 - 2 * np.exp(-3 / 2)
    assert van_rossum_rdm(responses, tau=2.0).values == pytest.approx(expected, abs=1e-12)
    assert victor_purpura_rdm(responses, q=0.5).values == pytest.approx(1.5, abs=1e-12)


def test_trials_of_one_process_have_no_distance_on_average() -> None:
    values = np.random.default_rng(1).poisson(0.3, (90, 4, 12))
    distances = van_rossum_rdm(make(values, [f"s{n % 15}" for n in range(90)]), tau=2.0).values
    assert abs(distances.mean()) < 0.1
    assert distances.min() < 0


def test_latencies_are_spikes_and_silence_is_none() -> None:
    responses = make(np.array([[[0.25]], [[1.0]]]), ["a", "b"], "latency")
    first, silent = spike_trains(responses, 0)
    assert first.tolist() == [0.25]
    assert silent.size == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(van_rossum, [np.zeros(1)], tau=0), "`tau` must be above 0"),
        (partial(van_rossum, [np.array([1.0, 0.0])], tau=1), "train 0 is not"),
        (partial(victor_purpura, [np.zeros(1)], q=-1), "`q` must be 0 or more"),
        (partial(van_rossum_rdm, make(np.ones((2, 1, 1)), ["a", "b"]), tau=1), "2 have one"),
        (
            partial(van_rossum_rdm, make(np.ones((2, 1, 1)), ["a", "b"]), tau=1, single_trials="x"),
            "'refuse' or 'noiseless'",
        ),
        (
            partial(van_rossum_rdm, make(np.ones((4, 1, 1)), list("aabb"), "rate"), tau=1),
            "these are 'rate'",
        ),
        (
            partial(van_rossum_rdm, make(np.full((4, 1, 1), 0.5), list("aabb")), tau=1),
            "whole numbers of spikes",
        ),
    ],
)
def test_wrong_input_is_refused(call: partial, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
