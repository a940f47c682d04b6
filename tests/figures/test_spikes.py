from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import SpikeTrains
from neurospyke.figures import plot_psth, plot_raster, plot_side_by_side
from neurospyke.recording import simulated_recording
from neurospyke.responses import Responses

HOSTILE = "$\\frac{$ _<b>"


def responses(time_unit: str = "s", stimuli: tuple[str, ...] = ("b", "a", "b")) -> Responses:
    """Trials of b, a and b; unit 0 fires in bin 0, 1 and 3 of them, unit 1 twice in bin 2 of a."""
    values = np.zeros((3, 2, 4), dtype=int)
    values[[0, 1, 2], 0, [0, 1, 3]] = 1
    values[1, 1, 2] = 2
    return Responses(
        values,
        pd.DataFrame({"stimulus": list(stimuli)}),
        pd.DataFrame({"unit": ["x", "y"], "area": ["V4", HOSTILE]}),
        np.array([-0.2, 0.0, 0.2, 0.4, 0.6]) if time_unit == "s" else np.arange(5.0),
        time_unit=time_unit,
    )


def ticks_of(ax: Any) -> list[list[float]]:
    return np.round(ax.get_lines()[0].get_xydata(), 9).tolist()


def labels_of(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_trials_of_a_unit_are_rows_gathered_by_stimulus() -> None:
    """In the order b, b, a; spikes in the middle of their bins, on the clock of the responses."""
    ax = plot_raster(responses(), unit=0)
    assert ticks_of(ax) == [[-0.1, 0], [0.5, 1], [0.1, 2]]
    assert labels_of(ax) == ["b", "a"]
    assert list(ax.get_yticks()) == [0.5, 2.0]
    assert (ax.get_xlim(), ax.get_ylim()) == (pytest.approx((-0.2, 0.6)), (2.5, -0.5))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "trials")


def test_units_in_a_trial_are_rows_gathered_by_area() -> None:
    ax = plot_raster(responses(), trial=1)
    assert ticks_of(ax) == [[0.1, 0], [0.3, 1], [0.3, 1]]
    assert labels_of(ax) == ["V4", HOSTILE]
    ax.figure.canvas.draw()
    assert plot_raster(responses("step"), trial=0).get_xlabel() == "time (model steps)"


def test_spans_that_begin_at_different_times_count_from_their_start() -> None:
    trains = SpikeTrains.of([[0.1, 10.4], [10.3]], spans=[(0, 1), (10, 12)])
    ax = plot_raster(trains, unit=0)
    assert ticks_of(ax) == [[0.1, 0], [0.4, 1]]
    assert ax.get_xlim() == (0, 2)
    alone = plot_raster(trains, trial=1)
    assert ticks_of(alone) == [[10.4, 0], [10.3, 1]]
    assert alone.get_xlim() == (10, 12)
    assert labels_of(alone) == ["1", "2"]


def test_a_recording_is_drawn_too() -> None:
    """Four steps of 1 ms a trial, 50 ms between trials."""
    side = responses("step")
    spikes = replace(side, values=side.values.clip(0, 1), measure="spike")
    ax = plot_raster(simulated_recording(spikes), trial=0)
    times = sorted(round(time, 4) for time, _ in ticks_of(ax))
    assert times == [0.0005, 0.0555, 0.0565, 0.1115]


def test_many_stimuli_are_counted_instead_of_named() -> None:
    many = Responses.from_counts(np.ones((30, 1), int), stimuli=[f"s{n}" for n in range(30)])
    assert labels_of(plot_raster(many, unit=0)) == ["1", "30"]


def test_silence_can_be_drawn() -> None:
    silent = Responses.from_counts(np.zeros((2, 1), int), stimuli=["a", "b"])
    assert ticks_of(plot_raster(silent, unit=0)) == []
    assert plot_psth(silent).get_ylim()[1] > 0


