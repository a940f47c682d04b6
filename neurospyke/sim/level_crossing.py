"""Level crossing: a signal as spikes wherever it has moved by a step, one channel up, one down.

    r[0] = x[0]
    up[t] = x[t] - r[t-1] >= d        down[t] = r[t-1] - x[t] >= d
    r[t] = r[t-1] + d floor(|x[t] - r[t-1]| / d) in the direction of the crossing

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, encoding of the ECG;
the rule itself is that of delta modulation, see Lichtsteiner, Posch and Delbruck (2008), IEEE
Journal of Solid-State Circuits 43: 566-576.
"""

import torch
from torch import Tensor


def level_crossing(signal: Tensor, step: float) -> Tensor:
    """Spikes of a signal where it crosses levels, at most one a channel, direction and time.

        up[t] = x[t] - r[t-1] >= d        down[t] = r[t-1] - x[t] >= d

    Args:
        signal: float32 or float64 (time, sample, lead), finite.
        step: d, distance between levels, above 0, in the signal's unit.

    Returns:
        0 or 1, (time, sample, 2 lead), dtype of `signal`: ups of all leads, then downs. The first
        time has none.

    Raises:
        TypeError: `signal` is not a floating-point tensor.
        ValueError: axes or numbers do not fit.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> signal = torch.tensor([0.0, 0.6, 1.3, 0.2]).view(4, 1, 1)
        >>> level_crossing(signal, 0.5)[:, 0].tolist()
        [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    if not isinstance(signal, Tensor) or signal.dtype not in {torch.float32, torch.float64}:
        kind = signal.dtype if isinstance(signal, Tensor) else type(signal).__name__
        raise TypeError(f"`signal` must be a float32 or float64 tensor; got {kind}")
    if signal.ndim != 3 or not len(signal):
        raise ValueError(
            "`signal` must have axes (time, sample, lead) and at least one time; "
            f"got shape {tuple(signal.shape)}"
        )
    if not signal.isfinite().all():
        raise ValueError("`signal` must be finite; got NaN or infinite values; leave them out")
    if not isinstance(step, float | int) or not 0 < step < float("inf"):
        raise ValueError(f"`step` must be above 0 and finite; got {step!r}")
    level, spikes = signal[0], [torch.zeros_like(torch.cat([signal[0], signal[0]], 1))]
    for value in signal[1:].unbind(0):
        moved = value - level
        levels = (moved / step).trunc()
        spikes.append(torch.cat([levels > 0, levels < 0], 1).to(signal.dtype))
        level = level + levels * step
    return torch.stack(spikes)
