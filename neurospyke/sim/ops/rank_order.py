"""Rank-order coding: the stronger an intensity, the earlier its spike.

With n the number of intensities x > 0 of a sample, rank the number of strictly larger intensities,
and place the position in descending order, ties by lower index:

    "proportional"  bin = floor(rank * n_bins / n)
    "equal"         bin = floor(place / size), size = floor(n / n_bins); those left over never spike
    "spyker"        bin = floor(place (n_bins + 1e-5) / m) for the m intensities, of either sign,
                    above the smallest; the smallest never spike; a constant sample spikes in bin 0

Source: Thorpe and Gautrais (1998), Rank order coding, in Computational Neuroscience: Trends in
Research, 113-118; groups of equal size as in Mozafari et al. (2019), Frontiers in Neuroscience 13:
625; the last as in Shirsavar et al. (2023), arXiv 2301.13659.
"""

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_bins
from neurospyke.sim.ops.registration import define, define_fake, register_vmap

_RULES = ("proportional", "equal", "spyker")
_MARGIN = 1e-5


def rank_order(intensity: Tensor, n_bins: int, *, bins: str = "proportional") -> Tensor:
    """Latency by rank: bin = floor(rank * n_bins / n) among the n positive intensities.

    Each sample is ranked over all its channels and positions. Zero and negative intensities never
    spike. With "proportional" bins, equal intensities spike together and a constant sample stays
    silent. Values are read: NaN is refused, and so are too few intensities for "equal" bins. The
    other rules are those of two published libraries, to repeat their results: "equal" that of
    SpykeTorch, "spyker" that of Spyker, which differ for negative, smallest and equal intensities.

    Args:
        intensity: float32 or float64 (batch, channel, height, width), any unit.
        n_bins: number of time bins, 1 to 254.
        bins: "proportional" to the rank; "equal" numbers of spikes in all bins; "spyker".

    Returns:
        uint8 (batch, channel, height, width), time bin, 255 = silent.

    Raises:
        TypeError: `intensity` is not a float32 or float64 tensor, or `n_bins` no int.
        ValueError: axes, `n_bins` or `bins` do not fit, an intensity is NaN, or "equal" bins have
            fewer positive intensities than bins.

    Source:
        Thorpe and Gautrais (1998); "equal": Mozafari et al. (2019); "spyker": Shirsavar et al.
        (2023).

    Example:
        Four are positive; ranks 0, 1, 1, 3 fall in bins 0, 0, 0, 1.

        >>> import torch
        >>> rank_order(torch.tensor([[[[0.9, 0.5, 0.5, 0.2, 0.0]]]]), 2).tolist()
        [[[[0, 0, 0, 1, 255]]]]
        >>> rank_order(torch.tensor([[[[0.9, 0.5, 0.5, 0.2, 0.0]]]]), 2, bins="equal").tolist()
        [[[[0, 0, 1, 1, 255]]]]
        >>> rank_order(torch.tensor([[[[0.9, 0.5, 0.5, 0.2, 0.0]]]]), 2, bins="spyker").tolist()
        [[[[0, 0, 1, 1, 255]]]]
    """
    if not isinstance(intensity, Tensor) or intensity.dtype not in {torch.float32, torch.float64}:
        got = intensity.dtype if isinstance(intensity, Tensor) else type(intensity).__name__
        raise TypeError(
            f"`intensity` must be a float32 or float64 tensor; got {got}; convert with .float()"
        )
    if intensity.ndim != 4:
        raise ValueError(
            "`intensity` must have axes (batch, channel, height, width); "
            f"got shape {tuple(intensity.shape)}; reshape it"
        )
    check_bins(n_bins)
    check_rule(bins)
    return _rank_order(intensity, n_bins, bins)


def check_rule(bins: str) -> None:
    """Refuse what is not a rule of rank order.

    Args:
        bins: name of the rule.

    Raises:
        ValueError: `bins` is none of them.
    """
    if bins not in _RULES:
        raise ValueError(f"`bins` must be one of {_RULES}; got {bins!r}")


def reference(intensity: Tensor, n_bins: int, *, bins: str = "proportional") -> Tensor:
    """The equations line by line: each intensity against every other."""
    x = intensity.flatten(1)
    n = (x > 0).sum(1, keepdim=True)
    larger = (x[:, None, :] > x[:, :, None]).sum(2)
    index = torch.arange(x.shape[1])
    before = (x[:, None, :] == x[:, :, None]) & (index < index[:, None])
    place, least = larger + before.sum(2), x.amin(1, keepdim=True)
    if bins == "proportional":
        time = larger * n_bins // n.clamp(min=1)
        silent = (x <= 0) | (least == x.amax(1, keepdim=True))
    elif bins == "equal":
        time = place // (n // n_bins)
        silent = (x <= 0) | (time >= n_bins)
    else:
        m = (x > least).sum(1, keepdim=True)
        time = (place * (n_bins + _MARGIN) / m).floor().nan_to_num(0, 0).masked_fill(m == 0, 0)
        silent = ((x == least) & (m > 0)) | (time >= n_bins)
    return time.masked_fill(silent, SILENT).to(torch.uint8).view(intensity.shape)


@define
def _rank_order(intensity: Tensor, n_bins: int, bins: str) -> Tensor:
    x = intensity.flatten(1)
    if x.isnan().any():
        raise ValueError("`intensity` must not be NaN; got NaN; mask it or replace it by 0")
    n = (x > 0).sum(1, keepdim=True)
    # one sort gives the places; a run of equal values starts at its rank
    ordered, order = x.sort(dim=1, descending=True, stable=True)
    place = torch.arange(x.shape[1], device=x.device).expand_as(x)
    if bins == "proportional":
        starts = torch.ones_like(ordered, dtype=torch.bool)
        starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        rank = (place * starts).cummax(1).values
        time = rank * n_bins // n.clamp(min=1)
        spikes = (ordered > 0) & (ordered[:, :1] != ordered[:, -1:])
    elif bins == "equal":
        time = place // _equal_size(n, n_bins)
        spikes = (ordered > 0) & (time < n_bins)
    else:
        above = ordered != ordered[:, -1:]
        constant = ~above.any(1, keepdim=True)
        share = place.double() * (n_bins + _MARGIN) / above.sum(1, keepdim=True).clamp(min=1)
        time = share.floor().masked_fill(constant, 0)
        spikes = (above | constant) & (time < n_bins)
    latency = torch.where(spikes, time, SILENT).to(torch.uint8)
    return torch.empty_like(latency).scatter_(1, order, latency).view(intensity.shape)


def _equal_size(n: Tensor, n_bins: int) -> Tensor:
    if (n < n_bins).any():
        raise ValueError(
            f"`intensity` must have at least `n_bins` = {n_bins} positive values in every sample "
            f'for "equal" bins; got {int(n.min())}; use fewer bins or "proportional" ones'
        )
    return n // n_bins


@define_fake(_rank_order)
def _(intensity: Tensor, n_bins: int, bins: str) -> Tensor:
    return intensity.new_empty(intensity.shape, dtype=torch.uint8)


register_vmap(_rank_order, 0)
