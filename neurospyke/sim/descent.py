"""What learning by gradients keeps: step widths, the best weights, and the optimizer's memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Optimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
Batch = TypeVar("Batch")


class Descent:
    """An optimizer, the step widths that it began with, and the best weights so far.

    Args:
        optimizer: the optimizer.
        weights: what it changes and what changes with it, by name.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> None:
        self.optimizer = optimizer
        self.best: tuple[int, float] | None = None  # epoch and accuracy
        self._rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._weights = dict(weights)
        self._best_weights: dict[str, Tensor] = {}

    def set_rates(self, factor: float) -> None:
        """Set the step widths to so much of what they were at the start."""
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def judge(self, accuracy: float, epoch: int) -> None:
        """Keep the weights if this is the best epoch so far, the first of equal ones."""
        if self.best is None or accuracy > self.best[1]:
            self.best = (epoch, accuracy)
            self._best_weights = {
                name: value.detach().clone() for name, value in self._weights.items()
            }

    def has_stalled(self, epoch: int, patience: int | None) -> bool:
        """Whether more than `patience` epochs before this one were no better than the best."""
        return patience is not None and self.best is not None and epoch > self.best[0] + patience

    def restore_best(self) -> None:
        """Set the weights to the best ones, if an epoch was judged."""
        with torch.no_grad():
            for name, best in self._best_weights.items():
                self._weights[name].copy_(best)

    def kept(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """All that is needed to go on, but the weights: JSON values, and tensors by name."""
        tensors, numbers = {}, {}
        for index, memory in self.optimizer.state_dict()["state"].items():
            for key, value in memory.items():
                part = tensors if isinstance(value, Tensor) else numbers
                part[f"optimizer.{index}.{key}"] = value
        for name, best in self._best_weights.items():
            tensors[f"best.{name}"] = best
        return {"best": self.best, "numbers": numbers}, tensors

    def go_on(self, progress: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Take up what `kept` gave."""
        memory: dict[int, dict[str, Any]] = {}
        for name, value in {**tensors, **progress["numbers"]}.items():
            kind, _, rest = name.partition(".")
            if kind == "optimizer":
                index, _, key = rest.partition(".")
                memory.setdefault(int(index), {})[key] = value
            else:
                self._best_weights[rest] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": memory, "param_groups": groups})
        self.best = None if progress["best"] is None else tuple(progress["best"])


def numbered(batches: Iterable[Batch], epoch: int) -> Iterator[tuple[int, Batch, bool]]:
    """Number of each batch, the batch, and whether it is the last of its pass.

    Args:
        batches: of one pass.
        epoch: number of the pass, for errors.

    Yields:
        One batch late, for only the next one tells that it is not the last.

    Raises:
        ValueError: no batch.

    Example:
        >>> list(numbered("ab", 0))
        [(0, 'a', False), (1, 'b', True)]
    """
    number, each = -1, iter(batches)
    for before in each:
        number += 1
        for batch in each:
            yield number, before, False
            number, before = number + 1, batch  # noqa: PLW2901 - one batch ahead
        yield number, before, True
    if number < 0:
        raise ValueError(
            f"`batches` must give at least one batch in every pass; got none in pass {epoch + 1}"
        )
