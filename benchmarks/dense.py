"""The spiking layer the dense way, from its equations: potentials of every bin, then a threshold.

With S[t] the spikes so far (0 or 1, kept from the spike on), for one sample at a time and its time
bins on the batch axis of an ordinary convolution, as libraries without a batch axis do:

    V = convolution(S, weight),  V' = V where V > threshold, else 0,  spikes = sign(V')

Written for the benchmark as a user of torch would write it. `batched` puts all bins of all samples
on the batch axis.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def wave(latency: Tensor, n_bins: int) -> Tensor:
    """Spikes so far as float32 (batch, time, channel, height, width)."""
    times = torch.arange(n_bins, dtype=torch.uint8).view(1, -1, 1, 1, 1)
    return (latency.contiguous().unsqueeze(1) <= times).float()


def thresholded(spikes: Tensor, weight: Tensor, threshold: float | None, padding: int) -> Tensor:
    """Potentials (time, map, height, width) above the threshold, all others 0."""
    if padding:
        spikes = F.pad(spikes, (padding,) * 4)
    potential = F.conv2d(spikes, weight)
    if threshold is None:
        potential[:-1] = 0
        return potential.clamp_(min=0)
    return F.threshold_(potential, threshold, 0.0)


def layer(
    spikes: Tensor, weight: Tensor, threshold: float | None, padding: int
) -> tuple[Tensor, Tensor]:
    """One sample: its spikes so far and their first bins, n_bins where silent."""
    fired = thresholded(spikes, weight, threshold, padding).sign()
    return fired, len(fired) - fired.sum(0)


def per_sample(
    spikes: Tensor, weight: Tensor, threshold: float | None, padding: int
) -> list[Tensor]:
    """First bins of every sample, one sample after another."""
    return [layer(sample, weight, threshold, padding)[1] for sample in spikes]


def batched(spikes: Tensor, weight: Tensor, threshold: float, padding: int) -> Tensor:
    """First bins of all samples from one convolution."""
    batch, n_bins = spikes.shape[:2]
    fired = thresholded(spikes.flatten(0, 1), weight, threshold, padding).sign()
    return n_bins - fired.view(batch, n_bins, *fired.shape[1:]).sum(1)


def lean(spikes: Tensor, weight: Tensor, threshold: float, padding: int) -> list[Tensor]:
    """As `per_sample` in as few passes as torch allows; keeps neither spikes nor potentials."""
    return [
        len(sample) - (F.conv2d(sample, weight, padding=padding) > threshold).sum(0)
        for sample in spikes
    ]


def forward(spikes: Tensor, stages: list[Callable[[Tensor], Tensor]]) -> list[Tensor]:
    """First bins after all stages, one sample after another."""
    ends = []
    for sample in spikes:
        fired = sample
        for stage in stages:
            fired = stage(fired)
        ends.append(len(fired) - fired.sum(0))
    return ends


def inhibit(potential: Tensor) -> Tensor:
    """At each position only the map that spikes first, or of several the strongest, is left."""
    n_bins = len(potential)
    count = potential.sign().sum(0)
    first = (n_bins - count).long().clamp(max=n_bins - 1)
    drive = potential.gather(0, first[None])[0]
    earliest = count == count.amax(0)
    chosen = torch.where(earliest, drive, -1.0).argmax(0, keepdim=True)
    mask = torch.zeros_like(count).scatter_(0, chosen, 1.0)
    return potential * mask


def winners(potential: Tensor, k: int, radius: int) -> list[tuple[int, int, int]]:
    """Earliest, then strongest, k times; a winner clears its map and a square round itself."""
    n_bins = len(potential)
    count = potential.sign().sum(0)
    first = (n_bins - count).long().clamp(max=n_bins - 1)
    drive = potential.gather(0, first[None])[0].double()
    score = count * (drive.max() + 1) + drive
    _, height, width = score.shape
    found = []
    for _ in range(k):
        best = int(score.argmax())
        one, place = divmod(best, height * width)
        row, column = divmod(place, width)
        if score[one, row, column].item() == 0:
            break
        found.append((one, row, column))
        score[one] = 0
        top, left = max(row - radius, 0), max(column - radius, 0)
        score[:, top : row + radius + 1, left : column + radius + 1] = 0
    return found


def stdp(
    weight: Tensor,
    spikes: Tensor,
    fired: Tensor,
    found: list[tuple[int, int, int]],
    rates: tuple[float, float],
) -> None:
    """Change all weights in place: those of the winners learn, and all are kept within [0, 1]."""
    height, width = weight.shape[2:]
    rate = torch.zeros_like(weight)
    for one, row, column in found:
        before = spikes[:, :, row : row + height, column : column + width].sum(0)
        early = before >= fired[:, one, row, column].sum()
        rate[one] = torch.where(early, rates[0], rates[1])
    weight += rate * weight * (1 - weight)
    weight.clamp_(0, 1)


def learning_step(
    spikes: Tensor,
    weight: Tensor,
    threshold: float,
    padding: int,
    rule: tuple[int, int, tuple[float, float]],
    online: bool,
) -> tuple[Tensor, list[list[tuple[int, int, int]]]]:
    """New weights and winners; `rule` is (k, radius, rates).

    Winners come from the weights as the samples before have left them (online) or as given.
    """
    k, radius, rates = rule
    new, every = weight.clone(), []
    for sample in spikes:
        potential = thresholded(sample, new if online else weight, threshold, padding)
        potential = inhibit(potential)
        found = winners(potential, k, radius)
        padded = F.pad(sample, (padding,) * 4)
        stdp(new, padded, potential.sign(), found, rates)
        every.append(found)
    return new, every
