"""Codes other than rank order: latency linear in intensity, and spike trains by rate."""

import torch
from torch import Tensor

from neurospyke.sim.filters import check_planes
from neurospyke.sim.latency import SILENT, check_bins, check_latency

_RULES = ("proportional", "spyker")
_MARGIN = 1e-5
# The nearest that an intensity may come to the edge of a bin without counting as on it, in bins:
# above the rounding of multiples of 1/255 in float32 in as many bins as there may be.
_EDGE = 1e-4
# Counts are bytes; a Poisson count of this mean exceeds 255 once in 10^37 bins.
_MOST_SPIKES = 100.0


def linear_latency(intensity: Tensor, n_bins: int, *, bins: str = "proportional") -> Tensor:
    """Latency that falls linearly with intensity, from the strongest of each sample.

        "proportional"  bin = floor(n_bins (max - x) / max)  for x > 0
        "spyker"        bin = floor((n_bins + 1e-5) (max - x) / (max - min))

    with maximum and minimum over all channels and positions of a sample. "proportional": every
    positive intensity spikes, zero and negative ones never do, a constant sample stays silent, and
    an intensity within 1e-4 of a bin's edge counts as on it, so that levels of 1/255 fall where
    their fractions do. "spyker", to repeat results of Spyker: the smallest never spike, negative
    ones may, and a constant sample spikes everywhere in bin 0.

    Args:
        intensity: (batch, channel, height, width), floating point, any unit.
        n_bins: number of time bins, 1 to 254.
        bins: "proportional" or "spyker".

    Returns:
        uint8 (batch, channel, height, width), time bin, 255 = silent.

    Raises:
        TypeError: `intensity` is not a floating-point tensor, or `n_bins` no int.
        ValueError: an argument does not fit, or an intensity is not finite.

    Source:
        Hopfield (1995), Nature 376: 33-36, for intensity as spike time; "spyker": Shirsavar et al.
        (2023), arXiv 2301.13659.

    Example:
        Losses of 0, 1/4, 1/2 and 3/4 of the strongest, and an absent intensity.

        >>> intensity = torch.tensor([[[[1.0, 0.75, 0.5, 0.25, 0.0]]]])
        >>> linear_latency(intensity, 2).tolist()
        [[[[0, 0, 1, 1, 255]]]]
    """
    check_planes(intensity, "intensity")
    check_bins(n_bins)
    check_rule(bins)
    x = intensity.double().flatten(1)
    # values are not read under torch.compile, because that would break the graph
    if not torch.compiler.is_compiling() and not x.isfinite().all():
        raise ValueError("`intensity` must be finite; got NaN or infinity; mask it or put 0 there")
    largest, smallest = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
    constant = largest == smallest
    if bins == "proportional":
        share = (largest - x) / largest.masked_fill(largest <= 0, 1)
        time = (n_bins * share + _EDGE).floor().clamp(max=n_bins - 1)
        silent = (x <= 0) | constant
    else:
        share = (largest - x) / (largest - smallest).masked_fill(constant, 1)
        time = ((n_bins + _MARGIN) * share).floor()
        silent = time >= n_bins
    return time.masked_fill(silent, SILENT).to(torch.uint8).view(intensity.shape)


def check_rule(bins: str) -> None:
    """Refuse what is not a rule of linear latency.

    Args:
        bins: name of the rule.

    Raises:
        ValueError: `bins` is none of them.
    """
    if bins not in _RULES:
        raise ValueError(f"`bins` must be one of {_RULES}; got {bins!r}")


def bernoulli_spikes(
    intensity: Tensor, n_bins: int, generator: torch.Generator, *, rate: float = 1.0
) -> Tensor:
    """Spike trains with at most one spike in a bin, by chance in proportion to intensity.

        P(spike in a bin) = rate x,  independent between bins, positions and samples

    Args:
        intensity: (batch, channel, height, width), floating point, >= 0.
        n_bins: number of time bins, 1 to 254.
        generator: source of randomness; the same one gives the same spikes for the same batch.
        rate: spikes a bin at an intensity of 1: for r spikes a second in bins of w seconds, r w.

    Returns:
        uint8 (time, batch, channel, height, width), 0 or 1.

    Raises:
        TypeError: `intensity` is not a floating-point tensor.
        ValueError: an argument does not fit, or a probability is outside [0, 1].

    Source:
        Dayan and Abbott (2001), Theoretical Neuroscience, section 1.4.

    Example:
        >>> extremes = torch.tensor([[[[0.0, 1.0]]]])
        >>> bernoulli_spikes(extremes, 3, torch.Generator().manual_seed(0)).flatten(1).tolist()
        [[0, 1], [0, 1], [0, 1]]
    """
    probability = _expected(intensity, n_bins, rate, 1.0)
    spikes = torch.empty((n_bins, *intensity.shape), dtype=torch.uint8, device=intensity.device)
    for each in spikes:
        each.copy_(torch.bernoulli(probability, generator=generator))
    return spikes


