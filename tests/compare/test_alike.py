"""Model and brain get the same answers for the same spikes, in whatever order units come."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import (
    bits_per_spike,
    correlograms,
    count_correlations,
    dimensionality,
    fano_factors,
    instantaneous_rates,
    interval_statistics,
    mutual_information,
    psth,
    response_latencies,
    sparseness,
    sttc_table,
)
from neurospyke.recording import simulated_recording
from neurospyke.responses import Responses

STEP = 0.001
N_STEPS = 60
STATISTICS: dict[str, Callable[[Responses], pd.DataFrame]] = {
    "fano_factors": fano_factors,
    "psth": psth,
    "count_correlations": count_correlations,
    "sparseness": lambda responses: sparseness(responses, n_samples=20, seed=0),
    "bits_per_spike": bits_per_spike,
    "mutual_information": lambda responses: mutual_information(responses, n_shuffles=9, seed=0),
    "dimensionality": lambda responses: dimensionality(responses, n_draws=4, seed=0),
    "response_latencies": lambda responses: response_latencies(responses, n_samples=20, seed=0),
    "interval_statistics": lambda responses: interval_statistics(responses, refractory=0.0),
    "sttc_table": lambda responses: sttc_table(responses, 3 * float(np.diff(responses.edges)[0])),
}
# which columns have a time, or one over a time
SCALES = {
    "psth": {"rate": 1 / STEP, "low": 1 / STEP, "high": 1 / STEP, "time": STEP},
    "response_latencies": dict.fromkeys(["value", "low", "high"], STEP),
}


def model_of(seed: int, n_units: int = 4) -> Responses:
    generator = np.random.default_rng(seed)
    drive = 0.01 + 0.15 * generator.random((5, n_units, 1)) * (np.arange(N_STEPS) > 20)
    values = generator.random((20, n_units, N_STEPS)) < np.tile(drive, (4, 1, 1))
    return Responses(
        values.astype(np.uint8),
        pd.DataFrame({"stimulus": [f"s{n % 5}" for n in range(20)]}),
        pd.DataFrame({"unit": range(n_units)}),
        np.arange(N_STEPS + 1.0),
        measure="spike",
        time_unit="step",
    )


@pytest.mark.parametrize("name", STATISTICS)
def test_the_same_spikes_give_the_same_answer(name: str) -> None:
    model = model_of(0)
    brain = simulated_recording(model, step=STEP).align("trials", (0.0, N_STEPS * STEP), STEP)
    ours, theirs = STATISTICS[name](model), STATISTICS[name](brain)
    assert list(ours.columns) == list(theirs.columns)
    assert {"n", "status", "low", "high"} <= set(ours.columns)
    scales: dict[str, float] = SCALES.get(name, {})
    for column in ours:
        one, two = ours[column].to_numpy(), theirs[column].to_numpy()
        if one.dtype.kind != "f":
            assert list(one) == list(two), column
            continue
        scale: Any = scales.get(str(column), 1.0)
        if name == "interval_statistics":
            measure = ours["measure"]
            scale = np.where(measure == "rate", 1 / STEP, np.where(measure == "mean_isi", STEP, 1))
        np.testing.assert_allclose(one * scale, two, rtol=1e-6, atol=1e-9, err_msg=str(column))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 999), st.permutations(range(4)))
@pytest.mark.parametrize(
    "name", ["fano_factors", "bits_per_spike", "interval_statistics", "response_latencies"]
)
def test_the_order_of_units_changes_nothing(name: str, seed: int, order: list[int]) -> None:
    model = model_of(seed)
    ours = STATISTICS[name](model)
    theirs = STATISTICS[name](model.where(units=order))
    keys = ["unit"] + (["measure"] if "measure" in ours else [])
    theirs = theirs.set_index(keys).loc[ours.set_index(keys).index].reset_index()
    pd.testing.assert_frame_equal(theirs[ours.columns], ours, rtol=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 999), st.permutations(range(4)))
def test_the_order_of_units_changes_no_correlogram(seed: int, order: list[int]) -> None:
    model = model_of(seed)
    moved = model.where(units=order)
    expected = correlograms(model, 1.0, 9.0)[np.ix_(order, order)]
    np.testing.assert_array_equal(correlograms(moved, 1.0, 9.0), expected)
    one, two = (instantaneous_rates(each, width=3.0).values for each in (model, moved))
    np.testing.assert_allclose(two, one[:, order], atol=1e-12)
    pairs = count_correlations(model)
    again = count_correlations(moved)
    assert pairs["value"].mean() == pytest.approx(again["value"].mean(), nan_ok=True)


def test_where_the_clock_stands_changes_nothing() -> None:
    recording = simulated_recording(model_of(1), step=STEP)
    later = replace(
        recording,
        spike_times=recording.spike_times + 86_400.0,
        observed=recording.observed + 86_400.0,
        trials={},
    )
    one, two = interval_statistics(recording), interval_statistics(later)
    np.testing.assert_allclose(two["value"], one["value"], rtol=1e-6)
    assert sttc_table(recording)["sttc"].to_numpy() == pytest.approx(
        sttc_table(later)["sttc"].to_numpy(), abs=1e-8
    )
