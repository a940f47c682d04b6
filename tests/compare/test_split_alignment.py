from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from neurospyke.compare.cca import canonical_correlations, cca, pwcca, regression_r2, svcca
from neurospyke.compare.cka import debiased_cka, linear_cka, rbf_cka
from neurospyke.compare.neighbours import mutual_neighbours, neighbour_overlap
from neurospyke.compare.shape import (
    euclidean_shape_distance,
    permutation_similarity,
    procrustes_distance,
    shape_distance,
    shape_similarity,
)
from neurospyke.compare.split_alignment import ALIGNMENTS, alignment, held_out_alignment
from neurospyke.responses import Responses

LEARNED = ("cca", "svcca", "pwcca", "procrustes", "permutation")


@pytest.fixture(scope="module")
def oracle(shared_oracles: Path):
    return np.load(shared_oracles / "rsa_alignment.npz")


def responses(values: np.ndarray, stimuli: list[str], source: str = "") -> Responses:
    return Responses(
        values[:, :, None],
        pd.DataFrame({"stimulus": stimuli}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.array([0.0, 0.1]),
        measure="other",
        source=source,
    )


def test_kernel_alignments(oracle) -> None:
    x, y = oracle["in_X"], oracle["in_Y"]
    assert linear_cka(x, y) == pytest.approx(oracle["ref_cka_linear"], abs=1e-12)
    assert np.arccos(linear_cka(x, y)) == pytest.approx(oracle["nr_linear_cka_angle"], abs=1e-12)
    assert debiased_cka(x, y) == pytest.approx(oracle["ref_cka_unbiased"], abs=1e-12)
    assert rbf_cka(x, y) == pytest.approx(oracle["ref_cka_rbf_median"], abs=1e-12)


def test_canonical_correlations(oracle) -> None:
    x, y = oracle["in_X"], oracle["in_Y"]
    np.testing.assert_allclose(canonical_correlations(x, y), oracle["ref_cca"], atol=1e-10)
    squares = np.square(canonical_correlations(x, y)).mean()
    assert squares == pytest.approx(oracle["ref_cca_r2_mean"], abs=1e-10)
    assert cca(x, y) == pytest.approx(oracle["ref_cca_mean"], abs=1e-10)
    assert svcca(x, y) == pytest.approx(oracle["ref_svcca99_mean"], abs=1e-10)
    assert pwcca(x, y) == pytest.approx(oracle["ref_pwcca_x"], abs=1e-10)
    assert regression_r2(x, y) == pytest.approx(oracle["ref_linreg_r2"], abs=1e-10)


def test_shape_metrics(oracle) -> None:
    x, y = oracle["in_X"], oracle["in_Y"]
    for alpha in (0.0, 0.5, 1.0):
        expected = oracle[f"nr_linear_alpha{alpha}_angular"]
        assert shape_distance(x[:, :9], y, alpha) == pytest.approx(expected, abs=1e-10)
        expected = oracle[f"nr_linear_alpha{alpha}_euclidean"]
        assert euclidean_shape_distance(x[:, :9], y, alpha) == pytest.approx(expected, abs=1e-10)
    assert shape_distance(x, y) == pytest.approx(oracle["ref_procrustes_angular"], abs=1e-10)
    padded = np.pad(y, ((0, 0), (0, 3)))
    expected = oracle["nr_linear_alpha1.0_angular_zeropad_12v9"]
    assert shape_distance(x, padded) == pytest.approx(expected, abs=1e-10)
    assert procrustes_distance(x, y) == pytest.approx(oracle["ref_procrustes_sq"], rel=1e-12)
    matched = np.arccos(permutation_similarity(x[:, :9], y))
    assert matched == pytest.approx(oracle["nr_perm_angular"], abs=1e-10)


def test_neighbours(oracle) -> None:
    # The oracle's neighbours are those with the largest inner products.
    kernels = [side @ side.T for side in (oracle["in_X"], oracle["in_Y"])]
    assert neighbour_overlap(kernels[0], kernels[1], 5) == pytest.approx(
        oracle["ref_mutual_knn5"], abs=1e-12
    )


def test_the_width_of_gaussian_kernels_by_hand() -> None:
    # Four points on a line: d² = 1, 4, 9, 9, 25, 36 with their median at 9, but of 0, 1, 3, 7 they
    # are 1, 4, 9, 16, 36, 49, and σ² = (9 + 16) / 2, not ((3 + 4) / 2)².
    line, uneven = np.array([[0.0], [1.0], [-2.0], [4.0]]), np.array([[0.0], [1.0], [3.0], [7.0]])
    kernels = [
        np.exp(-np.square(side - side.T) / (2 * 4 * width))
        for side, width in ((line, 9.0), (uneven, 12.5))
    ]
    doubly = [
        kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean() for kernel in kernels
    ]
    expected = (doubly[0] * doubly[1]).sum() / np.prod([np.linalg.norm(each) for each in doubly])
    assert rbf_cka(line, uneven, scale=2.0) == pytest.approx(expected, abs=1e-12)


def test_neighbours_by_hand() -> None:
    # Stimuli a, b, c, d at 0, 1, 3, 7 have the nearest two bc, ac, ab, bc; at 0, 1, 7, 3 they have
    # bd, ad, bd, ab: each shares one of two.
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert mutual_neighbours(line, line[[0, 1, 3, 2]], 2) == pytest.approx(1 / 2)
    # One alone: b, a, b, c and b, a, d, b.
    assert mutual_neighbours(line, line[[0, 1, 3, 2]], 1) == pytest.approx(2 / 4)
    rng = np.random.default_rng(0)
    scores = [
        mutual_neighbours(rng.normal(size=(30, 4)), rng.normal(size=(30, 4))) for _ in range(200)
    ]
    assert np.mean(scores) == pytest.approx(10 / 29, abs=0.01)
    with pytest.raises(ValueError, match="`n_neighbours` must be 1 to 2"):
        mutual_neighbours(line, line, 3)
    with pytest.raises(ValueError, match="same stimuli"):
        neighbour_overlap(np.eye(4), np.eye(5), 1)


def test_by_hand() -> None:
    # Three stimuli on a line and at a triangle's corners: kernels (x x^T) of 3 and 2 dimensions.
    line = np.array([[-1.0], [0.0], [1.0]])
    corners = np.array([[-1.0, -1.0], [0.0, 2.0], [1.0, -1.0]])
    # XtY = (2, 0); |XtX| = 2, |YtY| = sqrt(4 + 36): 4 / (2 sqrt 40).
    assert linear_cka(line, corners) == pytest.approx(4 / (2 * np.sqrt(40)))
    # |XtY|_* = 2, |X| = sqrt 2, |Y| = sqrt 8.
    assert shape_similarity(line, corners) == pytest.approx(0.5)
    assert procrustes_distance(line, corners) == pytest.approx(2 + 8 - 4)
    assert permutation_similarity(line, corners) == pytest.approx(0.5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_what_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 6))
    turned = 3 * y @ ortho_group.rvs(6, random_state=rng) + 5
    order, names = rng.permutation(30), rng.permutation(6)
    for name, measure in ALIGNMENTS.items():
        score = measure(x, y)
        assert measure(x[order], y[order]) == pytest.approx(score, abs=1e-9)
        assert measure(x, y[:, names]) == pytest.approx(score, abs=1e-9)
        if name != "permutation":
            assert measure(x, turned) == pytest.approx(score, abs=1e-9)
        assert measure(x, x) == pytest.approx(1)
    mixed = y @ rng.normal(size=(6, 6))
    assert cca(x, mixed) == pytest.approx(cca(x, y), abs=1e-7)
    assert shape_distance(x, mixed, 0) == pytest.approx(shape_distance(x, y, 0), abs=1e-7)
    z = rng.normal(size=(30, 5))
    assert shape_distance(x, z) <= shape_distance(x, y) + shape_distance(y, z) + 1e-12


