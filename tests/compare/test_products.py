from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import products
from neurospyke.compare.products import FORMS, inner_products, pair_weights, weighted_products
from neurospyke.compare.whitened import whitened_cosines, whitened_pearsons


def by_definition(vectors: np.ndarray, counts: list[int], centred: bool) -> np.ndarray:
    """aᵀ V⁻¹ b over the drawn pairs with copies as conditions of their own."""
    n = len(counts)
    drawn = np.repeat(np.arange(n), counts)
    pairs = [(i, j) for i, j in combinations(range(len(drawn)), 2) if drawn[i] != drawn[j]]
    contrasts = np.zeros((len(pairs), len(drawn)))
    for row, (i, j) in enumerate(pairs):
        contrasts[row, [i, j]] = 1, -1
    number = {pair: place for place, pair in enumerate(combinations(range(n), 2))}
    values = vectors[:, [number[drawn[i], drawn[j]] for i, j in pairs]]
    values = values - centred * values.mean(axis=1, keepdims=True)
    return values @ np.linalg.solve((contrasts @ contrasts.T) ** 2, values.T)


@pytest.mark.parametrize("form", ["whitened_cosine", "whitened_pearson"])
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), st.integers(0, 2**31))
def test_whitening_by_weights_is_whitening_the_drawn_pairs(
    form: str, counts: list[int], seed: int
) -> None:
    drawn = np.array([counts])
    if np.count_nonzero(counts) < 3 or (drawn.sum() + 2 == 2 * drawn).any():
        return
    vectors = np.random.default_rng(seed).gamma(2.0, size=(2, 15))
    left, right = np.divmod(np.arange(4), 2)
    ours = inner_products(vectors, drawn, left, right, FORMS[form]).reshape(2, 2)
    expected = by_definition(vectors, counts, FORMS[form].centred)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


def test_without_resampling_it_is_the_whitened_comparator() -> None:
    vectors = np.random.default_rng(0).gamma(2.0, size=(2, 45))
    once, left, right = np.ones((1, 10)), np.array([0, 0, 1]), np.array([0, 1, 1])
    for form, compare in (
        ("whitened_cosine", whitened_cosines),
        ("whitened_pearson", whitened_pearsons),
    ):
        own, cross, other = inner_products(vectors, once, left, right, FORMS[form])[0]
        expected = compare(vectors[:1], vectors[1:])[0, 0]
        assert cross / np.sqrt(own * other) == pytest.approx(expected, abs=1e-12)


def test_tiles_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    vectors, counts = generator.normal(size=(3, 45)), generator.integers(0, 3, (4, 10))
    left, right = np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2])
    whole = weighted_products(vectors, counts, left, right)
    monkeypatch.setattr(products, "_TILE_BYTES", 1)
    np.testing.assert_allclose(weighted_products(vectors, counts, left, right), whole, rtol=1e-12)
    first, second = np.triu_indices(10, 1)
    np.testing.assert_array_equal(pair_weights(counts), counts[:, first] * counts[:, second])
