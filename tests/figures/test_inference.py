from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import RDM, rsa, rsa_map
from neurospyke.figures import plot_inference, plot_map
from neurospyke.responses import Responses

HOSTILE = "$\\frac{$ _<b>"


def rdm(values: np.ndarray) -> RDM:
    return RDM(values, tuple(f"s{n}" for n in range(16)), dissimilarity="any")


def test_bars_dots_ceiling_and_an_arrow_to_the_worse_model() -> None:
    generator = np.random.default_rng(0)
    truth = generator.gamma(2.0, size=120)
    brains = [rdm(truth + generator.normal(size=120) / 3) for _ in range(6)]
    models = {"good": rdm(truth), "bad": rdm(generator.gamma(2.0, size=120))}
    result = rsa(models, brains, comparator="pearson", n_bootstrap=200, n_permutations=0, seed=0)
    ax: Any = plot_inference(result)
    assert [bar.get_height() for bar in ax.containers[0]] == list(result.scores)
    (dots,) = (each for each in ax.collections if len(each.get_offsets()) == 12)
    np.testing.assert_allclose(dots.get_offsets()[:, 1], result.subject_scores.ravel())
    heads = {line.get_marker(): list(line.get_xdata()) for line in ax.lines}
    assert (heads["o"], heads[">"], "<" in heads) == ([0], [1], False)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["good", "bad"]


def test_arrows_of_one_model_share_a_line_and_stars_stand_where_scores_are_above_0() -> None:
    """The middle model is better than both others, which are nothing but noise."""
    generator = np.random.default_rng(0)
    truth = generator.gamma(2.0, size=120)
    brains = [rdm(truth + generator.normal(size=120) / 3) for _ in range(6)]
    names = ("left", "good", HOSTILE)
    models = {name: rdm(generator.gamma(2.0, size=120)) for name in names} | {"good": rdm(truth)}
    result = rsa(models, brains, comparator="pearson", n_bootstrap=200, n_permutations=0, seed=0)
    ax: Any = plot_inference(result)
    heads = {line.get_marker(): line.get_xydata().tolist() for line in ax.lines}
    (dot,), (left,), (right,) = (heads[marker] for marker in ("o", "<", ">"))
    assert [each[0] for each in (dot, left, right)] == [1, 0, 2]
    assert dot[1] == left[1] == right[1] > result.subject_scores.max()
    assert ax.collections[-1].get_offsets()[:, 0].tolist() == [1]
    keys = [text.get_text() for text in ax.get_legend().get_texts()]
    assert keys == ["95 % interval", "subject", "noise ceiling", "above 0", "better than"]
    ax.figure.canvas.draw()
    strict: Any = plot_inference(result, fdr=0.0)
    keys = [text.get_text() for text in strict.get_legend().get_texts()]
    assert keys == ["95 % interval", "subject", "noise ceiling"]
    with pytest.raises(ValueError, match="`fdr` must be between 0 and 1; got 2"):
        plot_inference(result, fdr=2)


def test_a_panel_for_each_area_and_a_dot_for_each_cell_that_stands_out() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(16, 8, 4))
    side = Responses(
        values,
        pd.DataFrame({"stimulus": [f"s{n}" for n in range(16)]}),
        pd.DataFrame({"unit": range(8)}),
        np.arange(5) / 10,
        measure="rate",
    )
    layers = {"conv1": side.where(time=(0.1, 0.2)), "conv2": side}
    table = rsa_map(layers, {"V4": side, "IT": side}, n_permutations=50, seed=0)
    panels: Any = plot_map(table)
    assert [ax.get_title("left") for ax in panels] == ["V4", "IT"]
    for ax, area in zip(panels, ("V4", "IT"), strict=True):
        n_found = ((table["area"] == area) & (table["p_cluster"] <= 0.05)).sum()
        assert len(ax.collections[1].get_offsets()) == n_found > 0
