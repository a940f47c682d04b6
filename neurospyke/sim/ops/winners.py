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
from neurospyke.sim.ops.pointwise_inhibition import AXES, check_potential


def winners(latency: Tensor, potential: Tensor, k: int, *, radius: int | None = None) -> Tensor:
    """The k winners of each sample, at most one a map, best first.

    Shapes, dtypes and devices are checked; values are not read, and potentials are taken as finite.

    Args:
        latency: uint8 (batch, map, height, width), time bin, 255 = silent.
        potential: potential at the spike, same shape, floating point.
        k: number of winners sought, 1 or more.
        radius: half-width, in positions, of the square that a winner clears in all maps: 0 clears
            its own position, None clears no square.

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
    _check_count(k, "k", 1)
    if radius is not None:
        _check_count(radius, "radius", 0)
    return _winners(latency, potential, k, radius)


def _check_count(value: int, name: str, least: int) -> None:
    if not isinstance(value, (int, torch.SymInt)) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be an int from {least} up; got {value!r}")


def reference(latency: Tensor, potential: Tensor, k: int, *, radius: int | None = None) -> Tensor:
    """The rule line by line: list what is left, take the best, remove, repeat."""
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


@torch.library.custom_op("neurospyke::winners", mutates_args=())
def _winners(latency: Tensor, potential: Tensor, k: int, radius: int | None) -> Tensor:
    # every map keeps its champion; only champions compete, and only a cleared one is replaced
    width = latency.shape[3]
    left, drive = latency.flatten(2).clone(), potential.flatten(2)
    samples = torch.arange(len(latency), device=latency.device)
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
            cleared = _square(position, radius, latency.shape[2:])
            left.masked_fill_(cleared[:, None], SILENT)
            stale = cleared[samples[:, None], champions]
            champions[stale] = _first(left[stale], drive[stale])
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


@_winners.register_fake
def _(latency: Tensor, potential: Tensor, k: int, radius: int | None) -> Tensor:
    return latency.new_empty((latency.shape[0], k, 3), dtype=torch.int64)
