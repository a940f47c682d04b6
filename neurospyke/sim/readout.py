"""What a network of streams says: evidence for each class from the last layer, answers, losses.

    membrane       u[t] of every step                      one answer a step
    count          sum over t of s[t]                      one answer a course
    softmax_sum    sum over t of softmax(u[t])             one answer a course
    mean           mean over t of u[t]                     one answer a course

Losses are cross entropies of softmax(evidence); with an answer a step they are summed over steps
and averaged over samples.

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from neurospyke.sim.ops.scan import Scan


def _membrane(out: Scan) -> Tensor:
    assert out.membrane is not None
    return out.membrane


def _softmax(out: Scan) -> Tensor:
    return _membrane(out).softmax(2)


# evidence of each step (time, batch, class)
READOUTS: Mapping[str, Callable[[Scan], Tensor]] = MappingProxyType(
    {
        "membrane": _membrane,
        "count": lambda out: out.spikes,
        "softmax_sum": _softmax,
        "mean": _membrane,
    }
)


def gather(evidence: Tensor, readout: str) -> Tensor:
    """Evidence of a course, or of a part of one: those of parts are added.

        sum over t of evidence[t]; of "membrane", evidence as it is

    Args:
        evidence: (time, batch, class), of the steps that count.
        readout: one of `READOUTS`.

    Returns:
        (time, batch, class) of "membrane", else (batch, class), a sum also of "mean".

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> gather(torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]]]), "count").tolist()
        [[2.0, 1.0]]
    """
    if readout == "membrane":
        return evidence
    return evidence.sum(0)


def readout_loss(gathered: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of what was gathered.

        L = sum over t of mean over samples of -log softmax(evidence[t])[label]

    Args:
        gathered: (time, batch, class) or (batch, class).
        labels: int64 (time, batch) or (batch,).

    Returns:
        One number.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> labels = torch.zeros(3, 1, dtype=torch.int64)
        >>> round(readout_loss(torch.zeros(3, 1, 2), labels).item(), 4)
        2.0794
    """
    steps = len(gathered) if gathered.ndim == 3 else 1
    return cross_entropy(gathered.flatten(0, -2), labels.flatten()) * steps


def check_readout(readout: str) -> None:
    """Refuse a name that is no read-out's.

    Raises:
        ValueError: it is not.
    """
    if readout not in READOUTS:
        raise ValueError(f"`readout` must be one of {list(READOUTS)}; got {readout!r}")


def check_labels(labels: Tensor, shape: tuple[int, ...], n_classes: int) -> None:
    """Refuse labels that do not fit.

    Raises:
        TypeError: no int64 tensor.
        ValueError: axes or classes do not fit.
    """
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"`labels` must be an int64 tensor of classes; got {kind}")
    if tuple(labels.shape) != shape:
        raise ValueError(f"`labels` must have shape {shape}; got {tuple(labels.shape)}")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise ValueError(
            f"`labels` must be from 0 to {n_classes - 1}; got {int(labels.min())} to "
            f"{int(labels.max())}"
        )
