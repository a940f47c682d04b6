"""Report: question, data, results, methods and provenance in one HTML file that needs no other."""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurospyke import __version__
from neurospyke.compare.comparison import Comparison, comparison_table
from neurospyke.compare.inference import Inference, every_comparison
from neurospyke.compare.rdm import RDM
from neurospyke.recording import Recording
from neurospyke.report.courses import by_brain, by_method, split_courses
from neurospyke.report.data import all_descriptions, sentences_on
from neurospyke.report.methods import method_paragraphs
from neurospyke.report.notes import (
    DIRECTIONS,
    ceilings_and_controls,
    headline,
    isolated,
    reading_notes,
    sentence,
)
from neurospyke.report.pictures import course_picture, picture, rdm_picture, scores_picture
from neurospyke.report.provenance import digests, folder_from, provenance_facts, sealed
from neurospyke.report.references import REFERENCES, cited, parts_of
from neurospyke.report.tables import page_table, scores_table
from neurospyke.responses import Responses
from neurospyke.storage import whole_file

if TYPE_CHECKING:
    from neurospyke.sim import Network

_OVER = {"stimuli": "stimuli", "subjects": "subjects", "both": "stimuli and subjects"}
_TESTS = ["model", "score", "standard_error", "p_zero", "p_ceiling", "p_fdr"]
_HERE = Path(__file__).parent


def write_report(  # noqa: PLR0913 - a report names everything it shows
    path: str | Path,
    comparisons: Inference | Sequence[Comparison | Inference],
    *,
    title: str = "",
    summary: str = "",
    data: Mapping[str, Recording | Responses] | None = None,
    networks: Sequence["Network"] = (),
    controls: Mapping[str, str] | None = None,
    rdms: Sequence[RDM] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
    figures: Mapping[str, Axes | Figure] | None = None,
    methods: Sequence[str] = (),
    notes: Sequence[str] = (),
    inputs: Sequence[str | Path] | Mapping[str, str | Path | Sequence[Path]] = (),
    seed: int | None = None,
    command: str | None = None,
    configuration: tuple[str, Path] | None = None,
) -> Path:
    """One self-contained HTML file about comparisons, written whole or not at all.

    Comparisons of one model with one brain at several times or steps are drawn as a course;
    the bars show the others, and of a course only what covers all of it. An inference adds tables
    of its tests, and is saved with all that was drawn beside the report (`.samples.npz`). The
    methods are written from what the comparisons say was done. Given the same, the file is the same
    but for its date.

    Args:
        path: the file to write.
        comparisons: at least one; inferences stand for all of theirs.
        title: heading; made from the names of the brains when empty.
        summary: the question, and what was found; blank lines separate paragraphs.
        data: recordings, whose import reports are shown, and responses, by name.
        networks: networks, whose layers and parameters are shown.
        controls: what was done to make a control, by the name of the model.
        rdms: dissimilarity matrices to show.
        tables: further tables by heading.
        figures: further figures by caption.
        methods: what was done before comparing, a paragraph each; "[@nili2014]" cites a key of
            `neurospyke.report.references.REFERENCES`.
        notes: what a reader must know, such as the notes of the responses compared.
        inputs: files, or folders of files, the results rest on, listed with SHA-256; a mapping
            gives the names to show, and may hold several files as one input.
        seed: seed of the analysis; those of the comparisons when not given.
        command: what was run.
        configuration: text from which all can be done again, and the folder its paths start from.

    Returns:
        The path.

    Raises:
        TypeError: if `comparisons` is one comparison instead of several.
        ValueError: if there is no comparison, an input does not exist, or `methods` cites what
            is not known.

    >>> import tempfile
    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "0.31" in write_report(f"{folder}/report.html", [result]).read_text()
    True
    """
    target = Path(path)
    comparisons, inferences = _flatten(comparisons)
    samples = _samples_files(target, inferences)
    data, controls = data or {}, controls or {}
    brains = ", ".join(dict.fromkeys(each.brain for each in comparisons))
    now = datetime.now(UTC)
    described = all_descriptions(data, networks)
    paragraphs = [*sentences_on(data), *methods]
    paragraphs += method_paragraphs(_told(comparisons), inferences, _told_controls(controls))
    files = digests(_named(inputs))
    page = _page(
        title=title or f"Models compared with {brains}",
        version=__version__,
        now=now,
        summary=[each.strip() for each in summary.split("\n\n") if each.strip()],
        data=described[0],
        networks=described[1],
        rdms=[rdm_picture(each, position) for position, each in enumerate(rdms, start=1)],
        figures=[picture(each, caption, caption) for caption, each in (figures or {}).items()],
        tables=[
            page_table(frame, name, f"table-{position}")
            for position, (name, frame) in enumerate(
                [*_tests(inferences), *(tables or {}).items()], start=1
            )
        ],
        methods=[_with_links(each) for each in paragraphs],
        references=[(key, REFERENCES[key].entry) for key in cited(paragraphs)],
        notes=[*reading_notes(comparisons), *map(sentence, notes)],
        facts=provenance_facts(comparisons, now, seed=seed, command=command, samples=list(samples)),
        inputs=page_table(pd.DataFrame(files), "Inputs", "inputs", digest="SHA-256"),
        configuration=configuration[0] if configuration else "",
        # `sealed` leaves nothing in it that HTML could read.
        sealed=Markup(sealed(_again(target, comparisons, files, seed, command, configuration))),
        **_results(comparisons, controls),
    )
    with whole_file(target) as temporary:
        temporary.write_text(page.translate(DIRECTIONS), encoding="utf-8")
        for name, inference in samples.items():
            inference.save(target.with_name(name))
    return target


