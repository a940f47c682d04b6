from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from neurospyke.compare import COMPARATORS, RDM, cosine, pearson, rho_a, spearman
from neurospyke.compare.comparators import check_comparator, compare_rdms, mid_ranks
from tests.compare.problems import ORACLE_NAMES, read_oracle

VECTORS = st.lists(st.integers(0, 5), min_size=12, max_size=12).filter(lambda v: len(set(v)) > 1)
Comparator = Callable[[np.ndarray, np.ndarray], float]


@pytest.mark.parametrize("name", ORACLE_NAMES)
def test_they_equal_rsatoolbox(shared_oracles: Path, name: str) -> None:
    with np.load(shared_oracles / "rsa_compare.npz") as oracle:
        ours = compare_rdms(oracle["in_A"], oracle["in_B"], name)
        expected = oracle[f"rt_{ORACLE_NAMES[name]}"]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["cosine", "pearson", "spearman", "rho_a", "tau_a"])
def test_pairs_that_no_side_has_can_be_left_out(shared_oracles: Path, name: str) -> None:
    oracle = read_oracle(shared_oracles, "compare")
    a, b = oracle["in_A_nan"], oracle["in_B_nan"]
    with pytest.raises(ValueError, match="must be finite"):
        compare_rdms(a, b, name)
    there = np.isfinite(a).all(axis=0)
    ours = compare_rdms(a[:, there], b[:, there], name)
    np.testing.assert_allclose(ours, oracle[f"rt_{ORACLE_NAMES[name]}_nan"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", COMPARATORS)
def test_stacks_are_compared_as_their_vectors_are(name: str) -> None:
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 9, (3, 15)) / 4, generator.random((2, 15))
    one_by_one = [[COMPARATORS[name](x, y) for y in b] for x in a]
    np.testing.assert_allclose(compare_rdms(a, b, name), one_by_one, rtol=0, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(VECTORS, VECTORS)
def test_spearman_shares_ranks_among_ties_as_scipy_does(a: list[int], b: list[int]) -> None:
    ours = spearman(np.array(a), np.array(b))
    assert ours == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_rho_a_is_spearman_averaged_over_every_way_to_break_ties() -> None:
    a, b = np.array([1.0, 1.0, 2.0, 2.0]), np.array([1.0, 3.0, 3.0, 2.0])
    scores = []
    for first in permutations(range(4)):
        for second in permutations(range(4)):
            tie_free = [
                np.argsort(np.lexsort((np.array(order), v)))
                for order, v in ((first, a), (second, b))
            ]
            scores.append(spearman(*tie_free))
    assert rho_a(a, b) == pytest.approx(np.mean(scores), abs=1e-12)


@pytest.mark.parametrize("name", ["cosine", "pearson", "spearman"])
def test_identical_vectors_score_one(name: str) -> None:
    vector = np.array([0.1, 0.7, 0.7, 0.2])
    assert COMPARATORS[name](vector, vector) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("compare", "change"),
    [
        (cosine, lambda v: 3 * v),
        (pearson, lambda v: 3 * v + 7),
        (spearman, np.exp),
        (rho_a, np.exp),
    ],
)
@settings(max_examples=15, deadline=None)
@given(VECTORS, VECTORS)
def test_what_a_comparator_does_not_feel(
    compare: Comparator, change: Callable, a: list[int], b: list[int]
) -> None:
    first, second = np.array(a, dtype=float), np.array(b, dtype=float)
    expected = compare(first, second)
    assert compare(change(first), second) == pytest.approx(expected, abs=1e-12)
    assert compare(second, first) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("compare", [pearson, spearman])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_a_constant_vector_has_no_correlation(compare: Comparator, value: float) -> None:
    with pytest.raises(ValueError, match="correlation is undefined"):
        compare(np.full(7, value), np.arange(7.0))


def test_constant_vectors_where_the_formula_still_has_a_value() -> None:
    assert rho_a(np.full(7, 0.1), np.arange(7.0)) == 0
    assert cosine(np.ones(2), np.array([3.0, 4.0])) == pytest.approx(7 / np.sqrt(50))
    with pytest.raises(ValueError, match="every dissimilarity is 0"):
        cosine(np.zeros(3), np.ones(3))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((2, 2)), np.ones((2, 2)), r"shapes \(2, 2\)"),
        (np.ones(3), np.ones(4), r"\(3,\) and \(4,\)"),
        (np.ones(1), np.ones(1), "at least 2"),
        (np.arange(3.0), np.array([1.0, np.nan, 2.0]), "`b` must be finite; 1 are not"),
    ],
)
@pytest.mark.parametrize("compare", COMPARATORS.values())
def test_wrong_vectors_are_refused(
    compare: Comparator, a: np.ndarray, b: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare(a, b)


def test_a_comparator_that_is_not_there_is_refused() -> None:
    assert check_comparator("rho_a") == "rho_a"
    assert check_comparator("tau_a", COMPARATORS) == "tau_a"
    with pytest.raises(ValueError, match=r"must be one of .*'spearman'.*; got 'kendall'"):
        check_comparator("kendall")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("animacy", 0.588),
        ("EVA", 0.354),
        ("HMAX", 0.222),
        ("Silhouette", 0.125),
        ("RADON", 0.061),
        ("V1", 0.039),
    ],
)
def test_models_of_human_it_score_as_known(
    rsa92: dict[str, RDM], model: str, expected: float
) -> None:
    score = spearman(rsa92[model].values, rsa92["human IT"].values)
    assert score == pytest.approx(expected, abs=6e-4)


def test_monkey_and_human_it_are_as_alike_as_known(rsa92: dict[str, RDM]) -> None:
    vectors = rsa92["monkey IT"].values, rsa92["human IT"].values
    assert pearson(*vectors) == pytest.approx(0.4912, abs=5e-5)
    assert spearman(*vectors) == pytest.approx(0.4389, abs=5e-5)


def test_mid_ranks_are_those_of_scipy() -> None:
    values = np.array([[3.0, 1.0, 2.0, 9.0], [1.0, 1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values, axis=1))


@pytest.mark.parametrize(
    ("a", "b", "comparator", "message"),
    [
        (np.ones(3), np.ones((1, 3)), "cosine", r"got shapes \(3,\) and \(1, 3\)"),
        (np.ones((1, 3)), np.ones((1, 4)), "cosine", "over the same pairs"),
        (np.ones((1, 3)), np.full((1, 3), np.nan), "cosine", "`b` must be finite; 3 are not"),
        (np.ones((1, 3)), np.ones((1, 3)), "euclidean", "`comparator` must be one of"),
    ],
)
def test_wrong_stacks_are_refused(
    a: np.ndarray, b: np.ndarray, comparator: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare_rdms(a, b, comparator)


def test_a_covariance_where_it_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`covariance` needs one of .*got 'pearson'"):
        compare_rdms(np.ones((1, 3)), np.ones((1, 3)), "pearson", covariance=np.eye(3))
