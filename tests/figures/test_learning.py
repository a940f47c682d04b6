from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neurospyke.figures import (
    COLUMN,
    PAGE,
    plot_decisions,
    plot_learning,
    plot_training,
    plot_winners,
)
from neurospyke.sim import StreamStep

HOSTILE = "$\\frac{$ _<b>"


def history(*layers: str) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame(
            {
                "layer": layer,
                "n_seen": [10, 20, 30],
                "convergence": [0.16, 0.12, 0.05],
                "top_share": [1.0, np.nan, 0.25 + 0.1 * place],
            }
        )
        for place, layer in enumerate(layers)
    )


def winners(wins, layer="conv1", n_images=10) -> pd.DataFrame:
    return pd.DataFrame(
        {"layer": layer, "map": range(len(wins)), "wins": wins, "n_images": n_images}
    )


def lines_of(ax) -> list[Any]:
    return list(ax.get_lines())


def right_of(ax) -> Any:
    (other,) = (each for each in ax.figure.axes if each is not ax)
    return other


def legend_of(ax) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_learning_shows_convergence_left_and_winners_right():
    ax = plot_learning(history("conv1", "conv2"))
    left, right = lines_of(ax), lines_of(right_of(ax))
    assert [list(line.get_xdata()) for line in left] == [[10, 20, 30]] * 2
    assert list(left[0].get_ydata()) == [0.16, 0.12, 0.05]
    np.testing.assert_array_equal(right[1].get_ydata(), [1, np.nan, 0.35])
    assert ax.get_ylim()[0] == 0
    assert right_of(ax).get_ylim() == pytest.approx((0, 1.02))
    assert legend_of(ax) == ["conv1", "conv2", "convergence", "top map, a batch"]


def test_layers_differ_in_dashes_markers_and_colour_alike_on_both_sides():
    ax = plot_learning(history("conv1", "conv2", "conv3"))
    left, right = lines_of(ax), lines_of(right_of(ax))
    for name in ("get_linestyle", "get_color", "get_marker"):
        assert len({getattr(line, name)() for line in left}) == 3
    for name in ("get_linestyle", "get_color"):
        sides = [[getattr(line, name)() for line in side] for side in (left, right)]
        assert sides[0] == sides[1]


def test_a_long_course_has_few_marks():
    table = pd.DataFrame({"layer": "a", "n_seen": range(500), "convergence": 0.1, "top_share": 1})
    assert 500 / lines_of(plot_learning(table))[0].get_markevery() <= 8


def test_winners_are_ordered_named_and_set_against_chance():
    ax = plot_winners(winners([2, 0, 6, 4]))
    patches: list[Any] = list(ax.patches)
    assert [bar.get_height() for bar in patches] == [0.6, 0.4, 0.2, 0.0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "3", "0", "1"]
    (chance,) = lines_of(ax)
    assert list(chance.get_ydata()) == pytest.approx([0.3, 0.3])
    assert ax.get_title(loc="left") == "conv1: 1 of 4 maps never win"
    assert legend_of(ax) == ["by chance"]


def test_halves_of_a_per_cent_are_written_out():
    ax = plot_winners(winners([35, 20, 10], n_images=200), plt.figure(figsize=(7, 3)).subplots())
    ax.figure.canvas.draw()
    ticks = dict(
        zip(ax.get_yticks(), (each.get_text() for each in ax.get_yticklabels()), strict=True)
    )
    assert 0.025 in ticks
    assert ticks[0.025] == "2.5%"


def test_many_maps_are_counted_instead_of_named():
    ax = plot_winners(winners(range(40)))
    assert ax.get_xlabel() == "maps, by wins"
    assert len(ax.patches) == 40
    assert len(ax.get_xticks()) < 15


def test_maps_that_have_no_room_for_their_names_are_counted():
    narrow, wide = (plt.figure(figsize=(width, 3)).subplots() for width in (COLUMN, PAGE))
    assert plot_winners(winners(range(20)), narrow).get_xlabel() == "maps, by wins"
    assert plot_winners(winners(range(20)), wide).get_xlabel() == "map"


