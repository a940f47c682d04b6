"""Lists of events as streams: in which step and channel something happened."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from neurospyke.sim.whole import check_whole


def event_stream(
    samples: Iterable[tuple[np.ndarray, np.ndarray]],
    n_channels: int,
    *,
    step: float,
    n_steps: int,
    binary: bool = True,
) -> Tensor:
    """Stream of a batch of samples that are lists of events.

        x[t, i, c] = number of events k of sample i with channel c and t <= time[k] / step < t + 1

    Args:
        samples: times (event,) in seconds from 0 up, in any order, and channels (event,) of each
            sample.
        n_channels: channels there are.
        step: seconds in a step, above 0; events nearer than 1e-9 steps below the next one are in
            it, so that times like 3 x 0.004 fall where they should.
        n_steps: steps of the stream; later events are left out.
        binary: True counts several events in one step and channel once.

    Returns:
        float32 (time, sample, channel).

    Raises:
        ValueError: times and channels do not fit, or a number is out of range.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, inputs of the SHD and
        SSC networks: 250 steps of 4 ms, binary.

    Example:
        >>> sample = (np.array([0.0, 0.012, 0.013]), np.array([1, 0, 0]))
        >>> event_stream([sample], 2, step=0.004, n_steps=4)[:, 0].tolist()
        [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    if not isinstance(step, float | int) or not 0 < step < float("inf"):
        raise ValueError(f"`step` must be above 0 s and finite; got {step!r}")
    for name, number in (("n_steps", n_steps), ("n_channels", n_channels)):
        check_whole(name, number, 1)
    streams = [_stream(*sample, n_channels, step, n_steps) for sample in samples]
    if not streams:
        return torch.zeros(n_steps, 0, n_channels)
    stream = torch.from_numpy(np.stack(streams, axis=1))
    return stream.clamp(max=1) if binary else stream


def _stream(
    times: np.ndarray, channels: np.ndarray, n_channels: int, step: float, n_steps: int
) -> np.ndarray:
    times, channels = np.asarray(times, np.float64), np.asarray(channels)
    if times.ndim != 1 or times.shape != channels.shape:
        raise ValueError(
            "`samples` must have a channel for every time; got shapes "
            f"{times.shape} and {channels.shape}"
        )
    if not (np.isfinite(times) & (times >= 0)).all():
        raise ValueError("`samples` must have finite times from 0 s up")
    if len(channels) and channels.dtype.kind not in "iu":
        raise ValueError(f"`samples` must have whole numbers as channels; got {channels.dtype}")
    if len(channels) and not 0 <= channels.min() <= channels.max() < n_channels:
        raise ValueError(
            f"`samples` must have channels below {n_channels}; got {channels.min()} to "
            f"{channels.max()}"
        )
    steps = np.floor(times / step + 1e-9)
    within = steps < n_steps
    places = steps[within].astype(np.int64) * n_channels + channels[within].astype(np.int64)
    counts = np.bincount(places, minlength=n_steps * n_channels)
    return counts.reshape(n_steps, n_channels).astype(np.float32)