def poisson_spikes(
    intensity: Tensor, n_bins: int, generator: torch.Generator, *, rate: float = 1.0
) -> Tensor:
    """Spike counts of Poisson processes whose rates are in proportion to intensity.

        P(k spikes in a bin) = exp(-m) m^k / k!,  m = rate x

    Args:
        intensity: (batch, channel, height, width), floating point, >= 0.
        n_bins: number of time bins, 1 to 254.
        generator: source of randomness; the same one gives the same spikes for the same batch.
        rate: spikes a bin at an intensity of 1: for r spikes a second in bins of w seconds, r w.

    Returns:
        uint8 (time, batch, channel, height, width), number of spikes in each bin.

    Raises:
        TypeError: `intensity` is not a floating-point tensor.
        ValueError: an argument does not fit, or a mean count is outside [0, 100].

    Source:
        Dayan and Abbott (2001), Theoretical Neuroscience, equation 1.29.

    Example:
        >>> spikes = poisson_spikes(torch.zeros(2, 1, 3, 3), 5, torch.Generator().manual_seed(0))
        >>> spikes.shape, spikes.sum().item()
        (torch.Size([5, 2, 1, 3, 3]), 0)
    """
    mean = _expected(intensity, n_bins, rate, _MOST_SPIKES)
    spikes = torch.empty((n_bins, *intensity.shape), dtype=torch.uint8, device=intensity.device)
    for each in spikes:
        each.copy_(torch.poisson(mean, generator=generator))
    return spikes


def interval_spikes(latency: Tensor, n_bins: int, generator: torch.Generator) -> Tensor:
    """Spike trains that go on from a latency code: early units spike often.

        intervals are positive Poisson numbers: P(k) = m^k / (k! (exp(m) - 1)), k >= 1, m = bin + 1

    The first spike comes in bin k - 1 of the first interval, the next one interval later. Mean
    intervals are m / (1 - exp(-m)) bins. `spikes.cumsum(0)` counts spikes so far.

    Args:
        latency: uint8, time bin of 0 to n_bins - 1, 255 = never.
        n_bins: number of time bins, 1 to 254.
        generator: source of randomness; the same one gives the same spikes for the same batch.

    Returns:
        uint8 (time, *axes of `latency`), 0 or 1.

    Raises:
        TypeError: `latency` is not a uint8 tensor.
        ValueError: `n_bins` is out of range, or a latency is not below it.

    Source:
        Zero-truncated Poisson intervals as in the rate code of Shirsavar et al. (2023), arXiv
        2301.13659.

    Example:
        >>> latency = torch.tensor([0, 255], dtype=torch.uint8)
        >>> interval_spikes(latency, 6, torch.Generator().manual_seed(0)).sum(0)[1].item()
        0
    """
    check_latency(latency, "latency", n_bins)
    mean = latency.double() + 1
    least = torch.exp(-mean)
    due = torch.full(latency.shape, -1.0, dtype=torch.float64, device=latency.device)
    spikes = torch.zeros((n_bins, *latency.shape), dtype=torch.uint8, device=latency.device)
    fires = latency != SILENT
    for time in range(-1, n_bins):
        now = (due == time) & fires
        if time >= 0:
            spikes[time] = now
        # the first of at least one arrival, given that there is one, then all that follow it
        chance = torch.rand(due.shape, dtype=torch.float64, generator=generator, device=due.device)
        first = -torch.log1p(-chance * (1 - least))
        interval = 1 + torch.poisson((mean - first).clamp(min=0), generator=generator)
        due += torch.where(now, interval, 0.0)
    return spikes


def _expected(intensity: Tensor, n_bins: int, rate: float, most: float) -> Tensor:
    check_planes(intensity, "intensity")
    check_bins(n_bins)
    if not rate > 0:
        raise ValueError(f"`rate` must be above 0 spikes a bin; got {rate}")
    expected = intensity * rate
    low, high = (bound.item() for bound in expected.aminmax())
    # NaN spreads through minimum and maximum and fails both comparisons
    if not (low >= 0 and high <= most):
        raise ValueError(
            f"`rate` times `intensity` must lie in [0, {most:g}] spikes a bin; got {low:g} to "
            f"{high:g}; use shorter bins, that is a lower `rate`, and leave out negative values"
        )
    return expected