def _results(comparisons: list[Comparison], controls: Mapping[str, str]) -> dict[str, Any]:
    bars, by_step = split_courses(comparisons, "step")
    bars, by_time = split_courses(bars, "time")
    table, shared = scores_table(comparisons)
    told, told_controls = _told(bars or comparisons), _told_controls(controls)
    return {
        "headline": headline(told, told_controls),
        "scores": [scores_picture(each) for each in by_method(bars)],
        "courses": [
            course_picture(each)
            for course in (by_step, by_time)
            for method in by_method(course)
            for each in by_brain(method)
        ],
        "bounds": ceilings_and_controls(told, told_controls),
        "comparisons": table,
        "shared": shared,
    }


def _told(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same under names that can stand in sentences."""
    return [
        replace(each, model=isolated(each.model), brain=isolated(each.brain))
        for each in comparisons
    ]


def _told_controls(controls: Mapping[str, str]) -> dict[str, str]:
    return {isolated(name): text for name, text in controls.items()}


def _flatten(
    given: Inference | Sequence[Comparison | Inference],
) -> tuple[list[Comparison], list[Inference]]:
    """All comparisons, and the inferences that some come from."""
    if isinstance(given, Comparison):
        raise TypeError("`comparisons` must be a sequence; got one Comparison: put it in a list")
    each = [given] if isinstance(given, Inference) else list(given)
    if not each:
        raise ValueError("`comparisons` must hold at least one comparison; got none")
    wrong = [type(one).__name__ for one in each if not isinstance(one, Comparison | Inference)]
    if wrong:
        raise TypeError(f"`comparisons` must be Comparison or Inference; got {', '.join(wrong)}")
    inferences = [one for one in each if isinstance(one, Inference)]
    return every_comparison(each), inferences


def _samples_files(target: Path, inferences: list[Inference]) -> dict[str, Inference]:
    """Where each inference is saved: a name of its own beside the report."""
    numbers = ["", *(f"-{number}" for number in range(2, len(inferences) + 1))]
    return {
        f"{target.stem}.samples{number}.npz": each
        for number, each in zip(numbers, inferences, strict=False)
    }


def _tests(inferences: list[Inference]) -> list[tuple[str, pd.DataFrame]]:
    """Tables of tests, by heading."""
    found = []
    for each in inferences:
        brain, over = each.comparisons[0].brain, _OVER[each.over]
        found.append((f"{brain}: against 0 and the ceiling, over {over}", _model_tests(each)))
        if len(each.models) > 1:
            found.append((f"{brain}: model against model, over {over}", each.pair_frame()))
    return found


def _model_tests(inference: Inference) -> pd.DataFrame:
    """Without the test against a ceiling where there is none that could be tested."""
    return inference.model_frame()[_TESTS].dropna(axis=1, how="all")


def _named(
    inputs: Sequence[str | Path] | Mapping[str, str | Path | Sequence[Path]],
) -> dict[str, Path | Sequence[Path]]:
    if isinstance(inputs, Mapping):
        return {
            name: Path(each) if isinstance(each, str | Path) else each
            for name, each in inputs.items()
        }
    return {str(path): Path(path) for path in inputs}


def _again(
    target: Path,
    comparisons: list[Comparison],
    files: list[dict[str, str | int]],
    seed: int | None,
    command: str | None,
    configuration: tuple[str, Path] | None,
) -> dict[str, Any]:
    """What `read_provenance` gives back."""
    text, folder = configuration or (None, None)
    rows = comparison_table(comparisons).to_dict("records")
    return {
        "neurospyke": __version__,
        "command": command,
        "seed": seed,
        "configuration": text,
        "folder": folder_from(target, folder),
        "inputs": files,
        "scores": [{name: _plain(value) for name, value in row.items()} for row in rows],
    }


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_links(text: str) -> Markup:
    """A paragraph with its citations as links to the list of references."""
    pieces = []
    for part, keys in parts_of(text):
        pieces.append(escape(part))
        links = Markup("; ").join(
            Markup('<a href="#ref-{}">{}</a>').format(key, REFERENCES[key].cite) for key in keys
        )
        pieces.append(Markup("({})").format(links) if keys else Markup(""))
    return Markup("").join(pieces)


def _page(**parts: Any) -> str:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FileSystemLoader(_HERE),
    )
    script, look = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Both are files of this package, and end up inside the elements the policy names.
    own = {"script": Markup(script), "look": Markup(look)}
    return environment.get_template("page.html").render(script_digest=digest, **own, **parts)
