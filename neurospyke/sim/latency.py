"""The latency code: each unit spikes at most once, and one byte says when.

A latency tensor has dtype `torch.uint8`. Its values are the time bin of the unit's only spike, 0
to n_bins - 1, or `SILENT` (255) where the unit never spikes, so that "earlier" is "smaller" and
silence comes last. A wave is the same thing with a time axis in front.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

SILENT = 255
MAX_BINS = 254


def check_bins(n_bins: int) -> None:
    """Refuse a number of time bins that one byte cannot hold beside silence.

    Args:
        n_bins: number of time bins, 1 to `MAX_BINS`.

    Raises:
        TypeError: `n_bins` is not an int.
        ValueError: `n_bins` is out of range.
    """
    if not isinstance(n_bins, (int, torch.SymInt)) or isinstance(n_bins, bool):
        raise TypeError(
            f"`n_bins` must be an int; got {type(n_bins).__name__}; pass the number of time bins"
        )
    if not 1 <= n_bins <= MAX_BINS:
        raise ValueError(
            f"`n_bins` must be 1 to {MAX_BINS}; got {n_bins}; "
            "latencies are bytes and 255 stands for silence, so use fewer, longer bins"
        )


def check_latency(
    latency: Tensor, name: str, n_bins: int | None = None, *, axes: Sequence[str] | None = None
) -> None:
    """Refuse what is not a latency tensor.

    Type, dtype and axes cost nothing and are always checked. Values are read only when `n_bins` is
    given: one pass over the data, and a wait for the device where there is one.

    Args:
        latency: tensor to check, any shape.
        name: name of the argument, for the message.
        n_bins: number of time bins that values must respect; None leaves values unread.
        axes: names of the axes wanted, for example ("batch", "channel"); None allows any.

    Raises:
        TypeError: not a tensor, or not of dtype uint8.
        ValueError: another number of axes, or a value that is neither a bin nor `SILENT`.
    """
    if not isinstance(latency, Tensor):
        raise TypeError(
            f"`{name}` must be a uint8 tensor of latencies; got {type(latency).__name__}; "
            "convert with torch.from_numpy or encode images first"
        )
    if latency.dtype != torch.uint8:
        raise TypeError(
            f"`{name}` must have dtype torch.uint8 (time bin, {SILENT} = silent); "
            f"got {latency.dtype}; encode intensities with rank_order or a wave with from_spikes"
        )
    if axes is not None and latency.ndim != len(axes):
        raise ValueError(
            f"`{name}` must have axes ({', '.join(axes)}); got shape {tuple(latency.shape)}; "
            "reshape it, with a leading batch axis of 1 for one sample"
        )
    if n_bins is not None:
        _check_values(latency, name, n_bins)


def _check_values(latency: Tensor, name: str, n_bins: int) -> None:
    check_bins(n_bins)
    late = latency[(latency >= n_bins) & (latency != SILENT)]
    if late.numel():
        raise ValueError(
            f"`{name}` must hold bins 0 to {n_bins - 1} or {SILENT} for silence; "
            f"got {int(late[0])}; raise `n_bins` or silence late spikes"
        )


def to_spikes(latency: Tensor, n_bins: int, accumulate: bool = False) -> Tensor:
    """Wave of a latency tensor: S[t] = [latency = t], or [latency <= t] when accumulated.

    Args:
        latency: uint8 latencies, any shape.
        n_bins: number of time bins; spikes in bin n_bins or later are left out.
        accumulate: True keeps a unit at 1 from its spike on.

    Returns:
        uint8 zeros and ones with axes (time, *latency axes).

    Raises:
        TypeError: `latency` is not a uint8 tensor.
        ValueError: `n_bins` is out of range.

    Example:
        >>> import torch
        >>> to_spikes(torch.tensor([0, 2, 255], dtype=torch.uint8), 3).tolist()
        [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
        >>> to_spikes(torch.tensor([0, 2, 255], dtype=torch.uint8), 3, accumulate=True).tolist()
        [[1, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    check_latency(latency, "latency")
    check_bins(n_bins)
    times = torch.arange(n_bins, dtype=torch.uint8, device=latency.device)
    times = times.view(-1, *[1] * latency.ndim)
    return (latency <= times if accumulate else latency == times).to(torch.uint8)


def from_spikes(spikes: Tensor) -> Tensor:
    """Latency of a wave: the first time bin in which a unit is not zero.

    Args:
        spikes: real or boolean tensor with axes (time, *unit axes), 1 to `MAX_BINS` bins, either
            single spikes or a wave that stays up (accumulated). Later spikes of a unit are lost.

    Returns:
        uint8 latencies with the unit axes, `SILENT` where a unit never spikes.

    Raises:
        TypeError: `spikes` is not a tensor.
        ValueError: no time axis, or a number of bins out of range.

    Example:
        >>> import torch
        >>> from_spikes(torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])).tolist()
        [1, 0, 255]
    """
    if not isinstance(spikes, Tensor):
        raise TypeError(
            f"`spikes` must be a tensor with axes (time, ...); got {type(spikes).__name__}; "
            "convert with torch.from_numpy"
        )
    if spikes.ndim < 1 or not 1 <= spikes.shape[0] <= MAX_BINS:
        raise ValueError(
            f"`spikes` must have a leading time axis of 1 to {MAX_BINS} bins; "
            f"got shape {tuple(spikes.shape)}; put time first and merge bins if there are more"
        )
    fired = spikes != 0
    # argmax gives the first of equal values, so the first bin with a spike
    first = fired.to(torch.uint8).argmax(0).to(torch.uint8)
    return first.masked_fill(~fired.any(0), SILENT)
