"""StreamNetwork: layers over streams, their read-out, and the responses of any of them."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from neurospyke.labels import stimulus_table
from neurospyke.responses import Responses
from neurospyke.sim.neurons import Bidirectional, StreamLayer
from neurospyke.sim.ops.scan import NeuronState, Scan
from neurospyke.sim.readout import READOUTS, check_labels, check_readout, gather
from neurospyke.sim.whole import check_whole

# "step" is beside the layers' states; a ModuleDict refuses what it has already
_TAKEN = frozenset({"step", *dir(nn.ModuleDict)})


class StreamOutput(NamedTuple):
    """What a network says of a course.

    Args:
        evidence: (time - skip, batch, class) or (batch, class), see `readout`.
        states: of each layer after the last step, to go on from.
        scans: what each layer did, by name.
    """

    evidence: Tensor
    states: dict[str, Any]
    scans: dict[str, Scan]


class StreamNetwork(nn.Module):
    """Spiking network over streams: named layers, one after another, and a read-out of the last.

    Within a step layers follow one another: a layer sees the spikes that the one below has just
    made.

    Args:
        name: what the network is called, given as the source of its responses.
        layers: layers by name, in order; spikes of each are the input of the next.
        readout: "membrane", "count", "softmax_sum" or "mean", see `readout`.
        skip: first steps that do not count.

    Raises:
        TypeError: a layer of another kind.
        ValueError: no layer, or a name that cannot be used.

    Example:
        >>> from neurospyke.sim.neurons import AdaptiveLIF
        >>> layer = AdaptiveLIF(torch.ones(2, 3), torch.full((2,), 20.0))
        >>> network = StreamNetwork("one", {"out": layer}, readout="count")
        >>> network(torch.zeros(5, 4, 3)).evidence.shape
        torch.Size([4, 2])
    """

    def __init__(
        self, name: str, layers: Mapping[str, nn.Module], *, readout: str, skip: int = 0
    ) -> None:
        super().__init__()
        if not isinstance(layers, (Mapping, nn.ModuleDict)):
            raise TypeError(f"`layers` must be layers by name; got {type(layers).__name__}")
        if not layers:
            raise ValueError("`layers` must hold at least one layer; got none")
        for key, layer in layers.items():
            if not isinstance(key, str) or not key.isidentifier() or key in _TAKEN:
                raise ValueError(
                    "`layers` must be named by identifiers, but not 'step' or as what modules "
                    f"have; got {key!r}"
                )
            if not isinstance(layer, StreamLayer):
                raise TypeError(
                    "`layers` must hold layers such as AdaptiveLIF; got "
                    f"{type(layer).__name__} for {key!r}"
                )
        check_readout(readout)
        check_whole("skip", skip, 0)
        self.name, self.readout, self.skip = name, readout, skip
        self.layers = nn.ModuleDict(dict(layers))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of all layers in order."""
        return tuple(self.layers)

    @property
    def n_classes(self) -> int:
        """Number of classes, units of the last layer."""
        return int(self.layers[self.layer_names[-1]].n_units)  # pyright: ignore[reportArgumentType]

    @property
    def bidirectional(self) -> bool:
        """Whether a layer goes through time both ways, and so needs courses whole."""
        return any(isinstance(layer, Bidirectional) for layer in self.layers.values())

    def answer_shape(self, inputs: Tensor) -> tuple[int, ...]:
        """Shape of labels: (frame, sample) where every frame has an answer, else (sample,).

        A frame is a step, or as many as a bidirectional layer averages.
        """
        if self.readout != "membrane":
            return (inputs.shape[1],)
        return len(inputs) // self.frame(self.layer_names[-1]), inputs.shape[1]

    def check_course(self, inputs: Tensor, labels: Tensor) -> None:
        """Refuse courses without an answer, and labels that do not fit.

        Args:
            inputs: (time, sample, channel).
            labels: int64 (frame, sample) or (sample,), see `answer_shape`.

        Raises:
            TypeError: inputs or labels of another type.
            ValueError: axes or classes do not fit, no sample, or no step that counts.
        """
        if not isinstance(inputs, Tensor) or inputs.ndim != 3 or not inputs.shape[1]:
            got = tuple(inputs.shape) if isinstance(inputs, Tensor) else type(inputs).__name__
            error = ValueError if isinstance(inputs, Tensor) else TypeError
            raise error(
                "`inputs` must be a tensor of axes (time, sample, channel) with at least one "
                f"sample; got {got}"
            )
        self._check_length(inputs)
        check_labels(labels, self.answer_shape(inputs), self.n_classes)

    def frame(self, layer: str) -> int:
        """Input steps in one step of a layer: bidirectional ones below or there average several."""
        below = list(self.layers.values())[: self.layer_names.index(layer) + 1]
        return math.prod(each.steps for each in below if isinstance(each, Bidirectional))

    def start(self, n_samples: int, generator: torch.Generator | None = None) -> dict[str, Any]:
        """States of all layers before the first step; random only with a generator."""
        return {name: layer.start(n_samples, generator) for name, layer in self.layers.items()}  # pyright: ignore[reportCallIssue]

    def forward(self, inputs: Tensor, states: dict[str, Any] | None = None) -> StreamOutput:
        """What the network says of a course, and of a part of one if it goes on from `states`.

        Args:
            inputs: (time, batch, channel), dtype of the weights.
            states: of each layer, as `start` gives them; zero starts if None.

        Raises:
            ValueError: inputs that do not fit or are not finite, states of other layers, or a part
                of a course that goes on where a layer needs it whole.
        """
        _check_finite(inputs)
        if states is not None and not set(self.layers) <= set(states):
            raise ValueError(
                f"`states` must be of the layers {self.layer_names}, as `start` gives them; got "
                f"{sorted(states)}"
            )
        if self.bidirectional and states is not None and "step" in states:
            raise ValueError(
                "`states` must be those before the first step, for a bidirectional layer needs a "
                "course whole; give all of its steps at once"
            )
        scans, stream = {}, inputs
        for name, layer in self.layers.items():
            scans[name] = layer(stream, None if states is None else states[name])
            stream = scans[name].spikes
        # the first steps of a course do not count, whichever part they are in
        skip = (
            self.skip
            if states is None or "step" not in states
            else max(0, self.skip - states["step"])
        )
        evidence = gather(READOUTS[self.readout](scans[self.layer_names[-1]])[skip:], self.readout)
        step = len(inputs) + (0 if states is None else states.get("step", 0))
        return StreamOutput(
            evidence, {**{k: v.state for k, v in scans.items()}, "step": step}, scans
        )

    @torch.no_grad()
    def decide(self, inputs: Tensor, *, batch_size: int = 256, seed: int | None = None) -> Tensor:
        """Classes of most evidence.

        Args:
            inputs: (time, sample, channel).
            batch_size: samples at a time; does not change the result without `seed`.
            seed: of random starts; None starts from zero.

        Returns:
            int64 (frame - skip, sample) or (sample,).

        Raises:
            ValueError: inputs that do not fit, or no step that counts.
        """
        check_whole("batch_size", batch_size, 1)
        self._check_length(inputs)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        answers = []
        for part in inputs.split(batch_size, 1):
            out = self(part, self.start(part.shape[1], generator))
            answers.append(out.evidence.argmax(-1))
        return torch.cat(answers, -1)

    def accuracy(
        self, inputs: Tensor, labels: Tensor, *, batch_size: int = 256, seed: int | None = None
    ) -> float:
        """Share of right answers: of courses, or of steps where each has an answer.

        Args:
            inputs: (time, sample, channel).
            labels: int64 (frame, sample) or (sample,), see `answer_shape`.
            batch_size: samples at a time.
            seed: of random starts; None starts from zero.

        Raises:
            TypeError: labels of another type.
            ValueError: labels that do not fit.
        """
        self.check_course(inputs, labels)
        answers = self.decide(inputs, batch_size=batch_size, seed=seed)
        return (answers == labels[self.skip if labels.ndim == 2 else 0 :]).double().mean().item()

    @torch.no_grad()
    def responses(
        self,
        inputs: Tensor,
        stimuli: pd.DataFrame | Iterable[str] | Iterable[int],
        layer: str,
        *,
        measure: str = "spike",
        bin_steps: int = 1,
        batch_size: int = 64,
        max_bytes: int = 2 * 2**30,
    ) -> Responses:
        """Responses of a layer's units, one trial a sample, written where they stay.

        Args:
            inputs: (time, sample, channel), dtype of the weights.
            stimuli: label of each sample, or a table with the column `stimulus`.
            layer: one of `layer_names`.
            measure: "spike" counts spikes in every bin; "membrane" gives the mean of u.
            bin_steps: steps of the layer in a bin; what is left at the end is dropped.
            batch_size: samples at a time; does not change the result.
            max_bytes: refuse responses that would take more memory than this.

        Returns:
            Responses (sample, unit, bin), times in model steps: uint8 spikes where a bin is one
            step, else uint16 counts, or float32 membranes and, of a bidirectional layer, means.

        Raises:
            ValueError: an argument does not fit, or the responses would be too large.
        """
        check_whole("bin_steps", bin_steps, 1)
        check_whole("batch_size", batch_size, 1)
        kinds = {"spike": np.uint8 if bin_steps == 1 else np.uint16, "membrane": np.float32}
        if measure not in kinds:
            raise ValueError(f"`measure` must be one of {list(kinds)}; got {measure!r}")
        if layer not in self.layer_names:
            raise ValueError(f"`layer` must be one of {self.layer_names}; got {layer!r}")
        units = int(self.layers[layer].n_units)  # pyright: ignore[reportArgumentType]
        averaged = isinstance(self.layers[layer], Bidirectional)
        if averaged:  # the mean of several spikes is no whole number
            kinds["spike"] = np.float32
        width = bin_steps * self.frame(layer)
        shape = (inputs.shape[1], units, len(inputs) // width)
        size = int(np.prod(shape)) * np.dtype(kinds[measure]).itemsize
        if size > max_bytes or not shape[2]:
            raise ValueError(
                f"`max_bytes` must allow responses of shape (trial, unit, time) {shape}, {size} "
                f"bytes, and `bin_steps` at least one bin; got {max_bytes} and {bin_steps}"
            )
        values = np.empty(shape, kinds[measure])
        for start in range(0, shape[0], batch_size):
            scan = self(inputs[:, start : start + batch_size]).scans[layer]
            values[start : start + batch_size] = _binned(scan, measure, bin_steps).numpy()
        return Responses(
            values,
            stimulus_table(stimuli, shape[0]),
            pd.DataFrame({"unit": np.arange(units), "layer": np.full(units, layer, dtype=object)}),
            np.arange(shape[2] + 1.0) * width,
            measure="other"
            if measure == "membrane" or averaged
            else ("spike" if bin_steps == 1 else "count"),
            time_unit="step",
            source=self.name,
        )

    @torch.no_grad()
    def packed_spikes(self, inputs: Tensor, *, batch_size: int = 64) -> dict[str, np.ndarray]:
        """Spikes of all layers, eight steps a byte, for recordings too large for `responses`.

        Args:
            inputs: (time, sample, channel), dtype of the weights.
            batch_size: samples at a time; does not change the result.

        Returns:
            uint8 (sample, unit, byte) by layer; np.unpackbits(..., axis=2, count=time) undoes it.

        Raises:
            ValueError: a bidirectional layer, whose spikes are means.
        """
        check_whole("batch_size", batch_size, 1)
        if self.bidirectional:
            raise ValueError("spikes of a bidirectional layer are means; `responses` gives them")
        steps, samples = inputs.shape[:2]
        packed = {
            name: np.empty((samples, int(layer.n_units), -(-steps // 8)), np.uint8)  # pyright: ignore[reportArgumentType]
            for name, layer in self.layers.items()
        }
        for start in range(0, samples, batch_size):
            scans = self(inputs[:, start : start + batch_size]).scans
            for name, scan in scans.items():
                bits = scan.spikes.permute(1, 2, 0).bool().cpu().numpy()
                packed[name][start : start + batch_size] = np.packbits(bits, axis=2)
        return packed

    def _check_length(self, inputs: Tensor) -> None:
        frames = len(inputs) // self.frame(self.layer_names[-1])
        if frames <= self.skip:
            raise ValueError(
                f"`inputs` must have more steps than the {self.skip} first ones, which do not "
                f"count; got {frames}"
            )


def detached(states: dict[str, Any]) -> dict[str, Any]:
    """The same states without a gradient."""
    return {
        name: NeuronState(*[None if part is None else part.detach() for part in state])  # pyright: ignore[reportArgumentType]
        if isinstance(state, NeuronState)
        else state
        for name, state in states.items()
    }


def _check_finite(inputs: Tensor) -> None:
    """Refuse inputs that would silence the neurons they reach: no NaN exceeds a threshold."""
    if torch.compiler.is_compiling() or not isinstance(inputs, Tensor) or not inputs.numel():
        return
    if not torch.stack(inputs.detach().aminmax()).isfinite().all():
        raise ValueError(
            "`inputs` must be finite; got NaN or infinite values; leave them out or replace them"
        )


def _binned(scan: Scan, measure: str, bin_steps: int) -> Tensor:
    stream = scan.spikes if measure == "spike" else scan.membrane
    assert stream is not None
    n_bins = len(stream) // bin_steps
    bins = stream[: n_bins * bin_steps].unflatten(0, (n_bins, bin_steps))
    return (bins.sum(1) if measure == "spike" else bins.mean(1)).permute(1, 2, 0).cpu()
