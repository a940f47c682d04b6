"""Time the spiking ops against Spyker and against a dense wave in torch.

    python benchmarks/ops.py              everything; tables, and results/ops.json
    python benchmarks/ops.py --quick      tiny sizes, one thread; fails where engines disagree
    python benchmarks/ops.py --resume     take what an interrupted run has measured from it
    python benchmarks/ops.py --only layers,forward

Agreement comes before every timing. See README.md for what is measured and how.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import acceptance
import figure
import measure
import peers
import workloads
from workloads import NETWORKS

Record = dict[str, Any]
RESULTS = Path(__file__).parent / "results"
EPOCH = RESULTS / "epoch.json"
PARTS = workloads.FOLDER / "records"
ENGINES = (acceptance.OURS, acceptance.DENSE, *acceptance.SPYKER)
# part, threads (0: those asked for), allocator that reuses memory
PLAN = (
    ("machine", 1, False),
    ("layers", 0, False),
    ("layers", 1, False),
    ("large", 0, True),
    ("large", 0, False),
    ("one_thread", 1, True),
    ("narrow", 0, True),
    ("forward", 0, False),
    ("forward", 1, False),
    ("training", 0, False),
    ("scaling", 1, True),
    *((f"memory:{engine}/{network}", 0, False) for engine in ENGINES for network in NETWORKS),
)


def main() -> int:
    """Run, print and keep everything; 1 if engines disagree."""
    options = _options()
    if options.quick:
        records = _quick()
    else:
        workloads.prepare(workloads.FULL)
        records = _full(options.threads, options.only, options.resume)
        records += [json.loads(EPOCH.read_text())] if EPOCH.is_file() else []
    wrong = acceptance.disagreements(records)
    rows = acceptance.lines(records, options.threads)
    record = {
        "command": measure.command(),
        "environment": measure.environment(),
        "threads": options.threads,
        "digits": workloads.digits("test", 1)[1],
        "peers": "Spyker " + (peers.find_spyker(1)[1] or "0.1.0"),
        "disagreements": wrong,
        "acceptance": rows,
        "records": records,
    }
    print(_table(records, options.quick))
    if not options.quick:
        print(_acceptance(rows))
        if options.resume or not options.only:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / "ops.json").write_text(json.dumps(record, indent=1) + "\n")
            if any(record["part"] == "scaling" for record in records):
                figure.scaling(records, RESULTS / "scaling.png")
    for message in wrong:
        print(f"DISAGREEMENT {message}")
    return 1 if wrong else 0


def _full(threads: int, only: list[str], resume: bool) -> list[Record]:
    PARTS.mkdir(parents=True, exist_ok=True)
    records: list[Record] = []
    for part, given, reuse in PLAN:
        if only and part.partition(":")[0] not in only:
            continue
        name = f"{part} {given or threads} {reuse}".replace(":", " ").replace("/", " ")
        kept = PARTS / f"{name}.json"
        if not (resume and kept.is_file()):
            found = measure.child(part, given or threads, reuse=reuse)
            kept.write_text(json.dumps([{**record, "commit": _commit()} for record in found]))
        records += json.loads(kept.read_text())
    return records


def _commit() -> str:
    """What was measured, since parts may come from different runs."""
    git = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(git, cwd=RESULTS, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _quick() -> list[Record]:
    import parts

    setting = parts.Setting(1, quick=True)
    names = ("layers", "large", "forward", "training", "scaling", "memory:neurospyke/rezghi2022")
    return [record for name in names for record in parts.run(name, setting)]


def _table(records: list[Record], quick: bool = False) -> str:
    """Milliseconds of a call, medians, and in brackets how many times ours that is."""
    lines = []
    peaks = [record["additions_second_level_giga"] for record in records
             if record["part"] == "machine"]  # fmt: skip
    for record in records:
        if "times" not in record or record["part"] == "scaling":
            continue
        ours = record["times"][acceptance.OURS]["median_ms"]
        cells = [f"{acceptance.OURS} {ours:.3f}"]
        cells += [
            f"{name} {each['median_ms']:.1f} ({each['median_ms'] / ours:.0f}x)"
            for name, each in record["times"].items()
            if name != acceptance.OURS
        ]
        cells += [f"{name}: {why}" for name, why in record.get("left_out", {}).items()]
        about = [record["part"], record["workload"], record.get("semantics", "")]
        about += _rates(record, peaks)
        about.append(f"batch {record['batch']}, {record['threads']} threads")
        about += [
            ("CPU" if quick else record.get("clock", "wall")) + " ms",
            record.get("allocator", ""),
        ]
        disturbed = sum(each["disturbed"] for each in record["times"].values())
        about.append(f"({disturbed} samples disturbed by other processes)" if disturbed else "")
        lines += [" ".join(filter(None, about)), "    " + "; ".join(cells)]
    for record in records:
        if record["part"] == "scaling":
            times = {key: round(each["median_ms"], 3) for key, each in record["times"].items()}
            lines.append(f"scaling {record['workload']}, CPU ms: {times}")
        elif record["part"] in {"memory", "machine", "epoch"}:
            lines.append(str({key: each for key, each in record.items() if key != "environment"}))
    return "\n".join(lines)


def _rates(record: Record, peaks: list[float]) -> list[str]:
    """Additions a second: those that the definition asks for, those made, and their share of what
    the machine does from its second-level cache."""
    if "additions" not in record:
        return []
    counted = record["additions"]
    seconds = record["times"][acceptance.OURS]["median_ms"] / 1e3
    scale = record["batch"] / counted["samples"] / seconds / 1e9
    text = f"[{counted['needed'] * scale:.0f} needed"
    made = record.get("work", {}).get("additions")
    if made:
        rate = made / seconds / 1e9
        text += f", {rate:.0f} made"
        text += f", {rate / (peaks[0] * record['threads']):.0%} of peak" if peaks else ""
    return [text + " Gadd/s]"]


def _acceptance(rows: list[Record]) -> str:
    lines = ["", f"{'acceptance':<72}{'target':>16}{'measured':>14}"]
    for row in rows:
        value = "not measured" if row["measured"] is None else f"{row['measured']:.3g}"
        state = {True: "", False: "  MISSED", None: ""}[row["met"]]
        target = f"{row['bound']} {row['target']:g}"
        lines.append(f"{row['line']:<72}{target:>16}{value:>14} {row['unit']}{state}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one thread")
    parser.add_argument("--threads", type=int, default=2, help="threads of the main part")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        help="parts; results are kept only with --resume",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
