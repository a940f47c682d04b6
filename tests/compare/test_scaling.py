import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import RDM, classical_scaling, euclidean_rdm
from neurospyke.responses import Responses


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_all_dimensions_keep_all_distances(seed: int) -> None:
    patterns = np.random.default_rng(seed).normal(size=(6, 3))
    rdm = euclidean_rdm(Responses.from_counts(patterns, stimuli=list("abcdef")))
    points, shares = classical_scaling(rdm, 3)
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    np.testing.assert_allclose(squares, rdm.matrix(), atol=1e-9)
    centred = patterns - patterns.mean(axis=0)
    variances = np.sort(np.linalg.svd(centred, compute_uv=False) ** 2)[::-1]
    np.testing.assert_allclose(shares, variances / variances.sum(), atol=1e-9)


def test_what_is_no_distance_between_points_becomes_none() -> None:
    points, shares = classical_scaling(RDM(np.zeros(3), ("a", "b", "c"), dissimilarity="any"))
    assert not points.any()
    assert not shares.any()
    odd = RDM(np.array([1.0, 1.0, 9.0]), ("a", "b", "c"), dissimilarity="any")
    assert classical_scaling(odd, 3).shares == pytest.approx([1, 0, 0], abs=1e-12)


def test_too_many_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 3; got 4"):
        classical_scaling(RDM(np.ones(3), ("a", "b", "c"), dissimilarity="any"), 4)
