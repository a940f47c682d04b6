"""Cost against time bins and against spikes, drawn."""

from pathlib import Path
from typing import Any

_LABELS = {"dense bins": ", dense wave", "spikes and threshold": ", threshold in proportion"}


def scaling(records: list[dict[str, Any]], path: Path) -> None:
    """Two panels: bins at equal spikes, with the dense wave beside; spikes at equal bins."""
    from matplotlib.figure import Figure

    found = [record for record in records if record["part"] == "scaling"]
    if not found:
        return
    sheet = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = sheet.subplots(1, 2)
    for number, record in enumerate(found):
        name, color = record["workload"], f"C{number}"
        for axes, kind, style in (
            (left, "bins", "o-"),
            (left, "dense bins", "x:"),
            (right, "spikes", "o-"),
            (right, "spikes and threshold", "s--"),
        ):
            x, y = _series(record["times"], kind)
            label = name + _LABELS.get(kind, "")
            axes.plot(x, y, style, color=color, label=label)
    left.set(xlabel="time bins, the same spikes stretched", xscale="log", yscale="log")
    left.set(ylabel="CPU time relative to neurospyke's first", xticks=[15, 30, 60, 120])
    left.set_xticklabels(["15", "30", "60", "120"])
    left.minorticks_off()
    right.set(xlabel="share of the spikes kept", ylim=(0, 1.15))
    right.set(ylabel="CPU time relative to all spikes", xlim=(0, 1.1))
    right.plot([0, 1], [0, 1], color="0.7", linewidth=1, label="proportional")
    left.legend(fontsize=6)
    right.legend(fontsize=6)
    path.parent.mkdir(exist_ok=True)
    sheet.savefig(path, dpi=150)


def _series(times: dict[str, dict[str, float]], kind: str) -> tuple[list[float], list[float]]:
    whole = times["spikes 1"]["median_ms"]
    points = [
        (float(key.split()[-1]), each["median_ms"] / whole)
        for key, each in times.items()
        if key.rpartition(" ")[0] == kind
    ]
    return [x for x, _ in points], [y for _, y in points]
