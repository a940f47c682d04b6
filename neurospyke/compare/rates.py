"""Firing rates over time: of single trials by smoothing, and their means over trials."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.trains import check_above_zero, first_status
from neurospyke.responses import Responses


def psth(responses: Responses, *, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Peristimulus time histogram: mean rate of each unit in each bin, by stimulus.

    Args:
        responses: (trial, unit, time) counts, spikes or rates.
        confidence: coverage of the intervals.

    Returns:
        One row a stimulus, unit and bin: `stimulus`, `unit` (position), `time` (middle of the bin),
        `rate` (per time unit), `low` and `high` (Student's t over trials), `n` trials, `status`:
        "n_trials<2", "deterministic" where no trial differs, or "ok".

    Raises:
        ValueError: for responses that are no counts, spikes or rates.

    Source: Gerstein and Kiang 1960, Biophysical Journal 1:15.

    >>> counts = np.array([[1], [3]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a"], window=(0.0, 0.5))
    >>> psth(responses)[["time", "rate", "n"]].values.tolist()
    [[0.25, 4.0, 2.0]]
    """
    from scipy.special import stdtrit

    rates = rate_values(responses)
    codes, labels = pd.factorize(responses.trials["stimulus"])
    middles = (responses.edges[:-1] + responses.edges[1:]) / 2
    frames = []
    for position, label in enumerate(labels):
        trials = rates[codes == position]
        n = len(trials)
        mean = trials.mean(axis=0)
        error = trials.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(mean.shape, np.nan)
        margin = stdtrit(max(n - 1, 1), (1 + confidence) / 2) * error
        fixed = (trials == trials[:1]).all(axis=0)
        short = np.full(mean.size, n < 2)
        status = first_status(mean.size, (short, "n_trials<2"), (fixed.ravel(), "deterministic"))
        frames.append(
            pd.DataFrame(
                {
                    "stimulus": label,
                    "unit": np.repeat(np.arange(responses.n_units), responses.n_times),
                    "time": np.tile(middles, responses.n_units),
                    "rate": mean.ravel(),
                    "low": (mean - margin).ravel(),
                    "high": (mean + margin).ravel(),
                    "n": n,
                    "status": status,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def rate_values(responses: Responses) -> np.ndarray:
    """Rates of responses, spikes per time unit.

    Args:
        responses: counts, spikes or rates.

    Returns:
        (trial, unit, time) float64 rates.

    Raises:
        ValueError: if the responses are something else.
    """
    check_responses(responses)
    if responses.measure not in ("count", "spike", "rate"):
        raise ValueError(
            f"`responses` must be counts, spikes or rates; these are {responses.measure!r}"
        )
    values = responses.values.astype(np.float64)
    return values if responses.measure == "rate" else values / np.diff(responses.edges)


def gaussian(lags: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernel of standard deviation `width`, not normalised.

    Args:
        lags: times after the spike.
        width: standard deviation.

    Returns:
        Weights.

    >>> gaussian(np.array([0.0]), 1.0)
    array([1.])
    """
    return np.exp(-(lags**2) / (2 * width**2))


def exponential(lags: np.ndarray, width: float) -> np.ndarray:
    """Exponential decay with time constant `width` after a spike; causal.

    Args:
        lags: times after the spike.
        width: time constant.

    Returns:
        Weights.

    >>> exponential(np.array([-1.0, 0.0]), 1.0)
    array([0., 1.])
    """
    return np.where(lags >= 0, np.exp(-np.maximum(lags, 0.0) / width), 0.0)


def alpha(lags: np.ndarray, width: float) -> np.ndarray:
    """Alpha function t exp(-t / `width`) after a spike; causal.

    Args:
        lags: times after the spike.
        width: time to the peak.

    Returns:
        Weights.

    >>> alpha(np.array([-1.0, 0.0]), 1.0)
    array([0., 0.])
    """
    return np.maximum(lags, 0.0) * exponential(lags, width)


def boxcar(lags: np.ndarray, width: float) -> np.ndarray:
    """Box of standard deviation `width`: as wide as 2 sqrt(3) of it.

    Args:
        lags: times after the spike.
        width: standard deviation.

    Returns:
        Weights.

    >>> boxcar(np.array([-2.0, 0.0]), 1.0)
    array([0., 1.])
    """
    return (np.abs(lags) <= np.sqrt(3) * width).astype(np.float64)


KERNELS: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = MappingProxyType(
    {"gaussian": gaussian, "exponential": exponential, "alpha": alpha, "boxcar": boxcar}
)


def instantaneous_rates(
    responses: Responses, kernel: str = "gaussian", *, width: float, causal: bool = False
) -> Responses:
    """Rates of single trials over time: spikes smoothed by a kernel.

        r(t) = Σ_u k(t - u) n(u) / Σ_u k(t - u) bin,   the lower sum over bins of the window only

    What a kernel loses beyond the ends of the window is given back by that division, so that a
    constant rate stays constant. A causal kernel puts nothing before a spike, which latencies need;
    of a symmetric one the half after the spike is kept.

    Args:
        responses: (trial, unit, time) counts, spikes or rates in bins of one width.
        kernel: one of `KERNELS`.
        width: its standard deviation (gaussian, boxcar), decay (exponential) or peak (alpha), in
            the time unit of the responses.
        causal: whether nothing may stand before its spike.

    Returns:
        Responses of the measure "rate" with the same bins.

    Raises:
        ValueError: if the kernel is unknown, bins differ in width, or the kernel is so narrow that
            it vanishes between bins.

    Source: Nawrot, Aertsen and Rotter 1999, Journal of Neuroscience Methods 94:81.

    >>> responses = Responses.from_counts(np.array([[3]]), stimuli=["a"], window=(0.0, 0.5))
    >>> instantaneous_rates(responses, width=0.1).values
    array([[[6.]]])
    """
    check_responses(responses)
    from dataclasses import replace

    from scipy.signal import fftconvolve

    check_above_zero("width", width)
    if kernel not in KERNELS:
        raise ValueError(f"`kernel` must be one of {list(KERNELS)}; got {kernel!r}")
    widths = np.diff(responses.edges)
    if not np.allclose(widths, widths[0], rtol=1e-6):
        raise ValueError("`responses` must have bins of one width to be smoothed")
    n = responses.n_times
    lags = np.arange(-(n - 1), n) * float(widths.mean())
    weights = KERNELS[kernel](lags, width) * (lags >= 0 if causal else 1.0)
    if not weights.any():
        raise ValueError(f"`width` must reach the next bin, {widths[0]:g}; got {width}")
    held = np.convolve(np.ones(n), weights)[n - 1 : 2 * n - 1]
    rates = rate_values(responses)
    smooth = fftconvolve(rates, weights[None, None], axes=2)[:, :, n - 1 : 2 * n - 1]
    # the transform leaves rounding of either sign where there are no spikes
    smooth = np.maximum(smooth, 0.0) if (rates >= 0).all() else smooth
    reached = held > 0
    values = np.where(reached, smooth / np.where(reached, held, 1.0), 0.0)
    note = f"smoothed by a {'causal ' if causal else ''}{kernel} kernel of width {width:g}"
    return replace(responses, values=values, measure="rate", notes=(*responses.notes, note))
