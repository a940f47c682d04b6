"""What a unit of any layer sees in the image, and what it prefers there, in pixels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.ops.window import pair, sides
from neurospyke.sim.whole import check_whole

Projection = Callable[[Tensor, Tensor, int], Tensor]

_MOST_VALUES = 2**24  # that a projection holds at a time
_PIXEL = ((1, 1), (1, 1), (0, 0))


@dataclass(frozen=True)
class ReceptiveField:
    """Pixels that a layer's units depend on.

    The unit in row i and column j sees the rows from start[0] + i stride[0] on, size[0] of them,
    and the columns likewise; those outside the image are padding. Where a layer above the filters
    is padded, units at the border see less of it.

    Args:
        size: (height, width), pixels.
        stride: pixels between neighbouring units, (rows, columns).
        start: (row, column) of the first pixel of the first unit, below 0 in the padding.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    start: tuple[int, int]

    def within(
        self, kernel: tuple[int, int], stride: tuple[int, int], before: tuple[int, int]
    ) -> "ReceptiveField":
        """Receptive field of a layer with such windows on top of this one.

            size <- size + (kernel - 1) stride_below
            start <- start - before stride_below
            stride <- stride stride_below

        Args:
            kernel: window (height, width), units of this layer.
            stride: step of the window.
            before: padding above and to the left.
        """
        (height, width), (top, left), (down, across) = self.size, self.start, self.stride
        return ReceptiveField(
            (height + (kernel[0] - 1) * down, width + (kernel[1] - 1) * across),
            (stride[0] * down, stride[1] * across),
            (top - before[0] * down, left - before[1] * across),
        )


def receptive_field(
    network: Network, layer: str, *, image_size: tuple[int, int] | None = None
) -> ReceptiveField:
    """Size, stride and place of the pixels that a layer's units see.

        size = 1 + sum over layers of (kernel - 1) * product of the strides below

    from the encoder's filters on. Normalisation by the surround and the ranks of other pixels,
    which an encoder may use, are not counted.

    Args:
        network: network whose encoder has a `bank` of filters for luminance.
        layer: one of its `layer_names`.
        image_size: (height, width) of the images, needed only where the field depends on it: from
            global pooling or a linear layer on.

    Returns:
        The receptive field.

    Raises:
        TypeError: the encoder has no bank, or a layer is of a kind that is not known here.
        ValueError: no such layer, or `image_size` is needed and missing.

    Source:
        Araujo, Norris and Sim (2019), Computing receptive fields of convolutional neural networks,
        Distill 4(11): e21.

    Example:
        Windows of 5 on filters of 7 see 11 pixels; pooling sees one neighbour more.

        >>> from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
        >>> field = receptive_field(kheradpisheh2018(), "pool1")
        >>> field.size, field.stride, field.start
        ((12, 12), (2, 2), (-5, -5))
    """
    field = ReceptiveField(*_PIXEL)
    for step in _steps(network, layer, image_size, spread=True):
        field = field.within(step.kernel, step.stride, step.before)
    return field


def preferred_sums(features: Tensor, weight: Tensor, spacing: int = 1) -> Tensor:
    """What each map of a layer prefers as a sum: bright where it wants light, dark where not.

        out[m, y, x] = sum over c, i, j of
                       weight[m, c, i, j] features[c, y - spacing i, x - spacing j]

    The linear counterpart of `preferred_features`: weights and features of either sign count.

    Args:
        features: (channel, height, width) preferred feature of each input map, pixels.
        weight: (map, channel, kernel height, kernel width).
        spacing: pixels between neighbouring inputs, that is the product of the strides below.

    Returns:
        (map, height + spacing (kernel height - 1), width + spacing (kernel width - 1)), any sign.

    Raises:
        ValueError: channels or spacing do not fit.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67, draws features as weighted sums of
        those of the layer below.

    Example:
        An ON and an OFF input at the same place, with weights 1 and 1/4.

        >>> features = torch.tensor([1.0, -1.0]).view(2, 1, 1)
        >>> preferred_sums(features, torch.tensor([1.0, 0.25]).view(1, 2, 1, 1)).tolist()
        [[[0.75]]]
    """
    if features.ndim != 3 or weight.ndim != 4 or features.shape[0] != weight.shape[1]:
        raise ValueError(
            "`features` must have axes (channel, height, width) with the channels of `weight`; "
            f"got shapes {tuple(features.shape)} and {tuple(weight.shape)}"
        )
    check_whole("spacing", spacing, 1)
    (maps, _, rows, columns), (_, height, width) = weight.shape, features.shape
    out = features.new_zeros(maps, height + spacing * (rows - 1), width + spacing * (columns - 1))
    for i in range(rows):
        for j in range(columns):
            drawn = (weight[:, :, i, j] @ features.flatten(1)).view(maps, height, width)
            out[:, spacing * i :, spacing * j :][:, :height, :width] += drawn
    return out


