from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from neurospyke.compare.comparators import COMPARATORS
from neurospyke.compare.held_out import (
    Folds,
    Stack,
    assign_folds,
    crossvalidated_scores,
)
from neurospyke.compare.products import FORMS
from neurospyke.compare.sampling import draw_samples, every_once, sample_scores, subject_scores
from tests.compare.problems import FITTED, ORACLE_NAMES, read_oracle

# Keys that put subjects 0, 1, 2 into one fold and 3, 4, 5 into the other, as the oracle does.
SUBJECT_KEYS = np.array([[0.0, 2, 4, 1, 3, 5]])
HALVES = Folds(np.repeat([0, 1], 6)[None], SUBJECT_KEYS, 2)
THREE = slice(0, 3)


@pytest.mark.parametrize("form", FITTED)
def test_fitted_models_score_what_rsatoolbox_gives_them(shared_oracles: Path, form: str) -> None:
    oracle = read_oracle(shared_oracles, "flexible")
    parted = assign_folds(np.ones((1, 6)), SUBJECT_KEYS, 2)[0], HALVES.stimuli[0]
    for fold in range(4):
        for side, axis in ((fold // 2, "rdm"), (fold % 2, "pattern")):
            tested = np.flatnonzero(parted[axis == "pattern"] == side)
            np.testing.assert_array_equal(oracle[f"cv_test_{axis}"][fold], tested)
            trained = np.flatnonzero(parted[axis == "pattern"] != side)
            np.testing.assert_array_equal(oracle[f"cv_train_{axis}"][fold], trained)
    parts, brains = oracle["in_components"], oracle["in_D"]
    stack = Stack(np.concatenate([parts] * 2), ((THREE, "weighted"), (slice(3, 6), "selected")))
    once = np.ones((1, 12), dtype=int), np.ones((1, 1, 6))
    found, each = crossvalidated_scores(stack, brains, *once, HALVES, FORMS[form])
    expected = oracle[f"rt_cv_{ORACLE_NAMES[form]}"].mean(axis=1)
    np.testing.assert_allclose(found.scores[0, 0], expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(each[0, 0].mean(axis=1), expected, rtol=0, atol=1e-10)
    lower, upper = found.ceilings[0, 0]
    theirs = oracle[f"rt_cv_nc_{ORACLE_NAMES[form]}"]
    if "whitened" not in form:
        assert lower == pytest.approx(theirs[0], abs=1e-10)
    if form == "pearson":
        fixed = read_oracle(shared_oracles, "ceiling_fixed")
        np.testing.assert_array_equal(fixed["in_D"], brains)
        assert lower == pytest.approx(fixed["rt_cvnc_corr"][0], abs=1e-10)
    # It pools RDMs that are normalised over all stimuli, not over those tested: not the best model.
    assert upper > theirs[1]


@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize("form", ["cosine", "pearson"])
def test_regressed_models_in_a_bootstrap_sample_as_scikit_learn(form: str, penalty: float) -> None:
    generator = np.random.default_rng(5)
    parts, brains = generator.gamma(2.0, size=(3, 66)), generator.gamma(2.0, size=(2, 66))
    counts, folds = generator.integers(0, 3, 12), np.arange(12) % 2
    kind = "ridge" if penalty else "least_squares"
    stack = Stack(parts, ((THREE, kind),), (penalty,))
    given = counts[None], np.ones((1, 1, 2)), Folds(folds[None], np.zeros((1, 2)), 1)
    found = crossvalidated_scores(stack, brains, *given, FORMS[form])[1][0, 0, 0]
    first, second = np.triu_indices(12, 1)
    expected = []
    for fold in (0, 1):
        both = [(folds[first] == side) & (folds[second] == side) for side in (1 - fold, fold)]
        train, test = (counts[first] * counts[second] * pairs for pairs in both)
        mean = {"cosine": 0, "pearson": np.average(parts, axis=1, weights=train)[:, None]}[form]
        lengths = np.sqrt(((parts - mean) ** 2 * train).sum(axis=1))
        middle = {"cosine": 0, "pearson": np.average(brains, axis=1, weights=train)[:, None]}[form]
        sizes = np.sqrt(((brains - middle) ** 2 * train).sum(axis=1))
        peer = Ridge(penalty, fit_intercept=form == "pearson", solver="svd")
        peer.fit(parts.T / lengths, (brains.T / sizes).sum(axis=1), sample_weight=train)
        predicted = parts.T @ (peer.coef_ / lengths)
        copies = np.repeat(np.arange(66), test)
        expected.append([COMPARATORS[form](predicted[copies], each[copies]) for each in brains])
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=0, atol=1e-9)


def test_the_pool_over_the_tested_stimuli_is_the_best_model() -> None:
    generator = np.random.default_rng(0)
    brains = generator.gamma(2.0, size=(4, 66))
    stack = Stack(generator.gamma(2.0, size=(1, 66)), ((slice(0, 1), None),))
    folds = Folds(np.repeat([0, 1], 6)[None], np.zeros((1, 4)), 1)
    once = np.ones((1, 12), dtype=int), np.ones((1, 1, 4))
    upper = crossvalidated_scores(stack, brains, *once, folds, FORMS["cosine"])[0].ceilings[0, 0, 1]
    first, second = np.triu_indices(12, 1)
    best = []
    for tested in (range(6), range(6, 12)):
        pairs = np.isin(first, tested) & np.isin(second, tested)
        units = brains[:, pairs] / np.linalg.norm(brains[:, pairs], axis=1, keepdims=True)
        best.append(np.mean([COMPARATORS["cosine"](units.sum(axis=0), unit) for unit in units]))
    assert upper == pytest.approx(np.mean(best), abs=1e-12)


def test_a_fixed_model_is_scored_on_the_pairs_within_folds() -> None:
    generator = np.random.default_rng(1)
    model, brain = generator.gamma(2.0, size=(2, 1, 28))
    folds = Folds(np.array([[0, 0, 0, 0, 1, 1, 1, 1]]), np.zeros((1, 1)), 1)
    once = np.ones((1, 8), dtype=int), np.ones((1, 1, 1))
    stack = Stack(model, ((slice(0, 1), None),))
    found, _ = crossvalidated_scores(stack, brain, *once, folds, FORMS["pearson"])
    first, second = np.triu_indices(8, 1)
    expected = [
        COMPARATORS["pearson"](model[0, pairs], brain[0, pairs])
        for pairs in ((first < 4) & (second < 4), (first >= 4) & (second >= 4))
    ]
    assert found.scores[0, 0, 0] == pytest.approx(np.mean(expected), abs=1e-12)
    assert np.isnan(found.ceilings).all()


def test_copies_stay_in_one_fold_and_folds_are_even() -> None:
    counts = np.random.default_rng(2).multinomial(30, np.full(30, 1 / 30), size=50)
    folds = assign_folds(counts, np.random.default_rng(3).random(counts.shape), 4)
    for drawn, numbers in zip(counts > 0, folds, strict=True):
        sizes = np.bincount(numbers[drawn], minlength=4)
        assert np.ptp(sizes) <= 1


def test_fitting_noise_gains_nothing() -> None:
    # Weights chosen on the tested pairs would score well above 0.
    generator = np.random.default_rng(4)
    scores = []
    for _ in range(60):
        parts, brains = generator.normal(size=(5, 190)), generator.normal(size=(3, 190))
        stack = Stack(parts, ((slice(0, 5), "weighted"),))
        once = every_once((20, 3), 4, np.random.SeedSequence(int(generator.integers(2**31))))
        scores.append(subject_scores(stack, brains, "pearson", once, 5).mean())
    assert np.mean(scores) == pytest.approx(0, abs=4 * np.std(scores) / np.sqrt(60))
    assert np.std(scores) / np.sqrt(60) < 0.02


def test_more_samples_begin_with_the_same_ones() -> None:
    seeds = tuple(np.random.SeedSequence(0).spawn(3))
    few, many = (draw_samples((12, 4), n, "both", 2, seeds) for n in (5, 9))
    for first, second in zip(few, many, strict=True):
        np.testing.assert_array_equal(first, second[:5])
    generator = np.random.default_rng(0)
    stack = Stack(generator.gamma(2.0, size=(3, 66)), ((THREE, "weighted"),))
    brains = generator.gamma(2.0, size=(4, 66))
    first = sample_scores(stack, brains, "cosine", few, "both", 3)
    assert first.shape == (3, 2, 5, 3)
    second = sample_scores(stack, brains, "cosine", many, "both", 3)
    np.testing.assert_allclose(first, second[:, :, :5], rtol=0, atol=1e-12)
