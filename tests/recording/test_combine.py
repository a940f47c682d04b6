"""Several recordings as one, by hand and on units recorded one after another."""

import numpy as np
import pandas as pd
import pytest

from neurospyke.recording import Recording, concat, pseudopopulation
from neurospyke.responses import Responses
from tests.recording.test_recording import recording


def session(trains, names=("a", "b"), start=0.0, **columns) -> Recording:
    table = pd.DataFrame({"start_time": [start + 0.25], "stop_time": [start + 0.5]} | columns)
    return Recording.from_trains(
        [np.array(train) + start for train in trains],
        observed=(start, start + 1),
        units=pd.DataFrame({"unit": list(names)}),
        trials={"trials": table.assign(stimulus="face")},
        notes=("left eye",),
    )


def test_sessions_on_one_clock_keep_their_times_and_match_units_by_name():
    first = session([[0.25], [0.5]])
    second = session([[0.75], []], names=("b", "a"), start=5.0)
    both = concat({"one": first, "two": second})
    np.testing.assert_array_equal(both.unit_spikes(0), [0.25])
    np.testing.assert_array_equal(both.unit_spikes(1), [0.5, 5.75])
    np.testing.assert_array_equal(both.observed, [[0, 1], [5, 6]])
    assert both.trials["trials"]["session"].tolist() == ["one", "two"]
    assert both.trials["trials"]["start_time"].tolist() == [0.25, 5.25]
    assert both.notes == ("one: left eye", "two: left eye")
    assert both.source == "one, two"


def test_sessions_with_clocks_of_their_own_are_laid_apart_and_it_is_told():
    both = concat({"one": session([[0.25], []]), "two": session([[0.75], [1.0]])}, gap=0.5)
    np.testing.assert_array_equal(both.unit_spikes(0), [0.25, 2.25])
    np.testing.assert_array_equal(both.observed, [[0, 1], [1.5, 2.5]])
    assert both.trials["trials"]["stop_time"].tolist() == [0.5, 2.0]
    assert both.report.lines == (
        "inferred: 2 sessions laid 0.5 s apart; seconds added to their times: 0, 1.5",
    )


def test_reports_name_their_session():
    both = concat({"one": recording()})
    assert both.report.lines == ("dropped: one: 2 spikes at NaN",)
    assert both.report.count("dropped") == 2


def test_what_cannot_follow_is_refused():
    first = session([[0.25], []])
    with pytest.raises(ValueError, match=r"'two' begins at 0 s, before 'one' ends at 1 s.*gap="):
        concat({"one": first, "two": first})
    with pytest.raises(ValueError, match=r"'one' has 2 and 'two' 2, not in both: .*'a'.*'c'"):
        concat({"one": first, "two": session([[], []], names=("c", "b"), start=5.0)})
    with pytest.raises(ValueError, match="0 or more seconds; got -1"):
        concat({"one": first}, gap=-1.0)
    with pytest.raises(ValueError, match="at least one recording"):
        concat({})


def counts(values, stimuli, **settings) -> Responses:
    return Responses.from_counts(np.array(values)[:, None], stimuli=stimuli, **settings)


def test_pseudopopulation_keeps_the_least_number_of_trials_of_each_stimulus():
    a = counts([10, 11, 12, 20], ["x", "x", "x", "y"])
    b = counts([25, 26, 15, 16], ["y", "y", "x", "x"])
    both = pseudopopulation({"a": a, "b": b}, seed=1)
    assert both.trials.to_numpy().tolist() == [["x", 0], ["x", 1], ["y", 0]]
    assert set(both.values[:2, 0, 0]) < {10, 11, 12}
    assert set(both.values[:2, 1, 0]) == {15, 16}
    assert both.values[2, 0, 0] == 20
    assert both.values[2, 1, 0] in (25, 26)
    assert both.units["session"].tolist() == ["a", "b"]
    assert both.notes == (
        "a: 1 of 4 trials left out",
        "b: 1 of 4 trials left out",
        "pseudopopulation of 2 sessions, not simultaneous",
    )
    drawn = [pseudopopulation({"a": a, "b": b}, seed=seed).values for seed in range(20)]
    np.testing.assert_array_equal(drawn[1], both.values)
    assert any((each != both.values).any() for each in drawn)


def test_sessions_that_differ_make_no_pseudopopulation():
    a = counts([1, 2], ["x", "y"])
    with pytest.raises(ValueError, match=r"not in both 'a' and 'b': \['z'\]"):
        pseudopopulation({"a": a, "b": counts([1, 2, 3], ["x", "y", "z"])}, seed=0)
    with pytest.raises(ValueError, match="same bins and measure"):
        pseudopopulation({"a": a, "b": counts([1, 2], ["x", "y"], window=(0, 2))}, seed=0)
    with pytest.raises(ValueError, match="at least one session"):
        pseudopopulation({}, seed=0)


def test_units_recorded_one_after_another(shared_data):
    """Counts of each object and unit add up to those of the raw spikes, trial for trial."""
    data = np.load(shared_data / "it_zhang_desimone" / "it_7objects.npz")
    names = [str(name) for name in data["object_names"]]
    sessions = {}
    for unit in range(8):
        here = data["unit"] == unit
        kept = (data["time_ms"] >= 100) & (data["time_ms"] < 300) & here
        n_trials = int(data["n_trials"][unit])
        per_trial = np.bincount(data["trial"][kept], minlength=n_trials)[:n_trials]
        labels = [
            names[code - data["object_id"].min()] for code in data["object_id"][unit, :n_trials]
        ]
        sessions[f"unit{unit}"] = counts(per_trial, labels)
    together = pseudopopulation(sessions, seed=0)
    assert (together.n_units, len(together.stimuli)) == (8, 7)
    for unit, (name, alone) in enumerate(sessions.items()):
        for label in together.stimuli:
            mine = together.where(trials=(together.trials["stimulus"] == label).to_numpy())
            all_of_it = alone.values[(alone.trials["stimulus"] == label).to_numpy(), 0, 0]
            drawn = mine.values[:, unit, 0].tolist()
            pool = all_of_it.tolist()
            for value in drawn:
                pool.remove(value)
            assert len(drawn) <= len(all_of_it), name


@pytest.mark.parametrize("combine", [concat, lambda parts: pseudopopulation(parts, seed=0)])
def test_parts_without_names_are_refused(combine):
    with pytest.raises(TypeError, match=r"must map names of sessions to them.*got list"):
        combine([])