def test_no_winner_at_all_can_be_drawn():
    ax = plot_winners(winners([0, 0, 0]))
    assert ax.get_title(loc="left") == "conv1: 3 of 3 maps never win"
    assert ax.get_ylim()[1] > 0


def test_names_are_drawn_as_they_are_written():
    axes = [plot_learning(history(HOSTILE)), plot_winners(winners([1, 2], layer=HOSTILE))]
    for ax in axes:
        ax.figure.canvas.draw()
    assert legend_of(axes[0])[0] == HOSTILE
    assert axes[1].get_title(loc="left").startswith(HOSTILE)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"`history` must be a table .*none of \['top_share'\]"):
        plot_learning(history("conv1").drop(columns="top_share"))
    with pytest.raises(ValueError, match=r"`history` must be a table .*no row"):
        plot_learning(history("conv1").iloc[:0])
    with pytest.raises(ValueError, match=r"`winners` must be of one layer; got \['a', 'b'\]"):
        plot_winners(pd.concat([winners([1], "a"), winners([1], "b")]))


def training(**columns: Any) -> pd.DataFrame:
    """Two passes of two batches, and one of a third."""
    return pd.DataFrame(
        {
            "epoch": [0, 0, 1, 1, 2],
            "loss": [4.0, 2.0, 1.0, 0.5, 0.25],
            "accuracy": [None, 0.5, None, 0.75, None],
        }
        | columns
    )


def test_loss_falls_by_batch_and_by_pass_and_the_best_pass_is_ringed():
    ax = plot_training(training())
    pale, dark = lines_of(ax)
    assert list(pale.get_xdata()) == [0.5, 1, 1.5, 2, 2.5]
    assert list(pale.get_ydata()) == [4, 2, 1, 0.5, 0.25]
    assert dark.get_xydata().tolist() == [[1, 3], [2, 0.75], [2.5, 0.25]]
    line, ring = lines_of(right_of(ax))
    assert line.get_xydata().tolist() == [[1, 0.5], [2, 0.75]]
    assert ring.get_xydata().tolist() == [[2, 0.75]]
    assert legend_of(ax) == ["loss, a batch", "loss, a pass", "accuracy", "best, 75.0%"]
    assert right_of(ax).get_ylabel() == "accuracy on validation data"


def test_steps_that_were_observed_are_drawn_as_they_are():
    steps = [StreamStep(0, 0, 2.0, 1.0), StreamStep(0, 1, 1.0, 1.0, accuracy=0.5)]
    assert list(lines_of(plot_training(pd.DataFrame(steps)))[0].get_ydata()) == [2, 1]


def test_training_without_validation_has_one_axis():
    ax = plot_training(training(accuracy=None))
    assert ax.figure.axes == [ax]
    assert legend_of(ax) == ["loss, a batch", "loss, a pass"]


def test_decisions_are_stacked_to_the_whole():
    ax: Any = plot_decisions(
        pd.DataFrame(
            {
                "n_seen": [5, 8, 16],
                "n_right": [None, 2, 6],
                "n_wrong": [None, 4, 2],
                "n_silent": [None, 2, 0],
            }
        )
    )
    areas = [set(map(tuple, each.get_paths()[0].vertices.tolist())) for each in ax.collections]
    assert areas[0] == {(8, 0), (16, 0), (8, 0.25), (16, 0.75)}
    assert areas[1] == {(8, 0.25), (16, 0.75), (8, 0.75), (16, 1)}
    assert areas[2] == {(8, 0.75), (16, 1), (8, 1)}
    assert legend_of(ax) == ["right", "wrong", "silent"]
    assert len({each.get_hatch() for each in ax.collections}) == 3


def test_training_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"`history` must be a table .*none of \['loss'\]"):
        plot_training(training().drop(columns="loss"))
    with pytest.raises(ValueError, match="`history` must be in the order of its epochs"):
        plot_training(training(epoch=[0, 0, 1, 0, 2]))
    for none in (None, 0):
        counts = {"n_seen": [1], "n_right": none, "n_wrong": none, "n_silent": none}
        with pytest.raises(ValueError, match="`history` must have decisions in its rows"):
            plot_decisions(pd.DataFrame(counts))
