"""Trials to decode from: labelled, exchanged under the null, joined across sessions."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from neurospyke.compare.kinds import check_sides
from neurospyke.responses import Responses

Sessions = Responses | Mapping[str, Responses]


class Labelled(NamedTuple):
    """Responses of one session with what is to be decoded.

    Attributes:
        values: (trial, unit, time).
        labels: (trial,) numbers of classes.
        blocks: (trial,) numbers of blocks, which no split takes apart.
    """

    values: np.ndarray
    labels: np.ndarray
    blocks: np.ndarray


class Task(NamedTuple):
    """What is decoded from what.

    Attributes:
        sessions: one, or several with units of their own.
        classes: names of the classes.
        blocks: names of the blocks; those of trials where no column is given.
        edges: bin edges.
    """

    sessions: tuple[Labelled, ...]
    classes: tuple[str, ...]
    blocks: tuple[str, ...]
    edges: np.ndarray


def make_task(responses: Sessions, label: str, block: str | None) -> Task:
    """Labels and blocks as numbers, the same for all sessions.

    Args:
        responses: of one session, or by session; sessions share classes, blocks and bins.
        label: column of `trials` that is decoded.
        block: column of trials that belong together, or None.

    Returns:
        The task.

    Raises:
        ValueError: if a column is missing or incomplete, there is one class only, or the sessions
            differ in classes or bins.
    """
    check_sides(responses, "responses")
    parts = {"": responses} if isinstance(responses, Responses) else dict(responses)
    if not parts:
        raise ValueError("`responses` must hold at least one session; got none")
    first = next(iter(parts.values()))
    columns = {name: _column(part, label) for name, part in parts.items()}
    classes = tuple(sorted(set(columns[next(iter(parts))])))
    if len(classes) < 2:
        raise ValueError(f"{label!r} must have at least 2 values to be decoded; got {classes}")
    for name, part in parts.items():
        if set(columns[name]) != set(classes):
            odd = sorted(set(columns[name]) ^ set(classes))
            raise ValueError(f"sessions must share their values of {label!r}; not in all: {odd}")
        if part.edges.shape != first.edges.shape or not np.allclose(part.edges, first.edges):
            raise ValueError(f"sessions must have the same bins; {name!r} has {part!r}")
    groups = {name: _column(part, block) for name, part in parts.items()} if block else {}
    levels = tuple(sorted({each for group in groups.values() for each in group}))
    sessions = []
    for name, part in parts.items():
        labels = pd.Index(classes).get_indexer(pd.Index(columns[name]))
        blocks = pd.Index(levels).get_indexer(pd.Index(groups[name])) if block else None
        blocks = np.arange(len(labels)) if blocks is None else blocks
        sessions.append(Labelled(part.values, labels, blocks))
    return Task(tuple(sessions), classes, levels, first.edges)


def _column(responses: Responses, name: str) -> list[str]:
    if name not in responses.trials:
        raise ValueError(f"trials have no column {name!r}; they have {list(responses.trials)}")
    column = responses.trials[name]
    if column.isna().any():
        raise ValueError(f"{name!r} must be known in every trial; {column.isna().sum()} are not")
    return [str(each) for each in column]


def exchange_labels(session: Labelled, rng: np.random.Generator) -> Labelled:
    """The session under the null: labels exchanged within blocks, or between whole blocks.

    Labels that are constant in every block, such as the object shown by a stimulus, belong to the
    block; all others are permuted among the trials of a block.

    Args:
        session: the session.
        rng: generator.

    Returns:
        The same values under exchanged labels.
    """
    labels, blocks = session.labels, session.blocks
    order = np.argsort(blocks, kind="stable")
    starts = np.flatnonzero(np.diff(blocks[order], prepend=-1))
    new = labels.copy()
    if (labels[order][starts].repeat(np.diff(starts, append=len(order))) == labels[order]).all():
        of_blocks = rng.permutation(labels[order][starts])
        new[order] = of_blocks.repeat(np.diff(starts, append=len(order)))
    else:
        for start, stop in pairwise([*starts, len(order)]):
            part = order[start:stop]
            new[part] = rng.permutation(labels[part])
    return session._replace(labels=new)


def draw_trials(
    task: Task, rng: np.random.Generator, independent_units: bool, n_trials: int | None
) -> Labelled:
    """Trials of all units side by side; those of several sessions are joined by label and block.

    Every trial of a session enters one joint trial at most, so that no split of joint trials has
    the same trial on both sides. Of each cell (label, block) as many are made as the session with
    the fewest has.

    Args:
        task: one session, which comes back as it is, or several.
        rng: generator of what stands beside what.
        independent_units: join units as though each had been recorded in a session of its own.
        n_trials: most trials of a cell; None for all there are.

    Returns:
        One session.
    """
    sessions = task.sessions
    if len(sessions) == 1 and not independent_units and n_trials is None:
        return sessions[0]
    if independent_units:
        sessions = tuple(
            each._replace(values=unit)
            for each in sessions
            for unit in np.split(each.values, each.values.shape[1], axis=1)
        )
    n_blocks = max(len(task.blocks), 1)
    cells = [n_blocks * each.labels + (each.blocks if task.blocks else 0) for each in sessions]
    shared = np.unique(np.concatenate(cells))
    counts = np.array([[(own == cell).sum() for cell in shared] for own in cells]).min(axis=0)
    counts = counts if n_trials is None else np.minimum(counts, n_trials)
    joint = shared.repeat(counts)
    rows = [
        np.concatenate(
            [
                rng.permutation(np.flatnonzero(own == cell))[:n]
                for cell, n in zip(shared, counts, strict=True)
            ]
        )
        for own in cells
    ]
    values = [each.values[own] for each, own in zip(sessions, rows, strict=True)]
    blocks = joint % n_blocks if task.blocks else np.arange(len(joint))
    return Labelled(np.concatenate(values, axis=1), joint // n_blocks, blocks)
