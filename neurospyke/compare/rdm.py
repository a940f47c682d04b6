"""RDM: the dissimilarity of every pair of conditions, and the ways to compute it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.spatial.distance import squareform

from neurospyke.labels import stimulus_labels
from neurospyke.responses import Responses
from neurospyke.storage import read_arrays, write_arrays

_CHUNK_BYTES = 256 * 2**20
_MAX_DENOMINATOR = 10**6


@dataclass(frozen=True, eq=False)
class RDM:
    """Representational dissimilarity matrix: one number for every pair of conditions.

    Args:
        values: (pair,) finite dissimilarities, in the order of `numpy.triu_indices(n, 1)`.
        conditions: n labels, at least 2, all different.
        dissimilarity: what a value is, such as "correlation".
        source: where the responses come from, such as the area's or layer's name.
        n_units: number of units behind it (0: not known).

    Raises:
        ValueError: if lengths disagree, a value is not finite, or a label repeats.

    >>> RDM(np.arange(3), ("face", "car", "chair"), dissimilarity="correlation", source="V4")
    RDM(3 conditions, 3 pairs, correlation, from V4)
    """

    values: np.ndarray
    conditions: tuple[str, ...]
    _: KW_ONLY
    dissimilarity: str
    source: str = ""
    n_units: int = 0

    def __post_init__(self) -> None:
        labels = _check_conditions(self.conditions)
        values = np.array(self.values, dtype=np.float64)
        n_pairs = len(labels) * (len(labels) - 1) // 2
        if values.shape != (n_pairs,):
            raise ValueError(
                f"`values` must be ({n_pairs},), one for each pair of {len(labels)} conditions; "
                f"got shape {values.shape}: use RDM.from_matrix for a square matrix"
            )
        if not np.isfinite(values).all():
            raise ValueError(
                f"`values` must be finite; {(~np.isfinite(values)).sum()} of {n_pairs} are NaN or "
                "infinite: select the conditions that have values"
            )
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "conditions", labels)

    @property
    def n_conditions(self) -> int:
        """Number of conditions."""
        return len(self.conditions)

    def __repr__(self) -> str:
        return (
            f"RDM({self.n_conditions} conditions, {len(self.values)} pairs, {self.dissimilarity}"
            f"{f' over {self.n_units} units' if self.n_units else ''}"
            f"{f', from {self.source}' if self.source else ''})"
        )

    @classmethod
    def from_matrix(
        cls,
        matrix: np.ndarray,
        conditions: Iterable[str | int],
        *,
        dissimilarity: str,
        source: str = "",
        n_units: int = 0,
    ) -> Self:
        """RDM of a square matrix.

        Args:
            matrix: (condition, condition) dissimilarities, symmetric with a diagonal of zeros.
            conditions: the labels of its rows.
            dissimilarity: what a value is.
            source: where the responses come from.
            n_units: number of units behind it (0: not known).

        Returns:
            The RDM of the upper triangle.

        Raises:
            ValueError: if the matrix is not square, not symmetric or has another diagonal.

        >>> RDM.from_matrix(np.array([[0, 2], [2, 0]]), ["a", "b"], dissimilarity="any").values
        array([2.])
        """
        matrix = np.asarray(matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"`matrix` must be (condition, condition); got shape {matrix.shape}")
        scale = 1e-10 * np.abs(matrix).max(initial=0.0)
        if not (np.abs(matrix - matrix.T) <= scale).all():
            raise ValueError("`matrix` must be symmetric and finite; average it with its transpose")
        if not (np.abs(np.diagonal(matrix)) <= scale).all():
            raise ValueError(
                "`matrix` must have a diagonal of zeros; similarities must become dissimilarities"
            )
        return cls(
            _upper(matrix),
            _check_conditions(conditions),
            dissimilarity=dissimilarity,
            source=source,
            n_units=n_units,
        )

    def matrix(self) -> np.ndarray:
        """Square form.

        Returns:
            (condition, condition) symmetric matrix with a diagonal of zeros.
        """
        return squareform(self.values, checks=False)

    def select(self, conditions: Iterable[str]) -> Self:
        """The same dissimilarities for these conditions, in this order.

        Args:
            conditions: labels to keep, each once.

        Returns:
            RDM of these conditions.

        Raises:
            ValueError: if a label is not there or comes twice.

        >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any")
        >>> rdm.select(["c", "a"]).values
        array([2.])
        """
        labels = tuple(conditions)
        position = {label: row for row, label in enumerate(self.conditions)}
        unknown = [label for label in labels if label not in position]
        if unknown:
            raise ValueError(
                f"`conditions` must be among the {self.n_conditions} of this RDM; "
                f"{len(unknown)} are not: {unknown[:10]}"
            )
        rows = np.array([position[label] for label in labels], dtype=np.int64)
        first, second = (rows[index] for index in np.triu_indices(len(rows), 1))
        low, high = np.minimum(first, second), np.maximum(first, second)
        pairs = low * self.n_conditions - low * (low + 1) // 2 + high - low - 1
        return type(self)(
            self.values[pairs],
            labels,
            dissimilarity=self.dissimilarity,
            source=self.source,
            n_units=self.n_units,
        )

    def save(self, path: str | Path) -> None:
        """Write everything to one file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file.
        """
        meta = {
            "conditions": list(self.conditions),
            "dissimilarity": self.dissimilarity,
            "source": self.source,
            "n_units": self.n_units,
        }
        write_arrays(path, "RDM", {"values": self.values}, meta)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The same RDM.

        Raises:
            ValueError: if the file is damaged or holds something else.
        """
        arrays, meta = read_arrays(path, "RDM", required=_SAVED)
        return cls(arrays["values"], **meta)


