"""k winners take all: which neurons of a layer may learn from a sample.

Repeat k times, on what is left of a sample's spikes:

    winner = the earliest spike, then the larger potential, then the lower flat index
    remove the winner's whole map
    with a radius r, remove all maps in the square of side 2 r + 1 round the winner

Source: Kheradpisheh et al. (2018), Neural Networks 99: 56-67 (competition within a map and between
neighbours); k winners as in Mozafari et al. (2019), Pattern Recognition 94: 87-95.
"""

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_latency
from neurospyke.sim.ops import native
from neurospyke.sim.ops.pointwise_inhibition import AXES, NATIVE, check_potential
from neurospyke.sim.ops.registration import define, define_fake, register_gpu, register_vmap

MOST = 2**31 - 1


def winners(
    latency: Tensor,
    potential: Tensor,
    k: int,
    *,
    radius: int | None = None,
    maps: Tensor | None = None,
) -> Tensor:
    """The k winners of each sample, at most one a map, best first.

    Shapes, dtypes and devices are checked; values are not read, and potentials are taken as finite.

    Args:
        latency: uint8 (batch, map, height, width), time bin, 255 = silent.
        potential: potential at the spike, same shape, floating point.
        k: number of winners sought, 1 or more.
        radius: half-width, in positions, of the square that a winner clears in all maps: 0 clears
            its own position, None clears no square.
        maps: where inhibition has left one map a position, that map: int64 (batch, 1, height,
            width), -1 for none, as `inhibited_convolution` returns it; latency and potential then
            have one channel as well.

    Returns:
        int64 (batch, k, 3), rows (map, row, column), -1 where fewer than k are found.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, shapes, devices, `k` or `radius` do not fit.

    Source:
        Kheradpisheh et al. (2018); Mozafari et al. (2019).

    Example:
        Map 1 spikes first; of map 0, the second position is earlier.

        >>> import torch
        >>> latency = torch.tensor([[[[7, 5]], [[3, 4]]]], dtype=torch.uint8)
        >>> winners(latency, torch.ones(1, 2, 1, 2), 3).tolist()
        [[[1, 0, 0], [0, 0, 1], [-1, -1, -1]]]
    """
    check_latency(latency, "latency", axes=AXES)
    check_potential(latency, potential)
    check_count(k, "k", 1)
    if radius is not None:
        check_count(radius, "radius", 0)
    if maps is not None:
        _check_maps(maps, latency)
    return _winners(latency, potential, k, radius, maps)


def unit_winners(
    latency: Tensor, potential: Tensor, k: int, *, radius: int | None = None
) -> Tensor:
    """The k winners of each sample in a fully connected layer, best first.

    As `winners` for units in a row, each its own map: a radius clears the units whose number is at
    most that far from the winner's.

    Args:
        latency: uint8 (batch, unit), time bin, 255 = silent.
        potential: potential at the spike, same shape, floating point.
        k: number of winners sought, 1 or more.
        radius: how many units on either side of a winner cannot win any more; None and 0: none.

    Returns:
        int64 (batch, k, 3), rows (unit, 0, 0) as `stdp` takes them; -1 for none.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, shapes, devices, `k` or `radius` do not fit.

    Source:
        Shirsavar, Vahabie and Dehaqani (2023), arXiv 2301.13659.

    Example:
        Unit 1 spikes first and clears its neighbours.

        >>> import torch
        >>> latency = torch.tensor([[4, 3, 5, 6]], dtype=torch.uint8)
        >>> unit_winners(latency, torch.ones(1, 4), 2)[..., 0].tolist()
        [[1, 0]]
        >>> unit_winners(latency, torch.ones(1, 4), 2, radius=1)[..., 0].tolist()
        [[1, 3]]
    """
    check_latency(latency, "latency", axes=("batch", "unit"))
    units = torch.arange(latency.shape[1], device=latency.device).expand_as(latency)
    row = [part[:, None, None] for part in (latency, potential, units)]
    found = winners(row[0], row[1], k, radius=radius, maps=row[2])
    return torch.cat([found[..., :1], found[..., 1:].clamp(max=0)], dim=2)


def _check_maps(maps: Tensor, latency: Tensor) -> None:
    if not isinstance(maps, Tensor) or maps.dtype != torch.int64:
        got = maps.dtype if isinstance(maps, Tensor) else type(maps).__name__
        raise TypeError(
            f"`maps` must be an int64 tensor; got {got}; pass what inhibited_convolution returns"
        )
    if latency.shape[1] != 1 or maps.shape != latency.shape or maps.device != latency.device:
        raise ValueError(
            "`maps` must have the shape of `latency`, (batch, 1, height, width), on "
            f"{latency.device}; got {tuple(maps.shape)} on {maps.device} for a latency of shape "
            f"{tuple(latency.shape)}"
        )


