from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.responses import Responses
from neurospyke.storage import write_arrays


def make(n_trials: int = 4, n_units: int = 3, n_times: int = 2, **changes: Any) -> Responses:
    """Counts 0, 1, 2, ... in order; stimuli a, b, a, b, ..."""
    arguments: dict[str, Any] = {
        "values": np.arange(n_trials * n_units * n_times).reshape(n_trials, n_units, n_times),
        "trials": pd.DataFrame({"stimulus": ["ab"[trial % 2] for trial in range(n_trials)]}),
        "units": pd.DataFrame({"unit": np.arange(n_units), "area": "V4"}),
        "edges": np.linspace(0, 0.1 * n_times, n_times + 1),
    }
    return Responses(**(arguments | changes))


def test_the_repr_tells_what_is_inside() -> None:
    assert repr(make(source="session 1")) == (
        "Responses(4 trials of 2 stimuli, 3 units (area V4), 2 bins over [0, 0.2) s, count, "
        "from session 1)"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.zeros((4, 3))}, r"must be \(trial, unit, time\)"),
        ({"values": np.zeros((4, 0, 2))}, "none of them empty"),
        ({"values": np.full((4, 3, 2), np.nan)}, "trial 0 has 6 NaN"),
        ({"values": np.where(np.arange(24).reshape(4, 3, 2) == 7, np.inf, 0.0)}, "trial 1 has 1"),
        ({"trials": pd.DataFrame({"stimulus": ["a"]})}, "`trials` must have 4 rows"),
        ({"trials": pd.DataFrame({"image": list("abcd")})}, r"\['stimulus'\] missing"),
        ({"trials": pd.DataFrame({"stimulus": ["a", "b", None, "d"]})}, "got .* in row 2"),
        ({"units": pd.DataFrame({"unit": [0, 1, 1]})}, "1 are repeated"),
        ({"units": pd.DataFrame({"unit": [0, 1]})}, "`units` must have 3 rows"),
        ({"edges": [0.0, 0.1]}, r"`edges` must be \(3,\)"),
        ({"edges": [0.0, 0.2, 0.1]}, "ascending"),
        ({"measure": "volts"}, "`measure` must be one of"),
        ({"time_unit": "ms"}, "`time_unit` must be one of"),
    ],
)
def test_wrong_input_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize("values", [[[[1]]], np.array([[["x"]]]), np.array([[[1j]]])])
def test_values_of_the_wrong_type_are_refused(values: object) -> None:
    with pytest.raises(TypeError, match="numpy array of real numbers"):
        make(values=values)


def test_units_may_share_a_number_in_different_sessions() -> None:
    units = pd.DataFrame({"unit": [0, 0, 1], "session": ["x", "y", "y"]})
    assert make(units=units).n_units == 3


def test_nothing_inside_can_be_written_to() -> None:
    responses = make()
    with pytest.raises(ValueError, match="read-only"):
        responses.values[0, 0, 0] = 1
    with pytest.raises(AttributeError):
        responses.source = "elsewhere"  # pyright: ignore[reportAttributeAccessIssue]


def test_average_is_the_mean_of_each_stimulus_in_order_of_appearance() -> None:
    trials = pd.DataFrame(
        {"stimulus": list("bab"), "object": ["car", "face", "car"], "run": [1, 1, 2]}
    )
    averaged = make(3, trials=trials).average()
    assert averaged.stimuli == ("b", "a")
    np.testing.assert_array_equal(averaged.values[0], [[6, 7], [8, 9], [10, 11]])
    np.testing.assert_array_equal(averaged.values[1], [[6, 7], [8, 9], [10, 11]])
    assert averaged.trials.to_dict("list") == {
        "stimulus": ["b", "a"],
        "object": ["car", "face"],
        "n_trials": [2, 1],
    }


def test_means_of_single_precision_lose_no_small_numbers() -> None:
    values = np.ones((101, 1, 1), dtype=np.float32)
    values[0] = 2**24  # a running sum in single precision would not feel the ones
    averaged = make(101, 1, 1, values=values, trials=pd.DataFrame({"stimulus": ["a"] * 101}))
    mean = averaged.average().values
    assert mean.dtype == np.float32
    assert mean.item() == np.float32((2**24 + 100) / 101)


def test_average_by_another_column_names_it_the_stimulus() -> None:
    trials = pd.DataFrame({"stimulus": list("abcd"), "object": ["car", "face", "car", "face"]})
    averaged = make(trials=trials).average("object")
    assert averaged.stimuli == ("car", "face")
    with pytest.raises(ValueError, match="`by` must be one of"):
        make().average("object")


