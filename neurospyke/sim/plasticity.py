"""Learning rules as plain settings: how fast, within which bounds, and who may learn."""

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class RateSchedule:
    """Growth of a learning rate: every `every` samples it is multiplied, up to a maximum.

        rate(n) = min(rate(0) * factor^floor(n / every), maximum)

    Args:
        every: samples between two steps, at least 1.
        factor: what the rate is multiplied by, > 1.
        maximum: greatest rate.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Mozafari et al. (2019), Pattern Recognition 94: 87-95, who double the rate every 500 images.
    """

    every: int
    factor: float
    maximum: float

    def __post_init__(self) -> None:
        _check_whole("every", self.every, 1)
        if not (math.isfinite(self.factor) and self.factor > 1):
            raise ValueError(f"`factor` must be finite and above 1; got {self.factor}")
        if not (math.isfinite(self.maximum) and self.maximum > 0):
            raise ValueError(f"`maximum` must be finite and above 0; got {self.maximum}")


@dataclass(frozen=True)
class STDP:
    """Spike-timing-dependent plasticity of a layer's winners; equations in the op `stdp`.

    Args:
        rate_positive: potentiation where the input spiked no later than the winner.
        rate_negative: depression elsewhere, usually negative.
        n_winners: neurons of a sample that may learn, at most one a map.
        radius: half-width, in positions, of the square that a winner clears in all maps;
            0 clears its own position, None clears no square.
        lower: least weight.
        upper: greatest weight.
        stabilizer: True slows change down towards both bounds.
        clamp: "winners" or "all" maps are kept within the bounds.
        schedule: how the rates grow with the samples seen; None keeps them. Their ratio stays.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Masquelier and Thorpe (2007), PLoS Computational Biology 3(2): e31; Kheradpisheh et al.
        (2018), Neural Networks 99: 56-67.

    Example:
        Doubled once after 500 samples; the ratio stays -3/4.

        >>> rule = STDP(0.004, -0.003, 5, schedule=RateSchedule(500, 2.0, 0.15))
        >>> rule.rates(499), rule.rates(500)
        ((0.004, -0.003), (0.008, -0.006))
    """

    rate_positive: float
    rate_negative: float
    n_winners: int = 1
    radius: int | None = None
    lower: float = 0.0
    upper: float = 1.0
    stabilizer: bool = True
    clamp: str = "winners"
    schedule: RateSchedule | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate_positive) and math.isfinite(self.rate_negative)):
            raise ValueError(
                "`rate_positive` and `rate_negative` must be finite; "
                f"got {self.rate_positive} and {self.rate_negative}"
            )
        _check_whole("n_winners", self.n_winners, 1)
        if self.radius is not None:
            _check_whole("radius", self.radius, 0)
        if not self.lower < self.upper:
            raise ValueError(
                f"`lower` must be below `upper`; got {self.lower} and {self.upper}; swap them"
            )
        if self.clamp not in {"winners", "all"}:
            raise ValueError(f'`clamp` must be "winners" or "all"; got {self.clamp!r}')
        if self.schedule is not None and not 0 < self.rate_positive <= self.schedule.maximum:
            raise ValueError(
                f"`rate_positive` must be above 0 and at most the schedule's maximum, "
                f"{self.schedule.maximum}; got {self.rate_positive}"
            )

    def rates(self, n_samples: int) -> tuple[float, float]:
        """Potentiation and depression rate after `n_samples` samples.

        Args:
            n_samples: samples the layer has learned from so far, at least 0.

        Returns:
            (rate_positive, rate_negative).

        Raises:
            ValueError: `n_samples` is not a whole number from 0 up.
        """
        _check_whole("n_samples", n_samples, 0)
        growth = 1.0
        if self.schedule is not None:
            ceiling = self.schedule.maximum / self.rate_positive
            steps = n_samples // self.schedule.every
            # compared in logarithms, because the power overflows after many samples
            under = steps * math.log(self.schedule.factor) < math.log(ceiling)
            growth = self.schedule.factor**steps if under else ceiling
        return self.rate_positive * growth, self.rate_negative * growth


def convergence(weight: Tensor, lower: float = 0.0, upper: float = 1.0) -> float:
    """How far weights still are from their bounds: mean of (w - lower)(upper - w).

    A layer has learned when this is near 0; kept within the bounds, it is at most
    (upper - lower)^2 / 4.

    Args:
        weight: weights of a layer, any shape, at least one.
        lower: least weight.
        upper: greatest weight.

    Returns:
        The mean.

    Raises:
        ValueError: the bounds are not in order or there is no weight.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67, convergence index.

    Example:
        >>> import torch
        >>> convergence(torch.tensor([0.0, 0.5, 1.0, 0.5]))
        0.125
    """
    if not lower < upper:
        raise ValueError(f"`lower` must be below `upper`; got {lower} and {upper}; swap them")
    if weight.numel() == 0:
        raise ValueError("`weight` must hold at least one weight; got none")
    return ((weight - lower) * (upper - weight)).mean().item()


def _check_whole(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be a whole number from {least} up; got {value!r}")
