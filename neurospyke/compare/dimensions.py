"""How many dimensions the responses to many stimuli fill."""

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE, N_BLOCKS, spread_of
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import equal_halves
from neurospyke.responses import Responses


def participation_ratio(patterns: np.ndarray) -> float:
    """Participation ratio (Σ λ)² / Σ λ² of the variances λ along principal components.

    Args:
        patterns: (stimulus, unit) responses.

    Returns:
        Between 1 and the smaller of units and stimuli less one; NaN if nothing varies.

    Source: Gao et al. 2017, bioRxiv 214262, Eq. 4; Litwin-Kumar et al. 2017, Neuron 93:1153.

    >>> round(participation_ratio(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])), 12)
    2.0
    """
    centred = np.asarray(patterns, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # the products of the shorter side have the same eigenvalues
    products = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    squares = (products**2).sum()
    return float(np.trace(products) ** 2 / squares) if squares > 0 else np.nan


def cross_validated_spectrum(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Variance of stimuli along principal components, without that of noise.

        λ_k = Σ_s (x_s u_k)(y_s u_k) / (S - 1),   u_k the components of x

    x and y are centred means over different trials, so that their noise has no covariance.

    Args:
        first: (stimulus, unit) means over one half of the trials.
        second: the same over the other.

    Returns:
        (component,) variances, by falling variance of `first`; those of noise scatter around 0.

    Raises:
        ValueError: if the halves differ in shape.

    Source: Stringer et al. 2019, Nature 571:361, methods (cross-validated PCA).

    >>> x = np.array([[1.0, 0], [-1, 0]])
    >>> cross_validated_spectrum(x, 0.5 * x)
    array([1., 0.])
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"`second` must be {x.shape} as `first` is; got {y.shape}")
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    if x.shape[1] <= len(x):
        components = np.linalg.eigh(x.T @ x)[1][:, ::-1]
    else:
        components = np.linalg.svd(x, full_matrices=False)[2].T
    return ((x @ components) * (y @ components)).sum(axis=0) / (len(x) - 1)


def dimensionality(
    responses: Responses, *, n_units: int | None = None, n_draws: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Participation ratio of mean responses, plain and cross-validated, at a given number of units.

    The plain one counts noise as dimensions. The cross-validated one puts the spectrum between
    random halves of the trials into the same formula. Both grow with units, so compare populations
    at the same number of them.

    Args:
        responses: (trial, unit, time) responses, 4 stimuli or more; bins of time are averaged.
        n_units: how many units are drawn at random, again and again; all if not given.
        n_draws: draws of units and of halves, averaged.
        seed: whole number, seed of all draws.

    Returns:
        One row a measure ("participation_ratio", "participation_ratio_cv"): `value`, `low` and
        `high` by the jackknife over stimuli, `n` stimuli, `n_units`, `status`: "n_trials<2" where
        nothing can be cross-validated, "no_signal" where nothing is left across halves, or "ok".

    Raises:
        ValueError: with fewer than 4 stimuli or more units than there are.

    Source: Gao et al. 2017, bioRxiv 214262; Stringer et al. 2019, Nature 571:361.

    >>> counts = np.array([[9, 5], [1, 5], [5, 9], [5, 1]] * 2)
    >>> responses = Responses.from_counts(counts, stimuli=list("abcd") * 2)
    >>> dimensionality(responses)["value"].round(9).tolist()
    [2.0, 2.0]
    """
    check_responses(responses)
    n_stimuli = len(responses.stimuli)
    n_units = responses.n_units if n_units is None else n_units
    if n_stimuli < 4:
        raise ValueError(f"`responses` must be to 4 or more stimuli; got {n_stimuli}")
    if not 1 <= n_units <= responses.n_units:
        raise ValueError(f"`n_units` must be from 1 to {responses.n_units}; got {n_units}")
    values = responses.values.mean(axis=2, dtype=np.float64)
    codes = pd.factorize(responses.trials["stimulus"])[0]
    generator = np.random.default_rng(seed)
    drawn = [
        np.sort(generator.permutation(responses.n_units)[:n_units])
        for _ in range(n_draws if n_units < responses.n_units else 1)
    ]
    plain = [_means(values[:, units], codes, np.ones(len(codes), bool)) for units in drawn]
    rows = [_row("participation_ratio", [(mean, mean) for mean in plain], n_units, False)]
    if np.bincount(codes).min() < 2:
        missing = {"value": np.nan, "low": np.nan, "high": np.nan, "n": n_stimuli}
        rows.append({"measure": "participation_ratio_cv", **missing, "n_units": n_units})
        return pd.DataFrame(rows).assign(status=["ok", "n_trials<2"])
    halves = equal_halves(responses.trials["stimulus"].tolist(), n_draws, generator)
    split = [
        (
            _means(values[:, units], codes, half == 0),
            _means(values[:, units], codes, half == 1),
        )
        for half, units in zip(halves, drawn * (n_draws // len(drawn)), strict=True)
    ]
    rows.append(_row("participation_ratio_cv", split, n_units, True))
    table = pd.DataFrame(rows)
    return table.assign(status=np.where(np.isfinite(table["value"]), "ok", "no_signal"))


def _means(values: np.ndarray, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    membership = np.equal.outer(np.arange(codes.max() + 1), codes) * chosen
    return membership @ values / membership.sum(axis=1, keepdims=True)


def _row(
    measure: str, pairs: list[tuple[np.ndarray, np.ndarray]], n_units: int, crossed: bool
) -> dict[str, object]:
    n = len(pairs[0][0])
    everything = np.arange(n)

    def average(kept: np.ndarray) -> float:
        each = [
            _crossed_ratio(x[kept], y[kept]) if crossed else participation_ratio(x[kept])
            for x, y in pairs
        ]
        return float(np.mean(each))

    value = average(everything)
    blocks = everything * min(n, N_BLOCKS) // n
    without = np.array([average(everything[blocks != each]) for each in np.unique(blocks)])
    low, high = spread_of(np.asarray(value), without, CONFIDENCE)
    bounds = {"low": float(low), "high": float(high)}
    return {"measure": measure, "value": value, **bounds, "n": n, "n_units": n_units}


def _crossed_ratio(first: np.ndarray, second: np.ndarray) -> float:
    spectrum = cross_validated_spectrum(first, second)
    total = spectrum.sum()
    return float(total**2 / (spectrum**2).sum()) if total > 0 else np.nan
