"""RDMs over time: one for each window of time bins, and between times."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from neurospyke.compare.crossvalidated import cells_of
from neurospyke.compare.dissimilarities import Dissimilarity, compute_rdm
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.noise import whiten
from neurospyke.compare.patterns import averaging, summing
from neurospyke.compare.rdm import RDM, population_name
from neurospyke.responses import Responses

_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True, eq=False)
class RDMMovie:
    """RDMs of the same conditions in successive windows of time.

    Args:
        values: (window, pair) dissimilarities.
        windows: (window, 2) start and stop of each.
        conditions: labels of the conditions.
        dissimilarity: what a value is.
        source: where the responses come from.
        n_units: number of units behind it.
    """

    values: np.ndarray
    windows: np.ndarray
    conditions: tuple[str, ...]
    dissimilarity: str
    source: str = ""
    n_units: int = 0

    def __post_init__(self) -> None:
        for name in ("values", "windows"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.windows.shape != (len(self.values), 2):
            raise ValueError(
                f"`windows` must be ({len(self.values)}, 2), one for each row of `values`; "
                f"got shape {self.windows.shape}"
            )

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return (
            f"RDMMovie({len(self)} windows over [{self.windows[0, 0]:g}, "
            f"{self.windows[-1, 1]:g}), {len(self.conditions)} conditions, {self.dissimilarity})"
        )

    def __getitem__(self, window: int) -> RDM:
        return RDM(
            self.values[window],
            self.conditions,
            dissimilarity=self.dissimilarity,
            source=self.source,
            n_units=self.n_units,
        )


def rdm_movie(
    responses: Responses,
    dissimilarity: Dissimilarity = "euclidean",
    *,
    width: int = 1,
    step: int = 1,
) -> RDMMovie:
    """RDM of each window of `width` bins, every `step` bins, of the mean over its bins.

    Args:
        responses: (trial, unit, time) responses.
        dissimilarity: a name in `DISSIMILARITIES` or a function from responses to an RDM, called
            with one bin a window; noise is then estimated in each window.
        width: number of bins in a window.
        step: number of bins from one window to the next.

    Returns:
        The movie; bins after the last whole window are left out.

    Raises:
        ValueError: if there are fewer bins than a window, or a dissimilarity is undefined.

    Source: as that of the dissimilarity; sliding windows as in rsatoolbox's `calc_rdm_movie`.

    >>> values = np.array([[[0, 2, 4]], [[0, 0, 0]]])
    >>> responses = Responses(values, pd.DataFrame({"stimulus": ["a", "b"]}),
    ...                       pd.DataFrame({"unit": [0]}), np.arange(4.0))
    >>> rdm_movie(responses, width=2).values
    array([[1.],
           [9.]])
    """
    starts = _starts(responses, width, step)
    if isinstance(dissimilarity, str) and dissimilarity in _OF_PATTERNS:
        weights, denominator, _ = averaging(responses)
        distances = _OF_PATTERNS[dissimilarity]
        parts = [
            distances(_rows(weights @ block, means.shape) / denominator)
            for means, block in _window_means(responses, starts, width)
        ]
        return _movie(responses, starts, width, np.concatenate(parts), dissimilarity)
    rdms = [
        compute_rdm(
            replace(responses, values=values[:, :, None], edges=responses.edges[[start, stop]]),
            dissimilarity,
        )
        for values, start, stop in _frames(responses, starts, width)
    ]
    values = np.array([rdm.values for rdm in rdms])
    return _movie(responses, starts, width, values, rdms[0].dissimilarity)


def crossnobis_movie(
    responses: Responses,
    *,
    noise: np.ndarray | None = None,
    fold: str = "repetition",
    width: int = 1,
    step: int = 1,
) -> RDMMovie:
    """Crossnobis of each window, with one noise covariance for all of them.

    Args:
        responses: (trial, unit, time) responses; every condition equally often in every fold.
        noise: (unit, unit) covariance; None for the identity. For an estimate in each window, use
            `rdm_movie(responses, crossnobis_rdm)`.
        fold: column of `trials` that says which trials share noise.
        width: number of bins in a window.
        step: number of bins from one window to the next.

    Returns:
        The movie.

    Raises:
        ValueError: if cells (condition, fold) are missing or unequal; `rdm_movie` allows that.

    Source: Walther et al. 2016, NeuroImage 137:188.

    >>> values = np.array([[[0, 2]], [[0, 0]], [[0, 2]], [[0, 0]]])
    >>> trials = pd.DataFrame({"stimulus": list("abab"), "repetition": [0, 0, 1, 1]})
    >>> responses = Responses(values, trials, pd.DataFrame({"unit": [0]}), np.arange(3.0))
    >>> crossnobis_movie(responses).values
    array([[0.],
           [4.]])
    """
    starts = _starts(responses, width, step)
    cells = cells_of(responses, fold)
    n_folds = cells.counts.shape[1]
    if not (cells.counts == cells.counts[0, 0]).all():
        raise ValueError(
            "`responses` must have every condition equally often in every fold; use "
            "rdm_movie(responses, crossnobis_rdm) for missing cells"
        )
    weights = summing(cells.codes, cells.counts.size)
    parts = []
    for means, block in _window_means(responses, starts, width):
        sums = _rows(weights @ block, means.shape)
        sums = whiten(sums.reshape(-1, means.shape[2]), noise).reshape(sums.shape)
        sums = sums.reshape(len(sums), -1, n_folds, means.shape[2])
        gram = _gram(sums.sum(axis=2))
        for each in range(n_folds):
            gram -= _gram(np.ascontiguousarray(sums[:, :, each]))
        parts.append(_upper_distances(gram) / means.shape[2])
    n_couples = n_folds * (n_folds - 1) * float(cells.counts[0, 0]) ** 2
    values = np.concatenate(parts) / n_couples
    name = "crossnobis, no noise" if noise is None else "crossnobis"
    return _movie(responses, starts, width, values, name)


def unfold_time(responses: Responses) -> Responses:
    """Every time bin as a condition of its own: "face @ 0.1" for face at a bin that starts at 0.1.

    An RDM of the result compares conditions between times, D((i, t), (j, t')); crossnobis then
    multiplies trials of different folds only, so that noise shared within a trial does no harm.
    A single stimulus gives the RDM of its time points.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        Responses with a trial for each trial and bin, one bin, and the column `time`.

    Source: Huang et al. 2024, NeurIPS, for time points as conditions.

    >>> responses = Responses(np.array([[[1, 5]]]), pd.DataFrame({"stimulus": ["a"]}),
    ...                       pd.DataFrame({"unit": [0]}), np.array([0.0, 0.1, 0.2]))
    >>> unfold_time(responses).stimuli
    ('a @ 0', 'a @ 0.1')
    """
    check_responses(responses)
    n_trials, n_units, n_times = responses.shape
    values = responses.values.transpose(2, 0, 1).reshape(n_times * n_trials, n_units, 1)
    starts = np.repeat(responses.edges[:-1], n_trials)
    trials = pd.concat([responses.trials] * n_times, ignore_index=True)
    trials["time"] = starts
    trials["stimulus"] = [
        f"{label} @ {start:g}" for label, start in zip(trials["stimulus"], starts, strict=True)
    ]
    return replace(responses, values=values, trials=trials, edges=responses.edges[[0, -1]])


def _starts(responses: Responses, width: int, step: int) -> np.ndarray:
    check_responses(responses)
    if width < 1 or step < 1 or width > responses.n_times:
        raise ValueError(
            f"`width` must be from 1 to {responses.n_times} bins and `step` at least 1; "
            f"got {width} and {step}"
        )
    return np.arange(0, responses.n_times - width + 1, step)


def _window_means(
    responses: Responses, starts: np.ndarray, width: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Means over the bins of some windows: (trial, window, unit), and the same as a table."""
    n_trials, n_units, _ = responses.shape
    at_once = max(1, _CHUNK_BYTES // (8 * n_trials * n_units))
    for first in range(0, len(starts), at_once):
        part = starts[first : first + at_once]
        block = responses.values[:, :, part[0] : part[-1] + width]
        block = np.ascontiguousarray(block.transpose(0, 2, 1), dtype=np.float64)
        places = part - part[0]
        if width > 1:
            total = np.zeros((n_trials, block.shape[1] + 1, n_units))
            np.cumsum(block, axis=1, out=total[:, 1:])
            means = (total[:, places + width] - total[:, places]) / width
        else:
            means = block[:, places]
        yield means, means.reshape(n_trials, -1)


def _rows(table: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(row, window * unit) to (window, row, unit)."""
    return np.ascontiguousarray(table.reshape(-1, *shape[1:]).transpose(1, 0, 2))


def _frames(
    responses: Responses, starts: np.ndarray, width: int
) -> Iterator[tuple[np.ndarray, int, int]]:
    window = iter(starts)
    for means, _ in _window_means(responses, starts, width):
        for place in range(means.shape[1]):
            start = int(next(window))
            yield means[:, place], start, start + width


def _movie(
    responses: Responses, starts: np.ndarray, width: int, values: np.ndarray, name: str
) -> RDMMovie:
    windows = np.stack([responses.edges[starts], responses.edges[starts + width]], axis=1)
    source, n_units = population_name(responses), responses.n_units
    return RDMMovie(values, windows, responses.stimuli, name, source=source, n_units=n_units)


def _gram(patterns: np.ndarray) -> np.ndarray:
    return patterns @ patterns.transpose(0, 2, 1)


def _upper_distances(gram: np.ndarray) -> np.ndarray:
    """(window, pair) G_ii + G_jj - 2 G_ij of (window, condition, condition)."""
    n = gram.shape[1]
    first, second = np.triu_indices(n, 1)
    squares = np.diagonal(gram, axis1=1, axis2=2)
    pairs = np.take(gram.reshape(len(gram), -1), first * n + second, axis=1)
    pairs *= -2
    pairs += squares[:, first]
    pairs += squares[:, second]
    return pairs


def _euclidean(patterns: np.ndarray) -> np.ndarray:
    patterns -= patterns.mean(axis=1, keepdims=True)
    return np.maximum(_upper_distances(_gram(patterns)), 0.0) / patterns.shape[2]


def _correlation(patterns: np.ndarray) -> np.ndarray:
    largest = np.abs(patterns).max(axis=2)
    patterns -= patterns.mean(axis=2, keepdims=True)
    lengths = np.linalg.norm(patterns, axis=2)
    constant = lengths <= 1e-13 * largest * np.sqrt(patterns.shape[2])
    if constant.any():
        raise ValueError(
            f"the correlation is undefined for {constant.any(axis=0).sum()} conditions in "
            f"{constant.any(axis=1).sum()} windows, in which all units respond alike; choose "
            "another dissimilarity, wider windows, or "
            "functools.partial(correlation_rdm, undefined=1.0)"
        )
    patterns /= lengths[:, :, None]
    gram = _gram(patterns)
    first, second = np.triu_indices(gram.shape[1], 1)
    return 1.0 - np.clip(gram[:, first, second], -1.0, 1.0)


_OF_PATTERNS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {"euclidean": _euclidean, "correlation": _correlation}
)
