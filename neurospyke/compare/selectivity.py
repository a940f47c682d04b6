"""Selectivity of units for stimuli: sparseness, discriminability, orientation and direction."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import Seed
from neurospyke.compare.trains import first_status, unit_table
from neurospyke.responses import Responses

N_SAMPLES = 500
_LOW, _HIGH = 0.025, 0.975


def treves_rolls(rates: np.ndarray, axis: int = -1) -> np.ndarray:
    """Sparseness a = (Σ r / n)² / (Σ r² / n): 1 if all respond alike, 1 / n if one alone does.

    Args:
        rates: responses of 0 or more.
        axis: along which; stimuli for lifetime, units for population sparseness.

    Returns:
        a between 1 / n and 1; NaN where nothing responds.

    Source: Treves and Rolls 1991, Network 2:371; Rolls and Tovee 1995, J Neurophysiol 73:713.

    >>> treves_rolls(np.array([[1.0, 1, 1, 1], [4, 0, 0, 0]]))
    array([1.  , 0.25])
    """
    rates = np.asarray(rates, dtype=np.float64)
    squares = (rates**2).mean(axis=axis)
    return np.where(
        squares > 0, rates.mean(axis=axis) ** 2 / np.where(squares > 0, squares, 1.0), np.nan
    )


def vinje_gallant(rates: np.ndarray, axis: int = -1) -> np.ndarray:
    """Sparseness S = (1 - a) / (1 - 1 / n) with the a of `treves_rolls`: 0 if all alike, 1 if one.

    Args:
        rates: responses of 0 or more, at least 2 along the axis.
        axis: along which.

    Returns:
        S between 0 and 1; NaN where nothing responds.

    Source: Vinje and Gallant 2000, Science 287:1273.

    >>> vinje_gallant(np.array([[1.0, 1, 1, 1], [4, 0, 0, 0]]))
    array([0., 1.])
    """
    n = np.asarray(rates).shape[axis]
    if n < 2:
        raise ValueError(f"`rates` must have 2 or more along the axis; got {n}")
    return (1 - treves_rolls(rates, axis)) / (1 - 1 / n)


def sparseness(
    responses: Responses, *, over: str = "stimuli", n_samples: int = N_SAMPLES, seed: Seed
) -> pd.DataFrame:
    """Lifetime or population sparseness, in both conventions by name.

    Args:
        responses: (trial, unit, time) counts, spikes or rates of 0 or more.
        over: "stimuli" for the lifetime sparseness of each unit, "units" for the population
            sparseness of each stimulus.
        n_samples: bootstrap samples of the stimuli (of the units).
        seed: seed or generator of the bootstrap.

    Returns:
        One row a unit (a stimulus) and convention: `unit` or `stimulus`, `convention`
        ("treves_rolls" or "vinje_gallant"), `value`, `low` and `high` (bootstrap, 95 %), `n`
        (stimuli or units) and `status`: "no_response" or "ok".

    Raises:
        ValueError: if `over` is unknown, responses are latencies, below 0, or of one stimulus.

    Source: Treves and Rolls 1991, Network 2:371; Vinje and Gallant 2000, Science 287:1273.

    >>> responses = Responses.from_counts(np.array([[3], [0], [0]]), stimuli=["a", "b", "c"])
    >>> sparseness(responses, seed=0)[["convention", "value"]].values.tolist()
    [['treves_rolls', 0.3333333333333333], ['vinje_gallant', 1.0]]
    """
    if over not in ("stimuli", "units"):
        raise ValueError(f"`over` must be 'stimuli' or 'units'; got {over!r}")
    means = mean_responses(responses)
    rates = means.T if over == "stimuli" else means
    n = rates.shape[1]
    generator = np.random.default_rng(seed)
    drawn = generator.integers(n, size=(n_samples, n))
    names = (
        unit_table(responses.units)
        if over == "stimuli"
        else pd.DataFrame({"stimulus": responses.stimuli})
    )
    status = first_status(len(rates), (rates.sum(axis=1) == 0, "no_response"))
    frames = []
    for convention in (treves_rolls, vinje_gallant):
        low, high = _bootstrap(rates, drawn, convention)
        columns = {"convention": convention.__name__, "value": convention(rates)}
        frames.append(names.assign(**columns, low=low, high=high, n=n, status=status))
    return pd.concat(frames, ignore_index=True)


def mean_responses(responses: Responses) -> np.ndarray:
    """Mean response of each unit to each stimulus over trials and the window.

    Args:
        responses: counts, spikes or rates of 0 or more.

    Returns:
        (stimulus, unit) means.

    Raises:
        ValueError: if the responses are latencies, below 0, or of a single stimulus.
    """
    check_responses(responses)
    means = responses.sum_over_time().average().values[:, :, 0].astype(np.float64)
    if (means < 0).any():
        raise ValueError("`responses` must be 0 or more; subtract no baseline")
    if len(means) < 2:
        raise ValueError("`responses` must be to 2 or more stimuli; got 1")
    return means


def d_prime(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Discriminability d' = (mean of first - mean of second) / root of the mean variance.

    Args:
        first: (trial, ...) responses to one stimulus, 2 trials or more.
        second: the same for the other.

    Returns:
        (...) d'; ±inf without noise, NaN without noise or difference.

    Raises:
        ValueError: if either has fewer than 2 trials.

    Source: Green and Swets 1966, Signal Detection Theory; Simpson and Fitter 1973, Psychological
    Bulletin 80:481, for unequal variances.

    >>> float(d_prime([4.0, 6.0], [1.0, 3.0]).round(6))  # variances of 2: 3 / sqrt(2)
    2.12132
    """
    one, two = _sides(first, second)
    if len(one) < 2 or len(two) < 2:
        raise ValueError(f"`first` and `second` must be 2 trials or more; got {len(one), len(two)}")
    spread = np.sqrt((one.var(axis=0, ddof=1) + two.var(axis=0, ddof=1)) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((one.mean(axis=0) - two.mean(axis=0)) / spread)


def roc_area(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Area under the ROC curve: P(first > second) + P(first = second) / 2 for a trial of each.

    Args:
        first: (trial, ...) responses to one stimulus.
        second: the same for the other.

    Returns:
        (...) areas between 0 and 1; 0.5 where nothing tells them apart.

    Raises:
        ValueError: if either has no trial.

    Source: Bamber 1975, Journal of Mathematical Psychology 12:387.

    >>> float(roc_area([2.0, 3.0], [1.0, 2.0]))  # greater, equal, greater, greater
    0.875
    """
    from scipy.stats import rankdata

    one, two = _sides(first, second)
    if not len(one) or not len(two):
        raise ValueError("`first` and `second` must have trials; one has none")
    ranks = rankdata(np.concatenate([one, two]), axis=0)[: len(one)].sum(axis=0)
    return np.asarray((ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(two)))


def discriminability(
    responses: Responses, first: str, second: str, *, n_samples: int = N_SAMPLES, seed: Seed
) -> pd.DataFrame:
    """`d_prime` and `roc_area` of each unit between two stimuli.

    Args:
        responses: any responses; summed over time, latencies as they are if of one bin.
        first: label of one stimulus.
        second: of the other.
        n_samples: bootstrap samples of trials.
        seed: seed or generator of the bootstrap.

    Returns:
        One row a unit and measure ("d_prime", "roc_area"): `value`, `low`, `high` (bootstrap over
        trials, 95 %), `n` trials of both, `status`: "deterministic" where no trial differs from
        others of its stimulus, "n_trials<2", or "ok".

    Raises:
        ValueError: if there is no such stimulus.

    Source: Green and Swets 1966; Bamber 1975, Journal of Mathematical Psychology 12:387.

    >>> counts = np.array([[2], [3], [1], [2]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a", "b", "b"])
    >>> discriminability(responses, "a", "b", seed=0)["value"].round(3).tolist()
    [1.414, 0.875]
    """
    check_responses(responses)
    values = responses.values[:, :, 0].astype(np.float64)
    if responses.measure != "latency" or responses.n_times > 1:
        values = responses.sum_over_time().values[:, :, 0].astype(np.float64)
    sides = []
    for name, label in (("first", first), ("second", second)):
        chosen = (responses.trials["stimulus"] == label).to_numpy()
        if not chosen.any():
            raise ValueError(f"`{name}` must be a stimulus of the responses; got {label!r}")
        sides.append(values[chosen])
    one, two = sides
    n = len(one) + len(two)
    short = min(len(one), len(two)) < 2
    fixed = ((one == one[:1]).all(axis=0) & (two == two[:1]).all(axis=0)) | short
    generator = np.random.default_rng(seed)
    frames = []
    status = first_status(
        responses.n_units, (np.full(len(fixed), short), "n_trials<2"), (fixed, "deterministic")
    )
    for measure in (d_prime, roc_area):
        value = np.full(responses.n_units, np.nan)
        if measure is roc_area or not short:
            value = measure(one, two)
        low, high = np.full(value.shape, np.nan), np.full(value.shape, np.nan)
        if not fixed.all():
            samples = np.stack(
                [
                    measure(
                        one[generator.integers(len(one), size=len(one))],
                        two[generator.integers(len(two), size=len(two))],
                    )
                    for _ in range(n_samples)
                ]
            )
            low, high = _bounds(samples, ~fixed)
        columns = {"measure": measure.__name__, "value": value, "low": low, "high": high}
        frames.append(unit_table(responses.units).assign(**columns, n=n, status=status))
    return pd.concat(frames, ignore_index=True)


def orientation_selectivity(rates: np.ndarray, angles: ArrayLike, *, cycle: float) -> np.ndarray:
    """Selectivity |Σ r exp(2πi θ / cycle)| / Σ r: 1 less the circular variance.

    Args:
        rates: (stimulus, ...) responses of 0 or more, at angles evenly spread over the circle.
        angles: (stimulus,) θ in degrees.
        cycle: 180 for orientation, 360 for direction.

    Returns:
        (...) values between 0 and 1; NaN where nothing responds.

    Raises:
        ValueError: if `cycle` is neither, or angles do not fit the rates.

    Source: Ringach, Shapley and Hawken 2002, Journal of Neuroscience 22:5639; Mazurek, Kager and
    Van Hooser 2014, Frontiers in Neural Circuits 8:92.

    >>> rates = np.array([3.0, 1, 3, 1])
    >>> float(orientation_selectivity(rates, [0, 90, 180, 270], cycle=180).round(12))
    0.5
    >>> float(orientation_selectivity(rates, [0, 90, 180, 270], cycle=360).round(12))
    0.0
    """
    rates, turns = _on_circle(rates, angles, cycle)
    total = rates.sum(axis=0)
    length = np.abs(np.tensordot(np.exp(2j * np.pi * turns), rates, axes=(0, 0)))
    return np.where(total > 0, length / np.where(total > 0, total, 1.0), np.nan)


def preference_ratio(rates: np.ndarray, angles: ArrayLike, *, cycle: float) -> np.ndarray:
    """Ratio index (r_pref - r_other) / (r_pref + r_other), half a cycle from the preferred angle.

    Args:
        rates: (stimulus, ...) responses of 0 or more; each angle's opposite must be there.
        angles: (stimulus,) θ in degrees.
        cycle: 180 for orientation (90 degrees apart), 360 for direction (180 degrees apart).

    Returns:
        (...) values between 0 and 1; NaN where nothing responds. The preferred angle is chosen by
        the same rates, so that noise alone gives values above 0.

    Raises:
        ValueError: if `cycle` is neither, or an opposite is missing.

    Source: Niell and Stryker 2008, Journal of Neuroscience 28:7520; Mazurek, Kager and Van Hooser
    2014, Frontiers in Neural Circuits 8:92.

    >>> preference_ratio(np.array([3.0, 1, 2, 1]), [0, 90, 180, 270], cycle=360)
    array(0.2)
    """
    rates, turns = _on_circle(rates, angles, cycle)
    places, inverse = np.unique(np.round(turns % 1.0, 9) % 1.0, return_inverse=True)
    tuning = np.stack([rates[inverse == place].mean(axis=0) for place in range(len(places))])
    apart = np.abs((places[:, None] - places + 1.0) % 1.0 - 0.5)
    if apart.min(axis=1).max() > 1e-6:
        raise ValueError("`angles` must hold the opposite of each angle, half a cycle away")
    best = tuning.argmax(axis=0)
    most = np.take_along_axis(tuning, best[None], axis=0)[0]
    least = np.take_along_axis(tuning, apart.argmin(axis=1)[best][None], axis=0)[0]
    total = most + least
    return np.where(total > 0, (most - least) / np.where(total > 0, total, 1.0), np.nan)


def tuning_selectivity(
    responses: Responses, angles: str, *, n_samples: int = N_SAMPLES, seed: Seed
) -> pd.DataFrame:
    """Orientation and direction selectivity of each unit, as vector and as ratio.

    Args:
        responses: (trial, unit, time) counts, spikes or rates.
        angles: numeric column of `trials` with the direction of each stimulus in degrees, evenly
            spread over the circle, opposites included.
        n_samples: bootstrap samples of trials within stimuli.
        seed: seed or generator of the bootstrap.

    Returns:
        One row a unit and measure: "orientation_vector", "direction_vector", "orientation_ratio",
        "direction_ratio"; `value`, `low`, `high` (bootstrap, 95 %), `n` trials, `status`:
        "no_response" or "ok". All are biased upwards by noise, most with few trials.

    Raises:
        ValueError: if there is no such column.

    Source: Mazurek, Kager and Van Hooser 2014, Frontiers in Neural Circuits 8:92.

    >>> counts = np.array([[3], [1], [2], [1]])
    >>> responses = Responses.from_counts(counts, stimuli=["r", "u", "l", "d"])
    >>> from dataclasses import replace
    >>> trials = responses.trials.assign(direction=[0.0, 90, 180, 270])
    >>> table = tuning_selectivity(replace(responses, trials=trials), "direction", seed=0)
    >>> table["value"].round(3).tolist()
    [0.429, 0.143, 0.429, 0.2]
    """
    check_responses(responses)
    if angles not in responses.trials:
        raise ValueError(
            f"`angles` must be one of {list(responses.trials.columns)}; got {angles!r}"
        )
    degrees = responses.trials[angles].to_numpy(dtype=np.float64)
    values = responses.sum_over_time().values[:, :, 0].astype(np.float64)
    kinds, codes = np.unique(degrees, return_inverse=True)
    groups = [np.flatnonzero(codes == code) for code in range(len(kinds))]

    def measures(means: np.ndarray) -> np.ndarray:
        return np.stack(
            [
                orientation_selectivity(means, kinds, cycle=180),
                orientation_selectivity(means, kinds, cycle=360),
                preference_ratio(means, kinds, cycle=180),
                preference_ratio(means, kinds, cycle=360),
            ]
        )

    generator = np.random.default_rng(seed)
    value = measures(np.stack([values[group].mean(axis=0) for group in groups]))
    samples = np.stack(
        [
            measures(np.stack([values[generator.choice(g, len(g))].mean(axis=0) for g in groups]))
            for _ in range(n_samples)
        ]
    )
    silent = values.sum(axis=0) == 0
    names = ("orientation_vector", "direction_vector", "orientation_ratio", "direction_ratio")
    frames = []
    for place, measure in enumerate(names):
        low, high = _bounds(samples[:, place], ~silent)
        columns = {"measure": measure, "value": value[place], "low": low, "high": high}
        status = first_status(len(silent), (silent, "no_response"))
        frames.append(unit_table(responses.units).assign(**columns, n=len(values), status=status))
    return pd.concat(frames, ignore_index=True)


def _sides(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim < 1 or one.shape[1:] != two.shape[1:]:
        raise ValueError(
            f"`first` and `second` must differ in trials only; got {one.shape} and {two.shape}"
        )
    return one, two


def _on_circle(rates: np.ndarray, angles: ArrayLike, cycle: float) -> tuple[np.ndarray, np.ndarray]:
    if cycle not in (180, 360):
        raise ValueError(f"`cycle` must be 180 or 360 degrees; got {cycle}")
    rates, degrees = np.asarray(rates, dtype=np.float64), np.asarray(angles, dtype=np.float64)
    if degrees.shape != rates.shape[:1]:
        raise ValueError(f"`angles` must be ({len(rates)},), one a stimulus; got {degrees.shape}")
    return rates, degrees / cycle


def _bootstrap(
    rates: np.ndarray, drawn: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    samples = np.stack([statistic(rates[:, each]) for each in drawn])
    return _bounds(samples, rates.sum(axis=1) > 0)


def _bounds(samples: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central 95 % of (sample, row), of the samples in which the statistic exists."""
    low, high = np.full(len(known), np.nan), np.full(len(known), np.nan)
    for row in np.flatnonzero(known):
        column = samples[:, row]
        column = column[~np.isnan(column)]
        if len(column):
            low[row], high[row] = np.quantile(column, [_LOW, _HIGH], method="closest_observation")
    return low, high
