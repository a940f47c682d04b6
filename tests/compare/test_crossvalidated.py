from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import (
    correlation_rdm,
    crossnobis_rdm,
    crossvalidated_poisson_rdm,
    euclidean_rdm,
    poisson_rdm,
)
from neurospyke.responses import Responses
from tests.compare.problems import read_oracle


def make(trials: np.ndarray, stimuli: list[str], folds: list[int]) -> Responses:
    return Responses(
        trials[:, :, None],
        pd.DataFrame({"stimulus": stimuli, "repetition": folds}),
        pd.DataFrame({"unit": range(trials.shape[1])}),
        np.array([0.0, 1.0]),
        measure="other",
    )


def of_repetitions(values: np.ndarray, kept: np.ndarray | None = None) -> Responses:
    """Responses of (fold, condition, unit) values."""
    n_folds, n_conditions, n_units = values.shape
    kept = np.ones(n_folds * n_conditions, dtype=bool) if kept is None else kept
    trials = values.reshape(-1, n_units)[kept]
    stimuli = np.tile([f"s{k}" for k in range(n_conditions)], n_folds)[kept].tolist()
    return make(trials, stimuli, np.repeat(np.arange(n_folds), n_conditions)[kept].tolist())


@pytest.mark.parametrize("name", ["eye", "prec", "per_fold_prec"])
def test_crossnobis_equals_rsatoolbox(shared_oracles: Path, name: str) -> None:
    with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
        responses, expected = of_repetitions(oracle["in_rep"]), oracle[f"rt_crossnobis_{name}"]
        noise = {
            "eye": None,
            "prec": np.linalg.inv(oracle["in_prec"]),
            "per_fold_prec": np.linalg.inv(oracle["in_precs_per_fold"]),
        }[name]
    ours = crossnobis_rdm(responses, noise=noise).values
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("with_noise", [False, True])
def test_missing_cells_are_treated_as_in_rsatoolbox(shared_oracles: Path, with_noise: bool) -> None:
    with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
        responses = of_repetitions(oracle["in_rep"], oracle["in_keep_unbalanced"])
        expected = oracle["rt_unb_crossnobis_prec" if with_noise else "rt_unb_crossnobis"]
        order = [f"s{condition}" for condition in oracle["rt_unb_condition_order"]]
        noise = np.linalg.inv(oracle["in_prec"]) if with_noise else None
    rdm = crossnobis_rdm(responses, noise=noise)
    assert list(rdm.conditions) == order
    np.testing.assert_allclose(rdm.values, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["euclidean", "crossnobis"])
def test_patterns_without_their_mean_over_units_equal_rsatoolbox(
    shared_oracles: Path, name: str
) -> None:
    oracle = read_oracle(shared_oracles, "dissim")
    values = oracle["in_rep"] - oracle["in_rep"].mean(axis=2, keepdims=True)
    rdm = {"euclidean": euclidean_rdm, "crossnobis": partial(crossnobis_rdm, noise=None)}[name]
    ours = rdm(of_repetitions(values)).values
    np.testing.assert_allclose(ours, oracle[f"rt_{name}_remove_mean"], rtol=0, atol=1e-10)


def test_unequal_trials_equal_rsatoolbox_but_for_correlation(shared_oracles: Path) -> None:
    oracle = read_oracle(shared_oracles, "dissim")
    responses = of_repetitions(oracle["in_rep"], oracle["in_keep_unbalanced"])
    ours = euclidean_rdm(responses).values
    np.testing.assert_allclose(ours, oracle["rt_unb_euclidean"], rtol=0, atol=1e-10)
    # Its correlation is half the squared distance between means of single trials of length 1.
    trials = oracle["in_rep"].reshape(-1, 11)[oracle["in_keep_unbalanced"]]
    stimuli = np.tile(np.arange(7), 4)[oracle["in_keep_unbalanced"]]
    moved = trials - trials.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    order, (i, j) = oracle["rt_unb_condition_order"], np.triu_indices(7, 1)
    of_trials, means = (
        np.array([each[stimuli == stimulus].mean(axis=0) for stimulus in order])
        for each in (moved / lengths, trials)
    )
    theirs = np.square(of_trials[i] - of_trials[j]).sum(axis=1) / 2
    np.testing.assert_allclose(oracle["rt_unb_correlation"], theirs, rtol=0, atol=1e-10)
    ours = correlation_rdm(responses).values
    np.testing.assert_allclose(ours, 1 - np.corrcoef(means)[i, j], rtol=0, atol=1e-10)
    assert np.abs(ours - theirs).max() > 0.1


def test_noise_of_folds_and_missing_cells_go_together() -> None:
    generator = np.random.default_rng(0)
    values, kept = generator.normal(size=(3, 4, 2)), np.ones(12, dtype=bool)
    kept[5] = False
    responses = of_repetitions(values, kept)
    one = np.array([[2.0, 0.5], [0.5, 1.0]])
    alike = crossnobis_rdm(responses, noise=np.array([one] * 3)).values
    np.testing.assert_allclose(alike, crossnobis_rdm(responses, noise=one).values, rtol=1e-12)
    with pytest.raises(ValueError, match=r"`noise` must be \(3, 2, 2\)"):
        crossnobis_rdm(responses, noise=np.array([one] * 2))


