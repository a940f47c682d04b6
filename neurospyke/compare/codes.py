"""What of the spikes a comparison is to see: rates, first spikes, or their order."""

from dataclasses import replace

import numpy as np
from scipy.stats import rankdata

from neurospyke.compare.kinds import check_responses
from neurospyke.responses import Responses


def firing_rates(responses: Responses) -> Responses:
    """Spikes/s in each bin: r = n / w, w the width of the bin.

    Args:
        responses: (trial, unit, time) counts or spikes, with time in seconds.

    Returns:
        Responses in spikes/s.

    Raises:
        ValueError: if they are not counts or spikes, or time is in steps.

    >>> responses = Responses.from_counts(np.array([[3]]), stimuli=["a"], window=(0.0, 0.5))
    >>> firing_rates(responses).values
    array([[[6.]]])
    """
    _check_spikes(responses)
    if responses.time_unit != "s":
        raise ValueError("`responses` must have time in seconds; these have steps")
    return replace(responses, values=responses.values / np.diff(responses.edges), measure="rate")


def first_spikes(responses: Responses, *, silent: float | None = None) -> Responses:
    """Latency of the first spike: the start of the first bin with one.

    Args:
        responses: (trial, unit, time) counts or spikes.
        silent: latency of a unit without a spike; the end of the last bin when not given, the
            latest that its spike can have been.

    Returns:
        Responses with one bin, in the time unit of the responses.

    Raises:
        ValueError: if they are not counts or spikes, or `silent` is before the end of the window.

    Source: Thorpe, Delorme and Van Rullen 2001, Neural Networks 14:715.

    >>> responses = Responses.from_counts(np.array([[3, 0]]), stimuli=["a"], window=(0.1, 0.5))
    >>> first_spikes(responses).values[0, :, 0]
    array([0.1, 0.5])
    """
    _check_spikes(responses)
    end = float(responses.edges[-1])
    if silent is not None and not (silent >= end and np.isfinite(silent)):
        raise ValueError(f"`silent` must be at the end of the window, {end:g}, or later")
    fired = responses.values > 0
    latency = responses.edges[fired.argmax(axis=2)]
    latency = np.where(fired.any(axis=2), latency, end if silent is None else silent)
    edges = responses.edges[[0, -1]]
    return replace(responses, values=latency[:, :, None], edges=edges, measure="latency")


def rank_order(responses: Responses, *, silent: str = "last") -> Responses:
    """Order in which the units of a trial fire: ranks of first spikes, from 1 for the earliest.

    Units that fire in the same bin share the mean of their ranks. A trial in which every unit is
    silent, or all fire together, has the same rank everywhere; correlations of such patterns are
    undefined, and `undefined=` says what becomes of them.

    Args:
        responses: (trial, unit, time) counts, spikes or latencies.
        silent: "last": silent units share the mean of the last ranks; "zero": they get 0, and the
            ranks of the others count down from the number of units that fired, so that a larger
            value is always an earlier spike.

    Returns:
        Responses with one bin; values are ranks.

    Raises:
        ValueError: if they are rates or something else, or there is no such policy.

    Source: Thorpe and Gautrais 1998, Computational Neuroscience: Trends in Research, 113.

    >>> values = np.array([[[0, 1], [1, 0], [0, 0]]])
    >>> responses = Responses.from_counts(np.array([[1, 1, 1]]), stimuli=["a"])
    >>> responses = replace(responses, values=values, edges=np.array([0.0, 0.5, 1.0]))
    >>> rank_order(responses).values[0, :, 0], rank_order(responses, silent="zero").values[0, :, 0]
    (array([2., 1., 3.]), array([1., 2., 0.]))
    """
    check_responses(responses)
    if silent not in ("last", "zero"):
        raise ValueError(f"`silent` must be 'last' or 'zero'; got {silent!r}")
    spikes = responses if responses.measure == "latency" else first_spikes(responses)
    latency = spikes.values[:, :, 0]
    ranks = rankdata(latency, axis=1)
    if silent == "zero":
        fired = latency < spikes.edges[-1]
        ranks = np.where(fired, fired.sum(axis=1, keepdims=True) + 1 - ranks, 0.0)
    return replace(spikes, values=ranks[:, :, None], measure="other")


def _check_spikes(responses: Responses) -> None:
    check_responses(responses)
    if responses.measure not in ("count", "spike"):
        raise ValueError(f"`responses` must be counts or spikes; these are {responses.measure!r}")
