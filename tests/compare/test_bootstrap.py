from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform

from neurospyke.compare import COMPARATORS
from neurospyke.compare.bootstrap import _WEIGHTED, bootstrap_scores
from neurospyke.compare.comparators import NORMALIZATIONS

ORACLE_NAMES = {"cosine": "cosine", "pearson": "corr", "spearman": "spearman", "rho_a": "rho-a"}


@pytest.mark.parametrize("comparator", NORMALIZATIONS)
def test_weights_give_what_rsatoolbox_gets_by_resampling(
    shared_oracles: Path, comparator: str
) -> None:
    name = ORACLE_NAMES[comparator]
    with np.load(shared_oracles / "rsa_bootstrap.npz") as oracle:
        draws = oracle[f"idx_pattern_pattern_{name}"]
        expected = oracle[f"rt_eval_pattern_{name}"]
        models, brains = oracle["in_A"], oracle["in_D"]
    counts = np.array([np.bincount(sample, minlength=12) for sample in draws])
    ours = np.array([bootstrap_scores(model, brains, counts, comparator) for model in models]).T
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("comparator", NORMALIZATIONS)
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=7, max_size=7), st.integers(0, 2**31))
def test_a_weighted_sample_is_the_drawn_sample_without_pairs_of_copies(
    comparator: str, draws: list[int], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    model, brain = generator.integers(1, 5, (2, 21)).astype(float)
    square = np.array([squareform(model), squareform(brain)])
    first, second = (np.array(draws)[index] for index in np.triu_indices(7, 1))
    kept = first != second
    drawn = square[:, first[kept], second[kept]]
    counts = np.bincount(draws, minlength=7)[None]
    (ours,) = bootstrap_scores(model, brain[None], counts, comparator)
    try:
        expected = COMPARATORS[comparator](*drawn) if len(set(draws)) >= 3 else np.nan
    except ValueError:
        expected = np.nan
    assert ours == pytest.approx(expected, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("comparator", NORMALIZATIONS)
def test_samples_of_two_stimuli_have_no_score(comparator: str) -> None:
    counts = np.array([[4, 0, 0, 0], [2, 2, 0, 0], [2, 1, 1, 0]])
    model, brain = np.arange(1.0, 7), np.array([[3.0, 1, 2, 6, 5, 4]])
    scores = bootstrap_scores(model, brain, counts, comparator)
    assert np.isnan(scores).tolist() == [True, True, False]


@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_samples_in_which_a_side_is_constant_have_no_score(comparator: str) -> None:
    # The first three stimuli are equally far from each other, but not from the fourth.
    near, far = 0.7814859, 0.62015794  # numbers whose sums leave rounding behind
    model = np.array([near, near, far, near, far, far])
    counts = np.array([[2, 1, 1, 0], [1, 1, 1, 1]])
    scores = bootstrap_scores(model, np.arange(6.0)[None], counts, comparator)
    assert np.isnan(scores).tolist() == [True, False]


def test_every_comparator_can_be_weighted() -> None:
    assert list(_WEIGHTED) == list(NORMALIZATIONS)
