from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neurospyke.figures import plot_features, plot_learning, plot_winners

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


def test_drawing_changes_no_global_state():
    before = dict(mpl.rcParams)
    plot_learning(history("conv1"))
    plot_winners(winners([1, 2]))
    plot_features(np.ones((2, 3, 3)))
    assert dict(mpl.rcParams) == before


def test_axes_given_are_drawn_on_and_returned():
    figure, axes = plt.subplots(1, 3)
    assert plot_learning(history("conv1"), axes[0]) is axes[0]
    assert plot_winners(winners([1, 2]), axes[1]) is axes[1]
    assert plot_features(np.ones((2, 3, 3)), axes[2]) is axes[2]
    assert plt.get_fignums() == [figure.number]


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


def test_no_winner_at_all_can_be_drawn():
    ax = plot_winners(winners([0, 0, 0]))
    assert ax.get_title(loc="left") == "conv1: 3 of 3 maps never win"
    assert ax.get_ylim()[1] > 0


def test_features_lie_in_a_grid_each_on_its_own_scale():
    """Five pictures of 2 x 2 pixels in rows of three, one pixel apart; the last place is empty."""
    features = np.arange(1.0, 6.0)[:, None, None] * np.array([[1.0, 0.5], [0.0, -0.5]])
    features[4] = 0
    ax = plot_features(features)
    image: Any = ax.get_images()[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    one, gap = [[1, 0.5], [0, -0.5]], np.nan
    assert shown.shape == (5, 8)
    for left in (0, 3, 6):
        np.testing.assert_array_equal(shown[:2, left : left + 2], one)
    np.testing.assert_array_equal(shown[3:, :2], one)
    np.testing.assert_array_equal(shown[3:, 3:5], 0)
    np.testing.assert_array_equal(shown[3:, 5:], gap)
    np.testing.assert_array_equal(shown[2], gap)
    assert image.get_clim() == (-1, 1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "3"]
    assert list(ax.get_yticks()) == [0.5, 3.5]


@pytest.mark.parametrize("shape", [(7, 2, 9), (7, 9, 2), (1, 1, 1), (30, 5, 5)])
def test_features_of_any_shape_all_find_a_place(shape):
    ax = plot_features(np.ones(shape))
    image: Any = ax.get_images()[0]
    assert np.ma.filled(image.get_array(), 0).sum() == np.prod(shape)


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
    for features in (np.ones((2, 2)), np.ones((0, 2, 2)), np.full((1, 1, 1), np.nan)):
        with pytest.raises(ValueError, match="`features` must be finite with axes"):
            plot_features(features)
