from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.selectivity import (
    d_prime,
    discriminability,
    orientation_selectivity,
    preference_ratio,
    roc_area,
    sparseness,
    treves_rolls,
    tuning_selectivity,
    vinje_gallant,
)
from neurospyke.responses import Responses

ANGLES = np.arange(8) * 45.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=9), st.integers(1, 5), st.randoms())
def test_sparseness_knows_neither_scale_nor_order(
    rates: list[int], scale: int, random: object
) -> None:
    values = np.array(rates, dtype=float)
    shuffled = list(rates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for convention in (treves_rolls, vinje_gallant):
        found = convention(values)
        np.testing.assert_allclose(convention(scale * np.array(shuffled, float)), found, atol=1e-12)
        assert np.isnan(found) == (values.sum() == 0)
    if values.sum():
        assert 1 / len(rates) - 1e-12 <= treves_rolls(values) <= 1 + 1e-12


def test_both_kinds_of_sparseness_by_hand() -> None:
    counts = np.array([[4, 0, 0], [0, 2, 0]])
    responses = Responses.from_counts(counts, stimuli=["a", "b"])
    lifetime: Any = sparseness(responses, seed=0)
    assert lifetime["value"].tolist()[:2] == [0.5, 0.5]
    assert lifetime["status"].tolist()[:3] == ["ok", "ok", "no_response"]
    assert np.isnan(lifetime["value"][2])
    population: Any = sparseness(responses, over="units", seed=0)
    assert population["value"].tolist() == pytest.approx([1 / 3, 1 / 3, 1, 1])
    assert population["n"].unique().tolist() == [3]
    assert set(population["convention"]) == {"treves_rolls", "vinje_gallant"}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_the_roc_area_counts_couples(first: list[int], second: list[int]) -> None:
    one, two = np.array(first, float), np.array(second, float)
    couples = (one[:, None] > two) + 0.5 * (one[:, None] == two)
    assert roc_area(one, two) == pytest.approx(couples.mean(), abs=1e-12)
    assert roc_area(two, one) == pytest.approx(1 - couples.mean(), abs=1e-12)


def test_roc_area_and_d_prime_agree_for_gaussians() -> None:
    from scipy.stats import norm

    generator = np.random.default_rng(0)
    one, two = generator.normal(1.2, 1, 4000), generator.normal(0, 1, 4000)
    assert d_prime(one, two) == pytest.approx(1.2, abs=0.06)
    assert roc_area(one, two) == pytest.approx(norm.cdf(1.2 / np.sqrt(2)), abs=0.015)


def test_discriminability_of_nothing_is_null_as_often_as_stated() -> None:
    values = np.random.default_rng(1).poisson(6.0, (80, 200))
    responses = Responses.from_counts(values, stimuli=["a", "b"] * 40)
    table: Any = discriminability(responses, "a", "b", n_samples=300, seed=0)
    for measure, null in (("d_prime", 0.0), ("roc_area", 0.5)):
        part = table[table["measure"] == measure]
        covered = ((part["low"] <= null) & (part["high"] >= null)).mean()
        assert 0.9 < covered < 0.985, measure


def test_a_model_without_noise_says_so() -> None:
    responses = Responses.from_counts(np.array([[3, 1], [1, 1]] * 2), stimuli=["a", "b"] * 2)
    table: Any = discriminability(responses, "a", "b", n_samples=5, seed=0)
    assert set(table["status"]) == {"deterministic"}
    assert np.isposinf(table["value"][0])
    assert np.isnan(table["value"][1])
    assert table["value"][2:].tolist() == [1.0, 0.5]
    short: Any = discriminability(responses.where(trials=[0, 1]), "a", "b", n_samples=5, seed=0)
    assert set(short["status"]) == {"n_trials<2"}
    with pytest.raises(ValueError, match="`second`"):
        discriminability(responses, "a", "c", seed=0)


def test_tuning_by_hand() -> None:
    # 1 + cos(2 θ) has the vector 1 / 2 and no direction; 1 + cos(θ) the reverse.
    oriented = 1 + np.cos(2 * np.radians(ANGLES))
    directed = 1 + np.cos(np.radians(ANGLES))
    for rates, orientation, direction in ((oriented, 0.5, 0.0), (directed, 0.0, 0.5)):
        assert orientation_selectivity(rates, ANGLES, cycle=180) == pytest.approx(orientation)
        assert orientation_selectivity(rates, ANGLES, cycle=360) == pytest.approx(direction)
    assert preference_ratio(oriented, ANGLES, cycle=180) == pytest.approx(1)
    assert preference_ratio(oriented, ANGLES, cycle=360) == pytest.approx(0)
    assert preference_ratio(directed, ANGLES, cycle=360) == pytest.approx(1)
    assert np.isnan(preference_ratio(np.zeros(8), ANGLES, cycle=360))
    with pytest.raises(ValueError, match="opposite"):
        preference_ratio(np.ones(3), [0, 60, 120], cycle=360)
    with pytest.raises(ValueError, match="`cycle`"):
        orientation_selectivity(oriented, ANGLES, cycle=90)


def test_tuning_of_units_has_intervals() -> None:
    generator = np.random.default_rng(0)
    degrees = np.tile(ANGLES, 30)
    drive = 10 * np.exp(2 * (np.cos(2 * np.radians(degrees - 45)) - 1))
    values = np.stack([generator.poisson(drive), 0 * degrees], axis=1).astype(int)
    responses = Responses.from_counts(values, stimuli=[f"{angle:g}" for angle in degrees])
    responses = replace(responses, trials=responses.trials.assign(direction=degrees))
    table: Any = tuning_selectivity(responses, "direction", n_samples=100, seed=0)
    rows: Any = table.set_index(["measure", "unit"])
    expected = float(orientation_selectivity(drive[:8], ANGLES, cycle=180))
    first = rows.loc[("orientation_vector", 0)]
    assert first["low"] <= expected <= first["high"]
    assert first["high"] - first["low"] < 0.2
    assert set(rows.xs(1, level="unit")["status"]) == {"no_response"}
    with pytest.raises(ValueError, match="`angles`"):
        tuning_selectivity(responses, "orientation", seed=0)
