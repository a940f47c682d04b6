"""Learning rules as plain settings: how fast, within which bounds, and who may learn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurospyke.sim.whole import check_whole

PerMap = float | tuple[float, ...]


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
        check_whole("every", self.every, 1)
        if not (math.isfinite(self.factor) and self.factor > 1):
            raise ValueError(f"`factor` must be finite and above 1; got {self.factor}")
        _check_positive("maximum", self.maximum)


@dataclass(frozen=True)
class Homeostasis:
    """Thresholds that keep maps alike in how often they win, and winners near a wanted time.

        threshold[m] <- threshold[m] + rate * (wins[m] - all wins / n_maps)
        threshold    <- threshold - rate * sum over winners of (t - target) / n_bins     if a target
        threshold[m] <- max(threshold[m], least)

    A map that wins more than its share becomes harder to excite, one that never wins easier. Late
    winners lower all thresholds, early ones raise them. It takes place once a batch, after STDP.

    Args:
        rate: change of a threshold a win, > 0.
        target: wanted bin of the winners' spikes, or None.
        least: least threshold, >= 0.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Falez, Tirilly, Bilasco, Devienne and Boulet (2019), Multi-layered spiking neural network
        with target timestamp threshold adaptation and STDP, IJCNN, arXiv 1904.01908.
    """

    rate: float
    target: float | None = None
    least: float = 0.0

    def __post_init__(self) -> None:
        _check_positive("rate", self.rate)
        if self.target is not None and not 0 <= self.target < 254:
            raise ValueError(f"`target` must be a bin from 0 up, or None; got {self.target}")
        if not (math.isfinite(self.least) and self.least >= 0):
            raise ValueError(f"`least` must be finite and at least 0; got {self.least}")

    def thresholds(self, threshold: Tensor, winners: Tensor, bins: Tensor, n_bins: int) -> Tensor:
        """Thresholds after a batch.

        Args:
            threshold: (map,).
            winners: int64 (batch, k, 3), rows (map, row, column), -1 for none.
            bins: time bin of each winner's spike, (batch, k); those of no winner are not read.
            n_bins: number of time bins.

        Returns:
            New thresholds (map,).

        Example:
            Map 0 has won twice, map 1 never: its share would have been one win.

            >>> winners = torch.tensor([[[0, 0, 0]], [[0, 1, 0]]])
            >>> bins = torch.tensor([[3], [5]])
            >>> Homeostasis(0.5).thresholds(torch.ones(2), winners, bins, n_bins=15)
            tensor([1.5000, 0.5000])
        """
        maps = winners[..., 0]
        won = maps >= 0
        wins = torch.bincount(maps[won], minlength=len(threshold)).to(threshold.dtype)
        change = wins - wins.mean()
        if self.target is not None:
            change = change - ((bins[won] - self.target) / n_bins).sum().to(threshold.dtype)
        return (threshold + self.rate * change).clamp(min=self.least)


@dataclass(frozen=True)
class STDP:
    """Spike-timing-dependent plasticity of a layer's winners; equations in the op `stdp`.

    Negative potentiation with positive depression is anti-STDP.

    Args:
        rate_positive: potentiation where the input spiked no later than the winner; one number or
            one a map.
        rate_negative: depression elsewhere, usually negative; one number or one a map.
        n_winners: neurons of a sample that may learn, at most one a map.
        radius: half-width, in positions, of the square that a winner clears in all maps;
            0 clears its own position, None clears no square. In a linear layer: how many units on
            either side of a winner cannot win.
        lower: least weight, one number or one a map.
        upper: greatest weight, one number or one a map.
        stabilizer: True slows change down towards both bounds.
        clamp: "winners" or "all" maps are kept within the bounds.
        schedule: how the rates grow with the samples seen; None keeps them. Their ratio stays.
        time_constants: None for changes that do not depend on how long before or after the winner
            an input spikes; or two numbers of bins, > 0, of the exponentials by which
            potentiation and depression fade with that time.
        silent: with `time_constants`, the share of the depression rate for inputs that never
            spike, 0 to 1; 0 is the limit of a spike that comes ever later.
        homeostasis: how thresholds follow who wins; None keeps them.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Masquelier and Thorpe (2007), PLoS Computational Biology 3(2): e31; Kheradpisheh et al.
        (2018), Neural Networks 99: 56-67; time constants as in Song, Miller and Abbott (2000),
        Nature Neuroscience 3: 919-926, equation 1.

    Example:
        Doubled once after 500 samples; the ratio stays -3/4.

        >>> rule = STDP(0.004, -0.003, 5, schedule=RateSchedule(500, 2.0, 0.15))
        >>> rule.rates(499), rule.rates(500)
        ((0.004, -0.003), (0.008, -0.006))
    """

    rate_positive: PerMap
    rate_negative: PerMap
    n_winners: int = 1
    radius: int | None = None
    lower: PerMap = 0.0
    upper: PerMap = 1.0
    stabilizer: bool = True
    clamp: str = "winners"
    schedule: RateSchedule | None = None
    time_constants: tuple[float, float] | None = None
    silent: float = 0.0
    homeostasis: Homeostasis | None = None

    def __post_init__(self) -> None:
        check_rates("rate_positive", self.rate_positive)
        check_rates("rate_negative", self.rate_negative)
        check_whole("n_winners", self.n_winners, 1)
        if self.radius is not None:
            check_whole("radius", self.radius, 0)
        check_bounds(self.lower, self.upper)
        check_clamp(self.clamp)
        if self.schedule is not None and not all(
            0 < rate <= self.schedule.maximum for rate in _each(self.rate_positive)
        ):
            raise ValueError(
                f"`rate_positive` must be above 0 and at most the schedule's maximum, "
                f"{self.schedule.maximum}; got {self.rate_positive}"
            )
        if self.time_constants is not None:
            for constant in self.time_constants:
                _check_positive("time_constants", constant)
        if not 0 <= self.silent <= 1:
            raise ValueError(f"`silent` must be from 0 to 1; got {self.silent}")

    def rates(self, n_samples: int) -> tuple[PerMap, PerMap]:
        """Potentiation and depression rate after `n_samples` samples.

        Args:
            n_samples: samples the layer has learned from so far, at least 0.

        Returns:
            (rate_positive, rate_negative), numbers, or tuples of numbers where they are given so.

        Raises:
            ValueError: `n_samples` is not a whole number from 0 up.
        """
        check_whole("n_samples", n_samples, 0)
        growth = 1.0
        if self.schedule is not None:
            ceiling = self.schedule.maximum / max(_each(self.rate_positive))
            steps = n_samples // self.schedule.every
            # compared in logarithms, because the power overflows after many samples
            under = steps * math.log(self.schedule.factor) < math.log(ceiling)
            growth = self.schedule.factor**steps if under else ceiling
        return _times(self.rate_positive, growth), _times(self.rate_negative, growth)

    def window(self, n_bins: int) -> Tensor | None:
        """Factors of the rate by the time from an input's spike to the winner's.

            exp(-lag / tau+) at lag >= 0, exp(lag / tau-) at lag < 0

        Args:
            n_bins: number of time bins.

        Returns:
            float64 (2 n_bins,): lags -(n_bins - 1) to n_bins - 1, then silence; None without time
            constants.

        Example:
            >>> STDP(0.1, -0.1, time_constants=(2.0, 4.0)).window(2).tolist()
            [0.7788007830714049, 1.0, 0.6065306597126334, 0.0]
        """
        if self.time_constants is None:
            return None
        positive, negative = self.time_constants
        lag = torch.arange(1 - n_bins, n_bins, dtype=torch.float64)
        faded = torch.where(lag >= 0, torch.exp(-lag / positive), torch.exp(lag / negative))
        return torch.cat([faded, faded.new_tensor([self.silent])])


def convergence(
    weight: Tensor, lower: float | Sequence[float] = 0.0, upper: float | Sequence[float] = 1.0
) -> float:
    """How far weights still are from their bounds: mean of (w - lower)(upper - w).

    A layer has learned when this is near 0; kept within the bounds, it is at most
    (upper - lower)^2 / 4.

    Args:
        weight: weights of a layer, any shape, at least one.
        lower: least weight, one number or one a map.
        upper: greatest weight, one number or one a map.

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
    low, high = (torch.as_tensor(each, dtype=weight.dtype) for each in (lower, upper))
    if not (low < high).all():
        raise ValueError(f"`lower` must be below `upper`; got {lower} and {upper}; swap them")
    if weight.numel() == 0:
        raise ValueError("`weight` must hold at least one weight; got none")
    low, high = (
        each.to(weight.device).view(-1, *[1] * (weight.ndim - 1)) if each.ndim else each
        for each in (low, high)
    )
    return ((weight - low) * (high - weight)).mean().item()