def test_a_line_for_each_stimulus_with_its_interval() -> None:
    """Unit 0 in two trials of b: one spike in 0.2 s in one of them is 2.5 spikes/s."""
    ax: Any = plot_psth(responses(), unit=0, stimuli=["b", "a"])
    b, a = (patch.get_data() for patch in ax.patches)
    np.testing.assert_allclose(b.values, [2.5, 0, 0, 2.5])
    np.testing.assert_allclose(b.edges, [-0.2, 0, 0.2, 0.4, 0.6])
    np.testing.assert_allclose(a.values, [0, 5, 0, 0])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["b (n = 2)", "a (n = 1)"]
    band = ax.collections[0].get_datalim(ax.transData)
    # of two trials with 0 and 5, the margin is t(0.975; 1) * 2.5
    assert band.y1 == pytest.approx(2.5 + 12.706204736 * 2.5)
    assert ax.get_ylabel() == "rate (spikes/s)"


def test_all_units_and_trials_together() -> None:
    """Two spikes of unit 1 in bin 2 of one of three trials: 2 / (2 units 3 trials 0.2 s)."""
    ax: Any = plot_psth(responses())
    np.testing.assert_allclose(ax.patches[0].get_data().values, np.array([1, 1, 2, 1]) / 1.2)
    assert ax.get_legend() is None
    assert plot_psth(responses("step")).get_ylabel() == "rate (spikes/step)"


def test_sides_stand_side_by_side() -> None:
    sides = {"V4": responses(), HOSTILE: responses("step")}
    axes = plot_side_by_side(sides, units={"V4": 0, HOSTILE: 1})
    spikes, rates = axes[:2], axes[2:]
    assert [ax.get_title(loc="left") for ax in spikes] == ["V4", HOSTILE]
    assert ticks_of(spikes[1]) == [[2.5, 2], [2.5, 2]]
    assert [ax.get_xlabel() for ax in rates] == ["time (s)", "time (model steps)"]
    for above, below in zip(spikes, rates, strict=True):
        assert above.get_xlim() == pytest.approx(below.get_xlim())
    axes[0].figure.canvas.draw()
    whole = plot_side_by_side(sides, trial=1)
    assert len(ticks_of(whole[0])) == 3


def test_what_is_not_there_is_refused() -> None:
    side = responses()
    with pytest.raises(ValueError, match="give either `unit` or `trial`; got unit=None"):
        plot_raster(side)
    with pytest.raises(ValueError, match="give either `unit` or `trial`; got unit=0 and trial=0"):
        plot_raster(side, unit=0, trial=0)
    for source in (side, SpikeTrains.of(side)):
        with pytest.raises(ValueError, match="`unit` must be a position from 0 to 1; got 2"):
            plot_raster(source, unit=2)
        with pytest.raises(ValueError, match="`trial` must be a position from 0 to 2; got -1"):
            plot_raster(source, trial=-1)
    with pytest.raises(ValueError, match="`unit` must be a position from 0 to 1; got 5"):
        plot_psth(side, unit=5)
    with pytest.raises(ValueError, match=r"`stimuli` must be 1 to 6 .* got 1 with .*\['c'\]"):
        plot_psth(side, stimuli=["c"])
    with pytest.raises(ValueError, match=r"`stimuli` must be 1 to 6 .* got 7"):
        plot_psth(side, stimuli=["a"] * 7)
    with pytest.raises(ValueError, match="`sides` must hold at least one"):
        plot_side_by_side({})
    with pytest.raises(ValueError, match=r"`units` must name the sides \['V4'\]; got \['IT'\]"):
        plot_side_by_side({"V4": side}, units={"IT": 0})
    with pytest.raises(ValueError, match="`trial` must be a position from 0 to 2; got 3"):
        plot_side_by_side({"V4": side}, trial=3)
    with pytest.raises(ValueError, match="`sides` must hold spikes; 'V4' holds 'other'"):
        plot_side_by_side({"V4": replace(side, measure="other")})
    assert plt.get_fignums() == []