_SAVED = ("values", "conditions", "dissimilarity", "source", "n_units")


def _check_conditions(conditions: Iterable[str | int]) -> tuple[str, ...]:
    labels = tuple(stimulus_labels(conditions, "conditions"))
    repeated = [label for label, count in pd.Series(labels).value_counts().items() if count > 1]
    if len(labels) < 2 or repeated:
        raise ValueError(
            "`conditions` must be at least 2 different labels; "
            f"got {len(labels)}{f', repeated: {repeated[:10]}' if repeated else ''}"
        )
    return labels


def euclidean_rdm(responses: Responses) -> RDM:
    """Squared Euclidean distance a feature: D_ij = Σ (x_i - x_j)² / P.

    x_i is the mean over the trials of condition i, P the number of features (units times bins).
    Distances of counts come from whole numbers over a common denominator, so equal distances are
    exact ties, as long as the numbers of trials have a common multiple of at most a million.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        RDM in the unit of the responses, squared; conditions in order of first appearance.

    Raises:
        ValueError: if there are fewer than 2 stimuli.

    Source: Walther et al. 2016, NeuroImage 137:188, without noise normalisation.

    The means of the two conditions below are (2, 0) and (0, 2):

    >>> counts = np.array([[1, 0], [3, 0], [0, 2]])
    >>> euclidean_rdm(Responses.from_counts(counts, stimuli=["a", "a", "b"])).values
    array([4.])
    """
    averaging, denominator, exact = _averaging(responses)
    gram = np.zeros((averaging.shape[0],) * 2)
    for patterns in _patterns(responses, averaging):
        if not exact:
            # Large means swallow small differences in floating point; whole numbers lose nothing.
            np.subtract(patterns, patterns.mean(axis=0), out=patterns)
        gram += patterns @ patterns.T
    squares = np.diagonal(gram)
    distances = squares[:, None] + squares - 2 * gram
    n_features = responses.n_units * responses.n_times
    values = np.maximum(_upper(distances), 0.0) / (float(denominator) ** 2 * n_features)
    return _rdm(responses, values, "euclidean")


def correlation_rdm(responses: Responses, *, undefined: float | None = None) -> RDM:
    """Correlation distance: D_ij = 1 - r(x_i, x_j), r Pearson's over units and time bins.

    x_i is the mean over the trials of condition i. A pattern that is constant, such as silence of
    all units, correlates with nothing.

    Args:
        responses: (trial, unit, time) responses.
        undefined: dissimilarity of pairs in which a pattern is constant; None refuses them.

    Returns:
        RDM between 0 and 2; conditions in order of first appearance.

    Raises:
        ValueError: if a pattern is constant and `undefined` is None, or for fewer than 2 stimuli.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    >>> counts = np.array([[1, 2, 3], [3, 2, 1]])
    >>> correlation_rdm(Responses.from_counts(counts, stimuli=["a", "b"])).values
    array([2.])
    """
    averaging, _, exact = _averaging(responses)
    n_features = responses.n_units * responses.n_times
    shift = np.zeros(averaging.shape[0])
    if not exact:
        shift = averaging @ responses.values.mean(axis=(1, 2), dtype=np.float64)
    gram, total = np.zeros((len(shift),) * 2), np.zeros(len(shift))
    for patterns in _patterns(responses, averaging):
        np.subtract(patterns, shift[:, None], out=patterns)
        gram += patterns @ patterns.T
        total += patterns.sum(axis=1)
    products = n_features * gram - np.outer(total, total)
    squares = np.diagonal(products).copy()
    rounding = (64 * np.finfo(np.float64).eps * n_features * shift) ** 2
    constant = squares <= rounding
    if undefined is None and constant.any():
        _refuse_constant(np.asarray(responses.stimuli, dtype=object)[constant])
    squares[constant] = 1.0
    distances = 1.0 - np.clip(products / np.sqrt(np.outer(squares, squares)), -1.0, 1.0)
    distances[constant] = distances[:, constant] = np.nan if undefined is None else undefined
    name = "correlation" if undefined is None else f"correlation (undefined = {undefined:g})"
    return _rdm(responses, _upper(distances), name)


