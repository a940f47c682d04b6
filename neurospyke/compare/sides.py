"""Models and brains side by side: the same conditions, as vectors of dissimilarities."""

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from neurospyke.compare.dissimilarities import Dissimilarity, compute_rdm
from neurospyke.compare.held_out import Stack
from neurospyke.compare.models import FlexibleModel
from neurospyke.compare.pairing import condition_labels, pair
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses

Model = Responses | RDM | FlexibleModel
Brain = Responses | RDM | Sequence[Responses | RDM]


class Sides(NamedTuple):
    """Models and brains over the same conditions, in the first model's order.

    Halves are drawn trial by trial: in the order of the model, a brain's ceiling would depend on
    which model it is compared with. So brains are also kept in their own order.

    Attributes:
        names: of the models.
        stack: models.
        conditions: labels.
        brains: (subject, pair) dissimilarities.
        brain_rdms: the same as RDMs.
        in_own_order: what was given for the brains, without dropped conditions.
        units: numbers of units of the models.
        dissimilarities: of each model and the brains.
        n_dropped: number of conditions dropped.
    """

    names: tuple[str, ...]
    stack: Stack
    conditions: tuple[str, ...]
    brains: np.ndarray
    brain_rdms: list[RDM]
    in_own_order: list[Responses | RDM]
    units: tuple[int, ...]
    dissimilarities: tuple[str, ...]
    n_dropped: int

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of conditions and of subjects."""
        return len(self.conditions), len(self.brains)

    @property
    def is_fitted(self) -> bool:
        """Whether a model has weights."""
        return any(fit for _, fit in self.stack.models)


def collect_sides(
    models: Mapping[str, Model], brain: Brain, dissimilarity: Dissimilarity, missing: str
) -> Sides:
    """Pair by label and compute what is not an RDM yet.

    Args:
        models: by name; an empty name is made up from the layer or source.
        brain: of one subject or several.
        dissimilarity: a name in `DISSIMILARITIES` or a function.
        missing: "error" or "drop".

    Returns:
        Both sides.

    Raises:
        TypeError: if a side is neither responses nor RDM.
        ValueError: if labels do not match or fewer than 3 conditions are shared.
    """
    if not models:
        raise ValueError("`models` must hold at least one model; got none")
    parts = [_parts(model) for model in models.values()]
    sides, brains, own_order, n_dropped = _pair_sides(list(chain(*parts)), brain, missing)
    rdms = [_as_rdm(side, dissimilarity) for side in sides]
    brain_rdms = [_as_rdm(side, dissimilarity) for side in brains]
    ends = np.cumsum([0, *map(len, parts)])
    where = [slice(int(low), int(high)) for low, high in pairwise(ends)]
    flexible = [model if isinstance(model, FlexibleModel) else None for model in models.values()]
    fits = [model.kind if model else None for model in flexible]
    penalties = tuple(model.penalty if model else 0.0 for model in flexible)
    vectors = np.array([rdm.values for rdm in rdms])
    names = [
        name or names_of(rdms[own]) or "model" for name, own in zip(models, where, strict=True)
    ]
    return Sides(
        tuple(names),
        Stack(vectors, tuple(zip(where, fits, strict=True)), penalties),
        rdms[0].conditions,
        np.array([rdm.values for rdm in brain_rdms]),
        brain_rdms,
        own_order,
        tuple(sum(rdm.n_units for rdm in rdms[own]) for own in where),
        tuple(_joined([rdm.dissimilarity for rdm in (*rdms[own], *brain_rdms)]) for own in where),
        n_dropped,
    )


def _parts(model: Model) -> list[Responses | RDM]:
    return list(model.parts) if isinstance(model, FlexibleModel) else [model]


def _pair_sides(
    models: list[Responses | RDM], brain: Brain, missing: str
) -> tuple[list[Responses | RDM], list[Responses | RDM], list[Responses | RDM], int]:
    """Models and brains over the same conditions, brains in their own order, labels dropped."""
    if not isinstance(brain, Responses | RDM | Sequence):
        raise TypeError(
            "`brain` must be Responses, RDM, or a sequence of them; "
            f"got {type(brain).__name__}; a recording becomes responses by its method `align`"
        )
    brains = [brain] if isinstance(brain, Responses | RDM) else list(brain)
    if not brains:
        raise ValueError("`brain` must hold at least one subject; got none")
    first, every = models[0], set(condition_labels(models[0], "model"))
    for name, others in (("model", models[1:]), ("brain", brains)):
        for each in others:
            every |= set(condition_labels(each, name))
            first, _ = pair(first, each, missing)
    labels = condition_labels(first, "model")
    if len(labels) < 3:
        raise ValueError(f"`model` and `brain` must share at least 3 conditions; got {labels}")
    arranged = [[pair(first, each, missing)[1] for each in side] for side in (models[1:], brains)]
    own_order = [_only(each, labels) for each in brains]
    return [first, *arranged[0]], arranged[1], own_order, len(every) - len(labels)


def _only(brain: Responses | RDM, labels: Sequence[str]) -> Responses | RDM:
    if isinstance(brain, RDM) or set(brain.stimuli) == set(labels):
        return brain
    return brain.where(trials=brain.trials["stimulus"].isin(labels).to_numpy())


def _as_rdm(side: Responses | RDM, dissimilarity: Dissimilarity) -> RDM:
    return side if isinstance(side, RDM) else compute_rdm(side, dissimilarity)


def names_of(rdms: Sequence[RDM]) -> str:
    """Different sources, joined.

    Args:
        rdms: any number.

    Returns:
        Text.
    """
    return _joined([rdm.source for rdm in rdms])


def _joined(names: Sequence[str]) -> str:
    return " / ".join(name for name in dict.fromkeys(names) if name)


def window_of(brain: Responses | RDM) -> tuple[float, float] | None:
    """First and last bin edge.

    Args:
        brain: responses or RDM.

    Returns:
        Seconds, None where they are not known.
    """
    if isinstance(brain, RDM) or brain.time_unit != "s":
        return None
    return float(brain.edges[0]), float(brain.edges[-1])
