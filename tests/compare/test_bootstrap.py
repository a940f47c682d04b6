from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform

from neurospyke.compare.bootstrap import BOOTSTRAPPED, bootstrap_scores, pooled_ceilings
from neurospyke.compare.comparators import COMPARATORS
from neurospyke.compare.products import FORMS
from tests.compare.problems import ORACLE_NAMES, read_oracle

IN_BOOTSTRAPS = [name for name in ORACLE_NAMES if name != "tau_b"]
EXACT_CEILINGS = ("cosine", "pearson", "spearman", "rho_a", "tau_a")


def oracle(folder: Path, resampled: str, comparator: str) -> dict[str, np.ndarray]:
    file = read_oracle(folder, "bootstrap")
    name = f"{resampled}_{ORACLE_NAMES[comparator]}"
    if f"rt_eval_{name}" not in file:
        pytest.skip(f"the oracle has no {name}")
    found = {key: file[key] for key in ("in_A", "in_D")}
    found |= {
        key: file[f"{key}_{name}"]
        for key in ("idx_rdm", "idx_pattern", "rt_eval", "rt_nc")
        if f"{key}_{name}" in file
    }
    counts = np.ones((60, 12), dtype=int)
    draws = np.ones((60, 6), dtype=int)
    if "idx_pattern" in found:
        counts = np.array([np.bincount(row, minlength=12) for row in found["idx_pattern"]])
    if "idx_rdm" in found:
        draws = np.array([np.bincount(row, minlength=6) for row in found["idx_rdm"]])
    return found | {"counts": counts, "draws": draws}