def network_features(
    network: Network,
    layer: str,
    *,
    project: Projection = preferred_sums,
    image_size: tuple[int, int] | None = None,
) -> Tensor:
    """What each map of a layer prefers, drawn in pixels through all layers below.

    Starts with the encoder's filters, each drawn with a largest absolute value of 1, because spikes
    do not tell the scale of their filter, and goes up. A layer with weights draws its inputs'
    features at their places; with `preferred_sums` it adds them, with `preferred_features` it takes
    the largest and leaves out what is negative, the surrounds of filters too. Pooling passes on
    what is in the middle of its window, above and to the left of it where the window is even;
    global pooling passes on features as they are. Thresholds, times and competition are not looked
    at, nor is the sign that an encoder of absolute responses loses: what is drawn is then one of
    the two features that excite a filter.

    Args:
        network: network whose encoder has a `bank` of filters for luminance.
        layer: one of its `layer_names`.
        project: `preferred_sums`, `preferred_features`, or another function of features (channel,
            height, width), weight (map, channel, kernel height, kernel width) and the pixels
            between neighbouring inputs.
        image_size: (height, width) of the images, needed only for linear layers on maps with more
            than one position.

    Returns:
        (map, height, width) in pixels, the size of the receptive field (of global pooling: that of
        the layer below), dtype of the bank or the weights, on their device.

    Raises:
        TypeError: the encoder has no bank, or a layer is of a kind that is not known here.
        ValueError: no such layer, or `image_size` is needed and missing.

    Source:
        Masquelier and Thorpe (2007), PLoS Computational Biology 3(2): e31, figure 6, and
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67, for features drawn through layers.

    Example:
        Two filters of one pixel, ON and OFF, and a window over two of their places.

        >>> from neurospyke.sim import RankOrderEncoder
        >>> encoder = RankOrderEncoder(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1), n_bins=4)
        >>> weight = torch.tensor([[1.0, 0.0], [0.0, 0.5]]).view(1, 2, 1, 2)
        >>> conv = SpikingConvolution(weight, threshold=1.0, n_bins=4)
        >>> network_features(Network("edge", encoder, {"conv": conv}), "conv").tolist()
        [[[1.0, -0.5]]]
    """
    field, features = ReceptiveField(*_PIXEL), torch.ones(1, 1, 1)
    for step in _steps(network, layer, image_size, spread=False):
        if step.weight is None:
            features = _passed_on(features, step.kernel, field.stride)
        else:
            features = _drawn(features.to(step.weight), step.weight, field.stride, project)
        field = field.within(step.kernel, step.stride, step.before)
    return features


