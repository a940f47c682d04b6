from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import bures, compare_rdms, squared_bures_distance
from neurospyke.compare.bures import _fidelities, squared_bures_distances


def distances(patterns: np.ndarray) -> np.ndarray:
    squares = ((patterns[:, None] - patterns) ** 2).sum(axis=2)
    return squares[np.triu_indices(len(patterns), 1)]


def test_squared_distances_score_as_in_rsatoolbox(shared_oracles: Path) -> None:
    # There the roots of eigenvalues that are 0 but for rounding add up to 1e-8; here they are left
    # out. The other vectors of the file are no squared distances between points; see below.
    with np.load(shared_oracles / "rsa_compare.npz") as oracle:
        a, b = oracle["in_A"][:3], oracle["in_B"][:3]
        similarities, squares = oracle["rt_bures"][:3, :3], oracle["rt_bures_metric"][:3, :3]
    np.testing.assert_allclose(compare_rdms(a, b, "bures"), similarities, rtol=0, atol=1e-8)
    np.testing.assert_allclose(squared_bures_distances(a, b), squares, rtol=0, atol=1e-7)


def test_an_rdm_of_no_points_is_still_alike_to_itself() -> None:
    # The trace of A is the sum of the distances over 3: (1 + 1 - 2) / 3 = 0 and (1 + 1 + 9) / 3.
    # Divided by it, the scores would be infinite and 4.5 / (11 / 3), above 1: the eigenvalues of
    # the second A are 9 / 2, 0 and -5 / 6.
    for vector in (np.array([1.0, 1.0, -2.0]), np.array([1.0, 1.0, 9.0])):
        assert bures(vector, vector) == pytest.approx(1.0, abs=1e-12)
        assert squared_bures_distance(vector, vector) == pytest.approx(0.0, abs=1e-12)
    assert _fidelities(*[np.array([[1.0, 1.0, 9.0]])] * 2)[1] == pytest.approx(4.5, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_it_is_the_fit_by_the_best_rotation(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(2, 6, 3))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    left, fit, right = np.linalg.svd(first.T @ second)
    rotated = second @ (left @ right).T
    a, b = distances(first), distances(second)
    expected = ((first - rotated) ** 2).sum()
    assert squared_bures_distance(a, b) == pytest.approx(expected, rel=1e-9)
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    assert bures(a, b) == pytest.approx(fit.sum() / lengths, abs=1e-9)


def test_patterns_without_variance_have_no_score() -> None:
    with pytest.raises(ValueError, match="no variance"):
        bures(np.zeros(3), np.ones(3))