def test_small_counts_do_not_overflow_when_averaged_or_summed() -> None:
    values = np.full((300, 1, 4), 200, dtype=np.uint8)
    trials = pd.DataFrame({"stimulus": ["a"] * 300})
    responses = make(300, 1, 4, values=values, trials=trials)
    assert responses.average().values.max() == 200.0
    assert responses.sum_over_time().values.max() == 800


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 9))
def test_averaging_equals_a_loop_and_ignores_trial_order(
    n_trials: int, n_units: int, n_times: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    responses = make(
        n_trials,
        n_units,
        n_times,
        values=rng.integers(0, 9, (n_trials, n_units, n_times)),
        trials=pd.DataFrame({"stimulus": rng.choice(list("abc"), n_trials)}),
    )
    order = rng.permutation(n_trials)
    averaged, shuffled = responses.average(), responses.where(trials=order).average()
    for stimulus in responses.stimuli:
        rows = (responses.trials["stimulus"] == stimulus).to_numpy()
        expected = responses.values[rows].mean(axis=0)
        for one in (averaged, shuffled):
            np.testing.assert_allclose(one.values[one.stimuli.index(stimulus)], expected)


def test_where_keeps_labels_with_values() -> None:
    part = make().where(trials="stimulus == 'b'", units=[2, 0], time=(0.1, 0.2))
    assert part.shape == (2, 2, 1)
    assert list(part.units["unit"]) == [2, 0]
    assert list(part.trials["stimulus"]) == ["b", "b"]
    np.testing.assert_array_equal(part.values[:, :, 0], [[11, 7], [23, 19]])
    np.testing.assert_allclose(part.edges, [0.1, 0.2])


def test_where_leaves_out_a_bin_that_is_cut() -> None:
    assert make().where(time=(0.0, 0.19)).n_times == 1
    with pytest.raises(ValueError, match="at least one bin"):
        make().where(time=(0.05, 0.12))


def test_sums_over_time() -> None:
    counts = make().sum_over_time()
    np.testing.assert_array_equal(counts.values[0, :, 0], [1, 5, 9])
    np.testing.assert_allclose(counts.edges, [0.0, 0.2])
    uneven = make(
        values=np.array([[[10.0, 40.0]]] * 4),
        units=pd.DataFrame({"unit": [0]}),
        edges=[0.0, 0.2, 0.3],
        measure="rate",
    )
    np.testing.assert_allclose(uneven.sum_over_time().values, 20.0)
    with pytest.raises(ValueError, match="latencies"):
        make(measure="latency").sum_over_time()


def test_negative_numbers_sum_to_what_they_should() -> None:
    values = np.array([[[-1, -2]]], dtype=np.int16)
    one = make(1, 1, 2, values=values, measure="other")
    assert one.sum_over_time().values.item() == -3


def test_save_and_load_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "responses.npz"
    first = make(source="session", notes=("2 trials left out",), measure="rate", time_unit="s")
    first.save(path)
    again = Responses.load(path)
    np.testing.assert_array_equal(again.values, first.values)
    assert again.values.dtype == first.values.dtype
    np.testing.assert_array_equal(again.edges, first.edges)
    pd.testing.assert_frame_equal(again.trials, first.trials)
    pd.testing.assert_frame_equal(again.units, first.units, check_dtype=False)
    assert (again.measure, again.time_unit, again.source, again.notes) == (
        "rate",
        "s",
        "session",
        ("2 trials left out",),
    )


def test_loading_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, "RDM", {"values": np.zeros(3)}, {})
    with pytest.raises(ValueError, match="must hold Responses; it holds RDM"):
        Responses.load(path)


def test_counts_with_missing_repetitions_become_trials() -> None:
    counts = np.array([[[1, 2], [3, 9]], [[4, 5], [6, 9]]], dtype=np.uint8)
    responses = Responses.from_counts(counts, stimuli=["x", "y"], missing=9, window=(0.05, 0.15))
    assert responses.trials.to_dict("list") == {
        "stimulus": ["x", "x", "y"],
        "repetition": [0, 1, 0],
    }
    np.testing.assert_array_equal(responses.values[:, :, 0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_allclose(responses.edges, [0.05, 0.15])


@pytest.mark.parametrize(
    ("counts", "missing", "message"),
    [
        (np.zeros((2, 3, 4)), None, "`stimuli` must label 3 stimuli; got 2"),
        (np.zeros((3, 4)), None, "`stimuli` must label 3 trials; got 2"),
        (np.zeros(4), None, "`counts` must be"),
        (np.zeros((2, 4)), 9, "`counts` must be"),
        (np.array([[[0, 1], [1, 1]], [[9, 1], [1, 1]]]), 9, "1 are missing for some only"),
    ],
)
def test_wrong_counts_are_refused(counts: np.ndarray, missing: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Responses.from_counts(counts, stimuli=["x", "y"], missing=missing)


def test_units_are_grouped_and_the_unknown_said() -> None:
    units = pd.DataFrame({"unit": [0, 1, 2, 3], "area": ["V4", "unknown", "V4", "IT"]})
    counts = np.array([[2, 0, 1, 5], [1, 3, 0, 4]])
    made = Responses.from_counts(counts, stimuli=["a", "b"], units=units)
    with pytest.warns(UserWarning, match="1 of 4 units have the area 'unknown'"):
        parts = made.grouped()
    assert list(parts) == ["V4", "unknown", "IT"]
    np.testing.assert_array_equal(parts["V4"].values[:, :, 0], [[2, 1], [1, 0]])
    known = made.where(units="area != 'unknown'").grouped("area")
    assert [part.units["unit"].tolist() for part in known.values()] == [[0, 2], [3]]
    with pytest.raises(ValueError, match=r"column of units, \['unit', 'area'\]; got 'layer'"):
        made.grouped("layer")
    unlabelled = Responses.from_counts(
        counts, stimuli=["a", "b"], units=units.assign(depth=[1.0, 2.0, np.nan, 1.0])
    )
    with pytest.raises(ValueError, match="1 have no depth"):
        unlabelled.grouped("depth")
