from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import tau_a, tau_b

VECTORS = st.lists(st.integers(0, 4), min_size=9, max_size=9).filter(lambda v: len(set(v)) > 1)


def agreements(a: list[int], b: list[int]) -> int:
    couples = combinations(range(len(a)), 2)
    return sum(int(np.sign(a[p] - a[q]) * np.sign(b[p] - b[q])) for p, q in couples)


def untied(a: list[int]) -> int:
    return sum(x != y for x, y in combinations(a, 2))


@settings(max_examples=60, deadline=None)
@given(VECTORS, VECTORS)
def test_they_count_couples(a: list[int], b: list[int]) -> None:
    expected = agreements(a, b)
    # Whole numbers over whole numbers: exact, ties and all.
    assert tau_a(np.array(a), np.array(b)) == expected / 36
    lengths = np.sqrt(untied(a) * untied(b))
    assert tau_b(np.array(a), np.array(b)) == pytest.approx(expected / lengths, abs=1e-15)


def test_many_values_are_still_counted_exactly() -> None:
    # One couple of neighbours changes places among 40,000: one couple of 799,980,000 disagrees.
    values = np.arange(40_000.0)
    swapped = values.copy()
    swapped[[70, 71]] = swapped[[71, 70]]
    n_couples = 40_000 * 39_999 // 2
    assert tau_a(values, swapped) == (n_couples - 2) / n_couples


def test_a_constant_vector() -> None:
    assert tau_a(np.ones(5), np.arange(5.0)) == 0
    with pytest.raises(ValueError, match="undefined: every dissimilarity of a vector is the same"):
        tau_b(np.ones(5), np.arange(5.0))
