"""Networks as files: safetensors, with the architecture as JSON beside the weights.

Nothing in such a file is code. Modules and rules are made from names that this module knows, and
check what they are given as they do anywhere else.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from neurospyke.sim.encode import LinearEncoder, RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.spike_time import SpikeTimeLinear
from neurospyke.sim.tensor_file import MAX_BYTES, read_tensors, write_tensors
from neurospyke.sim.whitening import WhiteningEncoder

FORMAT = "neurospyke network 1"

_FILTERING = (
    *("n_bins", "threshold", "padding", "absolute", "pool", "normalization_radius"),
    *("lateral_inhibition", "colour", "bins", "inhibition"),
)
# arguments that are tensors, then those that are settings; each is an attribute of the same name
_MODULES: dict[type[nn.Module], tuple[tuple[str, ...], tuple[str, ...]]] = {
    RankOrderEncoder: (("bank",), _FILTERING),
    LinearEncoder: (("bank",), _FILTERING),
    WhiteningEncoder: (("mean", "matrix"), ("n_bins", "threshold", "bins")),
    SpikingConvolution: (
        ("weight", "threshold"),
        ("n_bins", "stride", "padding", "inhibition", "rule", "precision"),
    ),
    SpikingLinear: (("weight", "threshold"), ("n_bins", "rule", "precision")),
    SpikeTimeLinear: (("weight", "threshold"), ("n_bins", "normalize", "window")),
    Pool: ((), ("kernel", "stride", "padding")),
}
_RULES = (STDP, RewardSTDP, RateSchedule, Homeostasis)


def write_network(
    path: str | Path,
    network: Network,
    *,
    progress: Mapping[str, Any] | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a network to a safetensors file, whole or not at all.

    Args:
        path: the file, usually with the suffix ".safetensors"; replaced if it is there.
        network: the network, of modules and rules of this package.
        progress: what else to keep, such as how far learning has come; JSON values.
        state: tensors to keep as well, by name, such as the memory of an optimizer.

    Raises:
        TypeError: a module or rule of another kind.
    """
    modules = {"encoder": network.encoder, **network.layers}
    about = {
        "format": FORMAT,
        "name": network.name,
        "modules": {name: _describe(module, name) for name, module in modules.items()},
        "progress": None if progress is None else dict(progress),
    }
    tensors = {
        f"{name}.{key}": getattr(module, key)
        for name, module in modules.items()
        for key in _MODULES[type(module)][0]
        if getattr(module, key) is not None
    }
    write_tensors(path, about, tensors, state)


def read_network(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Network:
    """Network from a file that `write_network` has written.

    Args:
        path: the file.
        max_bytes: refuse a larger file.

    Returns:
        The network: same architecture, weights, thresholds and rules.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, too large, or its parts do not fit together.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
        >>> with TemporaryDirectory() as folder:
        ...     write_network(f"{folder}/one.safetensors", kheradpisheh2018(seed=1))
        ...     network = read_network(f"{folder}/one.safetensors")
        >>> network.layer_names
        ('encoder', 'conv1', 'pool1', 'conv2', 'pool2')
    """
    return read_checkpoint(path, max_bytes=max_bytes)[0]


def read_checkpoint(
    path: str | Path, *, max_bytes: int = MAX_BYTES
) -> tuple[Network, dict[str, Any] | None, dict[str, Tensor]]:
    """Network, progress and state from a file that `write_network` has written.

    Args:
        path: the file.
        max_bytes: refuse a larger file.

    Returns:
        The network, the progress or None, and the tensors kept beside it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, too large, or its parts do not fit together.
    """
    about, tensors, state = read_tensors(path, FORMAT, "write_network", max_bytes)
    try:
        modules = {
            name: _build(described, name, tensors) for name, described in about["modules"].items()
        }
        encoder = modules.pop("encoder")
        if tensors:
            raise ValueError(f"it holds tensors that no module has: {sorted(tensors)}")
        return Network(str(about["name"]), encoder, modules), about["progress"], state
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path} must hold a network as write_network writes it; its parts do not fit: {error}"
        ) from error


def _describe(module: nn.Module, name: str) -> dict[str, Any]:
    if type(module) not in _MODULES:
        known = ", ".join(sorted(each.__name__ for each in _MODULES))
        raise TypeError(
            f"`network` must be made of {known}; got {type(module).__name__} as {name!r}"
        )
    settings = {key: _plain(getattr(module, key)) for key in _MODULES[type(module)][1]}
    return {"kind": type(module).__name__, **settings}


def _plain(value: Any) -> Any:
    """A setting as JSON has it: rules with their kind, tuples as lists."""
    if dataclasses.is_dataclass(value):
        if type(value) not in _RULES:
            raise TypeError(f"`network` must have rules of this package; got {value!r}")
        fields = {
            each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)
        }
        return {"kind": type(value).__name__, **fields}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _build(described: dict[str, Any], name: str, tensors: dict[str, Tensor]) -> nn.Module:
    kinds = {each.__name__: each for each in _MODULES}
    kind = kinds[described["kind"]]
    wanted, settings = _MODULES[kind]
    given = {key: tensors.pop(f"{name}.{key}", None) for key in wanted}
    # files are read that were written when SpikingLinear had none
    described = {"precision": "full", **described}
    return kind(**given, **{key: _value(described[key]) for key in settings})


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        kinds = {each.__name__: each for each in _RULES}
        fields = {key: _value(each) for key, each in plain.items() if key != "kind"}
        return kinds[plain["kind"]](**fields)
    return tuple(_value(each) for each in plain) if isinstance(plain, list) else plain
