from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.timing import response_latencies
from neurospyke.responses import Responses

BIN = 0.005


def responses_of(values: np.ndarray, start: float = -0.1, width: float = BIN) -> Responses:
    return Responses(
        values,
        pd.DataFrame({"stimulus": ["a"] * len(values)}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        start + np.arange(values.shape[2] + 1) * width,
    )


def poisson(latency: float, n_units: int, gain: float, seed: int = 0) -> np.ndarray:
    times = -0.1 + (np.arange(60) + 0.5) * BIN
    rate = 10.0 + gain * (times > latency)
    return np.random.default_rng(seed).poisson(rate * BIN, (40, n_units, 60))


def test_a_step_of_rate_is_found() -> None:
    table: Any = response_latencies(responses_of(poisson(0.06, 40, 150.0)), n_samples=60, seed=0)
    part = table[(table["measure"] == "change_point") & (table["unit"] != "population")]
    assert (part["status"] == "ok").all()
    assert abs(part["value"].median() - 0.06) < BIN
    covered = ((part["low"] <= 0.0601) & (part["high"] >= 0.0599)).mean()
    assert covered > 0.85
    population: Any = table[table["unit"] == "population"].set_index("measure")
    assert population.loc["change_point", "value"] == pytest.approx(0.06, abs=1e-9)
    assert population.loc["half_maximum", "value"] == pytest.approx(0.06, abs=BIN)


def test_no_response_is_called_so_at_the_stated_rate() -> None:
    table: Any = response_latencies(responses_of(poisson(0.06, 400, 0.0)), n_samples=2, seed=0)
    part = table[table["measure"] == "change_point"]
    assert (part["status"] == "no_response").mean() >= 0.985
    assert part["value"].isna().mean() >= 0.985


def test_first_spikes_are_medians_with_silent_trials_last() -> None:
    values = np.zeros((5, 1, 20), dtype=int)
    values[:4, 0, [8, 9, 12, 12]] = np.eye(4, dtype=int)
    values[:4, 0, 12] += 30
    found: Any = response_latencies(
        responses_of(values, start=0.0, width=1.0), n_samples=20, seed=0
    )
    row: Any = found.set_index(["unit", "measure"]).loc[(0, "first_spike")]
    assert row["value"] == 12.5
    values[1:] = 0
    silent: Any = response_latencies(
        responses_of(values, start=0.0, width=1.0), n_samples=20, seed=0
    )
    row: Any = silent.set_index(["unit", "measure"]).loc[(0, "first_spike")]
    assert row["status"] == "silent_trials"
    assert np.isnan(row["value"])


def test_half_of_the_peak_is_interpolated() -> None:
    # From 0 in bin 9 to 30 in bin 10 to 60 in bin 11: half, 30, in the middle of bin 10.
    values = np.zeros((4, 1, 20), dtype=int)
    values[:, 0, 10:13] = [30, 60, 60]
    values[0, 0, 5] = 1
    table: Any = response_latencies(responses_of(values, start=0.0, width=1.0), n_samples=5, seed=0)
    row: Any = table.set_index(["unit", "measure"]).loc[(0, "half_maximum")]
    assert row["value"] == pytest.approx(10.5, abs=0.01)


def test_models_are_reported_as_what_they_are() -> None:
    values = np.zeros((3, 2, 12), dtype=int)
    values[:, 0, 8:] = 20
    values[0, 1, 2:] = 30
    values[1:, 1, 2:] = 40
    table: Any = response_latencies(responses_of(values, start=0.0, width=1.0), n_samples=5, seed=0)
    rows: Any = table.set_index(["unit", "measure"])["status"]
    assert rows[(0, "change_point")] == "deterministic"
    assert rows[(1, "change_point")] == "on_grid"


def test_bad_time_axes_are_refused() -> None:
    responses = responses_of(np.ones((2, 1, 4), dtype=int), start=0.0)
    with pytest.raises(ValueError, match="`onset`"):
        response_latencies(responses, onset=0.01, seed=0)
    latency = Responses(
        *(np.ones((1, 1, 1)), responses.trials.iloc[:1], responses.units, np.array([0.0, 2.0])),
        measure="latency",
    )
    with pytest.raises(ValueError, match="counts or spikes"):
        response_latencies(latency, seed=0)


def rows_of(values: np.ndarray, start: float = 0.0, onset: float = 0.0, n_samples: int = 5) -> Any:
    """The table by unit and measure, of bins of length 1."""
    responses = responses_of(values, start=start, width=1.0)
    table = response_latencies(responses, onset=onset, n_samples=n_samples, seed=0)
    return table.set_index(["unit", "measure"])


def test_latencies_count_from_the_onset() -> None:
    # Bins -4 to 16; spikes in the bin that starts with the onset at 2, on top of none before.
    values = np.zeros((6, 1, 20), dtype=int)
    values[:, 0, 6] = [3, 4, 3, 4, 3, 4]
    rows = rows_of(values, start=-4.0, onset=2.0)
    assert rows.loc[(0, "first_spike"), "value"] == 0.5
    assert rows.loc[(0, "half_maximum"), "value"] == 0.0
    assert rows.loc[(0, "change_point"), "value"] == 0.0
    later = rows_of(np.roll(values, 3, axis=2), start=-4.0, onset=2.0)
    assert (later["value"] - rows["value"] == 3).all()


def test_half_is_between_the_rate_before_and_the_peak() -> None:
    # 20 a bin before the onset, then 20, 40 and 60 over 4 trials: half, 40, in the middle of bin 9.
    values = np.full((4, 1, 20), 5)
    values[:, 0, 9:] = [10] + [15] * 10
    rows = rows_of(values, start=-4.0)
    assert rows.loc[(0, "half_maximum"), "value"] == pytest.approx(9.5 - 4)


def test_of_an_even_number_of_trials_the_lower_median_is_taken() -> None:
    values = np.zeros((4, 1, 20), dtype=int)
    values[np.arange(4), 0, [6, 8, 11, 13]] = 40
    assert rows_of(values).loc[(0, "first_spike"), "value"] == 8.5


def test_the_interval_of_a_median_is_that_of_its_bootstrap() -> None:
    # Of 15 trials in order the median of a sample is below the 4th or above the 12th in 2 %.
    values = np.zeros((15, 1, 40), dtype=int)
    values[np.arange(15), 0, np.arange(10, 25)] = 9
    row = rows_of(values, n_samples=2000).loc[(0, "first_spike")]
    assert row["value"] == 17.5
    assert row["low"] == pytest.approx(13.5, abs=1)
    assert row["high"] == pytest.approx(21.5, abs=1)


def test_what_no_unit_shows_the_population_can() -> None:
    # Each unit has 3 spikes in bin 10 of 20, of which the gain is 3 log 11 = 7.2; of all, 10 times
    # as much. What chance gains at most is log(2 x 20² / 0.01) = 11.3, so that 4 spikes (9.6) of a
    # unit are none, and 5 (12.0) are.
    values = np.zeros((5, 12, 20), dtype=int)
    values[:3, :10, 10] = 1
    values[:4, 10, 10] = 1
    values[:, 11, 10] = 1
    status = rows_of(values)["status"]
    assert [status[(unit, "change_point")] for unit in range(12)] == ["no_response"] * 11 + [
        "deterministic"
    ]
    assert status[("population", "change_point")] == "ok"
    alone = rows_of(values[:, :10])
    assert alone.loc[("population", "change_point"), "value"] == 10
    assert alone.loc[("population", "change_point"), "status"] == "ok"


@pytest.mark.parametrize(("place", "expected"), [(4, "on_grid"), (5, "ok"), (7, "ok")])
def test_below_five_bins_the_grid_decides(place: int, expected: str) -> None:
    values = np.zeros((6, 1, 20), dtype=int)
    values[:, 0, place:] = np.arange(20, 26)[:, None]
    assert rows_of(values).loc[(0, "change_point"), "status"] == expected