def test_independent_patterns_do_not_align_where_bias_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(40, 15)), rng.normal(size=(40, 15))) for _ in range(40)]
    assert np.mean([linear_cka(*pair) for pair in pairs]) > 0.2
    assert abs(np.mean([debiased_cka(*pair) for pair in pairs])) < 0.03
    for measure in LEARNED:
        assert np.mean([ALIGNMENTS[measure](*pair) for pair in pairs]) > 0.2
        held_out = np.mean([held_out_alignment(*pair, measure, 5) for pair in pairs])
        assert abs(held_out) < 0.05


def test_what_generalises_is_found_in_other_stimuli() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5)) * [3, 2, 1, 1, 1]
    mixed = x @ rng.normal(size=(5, 5))
    for measure in ("cca", "svcca", "pwcca"):
        assert held_out_alignment(x, mixed, measure, 5) > 0.99
    turned = x @ ortho_group.rvs(5, random_state=rng)
    assert held_out_alignment(x, turned, "procrustes", 5) > 0.999
    assert held_out_alignment(x, x[:, ::-1] + 3, "permutation", 5) == pytest.approx(1)


@pytest.mark.parametrize("measure", ["debiased_cka", "procrustes"])
def test_a_model_without_noise_reaches_the_ceiling(measure: str) -> None:
    rng = np.random.default_rng(2)
    signal = rng.normal(size=(200, 8))
    stimuli = [f"s{n}" for n in range(200)]
    noisy = np.concatenate([signal + rng.normal(size=signal.shape) for _ in range(4)])
    brain = responses(noisy, stimuli * 4, "V4")
    rotation = ortho_group.rvs(8, random_state=rng)
    models = {
        "truth": responses(signal @ rotation, stimuli),
        "none": responses(rng.normal(size=(200, 8)), stimuli),
    }
    folds = None if measure == "debiased_cka" else 5
    found = alignment(
        models, brain, measure=measure, folds=folds, n_splits=3, n_permutations=19, seed=0
    )
    truth, none = found["truth"], found["none"]
    assert truth.ceiling is not None
    assert truth.score == pytest.approx(truth.ceiling[1], abs=0.03)
    assert truth.interval[0] < truth.score < truth.interval[1] < truth.ceiling[1] + 0.05
    assert truth.p == 0.05
    assert none.interval[0] < 0.05
    assert abs(none.score) < 0.1
    once = alignment(models, models["truth"], measure=measure, folds=folds, seed=0)
    assert once["truth"].ceiling is None
    assert once["truth"].score == pytest.approx(1)