@pytest.mark.parametrize("resampled", ["both", "rdm", "pattern"])
@pytest.mark.parametrize("comparator", IN_BOOTSTRAPS)
def test_weights_give_what_rsatoolbox_gets_by_resampling(
    shared_oracles: Path, comparator: str, resampled: str
) -> None:
    known = oracle(shared_oracles, resampled, comparator)
    ours = bootstrap_scores(
        known["in_A"], known["in_D"], known["counts"], comparator, known["draws"][None]
    )
    np.testing.assert_allclose(ours.scores[0], known["rt_eval"], rtol=0, atol=1e-10)
    if comparator in EXACT_CEILINGS:
        np.testing.assert_allclose(ours.ceilings[0].T, known["rt_nc"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("comparator", ["cosine", "pearson", "rho_a", "whitened_cosine"])
def test_both_factors_come_with_each_alone(shared_oracles: Path, comparator: str) -> None:
    known = oracle(shared_oracles, "dual", comparator)
    once = np.ones_like(known["draws"])
    both = bootstrap_scores(
        known["in_A"],
        known["in_D"],
        known["counts"],
        comparator,
        np.stack([known["draws"], once]),
    )
    np.testing.assert_allclose(both.scores[0], known["rt_eval"][:, :, 0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.scores[1], known["rt_eval"][:, :, 2], rtol=0, atol=1e-10)
    subjects = bootstrap_scores(
        known["in_A"],
        known["in_D"],
        np.ones((1, 12), dtype=int),
        comparator,
        known["draws"][:, None],
    )
    np.testing.assert_allclose(subjects.scores[:, 0], known["rt_eval"][:, :, 1], atol=1e-10)


@pytest.mark.parametrize("comparator", ["whitened_cosine", "whitened_pearson"])
def test_the_upper_ceiling_of_whitened_comparators_is_the_best_score(
    shared_oracles: Path, comparator: str
) -> None:
    # rsatoolbox pools RDMs of plain length 1; that pool is not the best model.
    known = oracle(shared_oracles, "pattern", comparator)
    brains = known["in_D"]
    ours = bootstrap_scores(brains[:1], brains, known["counts"], comparator).ceilings[0]
    assert (ours[:, 1] > known["rt_nc"][1]).all()


def test_a_pool_of_plain_lengths_is_beaten_under_whitening() -> None:
    # An equilateral triangle and three points in a row. Their centred products are H / 2 and one
    # eigenvector with the value 2: inner product 1, lengths √(1/2) and 2, similarity 1 / √2.
    brains = np.array([[1.0, 1.0, 1.0], [1.0, 4.0, 1.0]])
    once = np.ones((1, 3), dtype=int)
    upper = bootstrap_scores(brains[:1], brains, once, "whitened_cosine").ceilings[0, 0, 1]
    assert upper == pytest.approx(np.sqrt((1 + np.sqrt(0.5)) / 2), abs=1e-12)
    plain = (brains / np.linalg.norm(brains, axis=1, keepdims=True)).sum(axis=0)
    reached = np.mean([COMPARATORS["whitened_cosine"](plain, brain) for brain in brains])
    assert reached < upper - 1e-4


@pytest.mark.parametrize("comparator", BOOTSTRAPPED)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=7, max_size=7), st.integers(0, 2**31))
def test_a_weighted_sample_is_the_drawn_sample_without_pairs_of_copies(
    comparator: str, draws: list[int], seed: int
) -> None:
    if "whitened" in comparator:
        return  # their pairs are not independent: tests/compare/test_products.py
    generator = np.random.default_rng(seed)
    model, brain = generator.integers(1, 5, (2, 21)).astype(float)
    square = np.array([squareform(model), squareform(brain)])
    first, second = (
        np.repeat(np.arange(7), draws)[index] for index in np.triu_indices(sum(draws), 1)
    )
    kept = first != second
    drawn = square[:, first[kept], second[kept]]
    (ours,) = bootstrap_scores(model[None], brain[None], np.array([draws]), comparator).scores[0, 0]
    try:
        expected = COMPARATORS[comparator](*drawn) if np.count_nonzero(draws) >= 3 else np.nan
    except ValueError:
        expected = np.nan
    assert ours == pytest.approx(expected, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("comparator", BOOTSTRAPPED)
def test_samples_of_two_stimuli_have_no_score(comparator: str) -> None:
    counts = np.array([[4, 0, 0, 0], [2, 2, 0, 0], [2, 1, 1, 0]])
    model, brain = np.arange(1.0, 7)[None], np.array([[3.0, 1, 2, 6, 5, 4]])
    scores = bootstrap_scores(model, brain, counts, comparator).scores[0, :, 0]
    assert np.isnan(scores).tolist() == [True, True, False]


@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_samples_in_which_a_side_is_constant_have_no_score(comparator: str) -> None:
    # The first three stimuli are equally far from each other, but not from the fourth.
    near, far = 0.7814859, 0.62015794  # numbers whose sums leave rounding behind
    model = np.array([[near, near, far, near, far, far]])
    counts = np.array([[2, 1, 1, 0], [1, 1, 1, 1]])
    scores = bootstrap_scores(model, np.arange(6.0)[None], counts, comparator).scores[0, :, 0]
    assert np.isnan(scores).tolist() == [True, False]


@pytest.mark.parametrize("comparator", FORMS)
def test_no_model_beats_the_upper_ceiling_and_the_pool_reaches_it(comparator: str) -> None:
    generator = np.random.default_rng(0)
    brains = generator.gamma(2.0, size=(5, 45))
    models = np.concatenate([generator.gamma(2.0, size=(50, 45)), brains, brains.mean(0)[None]])
    found = bootstrap_scores(models, brains, np.ones((1, 10), dtype=int), comparator)
    assert found.scores.max() <= found.ceilings[0, 0, 1] + 1e-12
    assert found.ceilings[0, 0, 0] < found.ceilings[0, 0, 1]


def test_ceilings_of_two_subjects_by_hand() -> None:
    # Two subjects with similarity 1/2: each to the other, and to their pool √((1 + 1/2) / 2).
    alike = np.array([[[1.0, 0.5], [0.5, 1.0]]])
    bounds = pooled_ceilings(alike, np.ones((1, 1, 2)))
    np.testing.assert_allclose(bounds, [[[0.5, np.sqrt(0.75)]]])
    assert np.isnan(pooled_ceilings(alike, np.array([[[2.0, 0.0]]]))).all()
