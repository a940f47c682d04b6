"""A network that sees images: what each of its layers does, a batch at a time."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.images import Images
from neurospyke.labels import stimulus_table
from neurospyke.responses import Responses
from neurospyke.sim import Network, pixel_responses
from neurospyke.sim.latency import SILENT
from neurospyke.storage import pack_table

PIXELS = "pixels"


@dataclass(frozen=True, eq=False)
class Exposure:
    """Images that a network shall see, and what is wanted of it.

    Args:
        network: the network; it is no longer to learn.
        weights: where its weights come from, in words.
        images: (image, channel, height, width) in [0, 1].
        stimuli: their labels, with the column `stimulus`.
        layers: names of layers, or "pixels" for the images themselves.
        measure: as in `Network.responses`.

    Raises:
        ValueError: no such layer, or images that do not suit the network.
    """

    network: Network
    weights: str
    images: Images
    stimuli: pd.DataFrame
    layers: tuple[str, ...]
    measure: str

    def __post_init__(self) -> None:
        # a table that no file can hold is refused before the work, not after
        pack_table("the images", self.stimuli)
        known = (PIXELS, *self.network.layer_names)
        for layer in self.layers:
            if layer not in known:
                raise ValueError(f"--layer must be one of {list(known)}; got {layer!r}")
        try:
            _ = self.like
        except ValueError as error:
            height, width = self.images.shape[2:]
            raise ValueError(
                f"IMAGES must suit {self.network.name}; got {height} x {width} pixels: {error}; "
                "--size resizes them"
            ) from error
        self.network.requires_grad_(False)

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.images)

    @cached_property
    def like(self) -> dict[str, Responses]:
        """Responses of each layer to the first image."""
        first = self.images[:1]
        return {
            layer: pixel_responses(first, [0])
            if layer == PIXELS
            else self.network.responses(first, [0], layer, measure=self.measure)
            for layer in self.layers
        }

    @cached_property
    def about(self) -> dict[str, Any]:
        """What decides the responses, as JSON values."""
        return {
            "network": self.network.name,
            "weights": self.weights,
            "layers": list(self.layers),
            "measure": self.measure,
            "device": self._device,
            "n_images": self.n_images,
            "images": checksum(np.ascontiguousarray(self.images.numpy()).data),
            "stimuli": checksum(self.stimuli.to_csv().encode(errors="surrogateescape")),
        }

    def values(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """What each layer does with some of the images, which go through the network once.

        Args:
            start: position of the first image.
            stop: position after the last.

        Returns:
            (image, unit, bin) by layer, equal to the values of `Network.responses`.
        """
        batch = self.images[start:stop]
        found = {}
        if PIXELS in self.layers:
            found[PIXELS] = batch.flatten(1).unsqueeze(2).numpy()
        latencies = self._latencies(batch.to(self._device))
        return found | {
            layer: _measured(latency, self.measure, self.network.n_bins)
            for layer, latency in latencies.items()
        }

    def responses(self, layer: str, values: np.ndarray) -> Responses:
        """Responses of a layer to all images.

        Args:
            layer: its name.
            values: (image, unit, bin), as `values` gives them.

        Returns:
            The responses, with a note of the weights.
        """
        notes = () if layer == PIXELS else (f"{self.network.name}, {self.weights}",)
        trials = stimulus_table(self.stimuli, self.n_images)
        return replace(self.like[layer], values=values, trials=trials, notes=notes)

    @property
    def _device(self) -> str:
        tensors = (*self.network.parameters(), *self.network.buffers())
        return tensors[0].device.type if tensors else "cpu"

    def _latencies(self, batch: Images) -> dict[str, np.ndarray]:
        wanted = [name for name in self.network.layer_names if name in self.layers]
        if not wanted:
            return {}
        found: dict[str, np.ndarray] = {}
        handles = []
        for name in wanted:
            module = self.network.encoder if name == "encoder" else self.network.layers[name]

            def keep(_module: Any, _given: Any, latency: Images, name: str = name) -> None:
                found[name] = latency.flatten(1).cpu().numpy()

            handles.append(module.register_forward_hook(keep))
        try:
            self.network.latency(batch, wanted[-1])
        finally:
            for handle in handles:
                handle.remove()
        return found


def checksum(content: Any) -> str:
    """SHA-256 in words.

    Args:
        content: bytes, or what has them.

    Returns:
        Its name and digits.

    >>> checksum(b"")[:20]
    'SHA-256 e3b0c44298fc'
    """
    return f"SHA-256 {hashlib.sha256(content).hexdigest()}"


def _measured(latency: np.ndarray, measure: str, n_bins: int) -> np.ndarray:
    if measure == "spike":
        return (latency[:, :, None] == np.arange(n_bins, dtype=np.uint8)).astype(np.uint8)
    return np.where(latency == SILENT, np.uint8(n_bins), latency)[:, :, None]
