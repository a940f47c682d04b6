from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from neurospyke.compare import RDM, partial_rsa, partition_variance, permutations, weighted
from neurospyke.compare.inference import false_discovery_rate
from neurospyke.compare.resample import spawn_seeds


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


def partial_correlation(own: np.ndarray, other: np.ndarray, data: np.ndarray) -> float:
    return np.corrcoef(residual(own, other), residual(data, other))[0, 1]


def test_of_several_subjects_it_is_the_mean() -> None:
    models, first, (a, b, data) = sides()
    _, second, (_, _, other) = sides(7)
    brains = [first, second]
    table = partial_rsa(models, brains, comparator="pearson", n_permutations=9, seed=0)
    expected = [
        np.mean([partial_correlation(own, rest, each) for each in (data, other)])
        for own, rest in ((a, b), (b, a))
    ]
    np.testing.assert_allclose(table["partial"], expected, atol=1e-9)
    alone = [np.mean([np.corrcoef(own, each)[0, 1] for each in (data, other)]) for own in (a, b)]
    np.testing.assert_allclose(table["score"], alone, atol=1e-12)
    shares = [partition_variance(models, each)["share"] for each in (first, second, brains)]
    np.testing.assert_allclose(shares[2], (shares[0] + shares[1]) / 2, atol=1e-12)
    assert np.abs(shares[0] - shares[1]).max() > 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_p_permutes_the_stimuli_of_the_brain(seed: int) -> None:
    generator = np.random.default_rng(5)
    a, b, noise = generator.normal(size=(3, 45))
    data = 0.2 * a - 0.3 * b + noise
    models = {"a": rdm(a), "b": rdm(b)}
    table = partial_rsa(models, rdm(data), comparator="pearson", n_permutations=59, seed=seed)
    upper = np.triu_indices(10, 1)
    chance = [
        [
            partial_correlation(own, rest, squareform(data)[np.ix_(order, order)][upper])
            for own, rest in ((a, b), (b, a))
        ]
        for order in permutations(10, 59, spawn_seeds(seed, 1)[0])
    ]
    expected = (1 + (np.array(chance) >= table["partial"].to_numpy()).sum(axis=0)) / 60
    np.testing.assert_allclose(table["p"], expected, rtol=1e-12)
    assert table["p"].max() > 0.7  # lower than chance counts for nothing
    np.testing.assert_allclose(table["p_fdr"], false_discovery_rate(table["p"]), rtol=1e-12)


def test_spearman_is_pearson_of_ranks() -> None:
    models, _, (a, b, data) = sides()
    brain = rdm(np.exp(3 * data))  # ranks stay
    ranked = {"a": rdm(rankdata(a)), "b": rdm(rankdata(b))}
    choices: dict[str, Any] = {"n_permutations": 9, "seed": 0}
    found = partial_rsa(models, brain, **choices)
    expected = partial_rsa(ranked, rdm(rankdata(data)), comparator="pearson", **choices)
    np.testing.assert_allclose(found["partial"], expected["partial"], atol=1e-9)


def test_labels_that_one_side_lacks_can_be_left_out() -> None:
    models, brain, _ = sides()
    few = brain.select([f"s{row}" for row in range(15)])
    kept = {name: each.select(few.conditions) for name, each in models.items()}
    choices: dict[str, Any] = {"n_permutations": 9, "seed": 0}
    with pytest.raises(ValueError, match="missing='drop'"):
        partial_rsa(models, few, **choices)
    found = partial_rsa(models, few, missing="drop", **choices)
    np.testing.assert_array_equal(found["partial"], partial_rsa(kept, few, **choices)["partial"])
    shares = partition_variance(models, few, missing="drop")["share"]
    np.testing.assert_array_equal(shares, partition_variance(kept, few)["share"])


def test_wrong_input_is_refused() -> None:
    models, brain, _ = sides()
    with pytest.raises(ValueError, match="`n_permutations` must be at least 1; got 0"):
        partial_rsa(models, brain, n_permutations=0, seed=0)
    many = {str(n): rdm(np.random.default_rng(n).normal(size=190)) for n in range(7)}
    with pytest.raises(ValueError, match="`models` must be at most 6; got 7"):
        partition_variance(many, brain)
    with pytest.raises(ValueError, match="determine each other"):
        partition_variance(models | {"c": models["a"]}, brain)
    with pytest.raises(ValueError, match="`comparator` must be one of"):
        partial_rsa(models, brain, comparator="cosine", seed=0)
    with pytest.raises(ValueError, match="`models` must be at least 2"):
        partial_rsa({"a": models["a"]}, brain, seed=0)
    with pytest.raises(ValueError, match="parts of a flexible model"):
        partial_rsa(models | {"w": weighted(*models.values())}, brain, seed=0)  # pyright: ignore[reportArgumentType]
