"""A study, run: from its files to a report, scores and samples."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.compare import comparison_table, compute_rdm
from neurospyke.compare.inference import every_comparison
from neurospyke.report import write_report
from neurospyke.responses import Responses
from neurospyke.storage import whole_file
from neurospyke.study.comparing import Outcome, Sides
from neurospyke.study.configuration import Study
from neurospyke.study.models import Track

if TYPE_CHECKING:
    from neurospyke.images import Images
    from neurospyke.sim import Network

_CITATIONS = {"v4_cowley2023": "[@cowley2023; @bashivan2019]"}
_MAX_RDMS = 6


def run_study(
    study: Study,
    out: str | Path,
    *,
    seed: int | None = None,
    device: str = "cpu",
    command: str | None = None,
    track: Track | None = None,
) -> Path:
    """Read, learn, compare and write; files appear all together, or none does.

    Args:
        study: what to do.
        out: folder for `report.html`, `scores.csv` and the samples; made if absent, in a folder
            that exists.
        seed: instead of the study's.
        device: where a network runs.
        command: how this was called, for the report.
        track: called with (items, label) around long loops, to show progress.

    Returns:
        Path of the report.

    Raises:
        ValueError: if an input is refused, or a comparison is not possible.
    """
    out = Path(out)
    if not out.parent.is_dir():
        raise ValueError(f"`out` must be in an existing folder; got {out}: create {out.parent}")
    study = study if seed is None else replace(study, seed=seed)
    track = track or (lambda items, _label: items)
    images, stimuli = study.stimuli.read() if study.stimuli else (None, None)
    is_part = study.stimuli is not None and study.stimuli.is_part
    shown = set(stimuli["stimulus"]) if stimuli is not None and is_part else None
    brain = study.brain.open(shown)
    network = _network(study, images, device, track)
    models = study.models.respond(images, stimuli, network)
    outcome = Outcome()
    sides = Sides(
        models,
        study.models.baselines,
        brain,
        () if network is None else network.layer_names,
        _up_to(network, images, stimuli),
        study.seed,
        track,
    )
    for compare in study.comparisons:
        compare(sides, outcome)
    if not outcome.comparisons:
        raise ValueError("a study must have a comparison with a score: rsa, encoding or alignment")
    parts: dict[str, Any] = {
        "title": study.title,
        "summary": study.question,
        "data": brain.described,
        "networks": [] if network is None else [network],
        "controls": outcome.controls,
        "rdms": _rdms(study, brain.areas, models, outcome),
        "tables": outcome.tables,
        "methods": [*_methods(study, images), *outcome.methods],
        "notes": study.notes,
        "inputs": study.inputs,
        "seed": study.seed,
        "command": command,
        "configuration": (study.text, study.folder),
    }
    return _write(out, outcome, parts)


def _network(study: Study, images: "Images | None", device: str, track: Track) -> "Network | None":
    if study.models.network is None or images is None:
        return None
    return study.models.network.make(images, study.seed, device, track)


def _up_to(network: "Network | None", images: "Images | None", stimuli: Any) -> Any:
    """Who has spiked by a step, layer by layer."""
    if network is None or images is None:
        return None
    kept: dict[str, Responses] = {}

    def fired(layer: str, step: int) -> Responses:
        if layer not in kept:
            kept.clear()
            kept[layer] = network.responses(images, stimuli, layer, measure="spike")
        return kept[layer].where(time=(0, step)).sum_over_time()

    return fired


def _rdms(
    study: Study,
    areas: Mapping[str, Responses],
    models: Mapping[str, Responses],
    outcome: Outcome,
) -> list[Any]:
    """Those of the areas, of the best model of each, and of the best that is no baseline."""
    if outcome.dissimilarity is None:
        return []
    scored = [
        each
        for each in every_comparison(outcome.comparisons)
        if each.method == "rsa" and each.step is None
    ]
    scored = [each for each in scored if each.model in models]
    shown: dict[str, Responses] = {area: areas[area] for area in areas}
    for area in areas:
        ranked = sorted(
            (each for each in scored if each.brain == area), key=lambda each: -each.score
        )
        own = [each for each in ranked if each.model not in study.models.baselines]
        shown |= {each.model: models[each.model] for each in (*ranked[:1], *own[:1])}
    return [
        replace(compute_rdm(side, outcome.dissimilarity), source=name)
        for name, side in list(shown.items())[:_MAX_RDMS]
    ]


def _methods(study: Study, images: "Images | None") -> list[str]:
    said = []
    if study.stimuli is not None and images is not None:
        said.append(study.stimuli.sentence(images))
    names = [study.brain.dataset, study.stimuli.dataset if study.stimuli else None]
    for name in dict.fromkeys(each for each in names if each):
        said.append(f"The data set is {name} {_CITATIONS.get(name, '')}".strip() + ".")
    if study.models.network is not None and images is not None:
        said.append(study.models.network.sentences(len(images), study.seed))
    if "pixels" in study.models.baselines:
        said.append("The model “pixels” is a baseline: the stimuli, every pixel a unit.")
    said += [f"{name} was read from {path.name}." for name, path in study.models.files.items()]
    return said


def _write(out: Path, outcome: Outcome, parts: dict[str, Any]) -> Path:
    # Beside `out`, from where paths of the configuration look the same.
    staging = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        report = write_report(staging / "report.html", outcome.comparisons, **parts)
        with whole_file(staging / "scores.csv") as temporary:
            comparison_table(every_comparison(outcome.comparisons)).to_csv(temporary, index=False)
        out.mkdir(exist_ok=True)
        # The report comes last: where it is, all is.
        for each in sorted(staging.iterdir(), key=lambda path: path.name == report.name):
            each.replace(out / each.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return out / "report.html"