def _each(value: PerMap) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _times(value: PerMap, factor: float) -> PerMap:
    if isinstance(value, tuple):
        return tuple(each * factor for each in value)
    return value * factor


def check_rates(name: str, rates: PerMap) -> None:
    """Refuse rates that are not finite.

    Raises:
        ValueError: so it is.
    """
    if rates == () or not all(math.isfinite(rate) for rate in _each(rates)):
        raise ValueError(
            f"`{name}` must be finite, one number or a tuple with one a map; got {rates}"
        )


def check_bounds(lower: PerMap, upper: PerMap) -> None:
    """Refuse bounds in the wrong order.

    Raises:
        ValueError: so it is.
    """
    low, high = _each(lower), _each(upper)
    n = max(len(low), len(high))
    if {len(low), len(high)} - {1, n}:
        raise ValueError(
            f"`lower` and `upper` must be numbers or have one a map; got {len(low)} and {len(high)}"
        )
    pairs = zip(low * (n // len(low)), high * (n // len(high)), strict=True)
    if not all(one < other for one, other in pairs):
        raise ValueError(f"`lower` must be below `upper`; got {lower} and {upper}; swap them")


def check_clamp(clamp: str) -> None:
    """Refuse a clamp that does not exist.

    Raises:
        ValueError: so it is.
    """
    if clamp not in {"winners", "all"}:
        raise ValueError(f'`clamp` must be "winners" or "all"; got {clamp!r}')


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"`{name}` must be finite and above 0; got {value}")
