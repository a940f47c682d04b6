from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import compare_rdms, whitened_cosine, whitened_pearson
from tests.compare.problems import read_oracle

COMPARE = {"cosine_cov": "whitened_cosine", "corr_cov": "whitened_pearson"}


def covariance_of_pairs(covariance: np.ndarray) -> np.ndarray:
    """V = (C Σ Cᵀ)∘², written out."""
    pairs = list(combinations(range(len(covariance)), 2))
    contrasts = np.zeros((len(pairs), len(covariance)))
    for row, (first, second) in enumerate(pairs):
        contrasts[row, first], contrasts[row, second] = 1, -1
    return (contrasts @ covariance @ contrasts.T) ** 2


def by_definition(a: np.ndarray, b: np.ndarray, covariance: np.ndarray) -> float:
    precision = np.linalg.inv(covariance_of_pairs(covariance))
    return float(a @ precision @ b / np.sqrt(a @ precision @ a * (b @ precision @ b)))


def random_covariance(seed: int, n_conditions: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(n_conditions, 2 * n_conditions))
    return root @ root.T / n_conditions


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, 7))
def test_the_closed_form_is_the_definition(seed: int, n_conditions: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(2, n_conditions * (n_conditions - 1) // 2))
    covariance = random_covariance(seed, n_conditions)
    expected = by_definition(a, b, covariance)
    assert whitened_cosine(a, b, covariance=covariance) == pytest.approx(expected, abs=1e-9)
    plain = by_definition(a, b, np.eye(n_conditions))
    assert whitened_cosine(a, b) == pytest.approx(plain, abs=1e-9)
    assert whitened_cosine(a, b, covariance=np.eye(n_conditions)) == pytest.approx(plain, abs=1e-9)
    centred = by_definition(a - a.mean(), b - b.mean(), covariance)
    assert whitened_pearson(a, b, covariance=covariance) == pytest.approx(centred, abs=1e-9)


def test_a_diagonal_is_a_covariance() -> None:
    a, b = np.random.default_rng(0).random((2, 10))
    variances = np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    expected = by_definition(a, b, np.diag(variances))
    assert whitened_cosine(a, b, covariance=variances) == pytest.approx(expected, abs=1e-12)
    # Scaling after double centring, as is sometimes done, is something else.
    centring = np.eye(5) - 0.2
    forms = []
    for vector in (a, b):
        matrix = np.zeros((5, 5))
        matrix[np.triu_indices(5, 1)] = vector
        root = np.sqrt(variances)
        forms.append((centring @ (matrix + matrix.T) @ centring / np.outer(root, root)).ravel())
    other = forms[0] @ forms[1] / np.linalg.norm(forms[0]) / np.linalg.norm(forms[1])
    assert abs(other - expected) > 0.01


@pytest.mark.parametrize("name", COMPARE)
@pytest.mark.parametrize(
    ("given_covariance", "expected"),
    [(None, "eye"), ("in_sigma_k", "sigma2d"), ("in_sigma_k_diag", "sigma1d")],
)
def test_they_equal_the_exact_oracle(
    shared_oracles: Path, name: str, given_covariance: str | None, expected: str
) -> None:
    with np.load(shared_oracles / "rsa_compare.npz") as oracle:
        if f"ref_{name}_{expected}" not in oracle:
            assert (name, expected) == ("corr_cov", "sigma1d")
            return
        covariance = None if given_covariance is None else oracle[given_covariance]
        ours = compare_rdms(oracle["in_A"], oracle["in_B"], COMPARE[name], covariance=covariance)
        np.testing.assert_allclose(ours, oracle[f"ref_{name}_{expected}"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", COMPARE)
def test_rsatoolbox_comes_near_by_iteration_and_not_with_variances(
    shared_oracles: Path, name: str
) -> None:
    oracle = read_oracle(shared_oracles, "compare")
    sides = oracle["in_A"], oracle["in_B"], COMPARE[name]
    ours = compare_rdms(*sides, covariance=oracle["in_sigma_k"])
    np.testing.assert_allclose(ours, oracle[f"rt_{name}_sigma2d"], rtol=0, atol=1e-5)
    if name == "cosine_cov":
        # It centres before it divides by the deviations; the definition is the other way round.
        other = compare_rdms(*sides, covariance=oracle["in_sigma_k_diag"])
        assert np.abs(other - oracle["rt_cosine_cov_sigma1d"]).max() > 0.01


@pytest.mark.parametrize("name", COMPARE)
def test_without_some_pairs_the_definition_is_that_of_rsatoolbox(
    shared_oracles: Path, name: str
) -> None:
    # Here conditions are needed whole; what pairs alone would give is known by the plain inverse.
    oracle = read_oracle(shared_oracles, "compare")
    there = np.isfinite(oracle["in_A_nan"][0])
    covariance = covariance_of_pairs(np.eye(9))[np.ix_(there, there)]
    inverse = np.linalg.inv(covariance)
    a, b = oracle["in_A_nan"][:, there], oracle["in_B_nan"][:, there]
    if name == "corr_cov":
        a, b = (side - side.mean(axis=1, keepdims=True) for side in (a, b))
    lengths = [np.sqrt(np.einsum("sp,pq,sq->s", side, inverse, side)) for side in (a, b)]
    expected = a @ inverse @ b.T / np.outer(*lengths)
    np.testing.assert_allclose(oracle[f"rt_{name}_nan"], expected, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="no number of conditions has 34 pairs"):
        compare_rdms(a, b, COMPARE[name])


def test_it_is_the_linear_centred_kernel_alignment_of_patterns() -> None:
    patterns = [np.random.default_rng(seed).normal(size=(6, 4)) for seed in (1, 2)]
    distances, kernels = [], []
    for pattern in patterns:
        squares = ((pattern[:, None] - pattern) ** 2).sum(axis=2)
        distances.append(squares[np.triu_indices(6, 1)])
        centred = pattern - pattern.mean(axis=0)
        kernels.append(centred @ centred.T)
    expected = (kernels[0] * kernels[1]).sum() / np.prod([np.linalg.norm(k) for k in kernels])
    assert whitened_cosine(*distances) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.eye(4), r"must be \(3, 3\)"),
        (np.diag([1.0, 1.0, -1.0]), "positive definite"),
        (np.array([[1.0, 0.5, 0], [0, 1, 0], [0, 0, 1]]), "symmetric"),
    ],
)
def test_wrong_covariances_are_refused(covariance: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        whitened_cosine(np.arange(3.0), np.arange(3.0), covariance=covariance)


def test_vectors_without_a_score_are_refused() -> None:
    with pytest.raises(ValueError, match="no number of conditions has 4 pairs"):
        whitened_cosine(np.arange(4.0), np.arange(4.0))
    with pytest.raises(ValueError, match="every dissimilarity is 0"):
        whitened_cosine(np.zeros(3), np.arange(3.0))
    with pytest.raises(ValueError, match="every dissimilarity of a vector is the same"):
        whitened_pearson(np.full(3, 0.1), np.arange(3.0))
