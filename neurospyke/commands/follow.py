"""Learning as somebody at a terminal sees it: a bar for the whole course, a line a layer."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from tqdm import tqdm

from neurospyke.commands.running import bar

if TYPE_CHECKING:
    from neurospyke.sim import LearningStep
    from neurospyke.sim.curriculum import Stage


class Follower:
    """Observer that draws progress on stderr, if stderr is a terminal, and prints finished layers.

    The bar counts the images of all layers and passes, those learned before an interruption too,
    and tells their rate and the time left. What early stopping saves is taken off its total.

    Args:
        stages: what is to be learned, in order.
        quiet: True shows nothing.
    """

    def __init__(self, stages: "Sequence[Stage]", *, quiet: bool) -> None:
        self._stages = stages
        self._quiet = quiet
        self._last: LearningStep | None = None
        self._n_images = 0
        self._begun = time.perf_counter()
        self._bar = bar(sum(_planned(stage) for stage in stages), " images", quiet=quiet)

    def __enter__(self) -> Self:
        """The follower itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the bar, and tell of the last layer if it has finished."""
        if kind is None and self._last is not None:
            self._tell(self._last)
        self._bar.close()

    def __call__(self, step: "LearningStep") -> None:
        """Move on by one batch."""
        if self._last is None or self._last.layer != step.layer:
            self._begin(step)
        if self._last is None or (self._last.layer, self._last.epoch) != (step.layer, step.epoch):
            stage = next(stage for stage in self._stages if stage.layer == step.layer)
            self._bar.set_description(f"{step.layer}, epoch {step.epoch + 1} of {stage.epochs}")
        self._last = step
        self._n_images += step.n_images
        self._bar.update(step.n_images)

    def _begin(self, step: "LearningStep") -> None:
        if self._last is None:
            before = [stage.layer for stage in self._stages].index(step.layer)
            done = sum(_planned(stage) for stage in self._stages[:before])
            self._bar.n = self._bar.initial = done + step.n_seen - step.n_images
        else:
            self._tell(self._last)
            stage = next(stage for stage in self._stages if stage.layer == self._last.layer)
            self._bar.total -= _planned(stage) - self._last.n_seen
        self._n_images, self._begun = 0, time.perf_counter()

    def _tell(self, last: "LearningStep") -> None:
        if self._quiet:
            return
        rate = self._n_images / (time.perf_counter() - self._begun)
        line = f"{last.layer}: {last.n_seen} images, convergence {last.convergence:.4f}"
        if last.decisions is not None:
            line += f", {last.decisions.n_right / last.n_images:.1%} right in its last batch"
        tqdm.write(f"{line}, {rate:.0f} images/s", file=sys.stdout)
        sys.stdout.flush()


def _planned(stage: "Stage") -> int:
    return stage.epochs * stage.n_images
