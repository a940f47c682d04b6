from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from neurospyke.compare.comparison import Comparison
from neurospyke.compare.rdm import RDM
from neurospyke.figures import comparison_labels, plot_rdm, plot_scores, plot_time_course

CONDITIONS = ("face", "car", "chair")
HOSTILE = "$\\frac{$ _<b>"


def result(model="conv1", score=0.3, brain="V4", **kwargs):
    interval = (score - 0.05, score + 0.04)
    return Comparison("rsa", model, brain, score, interval, conditions=CONDITIONS, **kwargs)


def course(model, scores, **kwargs):
    return [result(model, score, step=step, **kwargs) for step, score in enumerate(scores, 1)]


def bars_of(ax) -> list[Any]:
    return [patch for container in ax.containers for patch in container.patches]


def lines_of(ax) -> list[Any]:
    return list(ax.get_lines())


def boxes(ax, artists):
    ax.figure.canvas.draw()
    renderer = ax.figure.canvas.get_renderer()
    return [artist.get_window_extent(renderer) for artist in artists]


def overlap(extents):
    return [
        (i, j)
        for i, one in enumerate(extents)
        for j, other in enumerate(extents[:i])
        if one.overlaps(other)
    ]


def luminance(colour):
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


def test_scores_show_bars_intervals_ceilings_and_numbers():
    ax = plot_scores([result(score=0.3, ceiling=(0.5, 0.6)), result("conv2", -0.1)])
    bars = bars_of(ax)
    assert [bar.get_width() for bar in bars] == pytest.approx([0.3, -0.1])
    interval = lines_of(ax)[0].get_xdata()
    assert interval == pytest.approx([0.25, 0.34])
    bands: list[Any] = [patch for patch in ax.patches if patch not in bars]
    assert [(band.get_x(), band.get_width()) for band in bands] == [(0.5, pytest.approx(0.1))]
    tested = plot_scores([result(score=0.3, p=0.0123)])
    assert tested.texts[0].get_text() == "0.30  [0.25, 0.34]  p 0.012"
    assert [text.get_text() for text in ax.texts] == [
        "0.30  [0.25, 0.34]",
        "-0.10  [-0.15, -0.06]".replace("-", "\N{MINUS SIGN}"),
    ]


def test_no_label_touches_another_with_ten_long_names():
    long = "spiking convolution with lateral inhibition, then pooling, " * 3
    models = [f"layer {n}: {long}" for n in range(10)]
    comparisons = [result(model, 0.1, ceiling=(0.5, 0.9)) for model in models]
    ax = plot_scores(comparisons)
    texts = [*ax.get_yticklabels(), *ax.texts]
    assert len(texts) == 20
    assert overlap(boxes(ax, texts)) == []
    legend = ax.get_legend()
    assert legend is not None
    assert overlap(boxes(ax, [legend, ax.patch])) == []
    assert ax.get_position().width > 0.3


def test_brains_differ_in_grey_and_in_hatching():
    brains = ("V1", "V4", "IT")
    ax = plot_scores([result(brain=brain) for brain in brains])
    bars = bars_of(ax)
    assert len({bar.get_hatch() for bar in bars}) == 3
    greys = sorted(luminance(bar.get_facecolor()[:3]) for bar in bars)
    assert min(np.diff(greys)) > 0.08
    assert greys[0] - luminance(lines_of(ax)[0].get_color()) > 0.25


def test_an_unknown_ceiling_breaks_the_band():
    ceilings = [(0.5, 0.6), (0.5, 0.6), None, (0.7, 0.8), None, (0.9, 1.0), (0.9, 1.0)]
    steps = [result(step=step, ceiling=each) for step, each in enumerate(ceilings, start=1)]
    ax = plot_time_course(steps)
    extents = [
        (box.x0, box.x1, box.y0, box.y1)
        for box in (each.get_datalim(ax.transData) for each in ax.collections)
    ]
    for band in ((1, 2, 0.5, 0.6), (4, 4, 0.7, 0.8), (6, 7, 0.9, 1.0)):
        assert any(extent == pytest.approx(band) for extent in extents)
    assert not any(extent[0] < 3 < extent[1] and extent[2] > 0.4 for extent in extents)


def test_time_course_orders_steps_and_shares_one_ceiling():
    lines = [course(f"conv{n}", [0.1 * n, 0.2, 0.3], ceiling=(0.5, 0.6))[::-1] for n in (1, 2)]
    ax = plot_time_course(lines[0] + lines[1])
    drawn = lines_of(ax)[:2]
    assert [list(line.get_xdata()) for line in drawn] == [[1, 2, 3]] * 2
    assert list(drawn[1].get_ydata()) == pytest.approx([0.2, 0.2, 0.3])
    assert len({line.get_linestyle() for line in drawn}) == 2
    assert len({line.get_marker() for line in drawn}) == 2
    assert len(ax.collections) == 3  # two intervals and the ceiling both share
    assert ax.get_xlabel() == "model steps included"


def test_time_course_over_windows_stands_at_their_middle():
    windows = [(0.1, 0.2), (0.0, 0.1)]
    ax = plot_time_course([result(time=window) for window in windows])
    assert list(lines_of(ax)[0].get_xdata()) == pytest.approx([0.05, 0.15])
    assert "(s)" in ax.get_xlabel()


def test_windows_and_steps_together_make_a_line_a_window():
    early, late = (course("conv1", [0.1, 0.2], time=time) for time in ((0, 0.1), (0.1, 0.2)))
    legend = plot_time_course(early + late).get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names[:2] == ["conv1 · 0 to 0.1 s", "conv1 · 0.1 to 0.2 s"]


def test_a_course_needs_two_places():
    with pytest.raises(ValueError, match=r"steps \[1\] and times \[\] of 2"):
        plot_time_course([result(step=1), result(step=1)])
    with pytest.raises(ValueError, match=r"steps \[1, 2\] and times \[\] of 3"):
        plot_time_course([result(step=1), result(step=2), result()])


def test_nothing_to_draw_is_said():
    for plot in (plot_scores, plot_time_course):
        with pytest.raises(ValueError, match="at least one"):
            plot([])


def test_names_are_drawn_as_they_are_written():
    rdm = RDM(np.arange(3.0), (HOSTILE, "car", "b"), dissimilarity=HOSTILE, source=HOSTILE)
    results = course(HOSTILE, [0.1, 0.2], brain=HOSTILE) + course("_", [0.1, 0.2], brain=HOSTILE)
    axes = [plot_rdm(rdm), plot_scores(results), plot_time_course(results)]
    for ax in axes:
        ax.figure.canvas.draw()
    assert axes[0].get_title(loc="left") == HOSTILE
    assert f"{HOSTILE} · step 1" in [text.get_text() for text in axes[1].get_yticklabels()]
    legend = axes[2].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][:2] == [HOSTILE, "_"]


def test_labels_hold_the_model_and_what_differs():
    one = result(settings={"comparator": "cosine", "alpha": 0.5}, step=1)
    other = result(settings={"comparator": "spearman", "alpha": 0.5}, step=2)
    assert comparison_labels([one, other], without=("step",)) == [
        "conv1 · comparator cosine",
        "conv1 · comparator spearman",
    ]
    assert comparison_labels([one, other])[0] == "conv1 · step 1"
    assert comparison_labels([one]) == ["conv1"]


def test_counts_and_settings_that_share_a_name_do_not_confuse_labels():
    results = [
        result(model, settings={"n_bootstrap_used": n, "model": "linear"})
        for n, model in enumerate(("conv1", "conv2"))
    ]
    assert comparison_labels(results) == ["conv1", "conv2"]