def _drawn(
    features: Tensor, weight: Tensor, spacing: tuple[int, int], project: Projection
) -> Tensor:
    """Features of a layer, a few maps at a time."""
    if spacing[0] != spacing[1]:  # rows and columns differ, so zeros between them keep their places
        (down, across), (maps, channels, rows, columns) = spacing, weight.shape
        shape = (maps, channels, down * (rows - 1) + 1, across * (columns - 1) + 1)
        apart = weight.new_zeros(shape)
        apart[:, :, ::down, ::across] = weight
        weight, spacing = apart, (1, 1)
    parts = weight.split(max(1, _MOST_VALUES // features.numel()))
    return torch.cat([project(features, part, spacing[0]) for part in parts])


def _passed_on(features: Tensor, kernel: tuple[int, int], spacing: tuple[int, int]) -> Tensor:
    margins: list[int] = []
    for side, apart in zip(kernel, spacing, strict=True):
        middle = (side - 1) // 2
        margins = [apart * middle, apart * (side - 1 - middle), *margins]
    return F.pad(features, margins)


@dataclass(frozen=True)
class _Step:
    """Windows on the maps below, with weights or, of pooling, without."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    weight: Tensor | None = None


def _steps(
    network: Network, layer: str, image_size: tuple[int, int] | None, *, spread: bool
) -> Iterator[_Step]:
    """Steps from the pixels to a layer; global pooling sees all positions, or one if not spread."""
    if not isinstance(network, Network):
        raise TypeError(f"`network` must be a Network; got {type(network).__name__}")
    names = network.layer_names
    if layer not in names:
        raise ValueError(f"`layer` must be one of {names}; got {layer!r}")
    yield from _encoder_steps(network.encoder)
    for below, name in pairwise(names[: names.index(layer) + 1]):
        module = network.layers[name]
        if isinstance(module, SpikingConvolution):
            yield _window(module.weight.shape[2:], module.stride, module.padding, module.weight)
        elif isinstance(module, Pool) and module.kernel is not None:
            yield _window(module.kernel, module.stride or module.kernel, module.padding)
        elif isinstance(module, Pool):
            size = _positions(network, below, image_size, name) if spread else (1, 1)
            yield _window(size, size)
        elif isinstance(module, SpikingLinear):
            size = _positions(network, below, image_size, name)
            yield _window(size, size, 0, module.weight.unflatten(1, (-1, *size)))
        else:
            raise TypeError(
                "`network` must have convolutions, linear layers and pools only, up to the layer "
                f"asked for; got {type(module).__name__} {name!r}"
            )


def _encoder_steps(encoder: nn.Module) -> Iterator[_Step]:
    bank = getattr(encoder, "bank", None)
    coloured = getattr(encoder, "colour", None) is not None
    if not isinstance(bank, Tensor) or bank.ndim != 4 or bank.shape[1] != 1 or coloured:
        raise TypeError(
            "`network` must have an encoder of luminance with a `bank` of filters (filter, 1, "
            f"height, width), such as RankOrderEncoder; got {type(encoder).__name__}"
            f"{' of colours' if coloured else ''}"
        )
    height, width = bank.shape[2:]
    framed = getattr(encoder, "padding", "none") != "none"
    before = ((height - 1) // 2, (width - 1) // 2) if framed else (0, 0)
    largest = bank.abs().amax((1, 2, 3), keepdim=True)
    drawn = bank / largest.where(largest > 0, 1)
    yield _Step((height, width), (1, 1), before, drawn)
    pool = getattr(encoder, "pool", None)
    if pool is not None:
        kernel, stride, *padding = pool
        yield _window(kernel, stride, *padding)


def _window(
    kernel: int | Sequence[int],
    stride: int | Sequence[int],
    padding: int | Sequence[int] = 0,
    weight: Tensor | None = None,
) -> _Step:
    top, _, left, _ = sides(padding)
    steps = pair(stride, "stride")
    return _Step(
        pair(kernel, "kernel"), steps, (top, left), None if weight is None else weight.data
    )


def _positions(
    network: Network, below: str, image_size: tuple[int, int] | None, name: str
) -> tuple[int, int]:
    """(height, width) of a layer's maps."""
    module = network.encoder if below == "encoder" else network.layers[below]
    if isinstance(module, SpikingLinear) or (isinstance(module, Pool) and module.kernel is None):
        return 1, 1
    if image_size is None:
        raise ValueError(
            f"`image_size` must be given, because what {name!r} sees depends on it; got None; pass "
            "(height, width) of the images"
        )
    device = next(iter(network.buffers())).device
    image = torch.zeros(1, 1, *pair(image_size, "image_size"), device=device)
    with torch.no_grad():
        height, width = network.latency(image, below).shape[2:]
    return height, width
