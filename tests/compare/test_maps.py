from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial.distance import squareform

from neurospyke.compare import (
    RDM,
    correlation_rdm,
    euclidean_rdm,
    permutations,
    rdm_movie,
    rsa_map,
    split_half_ceiling,
    subject_ceiling,
)
from neurospyke.compare.cluster import cluster_p_values
from neurospyke.compare.comparators import COMPARATORS
from neurospyke.compare.resample import spawn_seeds
from neurospyke.responses import Responses


def timed(values: np.ndarray, n_trials: int = 1) -> Responses:
    """(stimulus, unit, time) responses, each stimulus some times."""
    values = np.repeat(values, n_trials, axis=0)
    names = np.repeat([f"s{n}" for n in range(len(values) // n_trials)], n_trials)
    return Responses(
        values,
        pd.DataFrame({"stimulus": names}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.arange(values.shape[2] + 1) / 10,
        measure="rate",
    )


def test_masses_of_clusters_by_hand() -> None:
    # Excesses of 1 and 2 touch in time; that of 3 is alone, in another row.
    observed = np.array([[2.0, 3.0, 0.0], [0.0, 0.0, 4.0]])
    null = np.array([np.zeros((2, 3)), [[3.5, 0, 0], [0, 0, 0]], [[6.0, 0, 0], [0, 0, 0]]])
    apart = cluster_p_values(observed, null, 1.0, 1)
    np.testing.assert_allclose(apart, [[0.5, 0.5, 1], [1, 1, 0.5]])
    observed[1] = [0, 4.0, 0]
    joined = cluster_p_values(observed, null, 1.0, 2)
    np.testing.assert_allclose(joined, [[0.25, 0.25, 1], [1, 0.25, 1]])


def test_cells_are_where_they_belong() -> None:
    generator = np.random.default_rng(0)
    layers = {name: timed(generator.normal(size=(12, 6, n))) for name, n in (("a", 2), ("b", 1))}
    areas = {name: timed(generator.normal(size=(12, 6, 3)), 4) for name in ("V4", "IT")}
    table = rsa_map(layers, areas, n_permutations=30, n_splits=2, seed=0)
    assert len(table) == 3 * 2 * 3
    (row,) = table.query("layer == 'a' and step == 1 and area == 'IT' and time_start == 0.1").index
    step = layers["a"].where(time=(0.1, 0.2))
    window = areas["IT"].where(time=(0.1, 0.2))
    expected = COMPARATORS["spearman"](correlation_rdm(step).values, correlation_rdm(window).values)
    assert table["score"][row] == pytest.approx(expected, abs=1e-12)
    assert split_half_ceiling(window, n_splits=2, seed=0) is not None
    assert np.isfinite(table["ceiling_low"][row])


@pytest.mark.parametrize("comparator", ["cosine", "pearson", "rho_a"])
def test_cells_hold_the_mean_over_subjects_and_their_agreement(comparator: str) -> None:
    generator = np.random.default_rng(3)
    layers = {name: timed(generator.normal(size=(9, 6, n))) for name, n in (("a", 2), ("b", 1))}
    signal = generator.normal(size=(9, 6, 3))
    subjects = [timed(signal + generator.normal(size=(9, 6, 3))) for _ in range(3)]
    choices: Any = {"dissimilarity": "euclidean", "comparator": comparator, "seed": 0}
    table = rsa_map(layers, {"IT": subjects}, n_permutations=20, **choices)
    compare = COMPARATORS[comparator]
    for row, cell in table.iterrows():
        bins = [rdm_movie(subject)[int(row) % 3] for subject in subjects]  # type: ignore[arg-type]
        own = rdm_movie(layers[cell["layer"]])[cell["step"]]
        expected = np.mean([compare(own.values, rdm.values) for rdm in bins])
        assert cell["score"] == pytest.approx(expected, abs=1e-12)
        ceiling = cell["ceiling_low"], cell["ceiling_high"]
        assert ceiling == pytest.approx(subject_ceiling(bins, comparator), abs=1e-12)


@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_the_ceiling_of_one_subject_is_that_of_its_trials(comparator: str) -> None:
    generator = np.random.default_rng(4)
    brain = timed(generator.normal(size=(8, 6, 2)), 6)
    brain = Responses(
        brain.values + 0.3 * generator.normal(size=brain.shape),
        brain.trials,
        brain.units,
        brain.edges,
        measure="rate",
    )
    layer = timed(generator.normal(size=(8, 6, 1)))
    choices: Any = {"dissimilarity": "euclidean", "comparator": comparator, "n_splits": 3}
    table = rsa_map({"a": layer}, {"V4": brain}, n_permutations=20, seed=5, **choices)
    for row, window in enumerate([(0, 0.1), (0.1, 0.2)]):
        expected = split_half_ceiling(
            brain.where(time=window), **choices, seed=spawn_seeds(5, 2)[1]
        )
        assert tuple(table.loc[row, ["ceiling_low", "ceiling_high"]]) == expected


@pytest.mark.parametrize(("seed", "threshold_p"), [(0, 0.2), (1, 0.2), (0, 0.4)])
def test_p_values_are_those_of_permuted_stimuli(seed: int, threshold_p: float) -> None:
    # Of 5 stimuli many permutations come again, and tie with what is observed.
    generator = np.random.default_rng(6)
    sizes = {"a": 2, "b": 1, "c": 1}
    layers = {name: timed(generator.normal(size=(5, 6, n))) for name, n in sizes.items()}
    areas = {name: timed(generator.normal(size=(5, 6, 4))) for name in ("V4", "IT")}
    choices: Any = {"n_permutations": 150, "threshold_p": threshold_p, "seed": seed}
    table = rsa_map(layers, areas, dissimilarity="euclidean", **choices)
    steps = [rdm.values for side in layers.values() for rdm in rdm_movie(side)]
    bins = [[rdm.values for rdm in rdm_movie(side)] for side in areas.values()]
    upper = np.triu_indices(5, 1)
    orders = [np.arange(5), *permutations(5, 150, spawn_seeds(seed, 2)[0])]
    every = np.array(
        [
            [
                [[COMPARATORS["spearman"](moved, each) for each in area] for area in bins]
                for moved in (squareform(step)[np.ix_(order, order)][upper] for step in steps)
            ]
            for order in orders
        ]
    )
    observed = every[0]
    np.testing.assert_allclose(table["score"], observed.ravel(), rtol=0, atol=1e-12)
    expected = (every >= observed - 1e-9).sum(axis=0) / 151
    np.testing.assert_allclose(table["p"], expected.ravel(), rtol=1e-12)
    excess = every - np.quantile(every, 1 - threshold_p, axis=0)
    excess[excess < 1e-9] = 0
    excess /= every.std(axis=0)
    largest = np.array([max(each[1].max() for each in blocks(row)) for row in excess])
    corrected = np.ones_like(observed)
    for (place, area), (labels, masses) in zip(BLOCKS, blocks(excess[0]), strict=True):
        p = (largest >= masses[:, None] - 1e-9).sum(axis=1) / 151
        corrected[place, area] = np.where(labels > 0, p[labels], 1)
    np.testing.assert_allclose(table["p_cluster"], corrected.ravel(), rtol=1e-12)
    assert 1 < len(np.unique(corrected)) < observed.size


BLOCKS = [(place, area) for area in range(2) for place in (slice(0, 2), slice(2, 3), slice(3, 4))]


def blocks(excess: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(step, area, bin) excess as clusters of each layer and area: their numbers and masses."""
    found = []
    for place, area in BLOCKS:
        labels, n = ndimage.label(excess[place, area] > 0)  # type: ignore[misc]
        masses = np.bincount(labels.ravel(), excess[place, area].ravel(), n + 1)
        found.append((labels, masses))
    return found


def test_stimuli_meet_by_label_in_any_order() -> None:
    generator = np.random.default_rng(7)
    layers = {name: timed(generator.normal(size=(8, 6, 2))) for name in "ab"}
    areas = {name: timed(generator.normal(size=(8, 6, 3))) for name in ("V4", "IT")}
    expected = rsa_map(layers, areas, n_permutations=20, seed=0)
    order = generator.permutation(8)
    layers["b"] = layers["b"].where(trials=order)
    areas["IT"] = areas["IT"].where(trials=order[::-1])
    pd.testing.assert_frame_equal(rsa_map(layers, areas, n_permutations=20, seed=0), expected)


def test_where_no_permutation_matters_nothing_stands_out() -> None:
    equal = timed(3 * np.eye(6)[:, :, None])  # all stimuli are equally far apart
    assert np.ptp(euclidean_rdm(equal).values) == 0
    layers = {str(n): timed(np.random.default_rng(n).normal(size=(6, 5, 1))) for n in range(6)}
    choices: Any = {"dissimilarity": "euclidean", "comparator": "cosine", "n_permutations": 40}
    for models, brain in (({"same": equal}, layers["0"]), (layers, equal)):
        table = rsa_map(models, {"IT": brain}, seed=0, **choices)
        assert (table[["p", "p_cluster"]] == 1).all(axis=None)


def test_what_is_there_is_found_where_and_when_it_is() -> None:
    generator = np.random.default_rng(1)
    signal = generator.normal(size=(24, 10))
    brain = generator.normal(size=(24, 10, 6))
    brain[:, :, 2:4] += 2 * signal[:, :, None]
    layers = {"early": timed(generator.normal(size=(24, 10, 1))), "late": timed(signal[:, :, None])}
    table = rsa_map(layers, {"IT": timed(brain)}, n_permutations=199, seed=0)
    found = table[table["p_cluster"] <= 0.05]
    assert set(found["layer"]) == {"late"}
    assert {0.2, 0.3} <= set(found["time_start"].round(6))
    assert np.isnan(table["ceiling_low"]).all()  # one trial each
    subjects = rsa_map(layers, {"IT": [timed(brain)] * 2}, n_permutations=20, seed=0)
    np.testing.assert_allclose(subjects["score"], table["score"], atol=1e-12)
    np.testing.assert_allclose(subjects["ceiling_low"], 1.0, atol=1e-9)


def test_the_family_wise_error_is_held() -> None:
    # Smooth noise in time; nothing is there. Uncorrected, nearly every map has a cell below 0.05.
    generator = np.random.default_rng(2)
    any_cell, any_cluster = 0, 0
    for number in range(150):
        noise = generator.normal(size=(12, 8, 12))
        smooth = timed(noise[:, :, 2:] + noise[:, :, 1:-1] + noise[:, :, :-2])
        layers = {name: timed(generator.normal(size=(12, 8, 1))) for name in "abc"}
        table = rsa_map(layers, {"IT": smooth}, n_permutations=39, seed=number)
        any_cell += (table["p"] <= 0.05).any()
        any_cluster += (table["p_cluster"] <= 0.05).any()
    assert any_cell > 75
    assert any_cluster <= 14


def test_wrong_input_is_refused() -> None:
    one, other = timed(np.ones((4, 3, 2))), timed(np.ones((4, 3, 3)))
    with pytest.raises(ValueError, match="same time bins"):
        rsa_map({"a": one}, {"V4": one, "IT": other}, seed=0)
    later = Responses(one.values, one.trials, one.units, one.edges + 0.05, measure="rate")
    with pytest.raises(ValueError, match="same time bins"):
        rsa_map({"a": one}, {"V4": one, "IT": later}, seed=0)
    with pytest.raises(ValueError, match="`n_permutations` must be at least 20"):
        rsa_map({"a": one}, {"V4": one}, n_permutations=5, seed=0)
    with pytest.raises(ValueError, match="at least one area"):
        rsa_map({"a": one}, {}, seed=0)
    with pytest.raises(ValueError, match="`layers` must hold at least one"):
        rsa_map({}, {"V4": one}, seed=0)
    area: Any = RDM(np.ones(6), tuple("abcd"), dissimilarity="any")
    with pytest.raises(TypeError, match="`areas` must hold responses"):
        rsa_map({"a": one}, {"V4": area}, seed=0)
