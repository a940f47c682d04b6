from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import lstsq
from scipy.optimize import nnls

from neurospyke.compare.models import (
    FlexibleModel,
    fit_interpolated,
    fit_least_squares,
    fit_selected,
    fit_weighted,
    ridge_weighted,
    weighted,
)
from neurospyke.compare.products import FORMS, inner_products
from neurospyke.compare.rdm import RDM
from tests.compare.problems import FITTED, ORACLE_NAMES, read_oracle

Fit = Callable[[np.ndarray, np.ndarray], np.ndarray]


def problem(folder: Path, form: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Inner products of the oracle's parts, and those with the pooled subjects."""
    known = read_oracle(folder, "flexible")
    parts, brains = known["in_components"], known["in_D"]
    vectors = np.concatenate([parts, brains])
    left, right = np.divmod(np.arange(len(vectors) ** 2), len(vectors))
    once = np.ones((1, 12))
    found = inner_products(vectors, once, left, right, FORMS[form])
    gram = found.reshape(1, len(vectors), len(vectors))
    lengths = np.sqrt(np.einsum("nkk->nk", gram)[:, len(parts) :])
    target = (gram[:, : len(parts), len(parts) :] / lengths[:, None]).sum(axis=2)
    return gram[:, : len(parts), : len(parts)], target, known


def reached(gram: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ target[0] / np.sqrt(weights @ gram[0] @ weights))


@pytest.mark.parametrize("form", FITTED)
def test_fits_equal_rsatoolbox_or_are_better(shared_oracles: Path, form: str) -> None:
    gram, target, known = problem(shared_oracles, form)
    name = ORACLE_NAMES[form]
    (ours,) = fit_weighted(gram, target)
    np.testing.assert_allclose(ours, known[f"rt_regress_nn_{name}"], rtol=0, atol=1e-10)
    assert fit_selected(gram, target)[0].argmax() == known[f"rt_select_{name}"]
    # Its own search for the best weights of 0 or more stops near them.
    np.testing.assert_allclose(ours, known[f"rt_optpos_{name}"], rtol=0, atol=1e-5)
    assert reached(gram, target, ours) >= reached(gram, target, known[f"rt_optpos_{name}"])
    (free,) = fit_least_squares(gram, target)
    np.testing.assert_allclose(free, known[f"rt_regress_{name}"], rtol=0, atol=1e-10)
    # Its penalty of ridge is a number, whatever the lengths of the parts.
    (shrunken,) = fit_least_squares(gram + 0.1 * np.eye(3), target)
    np.testing.assert_allclose(shrunken, known[f"rt_regress_ridge.1_{name}"], rtol=0, atol=1e-10)
    # It finds the point between two parts by an iteration that stops at 1e-6 or so.
    (between,) = fit_interpolated(gram, target)
    theirs = known[f"rt_interp_{name}"]
    np.testing.assert_allclose(between, theirs, rtol=0, atol=1e-5)
    assert reached(gram, target, between) >= reached(gram, target, theirs)


@pytest.mark.parametrize("fit", [fit_selected, fit_weighted, fit_interpolated, fit_least_squares])
def test_a_part_that_is_flat_gets_no_weight_and_none_if_all_are(fit: Fit) -> None:
    # The second problem's parts are flat over the pairs fitted, but for what rounding leaves.
    gram = np.array([np.diag([0.0, 4.0]), np.zeros((2, 2))])
    target = np.array([[1e-18, 1.0], [1e-18, 0.0]])
    np.testing.assert_allclose(fit(gram, target), [[0, 1], [np.nan, np.nan]], atol=1e-12)


def test_many_problems_at_once_equal_scipy() -> None:
    generator = np.random.default_rng(0)
    data, goal = generator.normal(size=(400, 15, 6)), generator.normal(size=(400, 15))
    ours = fit_weighted(data.swapaxes(1, 2) @ data, np.einsum("npk,np->nk", data, goal))
    active = 0
    for matrix, vector, weights in zip(data, goal, ours, strict=True):
        expected = nnls(matrix, vector)[0]
        if expected.any():
            expected /= np.linalg.norm(expected)
            np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-9)
            active += (expected == 0).any()
    assert active > 300


def test_least_squares_equal_scipy_and_the_shortest_is_taken() -> None:
    generator = np.random.default_rng(1)
    data, goal = generator.normal(size=(50, 15, 4)), generator.normal(size=(50, 15))
    data[25:, :, 3] = data[25:, :, 0] * (2 / 3)  # scaled to length 1, the same part twice
    ours = fit_least_squares(data.swapaxes(1, 2) @ data, np.einsum("npk,np->nk", data, goal))
    lengths = np.linalg.norm(data, axis=1)
    for matrix, vector, length, weights in zip(data, goal, lengths, ours, strict=True):
        expected = lstsq(matrix / length, vector)[0] / length
        np.testing.assert_allclose(weights, expected / np.linalg.norm(expected), atol=1e-9)


def test_where_every_part_disagrees_the_least_bad_is_taken() -> None:
    gram, target = np.array([[[4.0, 0.0], [0.0, 1.0]]]), np.array([[-1.0, -0.6]])
    np.testing.assert_allclose(fit_weighted(gram, target), [[1.0, 0.0]])


def test_equal_parts_share_the_weight() -> None:
    weights = fit_weighted(np.ones((1, 2, 2)), np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(weights, [[np.sqrt(0.5), np.sqrt(0.5)]], atol=1e-2)


@pytest.mark.parametrize("fit", [fit_weighted, fit_least_squares])
def test_scales_of_parts_do_not_matter(fit: Fit) -> None:
    generator = np.random.default_rng(2)
    data, goal = generator.normal(size=(9, 3)), generator.normal(size=9)
    scales = np.array([1e-6, 1.0, 1e5])
    plain = fit((data.T @ data)[None], (data.T @ goal)[None])[0]
    scaled = data * scales
    other = fit((scaled.T @ scaled)[None], (scaled.T @ goal)[None])[0] * scales
    np.testing.assert_allclose(other / np.linalg.norm(other), plain, atol=1e-9)


def test_wrong_models_are_refused() -> None:
    part = RDM(np.arange(3), tuple("abc"), dissimilarity="any")
    with pytest.raises(ValueError, match="at least 2 responses or RDMs; got 1"):
        weighted(part)
    with pytest.raises(ValueError, match="`kind` must be one of"):
        FlexibleModel("summed", (part, part))
    for penalty in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="`penalty` must be above 0 and finite for 'ridge'"):
            ridge_weighted(part, part, penalty=penalty)
    with pytest.raises(ValueError, match="`penalty` must be"):
        FlexibleModel("weighted", (part, part), 0.1)
