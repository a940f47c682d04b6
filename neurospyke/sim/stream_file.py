"""Stream networks as files: safetensors, with the architecture as JSON beside the weights.

Nothing in such a file is code. Layers are made from names that this module knows, and check what
they are given as they do anywhere else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurospyke.sim.neurons import AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.stream import StreamNetwork
from neurospyke.sim.tensor_file import MAX_BYTES, read_tensors, write_tensors

FORMAT = "neurospyke stream network 1"
_SETTINGS = ("threshold", "adaptation", "reset", "reset_decays", "surrogate", "initial")


def write_stream_network(
    path: str | Path,
    network: StreamNetwork,
    *,
    progress: Mapping[str, Any] | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a network to a safetensors file, whole or not at all.

    Args:
        path: the file; replaced if it is there.
        network: the network.
        progress: what else to keep, such as how far learning has come; JSON values.
        state: tensors to keep as well, by name, such as the memory of an optimizer.

    Raises:
        TypeError: a layer of another kind.
    """
    about = {
        "format": FORMAT,
        "name": network.name,
        "readout": network.readout,
        "skip": network.skip,
        "layers": {name: _describe(layer) for name, layer in network.layers.items()},
        "progress": None if progress is None else dict(progress),
    }
    write_tensors(path, about, network.state_dict(), state)


def read_stream_network(
    path: str | Path, *, max_bytes: int = MAX_BYTES
) -> tuple[StreamNetwork, dict[str, Any] | None, dict[str, Tensor]]:
    """Network, progress and state from a file that `write_stream_network` has written.

    Args:
        path: the file.
        max_bytes: refuse a larger file.

    Returns:
        The network, the progress or None, and the tensors kept beside it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, too large, or its parts do not fit together.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> layer = LeakyIntegrator(torch.ones(2, 3), torch.ones(2))
        >>> with TemporaryDirectory() as folder:
        ...     one = StreamNetwork("a", {"out": layer}, readout="mean")
        ...     write_stream_network(f"{folder}/a", one)
        ...     network, _, _ = read_stream_network(f"{folder}/a")
        >>> network.layer_names, network.readout
        (('out',), 'mean')
    """
    about, tensors, state = read_tensors(path, FORMAT, "write_stream_network", max_bytes)
    try:
        layers = {
            name: _build(described, f"layers.{name}", tensors)
            for name, described in about["layers"].items()
        }
        network = StreamNetwork(about["name"], layers, readout=about["readout"], skip=about["skip"])
        network.load_state_dict(tensors)
        return network, about["progress"], state
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} must hold a network as write_stream_network writes it; its parts do not "
            f"fit: {error}"
        ) from error


def _describe(layer: nn.Module) -> dict[str, Any]:
    if isinstance(layer, AdaptiveLIF):
        return {"kind": "AdaptiveLIF", **{name: getattr(layer, name) for name in _SETTINGS}}
    if isinstance(layer, LeakyIntegrator):
        return {"kind": "LeakyIntegrator"}
    if isinstance(layer, Bidirectional):
        sides = {name: _describe(getattr(layer, name)) for name in ("forwards", "backwards")}
        return {"kind": "Bidirectional", "steps": layer.steps, **sides}
    raise TypeError(
        "`network` must be made of AdaptiveLIF, LeakyIntegrator and Bidirectional; got "
        f"{type(layer).__name__}"
    )


def _build(described: dict[str, Any], name: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A layer of that kind and size; its values are loaded afterwards."""
    settings = dict(described)
    kind = settings.pop("kind")
    if kind == "Bidirectional":
        sides = [
            _build(settings[side], f"{name}.{side}", tensors) for side in ("forwards", "backwards")
        ]
        return Bidirectional(*sides, steps=settings["steps"])  # pyright: ignore[reportArgumentType]
    weight = tensors[f"{name}.weight"]
    tau = torch.ones_like(tensors[f"{name}.log_tau_membrane"])
    if kind == "LeakyIntegrator":
        return LeakyIntegrator(weight, tau)
    if kind != "AdaptiveLIF":
        raise ValueError(f"there is no layer of the kind {kind!r}")
    adapts = f"{name}.log_tau_adaptation" in tensors
    settings["initial"] = tuple(settings["initial"])
    recurrent = tensors.get(f"{name}.recurrent")
    return AdaptiveLIF(weight, tau, tau if adapts else None, recurrent=recurrent, **settings)
