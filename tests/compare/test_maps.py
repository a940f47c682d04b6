from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import RDM, correlation_rdm, rsa_map, split_half_ceiling
from neurospyke.compare.cluster import cluster_p_values
from neurospyke.compare.comparators import COMPARATORS
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
    with pytest.raises(ValueError, match="`n_permutations` must be at least 20"):
        rsa_map({"a": one}, {"V4": one}, n_permutations=5, seed=0)
    with pytest.raises(ValueError, match="at least one area"):
        rsa_map({"a": one}, {}, seed=0)
    with pytest.raises(ValueError, match="`layers` must hold at least one"):
        rsa_map({}, {"V4": one}, seed=0)
    area: Any = RDM(np.ones(6), tuple("abcd"), dissimilarity="any")
    with pytest.raises(TypeError, match="`areas` must hold responses"):
        rsa_map({"a": one}, {"V4": area}, seed=0)
