from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import Decoding, decode
from neurospyke.figures import plot_decoding, plot_generalization
from neurospyke.responses import Responses


@pytest.fixture(scope="module")
def decoding() -> Decoding:
    values = np.random.default_rng(0).normal(size=(20, 3, 4))
    trials = pd.DataFrame({"stimulus": list("ab") * 10})
    units = pd.DataFrame({"unit": range(3)})
    side = Responses(values, trials, units, np.arange(5) / 10, measure="other")
    return decode(side, across_time=True, seed=0)


def test_cells_lie_where_they_were_trained_and_tested(decoding: Decoding) -> None:
    scores = np.arange(16.0).reshape(1, 4, 4) / 16
    ax: Any = plot_generalization(replace(decoding, scores=scores))
    (mesh,) = ax.collections
    np.testing.assert_array_equal(mesh.get_array(), scores[0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("tested at (s)", "trained at (s)")
    assert len(ax.lines) == 1


def test_a_cell_that_stands_out_is_outlined(decoding: Decoding) -> None:
    scores = np.full((1, 4, 4), 0.5)
    scores[0, 2, 1] = 1.0
    null = np.random.default_rng(0).uniform(0.3, 0.7, size=(39, 4, 4))
    ax: Any = plot_generalization(replace(decoding, scores=scores, null=null))
    # Four sides of one cell, each a dark and a light line, and the diagonal.
    assert len(ax.lines) == 9
    corners = np.concatenate([line.get_xydata() for line in ax.lines[:-1]])
    np.testing.assert_allclose(corners.min(axis=0), [0.1, 0.2])
    np.testing.assert_allclose(corners.max(axis=0), [0.2, 0.3])


def test_lines_over_time_with_chance(decoding: Decoding) -> None:
    ax: Any = plot_decoding({"one": decoding, "two": decoding})
    legend = ax.get_legend()
    lines = {text.get_text(): line for text, line in zip(legend.texts, ax.lines, strict=False)}
    np.testing.assert_allclose(lines["one"].get_xdata(), [0.05, 0.15, 0.25, 0.35])
    np.testing.assert_allclose(lines["two"].get_ydata(), np.diagonal(decoding.accuracy))
    assert any((np.array(line.get_ydata()) == 0.5).all() for line in ax.lines)
    with pytest.raises(ValueError, match="at least one"):
        plot_decoding({})
    over_time = replace(decoding, scores=decoding.scores[:, 0])
    with pytest.raises(ValueError, match="across_time=True"):
        plot_generalization(over_time)
