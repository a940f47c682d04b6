"""What an inference costs, in operations and in energy, against gated networks of the same widths.

    synaptic operations    each step: (input spikes + own spikes a step before) units, one AC each
    neuron update          1 MAC a unit and step (decay of the membrane), 2 where thresholds adapt,
                           and 2 AC a spike (reset, jump of the trace)
    leaky read-out         1 MAC a unit and step
    input of numbers       channels x units MAC a step, where it is not of spikes

    LSTM                   4 (m n + n n) + 17 n MAC a step        m inputs, n units
    GRU                    3 (m n + n n) + 10 n
    plain recurrent        m n + n n

    energy = AC e_AC + MAC e_MAC

AC: accumulate; MAC: multiply and accumulate. Memory traffic is left out on both sides. Every count
is kept apart, so that each factor can be computed anew.

Sources: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, counts; Horowitz
(2014), IEEE International Solid-State Circuits Conference: 10-14, energies at 45 nm.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from neurospyke.sim.neurons import AdaptiveLIF, LeakyIntegrator
from neurospyke.sim.stream import StreamNetwork
from neurospyke.sim.whole import check_whole


class Energy(NamedTuple):
    """Energy of an operation in picojoules.

    Args:
        mac: of a multiplication with accumulation.
        ac: of an accumulation.
    """

    mac: float
    ac: float


# 45 nm; a multiplication and an addition make a MAC
ENERGIES: Mapping[str, Energy] = MappingProxyType(
    {"int32": Energy(3.2, 0.1), "fp32": Energy(4.6, 0.9)}
)
GATED: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"rnn": (1, 0), "gru": (3, 10), "lstm": (4, 17)}
)


@torch.no_grad()
def count_operations(
    network: StreamNetwork, inputs: Tensor, *, batch_size: int = 64
) -> pd.DataFrame:
    """Operations of each layer, the mean over inferences.

    Args:
        network: of AdaptiveLIF and LeakyIntegrator layers.
        inputs: (time, sample, channel); where all are -1, 0 or 1 they count as spikes, else as
            numbers that have to be multiplied.
        batch_size: samples at a time; does not change the result.

    Returns:
        One row a layer: `layer`, `inputs`, `units`, `steps`, `rate` (spikes a unit and step),
        `spikes`, `synaptic`, `ac` (synaptic operations among them) and `mac`, all of one inference.

    Raises:
        TypeError: a layer of another kind, or inputs that are no tensor.
        ValueError: no samples, or inputs that do not fit.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        One input spike to two units that stay silent, in two steps: 2 AC, and 2 MAC a step.

        >>> layer = AdaptiveLIF(torch.zeros(2, 1), torch.ones(2))
        >>> network = StreamNetwork("one", {"out": layer}, readout="count")
        >>> counts = count_operations(network, torch.tensor([[[1.0]], [[0.0]]]))
        >>> counts[["ac", "mac"]].values.tolist()
        [[2.0, 4.0]]
    """
    _check(network, inputs)
    check_whole("batch_size", batch_size, 1)
    spiking = bool(((inputs == 0) | (inputs.abs() == 1)).all())
    samples = inputs.shape[1]
    fed = dict.fromkeys(network.layer_names, 0.0)
    fired = dict(fed)
    for part in inputs.split(batch_size, 1):
        arriving = part
        for name, scan in network(part).scans.items():
            fed[name] += arriving.abs().sum().item() / samples
            fired[name] += scan.spikes.sum().item() / samples
            arriving = scan.spikes
    rows = []
    for index, (name, layer) in enumerate(network.layers.items()):
        assert isinstance(layer, (AdaptiveLIF, LeakyIntegrator))
        numbers = index == 0 and not spiking
        rows.append(_row(name, layer, len(inputs), 0.0 if numbers else fed[name], fired[name]))
        if numbers:
            rows[-1]["mac"] += rows[-1]["inputs"] * rows[-1]["units"] * len(inputs)
    return pd.DataFrame(rows)


def gated_operations(
    widths: list[int], kind: str = "lstm", *, steps: int = 1, readout: int | None = None
) -> int:
    """Multiplications with accumulation of a gated network.

        sum over layers of k (m n + n n) + g n MAC a step: LSTM k = 4, g = 17; GRU 3, 10; RNN 1, 0

    Args:
        widths: channels of the input, then units of each recurrent layer.
        kind: "lstm", "gru" or "rnn".
        steps: of an inference.
        readout: units of a fully connected read-out on top; None for none.

    Returns:
        MAC of an inference.

    Raises:
        ValueError: no such kind, no layer, or a number below 1.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> gated_operations([2, 3], "lstm")
        111
    """
    if kind not in GATED:
        raise ValueError(f"`kind` must be one of {list(GATED)}; got {kind!r}")
    if len(widths) < 2:
        raise ValueError(f"`widths` must have an input and at least one layer; got {widths}")
    for name, each in (("widths", widths), ("steps", [steps]), ("readout", [readout or 1])):
        for value in each:
            check_whole(name, value, 1)
    gates, more = GATED[kind]
    each = sum(gates * (m * n + n * n) + more * n for m, n in pairwise(widths))
    return steps * (each + widths[-1] * (readout or 0))


def energy_table(operations: pd.DataFrame) -> pd.DataFrame:
    """Energy of a network and of gated ones with the same widths, every factor apart.

    The last of several layers is, in the gated ones, a fully connected read-out.

        energy = AC e_AC + MAC e_MAC; ratio = energy of the other / energy of the network

    Args:
        operations: as `count_operations` gives them.

    Returns:
        One row for the network and each gated one, and each arithmetic: `network`, `arithmetic`,
        `ac`, `mac`, `ac_picojoule`, `mac_picojoule`, `nanojoule` and `ratio`.

    Raises:
        ValueError: columns or rows are missing.

    Source:
        Yin, Corradi and Bohte (2021); Horowitz (2014).

    Example:
        >>> layer = AdaptiveLIF(torch.zeros(2, 1), torch.ones(2))
        >>> network = StreamNetwork("one", {"out": layer}, readout="count")
        >>> table = energy_table(count_operations(network, torch.zeros(1, 1, 1)))
        >>> table[["network", "mac"]].values.tolist()[:2]
        [['spiking', 2.0], ['rnn', 6.0]]
    """
    absent = {"inputs", "units", "steps", "ac", "mac"} - set(operations)
    if absent or operations.empty:
        raise ValueError(
            f"`operations` must be as count_operations gives them; {sorted(absent) or 'all rows'} "
            "missing"
        )
    widths = [int(operations["inputs"].iloc[0]), *operations["units"].astype(int)]
    steps = int(operations["steps"].iloc[0])
    counts = {"spiking": (float(operations["ac"].sum()), float(operations["mac"].sum()))}
    readout = widths.pop() if len(widths) > 2 else None
    for kind in GATED:
        gated = gated_operations(widths, kind, steps=steps, readout=readout)
        counts[kind] = (0.0, float(gated))
    rows = []
    for arithmetic, energy in ENERGIES.items():
        own = counts["spiking"][0] * energy.ac + counts["spiking"][1] * energy.mac
        for name, (ac, mac) in counts.items():
            spent = ac * energy.ac + mac * energy.mac
            rows.append(
                {
                    "network": name,
                    "arithmetic": arithmetic,
                    "ac": ac,
                    "mac": mac,
                    "ac_picojoule": energy.ac,
                    "mac_picojoule": energy.mac,
                    "nanojoule": spent / 1000,
                    "ratio": spent / own,
                }
            )
    return pd.DataFrame(rows)


def _row(
    name: str, layer: AdaptiveLIF | LeakyIntegrator, steps: int, fed: float, fired: float
) -> dict[str, Any]:
    units, channels = layer.weight.shape
    recurrent = isinstance(layer, AdaptiveLIF) and layer.recurrent is not None
    adapts = isinstance(layer, AdaptiveLIF) and layer.tau_adaptation is not None
    synaptic = (fed + (fired if recurrent else 0.0)) * units
    return {
        "layer": name,
        "inputs": channels,
        "units": units,
        "steps": steps,
        "rate": fired / (units * steps),
        "spikes": fired,
        "synaptic": synaptic,
        "ac": synaptic + 2 * fired,
        "mac": float(units * steps * (2 if adapts else 1)),
    }


def _check(network: StreamNetwork, inputs: Tensor) -> None:
    if not isinstance(inputs, Tensor):
        raise TypeError(f"`inputs` must be a tensor; got {type(inputs).__name__}")
    if inputs.ndim != 3 or inputs.shape[1] == 0:
        raise ValueError(
            "`inputs` must have axes (time, sample, channel) and at least one sample; got shape "
            f"{tuple(inputs.shape)}"
        )
    for name, layer in network.layers.items():
        if not isinstance(layer, (AdaptiveLIF, LeakyIntegrator)):
            raise TypeError(
                "`network` must be of AdaptiveLIF and LeakyIntegrator layers; got "
                f"{type(layer).__name__} as {name!r}"
            )