def means_over_couples(
    trials: np.ndarray, labels: list[str], folds: list[int], i: str, j: str
) -> float:
    rows = range(len(trials))
    couples = [
        trials[a] @ trials[b]
        for a, b in product(rows, rows)
        if labels[a] == i and labels[b] == j and folds[a] != folds[b]
    ]
    return float(np.mean(couples))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_any_numbers_of_trials_give_means_over_couples(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = list("aabbcc") + generator.choice(list("abc"), 6).tolist()
    folds = [0, 1] * 3 + generator.integers(0, 3, 6).tolist()
    trials = generator.normal(size=(12, 3))
    g = {
        (i, j): means_over_couples(trials, labels, folds, i, j) for i, j in product("abc", repeat=2)
    }
    expected = [
        (g[i, i] + g[j, j] - 2 * g[i, j]) / 3 for i, j in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    ours = crossnobis_rdm(make(trials, labels, folds), noise=None).values
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_noise_alone_has_no_distance_on_average() -> None:
    values = np.random.default_rng(3).normal(size=(4, 40, 50))
    distances = crossnobis_rdm(of_repetitions(values), noise=None).values
    # 780 distances of standard deviation √(2 · 2 · 2² / (4 · 3) / 50) ≈ 0.16, of shared conditions.
    assert abs(distances.mean()) < 0.03
    assert distances.min() < -0.1


def test_equal_distances_of_counts_are_exact_ties() -> None:
    counts = np.random.default_rng(4).poisson(1, (3, 20, 8))
    values = crossnobis_rdm(of_repetitions(counts), noise=None).values
    whole = values * 8 * 3 * 2 / 2
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-9)
    assert len(np.unique(values)) == len(np.unique(np.rint(whole)))


def test_trials_that_cannot_be_crossvalidated_are_refused() -> None:
    values = np.ones((4, 2))
    with pytest.raises(ValueError, match=r"`fold` must be one of the columns .*got 'run'"):
        crossnobis_rdm(make(values, list("abab"), [0, 0, 1, 1]), fold="run")
    with pytest.raises(ValueError, match="'a' and 'a' in different folds"):
        crossnobis_rdm(make(values, list("abab"), [0, 0, 0, 1]), noise=None)


@pytest.mark.parametrize(
    ("rdm", "name"),
    [
        (poisson_rdm, "rt_poisson"),
        (crossvalidated_poisson_rdm, "ref_poisson_cv"),
        (crossvalidated_poisson_rdm, "rt_unb_poisson_cv"),
    ],
)
def test_poisson_equals_the_oracle(shared_oracles: Path, rdm: type, name: str) -> None:
    with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
        responses, expected = of_repetitions(oracle["in_counts"]), oracle[name]
    np.testing.assert_allclose(rdm(responses).values, expected, rtol=0, atol=1e-10)


def test_the_balanced_poisson_routine_of_rsatoolbox_is_its_last_fold(shared_oracles: Path) -> None:
    oracle = read_oracle(shared_oracles, "dissim")
    rates = (oracle["in_counts"] + 0.1) / 1.1
    train, test = rates[:-1].mean(axis=0), np.log(rates[-1])
    i, j = np.triu_indices(7, 1)
    last = ((train[i] - train[j]) * (test[i] - test[j])).mean(axis=1)
    np.testing.assert_allclose(oracle["rt_poisson_cv"], last, rtol=0, atol=1e-10)
    ours = crossvalidated_poisson_rdm(of_repetitions(oracle["in_counts"])).values
    assert np.abs(ours - last).max() > 1


def test_crossvalidated_poisson_is_the_mean_over_folds_and_not_the_last() -> None:
    # One unit; with a prior of 1 and weight 1, rates of a are 4, 2 and 1, those of b are 1.
    # (λ_m - 1) ln λ_l over the six ordered couples of folds m ≠ l, in units of ln 2:
    # 3·1 + 3·0 + 1·2 + 1·0 + 0·2 + 0·1 = 5, of which the mean is 5/6. The last fold against the
    # mean of the others would give something else.
    counts = np.array([[[7.0], [1.0]], [[3.0], [1.0]], [[1.0], [1.0]]])
    value = crossvalidated_poisson_rdm(of_repetitions(counts), prior_weight=1.0).values
    assert value == pytest.approx(np.log(2) * 5 / 6, abs=1e-12)


def test_crossvalidated_poisson_without_missing_cells() -> None:
    counts = np.random.default_rng(0).poisson(3, (3, 4, 5)).astype(float)
    kept = np.ones(12, dtype=bool)
    kept[[1, 6]] = False
    ours = crossvalidated_poisson_rdm(of_repetitions(counts, kept))
    rates = (counts + 0.1) / 1.1
    there = kept.reshape(3, 4)

    def g(i: int, j: int) -> float:
        return float(
            np.mean(
                [
                    rates[m, i] @ np.log(rates[n, j])
                    for m, n in product(range(3), repeat=2)
                    if m != n and there[m, i] and there[n, j]
                ]
            )
        )

    expected = [
        (g(i, i) + g(j, j) - g(i, j) - g(j, i)) / 5
        for i, j in ((int(a[1]), int(b[1])) for a, b in pairs(ours.conditions))
    ]
    np.testing.assert_allclose(ours.values, expected, atol=1e-12)


def pairs(labels: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(a, b) for row, a in enumerate(labels) for b in labels[row + 1 :]]


def test_negative_rates_and_priors_are_refused() -> None:
    responses = of_repetitions(np.full((2, 2, 1), -1.0))
    with pytest.raises(ValueError, match="the least is -1"):
        poisson_rdm(responses)
    with pytest.raises(ValueError, match="`prior_weight` must be above 0; got 0"):
        crossvalidated_poisson_rdm(responses, prior_weight=0)