def _refuse_constant(labels: np.ndarray) -> None:
    raise ValueError(
        f"the correlation of {len(labels)} conditions is undefined, because all units and bins "
        f"respond alike: {list(labels[:10])}; leave them out, choose euclidean_rdm, or say with "
        "`undefined=` which dissimilarity their pairs get"
    )


def _averaging(responses: Responses) -> tuple[csr_array, int, bool]:
    """(condition, trial) weights, the denominator that makes their sums means, are sums whole?"""
    codes, labels = pd.factorize(responses.trials["stimulus"])
    n_trials = np.bincount(codes)
    common = math.lcm(*np.unique(n_trials).tolist())
    exact = responses.values.dtype.kind in "biu" and common <= _MAX_DENOMINATOR
    denominator = common if exact else 1
    weights = (denominator / n_trials)[codes]
    shape = (len(labels), responses.n_trials)
    return csr_array((weights, (codes, np.arange(len(codes)))), shape=shape), denominator, exact


def _patterns(responses: Responses, averaging: csr_array) -> Iterator[np.ndarray]:
    """Patterns (condition, feature) in float64, some units at a time within `_CHUNK_BYTES`."""
    feature_bytes = 8 * (sum(averaging.shape) + averaging.shape[0])
    step = max(1, _CHUNK_BYTES // (feature_bytes * responses.n_times))
    for start in range(0, responses.n_units, step):
        block = responses.values[:, start : start + step]
        yield averaging @ block.reshape(responses.n_trials, -1).astype(np.float64)


def _rdm(responses: Responses, values: np.ndarray, dissimilarity: str) -> RDM:
    return RDM(
        values,
        responses.stimuli,
        dissimilarity=dissimilarity,
        source=population_name(responses),
        n_units=responses.n_units,
    )


def population_name(responses: Responses) -> str:
    """What the units are called: their layers or areas, or else the source.

    Args:
        responses: responses of a model layer or a brain area.

    Returns:
        Names joined by "/", in order of first appearance.

    >>> population_name(Responses.from_counts(np.ones((2, 1)), stimuli=["a", "b"], source="day 1"))
    'day 1'
    """
    for column in ("layer", "area"):
        if column in responses.units:
            return "/".join(str(name) for name in dict.fromkeys(responses.units[column]))
    return responses.source


def _upper(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix), 1)]


Dissimilarity = str | Callable[[Responses], RDM]

DISSIMILARITIES: Mapping[str, Callable[[Responses], RDM]] = MappingProxyType(
    {"euclidean": euclidean_rdm, "correlation": correlation_rdm}
)


def compute_rdm(responses: Responses, dissimilarity: Dissimilarity) -> RDM:
    """RDM by the name of a dissimilarity, or by a function that makes it.

    Args:
        responses: (trial, unit, time) responses.
        dissimilarity: a name in `DISSIMILARITIES`, or a function from responses to an RDM, such
            as `functools.partial(correlation_rdm, undefined=1.0)`.

    Returns:
        The RDM.

    Raises:
        ValueError: if there is no such name, or the dissimilarity is undefined.
    """
    if callable(dissimilarity):
        return dissimilarity(responses)
    if dissimilarity not in DISSIMILARITIES:
        raise ValueError(
            f"`dissimilarity` must be one of {list(DISSIMILARITIES)} or a function; "
            f"got {dissimilarity!r}"
        )
    return DISSIMILARITIES[dissimilarity](responses)
