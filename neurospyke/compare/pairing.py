"""Pair two sides by condition label, never by position."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import TypeVar

import numpy as np

from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses

Model = TypeVar("Model", bound=Responses | RDM)
Brain = TypeVar("Brain", bound=Responses | RDM)
_LISTED = 10


def pair(model: Model, brain: Brain, missing: str = "error") -> tuple[Model, Brain]:
    """Both sides with the same conditions in the same order, that of the model.

    Args:
        model: responses or RDM.
        brain: responses or RDM.
        missing: "error" refuses a label that one side lacks; "drop" keeps the shared labels.

    Returns:
        Model and brain; a side that fits already is returned as it is. Trials of responses that
        had to move are grouped by condition, in their former order within each.

    Raises:
        TypeError: if a side is neither responses nor RDM.
        ValueError: if labels are missing (the first 10 of each side are named), or fewer than 2
            are shared.

    >>> model = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any")
    >>> brain = RDM(np.array([5.0]), ("c", "a"), dissimilarity="any")
    >>> [side.conditions for side in pair(model, brain, missing="drop")]
    [('a', 'c'), ('a', 'c')]
    """
    if missing not in ("error", "drop"):
        raise ValueError(f"`missing` must be 'error' or 'drop'; got {missing!r}")
    labels = condition_labels(model, "model"), condition_labels(brain, "brain")
    in_model, in_brain = set(labels[0]), set(labels[1])
    shared = tuple(label for label in labels[0] if label in in_brain)
    if missing == "error" and in_model != in_brain:
        _refuse(
            [label for label in labels[0] if label not in in_brain],
            [label for label in labels[1] if label not in in_model],
        )
    if len(shared) < 2:
        raise ValueError(
            "`model` and `brain` must share at least 2 condition labels; "
            f"got {list(labels[0][:_LISTED])} and {list(labels[1][:_LISTED])}"
            f"{_hint(labels[0], labels[1])}"
        )
    return _arrange(model, shared), _arrange(brain, shared)


def condition_labels(side: Responses | RDM, name: str) -> tuple[str, ...]:
    """Condition labels of responses or of an RDM.

    Args:
        side: responses or RDM.
        name: the argument's name, for errors.

    Returns:
        Each label once, in order.

    Raises:
        TypeError: if it is neither.
    """
    if isinstance(side, Responses):
        return side.stimuli
    if isinstance(side, RDM):
        return side.conditions
    raise TypeError(f"`{name}` must be Responses or RDM; got {type(side).__name__}")


def _arrange(side: Model, labels: tuple[str, ...]) -> Model:
    if condition_labels(side, "side") == labels:
        return side
    if isinstance(side, RDM):
        return side.select(labels)
    position = {label: place for place, label in enumerate(labels)}
    places = np.array([position.get(label, -1) for label in side.trials["stimulus"]])
    order = np.argsort(places, kind="stable")
    return side.where(trials=order[places[order] >= 0])


def _refuse(model_only: Sequence[str], brain_only: Sequence[str]) -> None:
    sides = [
        f"{len(labels)} labels only in `{name}` {list(labels[:_LISTED])}"
        for name, labels in (("model", model_only), ("brain", brain_only))
        if labels
    ]
    raise ValueError(
        "`model` and `brain` must have the same condition labels; got "
        f"{' and '.join(sides)}{_hint(model_only, brain_only)}; "
        "correct them, or keep the shared ones with missing='drop'"
    )


def _hint(model_only: Sequence[str], brain_only: Sequence[str]) -> str:
    forms = {_plain_form(label): label for label in model_only}
    alike = [(forms[form], label) for label in brain_only if (form := _plain_form(label)) in forms]
    if not alike:
        return ""
    first, second = alike[0]
    return f" ({len(alike)} differ in form alone, such as {first!r} and {second!r})"


def _plain_form(label: str) -> str:
    """Label without case, folder, file extension, leading zeros and decimals."""
    name = PurePath(label.strip().casefold()).name
    try:
        return f"{float(name):g}"
    except ValueError:
        return PurePath(name).stem
