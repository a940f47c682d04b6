"""Adaptive spiking recurrent networks of Yin, Corradi and Bohte (2021), one for each task.

    task        layers (R recurrent, F feed-forward)             read-out
    ecg         4 - 36R, constant thresholds - 6F                membrane of spikers, each step
    smnist      8 - 64R - 256R - 256F - 10F                      spike count
    psmnist     4 - 64R - 256R - 256F - 10F                      spike count
    shd         700 - 128R - 128R - 20 leaky integrators         sum of softmax after ten steps
    ssc         700 - 400R - 400R - 35 leaky integrators         mean membrane
    gsc         120 - 256F - 256R - 12 leaky integrators         mean membrane
    soli        1024 - 256F - 256R - 11 leaky integrators        membrane, each step
    timit       39 - 512R forwards, 512R backwards - 61 leaky    membrane, each frame of five steps

Input weights are drawn from Xavier's uniform distribution (gsc: normal), biases are zero. Recurrent
weights are orthogonal, but Xavier's in the second layers of smnist and ssc, He's in gsc, zero in
psmnist. The authors' soli and timit keep the defaults of torch's layers; here they are as shd.

The authors' training scripts keep the epoch with the best accuracy on the *test* set, so their
figures are somewhat optimistic; here an epoch is chosen on validation data, see
`learn_through_time`. Time constants are learned as logarithms, not as they are.

Source: Yin, Corradi and Bohte (2021), Accurate and efficient time-domain classification with
adaptive spiking recurrent neural networks, Nature Machine Intelligence 3: 905-913; settings that
the paper does not give are those of the code published with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from neurospyke.sim.neurons import AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.stream import StreamNetwork
from neurospyke.storage import read_npz


@dataclass(frozen=True)
class Layer:
    """A layer of a published network.

    Args:
        name: what it is called.
        units: number of units.
        tau_membrane: mean and standard deviation of the initial time constants in steps.
        tau_adaptation: the same for the threshold; None for constant thresholds.
        recurrent: how the weights between its units are drawn, one of `_DRAWS`; None for none.
        spiking: False for leaky integrators.
        arrays: names in the authors' files of input weights, recurrent weights, and the suffix of
            time constants.
    """

    name: str
    units: int
    tau_membrane: tuple[float, float] = (20.0, 5.0)
    tau_adaptation: tuple[float, float] | None = None
    recurrent: str | None = None
    spiking: bool = True
    arrays: tuple[str, str | None, str] | None = None


@dataclass(frozen=True)
class Task:
    """What a published network is made of.

    Args:
        channels: of the input.
        layers: in order.
        readout: see `readout`.
        threshold: b of all neurons.
        adaptation: beta of all neurons.
        skip: first steps that do not count.
        initial: factors of the random start, see `AdaptiveLIF`.
        directions: 2 for a first layer in both directions of time.
        frame: steps of the first layer whose mean is a step of the next.
        inputs: how input weights are drawn, one of `_DRAWS`.
    """

    channels: int
    layers: tuple[Layer, ...]
    readout: str
    threshold: float = 0.01
    adaptation: float = 1.8
    skip: int = 0
    initial: tuple[float, float] = (0.0, 0.0)
    directions: int = 1
    frame: int = 1
    inputs: str = "xavier_uniform"


_DRAWS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {
        "orthogonal": nn.init.orthogonal_,
        "xavier_uniform": nn.init.xavier_uniform_,
        "xavier_normal": nn.init.xavier_normal_,
        "kaiming_normal": nn.init.kaiming_normal_,
        "zero": lambda weight, generator: nn.init.zeros_(weight),
    }
)


def _mnist(
    channels: int,
    adaptation: tuple[float, float],
    initial: tuple[float, float],
    draws: tuple[str, str],
) -> Task:
    layers = (
        Layer("r1", 64, (20, 5), adaptation, draws[0], arrays=("i2h", "h2h", "r1")),
        Layer("r2", 256, (20, 5), adaptation, draws[1], arrays=("h2d", "d2d", "r2")),
        Layer("d1", 256, (20, 5), adaptation, arrays=("dense1", None, "d1")),
        Layer("out", 10, (20, 5), adaptation, arrays=("d2o", None, "o")),
    )
    return Task(channels, layers, "count", initial=initial)


_MAX_BYTES = 2**28

TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "ecg": Task(
            4,
            (
                Layer("hidden", 36, (20, 0), None, "orthogonal", arrays=("i2h", "h2h", "h")),
                Layer("out", 6, (20, 0), (100, 0), arrays=("h2o", None, "o")),
            ),
            "membrane",
            threshold=0.1,
            skip=10,
            initial=(0.1, 0.1),
        ),
        "smnist": _mnist(8, (700, 25), (1.0, 1.0), ("orthogonal", "xavier_uniform")),
        "psmnist": _mnist(4, (200, 25), (0.01, 0.01), ("zero", "zero")),
        "shd": Task(
            700,
            (
                Layer(
                    "h1", 128, (20, 5), (150, 10), "orthogonal", arrays=("i_2_h1", "h1_2_h1", "h1")
                ),
                Layer(
                    "h2", 128, (20, 5), (150, 10), "orthogonal", arrays=("h1_2_h2", "h2_2_h2", "h2")
                ),
                Layer("out", 20, (20, 5), spiking=False, arrays=("h2o", None, "o")),
            ),
            "softmax_sum",
            skip=11,
            initial=(1.0, 0.0),
        ),
        "ssc": Task(
            700,
            (
                Layer("h1", 400, (20, 5), (200, 50), "orthogonal"),
                Layer("h2", 400, (20, 5), (200, 50), "xavier_uniform"),
                Layer("out", 35, (3, 1), spiking=False),
            ),
            "mean",
            initial=(1.0, 1.0),
        ),
        "gsc": Task(
            120,
            (
                Layer("h1", 256, (20, 5), (200, 50)),
                Layer("h2", 256, (20, 5), (200, 50), "kaiming_normal"),
                Layer("out", 12, (10, 1), spiking=False),
            ),
            "mean",
            threshold=1.6,
            adaptation=0.184,
            inputs="xavier_normal",
        ),
        "soli": Task(
            1024,
            (
                Layer("h1", 256, (20, 5), (20, 5)),
                Layer("h2", 256, (20, 5), (20, 5), "orthogonal"),
                Layer("out", 11, (3, 1), spiking=False),
            ),
            "membrane",
            threshold=0.1,
            adaptation=1.84,
        ),
        "timit": Task(
            39,
            (
                Layer("both", 512, (20, 5), (200, 50), "orthogonal"),
                Layer("out", 61, (3, 1), spiking=False),
            ),
            "membrane",
            threshold=1.6,
            adaptation=0.184,
            directions=2,
            frame=5,
        ),
    }
)


def yin2021(task: str, seed: int, *, surrogate: str = "multi_gaussian") -> StreamNetwork:
    """Network of a published task, untrained.

    Args:
        task: one of `TASKS`.
        seed: of the initial weights and time constants.
        surrogate: name of the spike's derivative.

    Returns:
        The network, float32.

    Raises:
        ValueError: there is no such task.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.

    Example:
        >>> network = yin2021("ecg", seed=0)
        >>> network.layer_names, network(torch.zeros(30, 2, 4)).evidence.shape
        (('hidden', 'out'), torch.Size([20, 2, 6]))
    """
    described = _task(task)
    generator = torch.Generator().manual_seed(seed)
    layers: dict[str, nn.Module] = {}
    channels = described.channels
    for each in described.layers:
        sides = described.directions if each.name == "both" else 1
        drawn = [_drawn(each, channels, described, surrogate, generator) for _ in range(sides)]
        layers[each.name] = drawn[0] if sides == 1 else Bidirectional(*drawn, steps=described.frame)  # pyright: ignore[reportArgumentType]
        channels = each.units * sides
    return StreamNetwork(f"yin2021 {task}", layers, readout=described.readout, skip=described.skip)


def read_yin2021(
    path: str | Path | Mapping[str, np.ndarray],
    task: str,
    *,
    dtype: torch.dtype = torch.float32,
    surrogate: str = "multi_gaussian",
) -> StreamNetwork:
    """Network with the authors' published weights.

    Their files are pickled modules, which can run code when opened; here the same arrays come as an
    .npz file without Python objects, under the authors' names, optionally behind "w.".

    Args:
        path: .npz file, or the arrays by name.
        task: "ecg", "smnist", "psmnist" or "shd".
        dtype: float32 or float64.
        surrogate: name of the spike's derivative.

    Returns:
        The network with the published initial states.

    Raises:
        ValueError: no such task, a file that is none, arrays missing or of another shape, or time
            constants that are NaN, negative or infinite.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.

    Example:
        >>> shapes = {"i2h.weight": (36, 4), "h2h.weight": (36, 36), "h2o.weight": (6, 36)}
        >>> shapes |= {"i2h.bias": 36, "h2h.bias": 36, "h2o.bias": 6}
        >>> shapes |= {"tau_m_h": 36, "tau_m_o": 6, "tau_adp_o": 6}
        >>> arrays = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        >>> read_yin2021(arrays, "ecg").name
        'yin2021 ecg'
    """
    described = _task(task)
    arrays = read_npz(Path(path), _MAX_BYTES) if isinstance(path, (str, Path)) else dict(path)
    arrays = {name.removeprefix("w."): array for name, array in arrays.items()}
    layers: dict[str, nn.Module] = {}
    for each in described.layers:
        layers[each.name] = _given(each, arrays, described, surrogate, dtype)
    try:
        network = StreamNetwork(
            f"yin2021 {task}", layers, readout=described.readout, skip=described.skip
        )
        network(torch.zeros(1, 1, described.channels, dtype=dtype))
    except ValueError as error:
        raise ValueError(f"`path` must hold arrays that fit the task {task!r}: {error}") from error
    return network


def windows(images: Tensor, width: int = 8) -> Tensor:
    """Images as streams of pixels, row after row, a window of several at each step.

        x[t] = (p[t], ..., p[t + width - 1]), from t = n - width on always the last `width`

    Args:
        images: (sample, ...) pixels in [0, 1], any floating dtype.
        width: pixels in a window.

    Returns:
        (time, sample, width), as many steps as pixels.

    Raises:
        ValueError: fewer pixels than `width`.

    Source:
        Yin, Corradi and Bohte (2021), the S-MNIST network.

    Example:
        >>> windows(torch.tensor([[0.0, 0.5, 1.0]]), 2)[:, 0].tolist()
        [[0.0, 0.5], [0.5, 1.0], [0.5, 1.0]]
    """
    pixels = images.flatten(1)
    n_pixels = pixels.shape[1]
    if not 1 <= width <= n_pixels:
        raise ValueError(f"`width` must be from 1 to the {n_pixels} pixels; got {width}")
    first = torch.arange(n_pixels, device=images.device).clamp(max=n_pixels - width)
    places = first[:, None] + torch.arange(width, device=images.device)
    return pixels[:, places].transpose(0, 1).contiguous()


def _task(task: str) -> Task:
    if task not in TASKS:
        raise ValueError(f"`task` must be one of {list(TASKS)}; got {task!r}")
    return TASKS[task]


def _drawn(
    layer: Layer, channels: int, task: Task, surrogate: str, generator: torch.Generator
) -> nn.Module:
    """A layer with initial weights and time constants."""
    weight = torch.empty(layer.units, channels)
    _DRAWS[task.inputs](weight, generator=generator)

    def tau(moments: tuple[float, float]) -> Tensor:
        drawn = moments[0] + moments[1] * torch.randn(layer.units, generator=generator)
        return drawn.clamp(min=1.0)

    if not layer.spiking:
        return LeakyIntegrator(weight, tau(layer.tau_membrane))
    recurrent = None
    if layer.recurrent:
        recurrent = torch.empty(layer.units, layer.units)
        _DRAWS[layer.recurrent](recurrent, generator=generator)
    adaptation = None if layer.tau_adaptation is None else tau(layer.tau_adaptation)
    return AdaptiveLIF(
        weight,
        tau(layer.tau_membrane),
        adaptation,
        recurrent=recurrent,
        threshold=task.threshold,
        adaptation=task.adaptation,
        surrogate=surrogate,
        initial=task.initial,
    )


def _given(
    layer: Layer, arrays: Mapping[str, np.ndarray], task: Task, surrogate: str, dtype: torch.dtype
) -> nn.Module:
    """A layer with the authors' arrays."""
    if layer.arrays is None:
        known = [name for name, each in TASKS.items() if each.layers[0].arrays]
        raise ValueError(f"`task` must be one whose arrays are known: {known}")
    forward, recurrent, suffix = layer.arrays

    def array(name: str) -> Tensor:
        if name not in arrays:
            raise ValueError(f"`path` must hold the array {name!r}; got {sorted(arrays)}")
        return torch.from_numpy(np.array(arrays[name])).to(dtype)

    weight, bias, tau = (
        array(f"{forward}.weight"),
        array(f"{forward}.bias"),
        array(f"tau_m_{suffix}"),
    )
    if not layer.spiking:
        return LeakyIntegrator(weight, tau, bias=bias)
    inner = None
    if recurrent is not None:
        inner, bias = array(f"{recurrent}.weight"), bias + array(f"{recurrent}.bias")
    return AdaptiveLIF(
        weight,
        tau,
        None if layer.tau_adaptation is None else array(f"tau_adp_{suffix}"),
        bias=bias,
        recurrent=inner,
        threshold=task.threshold,
        adaptation=task.adaptation,
        surrogate=surrogate,
        initial=task.initial,
    )
