"""Layers to try kernels on, and what their outputs must be."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT
from tests.conformance import latencies, quarters

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
ROUTES = ("dense", "events")


class Layer(NamedTuple):
    """A layer's input and numbers, on the device the tests run on."""

    latency: Tensor
    weight: Tensor
    threshold: Tensor | None
    n_bins: int
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def wide(self):
        """The same with float64 weights."""
        threshold = None if self.threshold is None else self.threshold.double()
        return self._replace(weight=self.weight.double(), threshold=threshold)


# (batch, channel, height, width), (map, kernel height, kernel width), bins, stride, padding:
# more than one block of positions, maps, inputs and bins, and less than one of each
SHAPES = [
    ((2, 3, 5, 4), (5, 3, 2), 5, (2, 1), (1, 0, 2, 1)),
    ((1, 30, 3, 3), (70, 3, 3), 20, (1, 1), (1, 1, 1, 1)),
    ((9, 300, 1, 1), (3, 1, 1), 40, (1, 1), (0, 0, 0, 0)),
    ((1, 2, 3, 20), (2, 2, 1), 70, (1, 3), (0, 0, 0, 0)),
    ((1, 1, 2, 2), (1, 1, 1), 1, (1, 1), (0, 0, 0, 0)),
]


def exact(shape, threshold=True):
    """A layer whose sums are exact in any order and often land on the threshold."""
    size, (maps, *kernel), n_bins, stride, padding = shape
    # a spike in bin n_bins counts as silence
    latency = latencies(*size, n_bins=min(n_bins + 1, 254), seed=0, silent=0.2)
    weight = quarters(maps, size[1], *kernel, low=-2, high=4, seed=1)
    floor = quarters(maps, low=-1, high=12, seed=2) if threshold else None
    return placed(latency, weight, floor, n_bins, stride, padding)


def rough(shape):
    """A layer with weights of any sign and no round numbers."""
    size, (maps, *kernel), n_bins, stride, padding = shape
    generator = torch.Generator().manual_seed(3)
    latency = latencies(*size, n_bins=min(n_bins, 254), seed=4, silent=0.5)
    weight = torch.randn(maps, size[1], *kernel, generator=generator) / 2 + 0.3
    threshold = torch.rand(maps, generator=generator) * weight[0].numel() ** 0.5
    return placed(latency, weight, threshold, n_bins, stride, padding)


def placed(latency, weight, threshold, n_bins, stride=(1, 1), padding=(0, 0, 0, 0)):
    threshold = None if threshold is None else threshold.to(DEVICE)
    return Layer(latency.to(DEVICE), weight.to(DEVICE), threshold, n_bins, stride, padding)


def potentials(layer):
    """V in every bin, (bin, batch, map, height, width), in the dtype of the weights, on the CPU."""
    top, bottom, left, right = layer.padding
    padded = F.pad(layer.latency.cpu(), (left, right, top, bottom), value=SILENT)
    waves = [(padded <= t).to(layer.weight.dtype) for t in range(layer.n_bins)]
    weight = layer.weight.cpu().contiguous()
    return torch.stack([F.conv2d(wave, weight, stride=layer.stride) for wave in waves])


def differing(layer, latency, relative):
    """Units whose latency is not that of the potentials in float64, all of which are excused.

    Excused are units with a potential so close to the threshold that rounding may decide.
    """
    v = potentials(layer.wide())
    threshold = layer.wide().threshold.cpu().view(-1, 1, 1)
    crossed = v > threshold
    expected = crossed.int().argmax(0).masked_fill(~crossed.any(0), SILENT).to(torch.uint8)
    wrong = latency.cpu() != expected
    scale = potentials(layer.wide()._replace(weight=layer.wide().weight.abs())).amax(0)
    excused = (v - threshold).abs().amin(0) <= relative * (scale + threshold.abs())
    assert not (wrong & ~excused).any()
    # not vacuous: some spike, and not at once
    assert ((expected != SILENT) & (expected > 0)).any()
    return int(wrong.sum())
