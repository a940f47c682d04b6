from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.information import (
    ESTIMATORS,
    _possible_of,
    bits_per_spike,
    mutual_information,
)
from neurospyke.responses import Responses


def counts_of(values: np.ndarray, n_stimuli: int) -> Responses:
    stimuli = [f"s{trial % n_stimuli}" for trial in range(len(values))]
    return Responses.from_counts(values, stimuli=stimuli)


def test_scikit_learn_has_the_same_plug_in() -> None:
    from sklearn.metrics import mutual_info_score

    values = np.random.default_rng(0).poisson(1.5, (60, 3))
    values[:, 1] += np.arange(60) % 4
    table: Any = mutual_information(counts_of(values, 4), n_shuffles=5, seed=0)
    plain = table[table["estimator"] == "plug_in"]["value"]
    expected = [mutual_info_score(np.arange(60) % 4, row) / np.log(2) for row in values.T]
    np.testing.assert_allclose(plain, expected, rtol=1e-10)


def test_the_correction_by_hand() -> None:
    # Two stimuli, two counts, both seen under both: (1 + 1 - 1) / (2 * 8 ln 2) is taken away.
    values = np.array([[0], [0], [0], [0], [0], [1], [1], [1]])
    table: Any = mutual_information(counts_of(values, 2), n_shuffles=5, seed=0).set_index(
        "estimator"
    )
    difference = table.loc["plug_in", "value"] - table.loc["miller_madow", "value"]
    assert difference == pytest.approx(1 / (16 * np.log(2)))
    assert table.loc["panzeri_treves", "value"] == table.loc["miller_madow", "value"]


def test_corrections_take_the_bias_of_nothing_away() -> None:
    values = np.random.default_rng(1).poisson(3.0, (400, 60))
    table: Any = mutual_information(counts_of(values, 20), n_shuffles=30, seed=0)
    means: Any = table.groupby("estimator")["value"].mean()
    assert means["plug_in"] > 0.15
    assert abs(means["shuffle"]) < 0.01
    assert abs(means["panzeri_treves"]) < 0.5 * means["plug_in"]
    assert means["panzeri_treves"] < means["miller_madow"] < means["plug_in"]
    # p is uniform where counts say nothing
    p = table.loc[table["estimator"] == "plug_in", "p"]
    assert 0.3 < p.mean() < 0.7


def test_what_is_known_comes_out() -> None:
    # Counts tell which half of 4 stimuli it was: 1 bit.
    values = 5 * (np.arange(400) % 4 < 2)[:, None]
    table: Any = mutual_information(counts_of(values, 4), n_shuffles=20, seed=0)
    assert list(table["estimator"]) == list(ESTIMATORS)
    np.testing.assert_allclose(table["value"], 1.0, atol=0.01)
    assert table["p"][0] == pytest.approx(1 / 21)
    assert set(table["status"]) == {"ok"}


def test_bits_per_spike_by_hand() -> None:
    # Rates 3 and 1, mean 2: (3 / 2 log2(3 / 2) + 1 / 2 log2(1 / 2)) / 2
    values = np.tile(np.array([[3, 0], [1, 0]]), (20, 1))
    table: Any = bits_per_spike(counts_of(values, 2))
    expected = (1.5 * np.log2(1.5) + 0.5 * np.log2(0.5)) / 2
    assert table["value"][0] == pytest.approx(expected)
    assert table["status"].tolist() == ["ok", "no_spikes"]
    assert np.isnan(table["value"][1])


def test_intervals_of_bits_per_spike_cover_as_stated() -> None:
    generator = np.random.default_rng(2)
    values = generator.poisson(np.tile([[12.0], [4.0]], (100, 300)))
    table: Any = bits_per_spike(counts_of(values, 2))
    truth = (1.5 * np.log2(1.5) + 0.5 * np.log2(0.5)) / 2
    covered = ((table["low"] <= truth) & (table["high"] >= truth)).mean()
    assert 0.91 < covered < 0.985


def test_few_trials_are_called_so() -> None:
    values = np.random.default_rng(3).poisson(9.0, (6, 1))
    table: Any = mutual_information(counts_of(values, 3), n_shuffles=5, seed=0)
    assert set(table["status"]) == {"few_trials"}
    assert table["trials_per_stimulus"].unique().tolist() == [2]


def test_stimuli_count_by_their_trials() -> None:
    # 3 trials of rate 2, 1 of rate 6, mean 3: 3/4 (2/3) log2(2/3) + 1/4 x 2 log2 2.
    responses = Responses.from_counts(np.array([[2], [2], [2], [6]]), stimuli=list("aaab"))
    table: Any = bits_per_spike(responses)
    assert table["value"][0] == pytest.approx(0.5 * np.log2(2 / 3) + 0.5)
    found: Any = mutual_information(responses, n_shuffles=3, seed=0)
    assert found["trials_per_stimulus"].unique().tolist() == [1]


def test_the_width_of_shuffle_is_that_of_plug_in() -> None:
    values = np.random.default_rng(5).poisson(2.0, (60, 1)) + 2 * (np.arange(60) % 3 == 0)[:, None]
    table: Any = mutual_information(counts_of(values, 3), seed=0).set_index("estimator")
    plain, shuffled = table.loc["plug_in"], table.loc["shuffle"]
    assert shuffled["value"] < plain["value"] - 0.05
    for bound in ("low", "high"):
        distance = shuffled[bound] - shuffled["value"]
        assert distance == pytest.approx(plain[bound] - plain["value"])


def test_as_many_counts_as_trials_are_enough() -> None:
    # 3 different counts want 3 trials of each stimulus.
    for n_trials, expected in ((3, "ok"), (2, "few_trials")):
        values = np.array([[0, 1, 2][trial % 3] for trial in range(2 * n_trials)])[:, None]
        table: Any = mutual_information(counts_of(values, 2), n_shuffles=3, seed=0)
        assert set(table["status"]) == {expected}


def expected_to_be_seen(seen: list[int], unseen: int) -> float:
    """Of responses with Bayesian chances, and of others that together take up what is left."""
    n, n_seen = sum(seen), len(seen)
    if unseen == 0:
        return sum(1 - (1 - count / n) ** n for count in seen)
    one = 1 - (n / (n + n_seen)) ** (1 / n)
    likely = [(1 - unseen * one) * (count + 1) / (n + n_seen) for count in seen]
    return sum(1 - (1 - chance) ** n for chance in likely) + unseen * (1 - (1 - one) ** n)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 8))
def test_responses_that_can_occur_are_the_first_that_fit(seen: list[int], more: int) -> None:
    limit = len(seen) + more
    misses = [abs(len(seen) - expected_to_be_seen(seen, unseen)) for unseen in range(more + 1)]
    rises = [unseen for unseen in range(1, more + 1) if misses[unseen] >= misses[unseen - 1]]
    expected = len(seen) + (rises[0] - 1 if rises else more)
    assert _possible_of(np.array(seen, dtype=float), limit) == expected


def test_responses_that_can_occur_by_hand() -> None:
    # Seen 3 times and once, of 4: as they are 0.32 are missed; with one more, at a chance of
    # 1 - (4/6)^(1/4) = 0.096, 2.07 are expected, with two more 2.34. So one more.
    assert _possible_of(np.array([3.0, 1.0]), 4) == 3
    assert expected_to_be_seen([3, 1], 1) == pytest.approx(2.0699, abs=1e-4)
    assert expected_to_be_seen([3, 1], 2) == pytest.approx(2.3357, abs=1e-4)
    assert _possible_of(np.array([]), 4) == 1
