from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.figures import plot_latencies
from neurospyke.responses import Responses

HOSTILE = "$\\frac{$ _<b>"


def layer(latencies: list[int], n_bins: int = 15) -> Responses:
    """One image a latency; `n_bins` is silence."""
    return Responses(
        np.array(latencies)[:, None, None],
        pd.DataFrame({"stimulus": [str(n) for n in range(len(latencies))]}),
        pd.DataFrame({"unit": [0]}),
        np.array([0.0, n_bins]),
        measure="latency",
        time_unit="step",
    )


def recorded(bins: list[int | None], start: float = 0.0, width: float = 0.1) -> Responses:
    """One trial each, with its first spike in a bin of four, and another in the last."""
    values = np.zeros((len(bins), 1, 4), dtype=int)
    for trial, first in enumerate(bins):
        if first is not None:
            values[trial, 0, [first, 3]] = 1
    trials = pd.DataFrame({"stimulus": ["a"] * len(bins)})
    edges = start + width * np.arange(5)
    return Responses(values, trials, pd.DataFrame({"unit": [0]}), edges)


def shares(ax: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(patch.get_data().edges, patch.get_data().values) for patch in ax.patches]


def names(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_steps_have_a_bin_each_and_silence_is_told() -> None:
    ax = plot_latencies({"conv1": layer([2, 2, 4, 15]), HOSTILE: layer([3, 3, 3, 3])})
    (edges, one), (_, other) = shares(ax)
    np.testing.assert_allclose(edges, [2, 3, 4, 5], atol=1e-5)
    np.testing.assert_allclose(one, [0.5, 0, 0.25])
    np.testing.assert_allclose(other, [0, 1, 0])
    assert names(ax) == ["conv1 (25 % silent)", f"{HOSTILE} (0 % silent)"]
    assert ax.get_xlabel() == "latency of the first spike (steps)"
    ax.figure.canvas.draw()


def test_the_first_spike_counts_at_the_start_of_its_bin() -> None:
    ax = plot_latencies({"V4": recorded([1, 1, 2, None], start=-0.1)})
    ((edges, values),) = shares(ax)
    np.testing.assert_allclose(edges, [0, 0.1, 0.2], atol=1e-5)
    np.testing.assert_allclose(values, [0.5, 0.25])
    assert names(ax) == ["V4 (25 % silent)"]
    assert "(s)" in ax.get_xlabel()


def test_bins_hold_whole_time_bins_alike() -> None:
    """Latencies 0 to 9, one each, in at most four bins: three steps in every bin but the last."""
    ((edges, values),) = shares(plot_latencies({"a": layer(list(range(10)))}, n_bins=4))
    np.testing.assert_allclose(np.diff(edges), 3)
    np.testing.assert_allclose(values, [0.3, 0.3, 0.3, 0.1])


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(0, 15), min_size=1, max_size=40).filter(lambda each: min(each) < 15),
    st.integers(1, 20),
)
def test_bars_and_silence_make_the_whole(latencies: list[int], n_bins: int) -> None:

    ax = plot_latencies({"a": layer(latencies)}, n_bins=n_bins)
    ((edges, values),) = shares(ax)
    assert len(values) <= n_bins
    silent = np.mean(np.array(latencies) == 15)
    assert values.sum() + silent == pytest.approx(1)
    assert edges[0] <= min(latencies)
    plt.close("all")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.integers(1, 20))
def test_seconds_all_find_a_bin(times: list[float], n_bins: int) -> None:

    ((_, values),) = shares(plot_latencies({"a": [*times, np.nan, np.inf]}, n_bins=n_bins))
    assert values.sum() == pytest.approx(len(times) / (len(times) + 2))
    plt.close("all")


def test_what_cannot_share_an_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="`sides` must hold at least one"):
        plot_latencies({})
    with pytest.raises(ValueError, match="must all be in seconds or all in steps"):
        plot_latencies({"a": layer([1]), "b": recorded([1])})
    with pytest.raises(ValueError, match="`sides` must hold a spike; all are silent"):
        plot_latencies({"a": layer([15])})
    with pytest.raises(ValueError, match="`n_bins` must be at least 1; got 0"):
        plot_latencies({"a": layer([1])}, n_bins=0)
    rates = Responses.from_counts(np.ones((2, 1)), stimuli=["a", "b"])
    with pytest.raises(ValueError, match="these are 'rate'"):
        plot_latencies({"a": replace(rates, measure="rate")})
