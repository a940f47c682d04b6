"""The history of learning, batch by batch, as one tidy table."""

import math
from typing import Any

import pandas as pd
import torch

from neurospyke.sim.course import LearningStep
from neurospyke.sim.whole import check_whole


class LearningHistory:
    """What each batch of learning has changed, to be passed as `observe` to a learning verb.

        share   = wins of the map that wins most / images with a winner
        entropy = - sum over maps of p log2 p,  p = wins of the map / all wins           (bits)

    Memory is bounded: when there are more than `most` rows, every second one is left out and from
    then on only every second, fourth, ... batch is kept, besides the last. What is left out is not
    averaged into what is kept. A pickle or copy holds all of it.

    Args:
        most: rows kept at most, besides the last batch; at least 2.

    Raises:
        ValueError: `most` is out of range.

    Example:
        Map 3 wins both images of a batch.

        >>> step = LearningStep("conv1", 0, 0, 2, 2, 0.16,
        ...                     winners=torch.tensor([[[3, 0, 0]], [[3, 1, 1]]]))
        >>> history = LearningHistory()
        >>> history(step)
        >>> history.to_frame()[["layer", "n_seen", "n_winning_maps", "top_share"]].values.tolist()
        [['conv1', 2, 1, 1.0]]
    """

    def __init__(self, most: int = 10_000) -> None:
        check_whole("most", most, 2)
        self.most = most
        self.every = 1
        self._n_steps = 0
        self._rows: list[dict[str, Any]] = []
        self._last: dict[str, Any] | None = None

    def __call__(self, step: LearningStep) -> None:
        """Keep a batch.

        Args:
            step: the batch, as the learning verbs hand it over.
        """
        row = _row(step)
        if self._n_steps % self.every:
            self._last = row
        else:
            self._rows.append(row)
            self._last = None
        self._n_steps += 1
        if len(self._rows) > self.most:
            last = self._rows[-1]
            self._rows = self._rows[::2]
            self.every *= 2
            self._last = None if self._rows[-1] is last else last

    def to_frame(self) -> pd.DataFrame:
        """Table of the batches kept, in order.

        Returns:
            One row a batch: `layer`, `epoch`, `batch`, `n_images`, `n_seen`, `convergence`,
            `n_winning_maps`, `top_share`, `winner_entropy` (bits), `images_without_winner`, and of
            learning by reward `n_right`, `n_wrong` and `n_silent` decisions; missing where it does
            not apply.
        """
        rows = self._rows if self._last is None else [*self._rows, self._last]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


_COLUMNS = {
    "layer": "object",
    "epoch": "int64",
    "batch": "int64",
    "n_images": "int64",
    "n_seen": "int64",
    "convergence": "float64",
    "n_winning_maps": "Int64",
    "top_share": "float64",
    "winner_entropy": "float64",
    "images_without_winner": "Int64",
    "n_right": "Int64",
    "n_wrong": "Int64",
    "n_silent": "Int64",
}


def _row(step: LearningStep) -> dict[str, Any]:
    kept = ("layer", "epoch", "batch", "n_images", "n_seen", "convergence")
    row = {name: getattr(step, name) for name in kept}
    row |= dict.fromkeys(("n_right", "n_wrong", "n_silent"))
    if step.decisions is not None:
        row |= {name: getattr(step.decisions, name) for name in ("n_right", "n_wrong", "n_silent")}
    return row | _winning(step)


def _winning(step: LearningStep) -> dict[str, Any]:
    if step.winners is None:
        return dict.fromkeys(("n_winning_maps", "images_without_winner"))
    maps = step.winners[..., 0]
    won = (maps >= 0).any(1)
    n_won = int(won.sum())
    wins = torch.bincount(maps[maps >= 0]).double()
    wins = wins[wins > 0]
    row = {"n_winning_maps": len(wins), "images_without_winner": len(maps) - n_won}
    if n_won == 0:
        return row
    # the logarithm of a share of 1 is -0
    entropy = float(-(wins / wins.sum()).xlogy(wins / wins.sum()).sum()) / math.log(2) + 0.0
    return {**row, "top_share": float(wins.max()) / n_won, "winner_entropy": entropy}
