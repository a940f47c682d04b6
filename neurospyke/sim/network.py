"""Network: an encoder and named layers, and the responses of any of them."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from neurospyke.labels import stimulus_table
from neurospyke.responses import Responses
from neurospyke.sim.intensity import check_images
from neurospyke.sim.latency import SILENT
from neurospyke.sim.whole import check_whole


class Network(nn.Module):
    """Spiking network: images to latencies, then one named layer after another.

    Args:
        name: what the network is called, given as the source of its responses.
        encoder: module from images (batch, channel, height, width) to latencies, with `n_bins`,
            and with `n_channels` if its images have more than one channel.
        layers: modules from latency to latency by name, in order. Those that have `n_bins` must
            have as many as the encoder.

    Raises:
        TypeError: the encoder has no `n_bins`, or a layer is not a module.
        ValueError: no layer, a name that cannot be used, or numbers of bins that differ.

    Example:
        >>> from neurospyke.sim.encode import RankOrderEncoder
        >>> from neurospyke.sim.filters import laplacian_of_gaussian
        >>> from neurospyke.sim.layers import Pool
        >>> encoder = RankOrderEncoder(laplacian_of_gaussian([1.0]))
        >>> network = Network("retina", encoder, {"pool": Pool(2)})
        >>> network(torch.rand(3, 1, 8, 8)).shape, network.layer_names
        (torch.Size([3, 2, 4, 4]), ('encoder', 'pool'))
    """

    def __init__(self, name: str, encoder: nn.Module, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if not isinstance(encoder, nn.Module) or not isinstance(
            getattr(encoder, "n_bins", None), int
        ):
            raise TypeError(
                "`encoder` must be a module with `n_bins`, such as RankOrderEncoder; "
                f"got {type(encoder).__name__}"
            )
        if not layers:
            raise ValueError("`layers` must hold at least one layer; got none")
        for key, layer in layers.items():
            _check_layer(key, layer, int(encoder.n_bins))  # pyright: ignore[reportArgumentType]
        self.name = name
        self.encoder = encoder
        self.layers = nn.ModuleDict(dict(layers))

    @property
    def n_bins(self) -> int:
        """Number of time bins, that of the encoder."""
        return int(self.encoder.n_bins)  # pyright: ignore[reportArgumentType]

    @property
    def n_channels(self) -> int:
        """Number of channels of the images, that of the encoder: 1 for luminance, 3 for colour."""
        return int(getattr(self.encoder, "n_channels", 1))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of all layers in order, "encoder" first."""
        return ("encoder", *self.layers)

    def forward(self, images: Tensor) -> Tensor:
        """Latency of the last layer; see `latency`."""
        return self.latency(images, self.layer_names[-1])

    def latency(self, images: Tensor, layer: str) -> Tensor:
        """Latency of a layer's units.

        Args:
            images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1].
            layer: one of `layer_names`.

        Returns:
            uint8 (batch, map, height, width) or (batch, unit), time bin, 255 = silent.

        Raises:
            TypeError: `images` is not a floating-point tensor.
            ValueError: `images` do not fit or there is no such layer.
        """
        self._check_name(layer)
        latency = self.encoder(images)
        for name in self.layer_names[1 : self.layer_names.index(layer) + 1]:
            latency = self.layers[name](latency)
        return latency

    def responses(
        self,
        images: Tensor,
        stimuli: pd.DataFrame | Iterable[str] | Iterable[int],
        layer: str,
        *,
        measure: str = "spike",
        batch_size: int = 64,
        max_bytes: int = 2 * 2**30,
    ) -> Responses:
        """Responses of a layer's units to images, one trial an image.

        Args:
            images: (image, `n_channels`, height, width), float32 or float64 in [0, 1].
            stimuli: label of each image, or a table with the column `stimulus`.
            layer: one of `layer_names`.
            measure: "spike" gives 0 or 1 in each of `n_bins` time bins; "latency" gives the bin
                of the spike as one number, `n_bins` where silent.
            batch_size: images at a time; does not change the result.
            max_bytes: refuse responses that would take more memory than this.

        Returns:
            uint8 responses (image, unit, bin), times in model steps; units have the columns
            `unit`, `layer`, `map`, `row` and `column`, trials `stimulus` and `repetition`.

        Raises:
            TypeError: `images` is not a floating-point tensor.
            ValueError: an argument does not fit, or the responses would be too large.
        """
        check_images(images, self.n_channels)
        self._check_name(layer)
        if measure not in {"spike", "latency"}:
            raise ValueError(f'`measure` must be "spike" or "latency"; got {measure!r}')
        check_whole("batch_size", batch_size, 1)
        trials = stimulus_table(stimuli, len(images))
        with torch.no_grad():
            shape = tuple(self.latency(self._here(images[:1]), layer).shape[1:])
            edges = (
                np.arange(self.n_bins + 1.0) if measure == "spike" else np.array([0.0, self.n_bins])
            )
            values = _allocate((len(images), int(np.prod(shape)), len(edges) - 1), max_bytes)
            for start in range(0, len(images), batch_size):
                batch = self._here(images[start : start + batch_size])
                latency = self.latency(batch, layer).flatten(1).cpu().numpy()
                part = values[start : start + batch_size]
                if measure == "spike":
                    bins = np.arange(self.n_bins, dtype=np.uint8)
                    np.equal(latency[:, :, None], bins, out=part)
                else:
                    part[:, :, 0] = np.where(latency == SILENT, self.n_bins, latency)
        return Responses(
            values,
            trials,
            _units(layer, shape),
            edges,
            measure=measure,
            time_unit="step",
            source=self.name,
        )

    def _here(self, images: Tensor) -> Tensor:
        tensors = (*self.parameters(), *self.buffers())
        return images.to(tensors[0].device) if tensors else images

    def _check_name(self, layer: str) -> None:
        if layer not in self.layer_names:
            raise ValueError(f"`layer` must be one of {self.layer_names}; got {layer!r}")


