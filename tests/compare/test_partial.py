import numpy as np
import pytest

from neurospyke.compare import RDM, partial_rsa, partition_variance, weighted


def rdm(values: np.ndarray) -> RDM:
    n = round((1 + np.sqrt(1 + 8 * len(values))) / 2)
    return RDM(values, tuple(f"s{row}" for row in range(n)), dissimilarity="any")


def sides(seed: int = 0) -> tuple[dict[str, RDM], RDM, np.ndarray]:
    """Two models that share a part, the brain, and all of them as vectors."""
    generator = np.random.default_rng(seed)
    shared, first, second, noise = generator.normal(size=(4, 190))
    vectors = np.array([shared + first, shared + second, shared + 2 * first + noise])
    return {"a": rdm(vectors[0]), "b": rdm(vectors[1])}, rdm(vectors[2]), vectors


def residual(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    design = np.stack([np.ones(len(other)), other], axis=1)
    return values - design @ np.linalg.lstsq(design, values)[0]


def test_it_is_the_correlation_of_residuals() -> None:
    models, brain, (a, b, data) = sides()
    table = partial_rsa(models, brain, comparator="pearson", n_permutations=199, seed=0)
    expected = [
        np.corrcoef(residual(own, other), residual(data, other))[0, 1]
        for own, other in ((a, b), (b, a))
    ]
    np.testing.assert_allclose(table["partial"], expected, atol=1e-9)
    assert table["p"].tolist()[0] == 1 / 200
    assert table["p"].tolist()[1] > 0.05
    twice = partial_rsa(models, [brain, brain], comparator="pearson", n_permutations=9, seed=0)
    np.testing.assert_allclose(twice["partial"], table["partial"], atol=1e-12)


def test_shares_add_up_to_what_all_models_explain() -> None:
    models, brain, (a, b, data) = sides()
    models["c"] = rdm(np.random.default_rng(1).normal(size=190))
    table = partition_variance(models, brain)
    design = np.stack([np.ones(190), a, b, models["c"].values], axis=1)
    left = data - design @ np.linalg.lstsq(design, data)[0]
    assert table["share"].sum() == pytest.approx(1 - left.var() / data.var(), abs=1e-10)
    alone = table.set_index("models")["share"]
    without = np.delete(design, 1, axis=1)
    more = data - without @ np.linalg.lstsq(without, data)[0]
    assert alone["a"] == pytest.approx((more.var() - left.var()) / data.var(), abs=1e-10)
    assert len(alone) == 7


def test_wrong_input_is_refused() -> None:
    models, brain, _ = sides()
    with pytest.raises(ValueError, match="determine each other"):
        partition_variance(models | {"c": models["a"]}, brain)
    with pytest.raises(ValueError, match="`comparator` must be one of"):
        partial_rsa(models, brain, comparator="cosine", seed=0)
    with pytest.raises(ValueError, match="`models` must be at least 2"):
        partial_rsa({"a": models["a"]}, brain, seed=0)
    with pytest.raises(ValueError, match="parts of a flexible model"):
        partial_rsa(models | {"w": weighted(*models.values())}, brain, seed=0)  # pyright: ignore[reportArgumentType]