def check_count(value: int, name: str, least: int) -> None:
    """Refuse a number that is not whole or too small.

    Raises:
        ValueError: it is not an int from `least` to `MOST`.
    """
    whole = isinstance(value, (int, torch.SymInt)) and not isinstance(value, bool)
    if not whole or not least <= value <= MOST:
        raise ValueError(f"`{name}` must be an int from {least} up, at most {MOST}; got {value!r}")


def reference(
    latency: Tensor,
    potential: Tensor,
    k: int,
    *,
    radius: int | None = None,
    maps: Tensor | None = None,
) -> Tensor:
    """The rule line by line: list what is left, take the best, remove, repeat."""
    if maps is not None:
        every = torch.arange(int(maps.max().clamp(min=0)) + 1).view(-1, 1, 1)
        latency = torch.where(maps == every, latency, SILENT)
        potential = potential.expand(latency.shape)
    found = torch.full((len(latency), k, 3), -1)
    for left, drive, rows in zip(latency.clone(), potential, found, strict=True):
        for rank in range(k):
            spikes = [tuple(spike) for spike in (left != SILENT).nonzero().tolist()]
            if not spikes:
                break
            keys = [(left[spike].item(), -drive[spike].item(), spike) for spike in spikes]
            one, row, column = min(keys)[2]
            rows[rank] = torch.tensor([one, row, column])
            left[one] = SILENT
            if radius is not None:
                top, start = max(row - radius, 0), max(column - radius, 0)
                left[:, top : row + radius + 1, start : column + radius + 1] = SILENT
    return found


@define
def _winners(
    latency: Tensor, potential: Tensor, k: int, radius: int | None, maps: Tensor | None
) -> Tensor:
    if native.available(latency, potential) and potential.dtype in NATIVE:
        return native.winners(latency, potential, k, radius, maps)
    if latency.numel() == 0:
        return latency.new_full((len(latency), k, 3), -1, dtype=torch.int64)
    if maps is None:
        return _best(latency.flatten(2).clone(), potential.flatten(2), latency.shape[2:], k, radius)
    return _best_given(latency, potential, k, radius, maps)


def _best(left: Tensor, drive: Tensor, size: torch.Size, k: int, radius: int | None) -> Tensor:
    # every map keeps its champion; only champions compete, and only a cleared one is replaced
    width = size[1]
    samples = torch.arange(len(left), device=left.device)
    champions = _first(left, drive)
    rows = []
    for _ in range(k):
        times = left.gather(2, champions[..., None])[..., 0]
        drives = drive.gather(2, champions[..., None])[..., 0]
        best = _first(times, drives)
        position = champions[samples, best]
        found = times[samples, best] != SILENT
        row = torch.stack([best, position // width, position % width], dim=1)
        rows.append(row.masked_fill(~found[:, None], -1))
        left[samples, best] = SILENT
        if radius is not None:
            cleared = _square(position, radius, size)
            left.masked_fill_(cleared[:, None], SILENT)
            stale = cleared[samples[:, None], champions]
            champions[stale] = _first(left[stale], drive[stale])
    return torch.stack(rows, dim=1)


def _best_given(
    latency: Tensor, potential: Tensor, k: int, radius: int | None, maps: Tensor
) -> Tensor:
    """The same where each position has one map: positions compete, in the order of their maps."""
    size, places = latency.shape[2:], latency[0].numel()
    left = latency.flatten(1).masked_fill(maps.flatten(1) < 0, SILENT)
    drive, owner = potential.flatten(1), maps.flatten(1)
    order = (owner * places + torch.arange(places, device=maps.device)).argsort(1)
    rows = []
    for _ in range(k):
        # in the order of maps, then positions, the first of equals has the lowest flat index
        best = order.gather(1, _first(left.gather(1, order), drive.gather(1, order))[:, None])
        found = left.gather(1, best) != SILENT
        row = torch.cat([owner.gather(1, best), best // size[1], best % size[1]], dim=1)
        rows.append(row.masked_fill(~found, -1))
        cleared = owner == owner.gather(1, best)
        if radius is not None:
            cleared |= _square(best[:, 0], radius, size)
        left = left.masked_fill(cleared & found, SILENT)
    return torch.stack(rows, dim=1)


def _first(latency: Tensor, potential: Tensor) -> Tensor:
    """Index along the last axis of the earliest, then strongest, then first."""
    earliest = latency == latency.amin(-1, keepdim=True)
    return torch.where(earliest, potential, -torch.inf).argmax(-1)


def _square(position: Tensor, radius: int, size: torch.Size) -> Tensor:
    """(batch, position) mask of the square of half-width `radius` round each position."""
    height, width = size
    places = torch.arange(height * width, device=position.device)
    down = (places // width - (position // width)[:, None]).abs() <= radius
    across = (places % width - (position % width)[:, None]).abs() <= radius
    return down & across


@define_fake(_winners)
def _(
    latency: Tensor, potential: Tensor, k: int, radius: int | None, maps: Tensor | None
) -> Tensor:
    return latency.new_empty((latency.shape[0], k, 3), dtype=torch.int64)


register_gpu(_winners)
register_vmap(_winners, 0, 1, 4)
