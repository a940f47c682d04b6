"""What files of our own hold, other than recordings: responses and networks."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.manual import say, typed

if TYPE_CHECKING:
    import pandas as pd

    from neurospyke.responses import Responses
    from neurospyke.sim import Network


def holds_network(path: Path) -> bool:
    """Whether a file is called as networks are.

    Args:
        path: the file.

    Returns:
        True for a .safetensors.
    """
    return path.suffix == ".safetensors"


def holds_responses(path: Path) -> bool:
    """Whether a file has the arrays of saved responses.

    Args:
        path: the file.

    Returns:
        True for an .npz with values and edges.
    """
    if path.suffix != ".npz" or not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return {"values.npy", "edges.npy"} <= set(archive.namelist())


def tell_responses(path: Path) -> None:
    """Print what saved responses hold.

    Args:
        path: the file.

    Raises:
        ValueError: it is damaged.
    """
    from neurospyke.responses import MEASURES, Responses

    responses = Responses.load(path)
    n_bins, first, last = responses.n_times, responses.edges[0], responses.edges[-1]
    bins = "1 bin" if n_bins == 1 else f"{n_bins} bins"
    time = "steps" if responses.time_unit == "step" else responses.time_unit
    origin = f", from {responses.source}" if responses.source else ""
    say(
        f"{typed([str(path)])}: responses of {responses.n_units} units in {responses.n_trials} "
        f"trials, {bins} from {first:g} to {last:g} {time}{origin}"
    )
    low, high = responses.values.min(), responses.values.max()
    say(f"values {low:g} to {high:g}: {responses.measure}, {MEASURES[responses.measure]}")
    say("\nunits, with the lowest, median and highest mean of one")
    say(_units(responses).to_string(index=False))
    say(f"  columns: {', '.join(responses.units.columns)}")
    counts = responses.trials["stimulus"].value_counts()
    repeated = f"{counts.min()} to {counts.max()} times" if counts.max() > 1 else "once"
    say(f"\ntrials\n  {len(counts)} stimuli, each {repeated}")
    say(f"  columns: {', '.join(responses.trials.columns)}")
    for note in responses.notes:
        say(f"\nnote: {note}")


def _units(responses: "Responses") -> "pd.DataFrame":
    keys = [key for key in ("area", "layer") if key in responses.units]
    table = responses.units[keys].astype(str) if keys else responses.units[[]]
    table = table.assign(mean=responses.values.mean(axis=(0, 2)))
    if not keys:
        table, keys = table.assign(area="unknown"), ["area"]
    groups = table.groupby(keys, sort=False)["mean"]
    counted = groups.agg(units="size", lowest="min", median="median", highest="max")
    return counted.round(3).reset_index()


def tell_network(path: Path) -> None:
    """Print what a network's file holds.

    Args:
        path: the file.

    Raises:
        ValueError: it is none, or damaged.
    """
    from neurospyke.sim import read_network

    network = read_network(path)
    colour = "colour" if network.n_channels == 3 else "luminance"
    say(f"{typed([str(path)])}: {network.name}, {network.n_bins} time steps, images of {colour}")
    say(f"\nlayers\n{_layers(network).to_string(index=False)}")


def _layers(network: "Network") -> "pd.DataFrame":
    import pandas as pd

    modules = {"encoder": network.encoder, **network.layers}
    return pd.DataFrame([{"layer": name, **_layer(module)} for name, module in modules.items()])


def _layer(module: Any) -> dict[str, str]:
    from neurospyke.sim import convergence

    weight, rule = getattr(module, "weight", None), getattr(module, "rule", None)
    settled = "" if rule is None else f"{convergence(module.weight, rule.lower, rule.upper):.4f}"
    return {
        "kind": type(module).__name__,
        "weights": "" if weight is None else " x ".join(map(str, weight.shape)),
        "rule": "" if rule is None else type(rule).__name__,
        "convergence": settled,
    }