def pixel_responses(
    images: Tensor, stimuli: pd.DataFrame | Iterable[str] | Iterable[int]
) -> Responses:
    """Responses of the images themselves: every pixel a unit, its luminance the value.

    With colour, every pixel is three units, of red, green and blue, in the maps 0, 1 and 2.

    The baseline that a network has to beat: what is alike already in the image.

    Args:
        images: (image, 1 or 3, height, width), float32 or float64 in [0, 1].
        stimuli: label of each image, or a table with the column `stimulus`.

    Returns:
        Responses (image, pixel, 1), one bin of one step, dtype of `images`; units have the
        columns `unit`, `layer` ("pixels"), `map`, `row` and `column`.

    Raises:
        TypeError: `images` is not a floating-point tensor.
        ValueError: `images` or `stimuli` do not fit.

    Example:
        >>> pixel_responses(torch.tensor([[[[0.25, 0.5]]]]), ["bar"]).values.tolist()
        [[[0.25], [0.5]]]
    """
    colour = isinstance(images, Tensor) and images.ndim == 4 and images.shape[1] == 3
    check_images(images, 3 if colour else 1)
    return Responses(
        images.detach().cpu().flatten(1).unsqueeze(2).numpy().copy(),
        stimulus_table(stimuli, len(images)),
        _units("pixels", tuple(images.shape[1:])),
        np.array([0.0, 1.0]),
        measure="other",
        time_unit="step",
        source="pixels",
    )


def _check_layer(name: str, layer: nn.Module, n_bins: int) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name == "encoder":
        raise ValueError(
            "`layers` must be named by identifiers other than 'encoder', such as 'conv1'; "
            f"got {name!r}"
        )
    if not isinstance(layer, nn.Module):
        raise TypeError(f"`layers` must hold modules; got {type(layer).__name__} for {name!r}")
    found = getattr(layer, "n_bins", n_bins)
    if found != n_bins:
        raise ValueError(
            f"`layers` must have the encoder's number of bins, {n_bins}; got {found} in {name!r}"
        )


def _units(layer: str, shape: tuple[int, ...]) -> pd.DataFrame:
    maps, rows, columns = np.indices((*shape, 1, 1)[:3]).reshape(3, -1)
    return pd.DataFrame(
        {
            "unit": np.arange(len(maps)),
            "layer": np.full(len(maps), layer, dtype=object),
            "map": maps,
            "row": rows,
            "column": columns,
        }
    )


def _allocate(shape: tuple[int, int, int], max_bytes: int) -> np.ndarray:
    size = shape[0] * shape[1] * shape[2]
    if size > max_bytes:
        raise ValueError(
            f"`max_bytes` must allow the responses of shape (trial, unit, time) {shape}, "
            f"{size} bytes; got {max_bytes}; pass fewer images, choose a later or pooled layer, "
            'use measure="latency", or raise it'
        )
    return np.empty(shape, dtype=np.uint8)
