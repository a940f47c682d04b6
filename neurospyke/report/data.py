"""What the results rest on: recordings with their import reports, responses, networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neurospyke.recording import Recording
from neurospyke.report.notes import sentence, some
from neurospyke.report.tables import Table, page_table
from neurospyke.responses import MEASURES, UNKNOWN, Responses

if TYPE_CHECKING:
    from neurospyke.sim import Network


@dataclass(frozen=True)
class Description:
    """One recording, set of responses or network, in words and tables.

    Args:
        heading: what it is.
        facts: (name, value) of what it holds.
        tables: its tables.
        notes: sentences on it.
    """

    heading: str
    facts: list[tuple[str, str]]
    tables: list[Table]
    notes: list[str]


def describe_data(name: str, data: Recording | Responses) -> Description:
    """A recording or responses, as a report tells of them.

    Args:
        name: what to call it.
        data: the recording or the responses.

    Returns:
        The description; of a recording with its import report.

    Raises:
        TypeError: if it is neither.

    >>> responses = Responses.from_counts(np.array([[2, 0], [1, 3]]), stimuli=["a", "b"])
    >>> describe_data("V4", responses).facts[1]
    ('Trials', '2, of 2 stimuli')
    """
    if isinstance(data, Recording):
        return _recording(name, data)
    if isinstance(data, Responses):
        return _responses(name, data)
    raise TypeError(f"`data` must hold Recording or Responses; {name!r} is {type(data).__name__}")


def describe_network(network: "Network") -> Description:
    """A network with the parameters of its encoder and layers.

    Args:
        network: the network.

    Returns:
        The description.
    """
    parts = {"encoder": network.encoder, **network.layers}
    rows = [
        {"layer": name, "kind": type(part).__name__, "parameters": part.extra_repr()}
        for name, part in parts.items()
    ]
    facts = [
        ("Layers", f"{len(rows)}, the encoder first"),
        ("Time", f"{network.n_bins} steps; a neuron fires once or not at all"),
        ("Weights", f"{sum(each.numel() for each in network.parameters())}"),
    ]
    table = page_table(
        pd.DataFrame(rows), f"Layers of {network.name}", f"network-{len(rows)}-layers"
    )
    return Description(network.name, facts, [table], [])


def sentences_on(data: Mapping[str, Recording | Responses]) -> list[str]:
    """A sentence on each set of responses or recording, for the methods.

    Args:
        data: by name.

    Returns:
        Sentences.

    >>> responses = Responses.from_counts(np.array([[2, 0], [1, 3]]), stimuli=["a", "b"])
    >>> sentences_on({"V4": responses})
    ['V4: 2 units, 2 trials of 2 stimuli, spikes in the bin, 1 window from 0 to 1 s.']
    """
    found = []
    for name, each in data.items():
        facts = dict(describe_data(name, each).facts)
        if isinstance(each, Recording):
            found.append(
                f"{name}: {each.n_units} units and {each.n_spikes} spikes, observed "
                f"{facts['Observed']}."
            )
            continue
        bins = "1 window" if each.n_times == 1 else f"{each.n_times} bins"
        found.append(
            f"{name}: {each.n_units} units, {each.n_trials} trials of {len(each.stimuli)} stimuli, "
            f"{MEASURES[each.measure]}, {bins} from {each.edges[0]:g} to {each.edges[-1]:g} "
            f"{_unit_of(each)}."
        )
    return found


def _responses(name: str, responses: Responses) -> Description:
    counts = responses.trials["stimulus"].value_counts()
    repeated = f", each {_range(counts.min(), counts.max())} times" if counts.max() > 1 else ""
    n_bins = responses.n_times
    bins = "one bin" if n_bins == 1 else f"{n_bins} bins"
    facts = [
        ("Units", f"{responses.n_units}{_places(responses.units)}"),
        ("Trials", f"{responses.n_trials}, of {len(responses.stimuli)} stimuli{repeated}"),
        (
            "Time",
            f"{responses.edges[0]:g} to {responses.edges[-1]:g} {_unit_of(responses)}, {bins}",
        ),
        ("Values", MEASURES[responses.measure]),
        *([("Source", responses.source)] if responses.source else []),
    ]
    return Description(name, facts, [], [sentence(note) for note in responses.notes])


def _recording(name: str, recording: Recording) -> Description:
    sizes = np.diff(recording.offsets)
    rates = sizes / recording.duration if recording.duration else np.zeros(len(sizes))
    spans = recording.observed
    gaps = f" in {len(spans)} spans" if len(spans) > 1 else ""
    observed = f"{recording.duration:.6g} s{gaps}, from {spans[0, 0]:.6g} to {spans[-1, 1]:.6g} s"
    facts = [
        ("Units", f"{recording.n_units}{_places(recording.units)}"),
        ("Spikes", f"{recording.n_spikes}; median rate {np.median(rates):.3g} spikes/s"),
        ("Observed", observed),
        *((f"Trials “{table}”", _trials(rows)) for table, rows in recording.trials.items()),
        *([("Source", recording.source)] if recording.source else []),
    ]
    rows = [
        {"kind": each.kind, "what": each.text, "count": each.count}
        for each in recording.report.findings
    ]
    table = page_table(
        pd.DataFrame(rows, columns=["kind", "what", "count"]),
        f"What the import of {name} read, left out, inferred or found suspicious",
        f"import-{name}",
    )
    notes = [sentence(note) for note in recording.notes]
    return Description(name, facts, [table] if rows else [], notes)


def _trials(table: pd.DataFrame) -> str:
    stimuli = f", {table['stimulus'].nunique()} stimuli" if "stimulus" in table else ""
    return f"{len(table)} rows{stimuli}; columns {some(list(map(str, table.columns)))}"


def _places(units: pd.DataFrame) -> str:
    for column in ("area", "layer"):
        if column in units:
            counts = units[column].astype(str).value_counts(sort=False)
            known = [f"{each} {number}" for each, number in counts.items() if each != UNKNOWN]
            return f" ({some(known)})" if known else ""
    return ""


def _unit_of(responses: Responses) -> str:
    return "s" if responses.time_unit == "s" else "model steps"


def _range(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def all_descriptions(
    data: Mapping[str, Recording | Responses], networks: Sequence["Network"]
) -> tuple[list[Description], list[Description]]:
    """Descriptions of data and of networks.

    Args:
        data: recordings and responses by name.
        networks: networks.

    Returns:
        Both lists.
    """
    described = [describe_data(name, each) for name, each in data.items()]
    told = {
        sentence(line)
        for each in data.values()
        if isinstance(each, Recording)
        for line in each.report.lines
    }
    kept = []
    for each in described:
        # Responses repeat what their recording said.
        kept.append(replace(each, notes=[note for note in each.notes if note not in told]))
        told |= set(each.notes)
    return kept, [describe_network(each) for each in networks]
