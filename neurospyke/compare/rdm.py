"""RDM: the dissimilarity of every pair of conditions."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from neurospyke.labels import stimulus_labels
from neurospyke.responses import Responses
from neurospyke.storage import read_arrays, write_arrays


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
            matrix[np.triu_indices(len(matrix), 1)],
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
    repeated = []
    if len(set(labels)) < len(labels):
        repeated = [label for label, count in pd.Series(labels).value_counts().items() if count > 1]
    if len(labels) < 2 or repeated:
        raise ValueError(
            "`conditions` must be at least 2 different labels; "
            f"got {len(labels)}{f', repeated: {repeated[:10]}' if repeated else ''}"
        )
    return labels


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