def test_stimuli_are_paired_by_label() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(30, 4))
    stimuli = [f"s{n}" for n in range(30)]
    model = responses(values, stimuli, "conv1")
    moved = model.where(trials=rng.permutation(30))
    assert alignment(model, moved, seed=0)["conv1"].score == pytest.approx(1)


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 3))
    side = responses(x, [f"s{n}" for n in range(12)])
    with pytest.raises(ValueError, match="`measure` must be one of"):
        alignment(side, side, measure="rsa", seed=0)
    with pytest.raises(ValueError, match="must learn maps"):
        alignment(side, side, measure="linear_cka", folds=3, seed=0)
    with pytest.raises(ValueError, match="some are 1 whatever"):
        cca(rng.normal(size=(12, 6)), rng.normal(size=(12, 6)))
    with pytest.raises(ValueError, match="reproduce any responses"):
        regression_r2(rng.normal(size=(12, 11)), x)
    with pytest.raises(ValueError, match="same stimuli"):
        linear_cka(x, x[1:])
    with pytest.raises(ValueError, match="`others` must differ"):
        linear_cka(x, np.full((12, 2), 0.1))
    with pytest.raises(ValueError, match="`alpha`"):
        shape_similarity(x, x, 2.0)
    with pytest.raises(ValueError, match="at least 4 stimuli"):
        debiased_cka(x[:3], x[:3])
