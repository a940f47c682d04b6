from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import sparseness
from neurospyke.figures import plot_selectivity, plot_tuning
from neurospyke.responses import Responses

HOSTILE = "$\\frac{$ _<b>"


def responses() -> Responses:
    """Two trials at 90 degrees, then two at 0, half a second each."""
    counts = np.array([[4, 0], [6, 1], [1, 2], [1, 2]])
    trials = pd.DataFrame(
        {"stimulus": ["up", "up", "right", "right"], "direction": [90.0, 90, 0, 0]}
    )
    units = pd.DataFrame({"unit": [7, HOSTILE]})
    return Responses(counts[:, :, None], trials, units, np.array([0.0, 0.5]))


def names_of(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"value": [0.1, 0.2, 0.4, 0.9], "status": "ok"} | columns)


def test_numbers_are_an_axis_in_their_order() -> None:
    ax: Any = plot_tuning(responses(), "direction", units=[0, 1])
    one, other = ax.get_lines()
    assert one.get_xydata().tolist() == [[0, 2], [90, 10]]
    assert other.get_xydata().tolist() == [[0, 4], [90, 1]]
    assert names_of(ax) == ["unit 7", f"unit {HOSTILE}"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("direction", "rate (spikes/s)")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "90"]
    # rates of 8 and 12: a margin of t(0.975; 1) * 2, none where trials agree
    ends = [each[:, 1].tolist() for each in ax.collections[0].get_segments()]
    assert ends[0] == [2, 2]
    assert ends[1] == pytest.approx([10 - 25.412409, 10 + 25.412409])
    ax.figure.canvas.draw()


def test_labels_have_a_place_each_in_order_of_appearance() -> None:
    ax: Any = plot_tuning(responses(), units=[1])
    assert ax.get_lines()[0].get_xydata().tolist() == [[0, 1], [1, 4]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["up", "right"]


def test_more_than_ten_numbers_keep_their_order() -> None:
    many = Responses.from_counts(np.arange(12)[:, None], stimuli=[f"s{n}" for n in range(12)])
    trials = many.trials.assign(size=np.arange(12) * 3)
    ax: Any = plot_tuning(replace(many, trials=trials), "size")
    assert ax.get_lines()[0].get_xydata().tolist() == [[3 * n, n] for n in range(12)]


def test_many_labels_are_counted_instead_of_named() -> None:
    """They are ranked by the first unit: 29 spikes come first; the second unit falls in line."""
    counts = np.stack([np.arange(30), 29 - np.arange(30)], axis=1)
    many = Responses.from_counts(counts, stimuli=[f"s{n}" for n in range(30)])
    ax: Any = plot_tuning(many, units=[0, 1])
    assert ax.get_xlabel() == "30 labels of stimulus, ranked by the first unit"
    assert len(ax.get_xticks()) == 0
    one, other = ax.get_lines()
    assert one.get_xydata().tolist() == [[29 - n, n] for n in range(30)]
    assert other.get_xydata().tolist() == [[29 - n, 29 - n] for n in range(30)]
    assert one.get_linestyle() == "None"


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"`by` must be one of \['stimulus', 'direction'\]; got 'x"
    ):
        plot_tuning(responses(), "x")
    for units in ([], [2], [-1], [0] * 7):
        with pytest.raises(ValueError, match="`units` must be 1 to 6 positions from 0 to 1"):
            plot_tuning(responses(), units=units)
    holes = replace(responses(), trials=responses().trials.assign(size=[1, np.nan, 2, 3]))
    with pytest.raises(ValueError, match="`by` must label every trial; 'size' has missing"):
        plot_tuning(holes, "size")
    assert plt.get_fignums() == []


def test_a_dot_a_unit_with_the_median_and_the_middle_half() -> None:
    ax: Any = plot_selectivity(table(status=["ok", "ok", "ok", "no_response"], measure="d_prime"))
    dots = ax.collections[0].get_offsets()
    assert dots[:, 0].tolist() == [0.1, 0.2, 0.4]
    assert np.abs(dots[:, 1]).max() < 0.25
    spread, median = ax.get_lines()
    assert spread.get_xdata() == pytest.approx([0.15, 0.3])
    assert median.get_xdata() == pytest.approx([0.2])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["units\nn = 3, 1 out"]
    assert ax.get_xlabel() == "d prime"


def test_groups_have_a_row_each_even_if_none_of_their_units_count() -> None:
    areas = ["V4", HOSTILE, "V4", HOSTILE]
    ax: Any = plot_selectivity(table(area=areas, status=["ok", "x", "ok", "x"]), by="area")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["V4\nn = 2", f"{HOSTILE}\nn = 0, 2 out"]
    assert len(ax.collections) == 1
    assert ax.get_ylim() == (1.5, -0.5)
    ax.figure.canvas.draw()


def test_what_selectivity_gives_is_drawn_without_its_population() -> None:
    generator = np.random.default_rng(0)
    side = Responses.from_counts(generator.poisson(3, (12, 5)), stimuli=list("abcdef") * 2)
    found = sparseness(side, n_samples=10, seed=0)
    with pytest.raises(ValueError, match=r"of one convention; got \['treves_rolls', 'vinje_gall"):
        plot_selectivity(found)
    one = found[found["convention"] == "treves_rolls"]
    whole = pd.DataFrame({"unit": ["population"], "value": 9.0, "status": "ok"})
    ax: Any = plot_selectivity(pd.concat([one, whole.assign(convention="treves_rolls")]))
    assert ax.collections[0].get_offsets()[:, 0].tolist() == one["value"].tolist()


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`table` must be a table .*none of \['area'\]"):
        plot_selectivity(table(), by="area")
    with pytest.raises(ValueError, match="no row"):
        plot_selectivity(table().iloc[:0])
