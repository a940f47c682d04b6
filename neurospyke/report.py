"""Report: scores, figures, tables and provenance in one HTML file that needs nothing else."""

import base64
import hashlib
import io
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import jinja2
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from neurospyke import __version__
from neurospyke.compare.comparison import Comparison
from neurospyke.compare.inference import Inference
from neurospyke.compare.rdm import RDM
from neurospyke.figures import comparison_labels, plot_rdm, plot_scores, plot_time_course
from neurospyke.figures.look import style
from neurospyke.storage import whole_file

_PACKAGES = (
    *("numpy", "scipy", "pandas", "torch", "scikit-learn", "neo", "elephant"),
    *("matplotlib", "seaborn", "pillow", "jinja2"),
)
_OVER = {"stimuli": "stimuli", "subjects": "subjects", "both": "stimuli and subjects"}
_TESTS = ["model", "score", "standard_error", "p_zero", "p_ceiling", "p_fdr"]
_ALWAYS = ("model", "score", "interval", "ceiling", "p")
_MAX_SVG_BYTES = 2**21
_ABSENT = "\N{EN DASH}"

Picture = dict[str, str]
Table = dict[str, Any]


def write_report(  # noqa: PLR0913 - a report names everything it shows
    path: str | Path,
    comparisons: Inference | Sequence[Comparison | Inference],
    *,
    title: str = "",
    summary: str = "",
    rdms: Sequence[RDM] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
    figures: Mapping[str, Axes | Figure] | None = None,
    notes: Sequence[str] = (),
    inputs: Sequence[str | Path] = (),
    seed: int | None = None,
    command: str | None = None,
) -> Path:
    """One self-contained HTML file about comparisons, written whole or not at all.

    Comparisons of one model with one brain at several times or steps are drawn as a course;
    the bars show the others, and of a course only what covers all of it. An inference adds tables
    of its tests, and is saved with all that was drawn beside the report (`.samples.npz`).

    Args:
        path: the file to write.
        comparisons: at least one; inferences stand for all of theirs.
        title: heading; made from the names of the brains when empty.
        summary: opening text; blank lines separate paragraphs.
        rdms: dissimilarity matrices to show.
        tables: further tables by heading.
        figures: further figures by caption.
        notes: what a reader must know, such as the notes of the responses compared.
        inputs: files, or folders of files, the results rest on; listed with SHA-256.
        seed: seed of the analysis; those of the comparisons when not given.
        command: what was run.

    Returns:
        The path.

    Raises:
        TypeError: if `comparisons` is one comparison instead of several.
        ValueError: if there is no comparison, or an input does not exist.

    >>> import tempfile
    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "0.31" in write_report(f"{folder}/report.html", [result]).read_text()
    True
    """
    target = Path(path)
    comparisons, inferences = _flatten(comparisons)
    samples = _samples_files(target, inferences)
    files = [_digest(Path(each)) for each in inputs]
    bars, by_step = _split(comparisons, "step")
    bars, by_time = _split(bars, "time")
    table, shared = _comparison_table(comparisons)
    brains = ", ".join(dict.fromkeys(each.brain for each in comparisons))
    now = datetime.now(UTC)
    page = _template().render(
        title=title or f"Models compared with {brains}",
        version=__version__,
        date=now.strftime("%Y-%m-%d %H:%M UTC"),
        summary=[each.strip() for each in summary.split("\n\n") if each.strip()],
        headline=_headline(bars or comparisons),
        scores=[_scores_picture(each) for each in _by_method(bars)],
        courses=[
            _course_picture(each)
            for course in (by_step, by_time)
            for method in _by_method(course)
            for each in _by_brain(method)
        ],
        rdms=[_rdm_picture(each, position) for position, each in enumerate(rdms, start=1)],
        figures=[_picture(each, caption) for caption, each in (figures or {}).items()],
        comparisons=table,
        shared=shared,
        tables=[
            {"heading": name} | _table(frame)
            for name, frame in [*_tests(inferences), *(tables or {}).items()]
        ],
        notes=[*_notes(comparisons), *map(_sentence, notes)],
        provenance=_provenance(comparisons, now, seed, command, list(samples)),
        inputs=_table(pd.DataFrame(files), digest="SHA-256"),
    )
    with whole_file(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
        for name, inference in samples.items():
            inference.save(target.with_name(name))
    return target


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
    parts = [one.comparisons if isinstance(one, Inference) else (one,) for one in each]
    return [comparison for part in parts for comparison in part], inferences


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
        found.append(
            (f"{brain}: against 0 and the ceiling, over {over}", each.model_frame()[_TESTS])
        )
        if len(each.models) > 1:
            found.append((f"{brain}: model against model, over {over}", each.pair_frame()))
    return found


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return environment.from_string(source)


def _split(
    comparisons: list[Comparison], axis: Literal["step", "time"]
) -> tuple[list[Comparison], list[Comparison]]:
    """Comparisons that stand alone, and those that make courses along an axis."""
    groups: dict[str, list[Comparison]] = {}
    in_full = {(each.model, each.brain) for each in comparisons if each.step is None}
    labels = comparison_labels(comparisons, without=(axis,))
    for label, each in zip(labels, comparisons, strict=True):
        groups.setdefault(label, []).append(each)
    alone, courses = [], []
    for group in groups.values():
        whole, parts = _whole_step(group, in_full) if axis == "step" else _whole_time(group)
        makes_course = len({getattr(each, axis) for each in parts}) > 1
        alone += whole if makes_course else group
        courses += parts if makes_course else []
    return alone, courses


def _whole_step(
    group: list[Comparison], in_full: set[tuple[str, str]]
) -> tuple[list[Comparison], list[Comparison]]:
    """What includes all steps, and the steps.

    Steps add up, so the last one may stand for all where nothing else tells of that model.
    """
    parts = [each for each in group if each.step is not None]
    whole = [each for each in group if each.step is None]
    if not whole and (group[0].model, group[0].brain) not in in_full:
        last = max(each.step for each in parts if each.step is not None)
        whole = [each for each in parts if each.step == last]
    return whole, parts


def _whole_time(group: list[Comparison]) -> tuple[list[Comparison], list[Comparison]]:
    """Windows that hold all others, and the others."""
    times = [each.time for each in group if each.time is not None]
    starts, stops = zip(*times, strict=True) if times else ([0.0], [0.0])
    whole = [each for each in group if each.time in (None, (min(starts), max(stops)))]
    return whole, [each for each in group if each not in whole]


def _by_method(comparisons: list[Comparison]) -> list[list[Comparison]]:
    methods = dict.fromkeys(each.method for each in comparisons)
    return [[each for each in comparisons if each.method == method] for method in methods]


def _by_brain(comparisons: list[Comparison]) -> list[list[Comparison]]:
    brains = dict.fromkeys(each.brain for each in comparisons)
    return [[each for each in comparisons if each.brain == brain] for brain in brains]


def _headline(comparisons: list[Comparison]) -> str:
    if len(comparisons) == 1:
        return f"{comparisons[0]}."
    groups = [group for method in _by_method(comparisons) for group in _by_brain(method)]
    best = [max(group, key=lambda each: each.score) for group in groups]
    return f"Highest of {len(comparisons)} scores: {'; '.join(map(str, best))}."


def _scores_picture(comparisons: list[Comparison]) -> Picture:
    with style():
        figure = Figure(figsize=(7.2, 0.9 + 0.34 * len(comparisons)), layout="constrained")
        plot_scores(comparisons, figure.subplots())
    caption = f"Scores ({comparisons[0].method}) with their intervals"
    known = [each for each in comparisons if each.ceiling is not None]
    if known:
        caption += "; the pale band behind a bar is the noise ceiling of the brain data"
    if known and len(known) < len(comparisons):
        caption += ", where the data give one"
    return _picture(figure, f"{caption}.")


def _course_picture(comparisons: list[Comparison]) -> Picture:
    with style():
        figure = Figure(figsize=(7.6, 4.0), layout="constrained")
        plot_time_course(comparisons, figure.subplots())
    along = "model steps" if comparisons[0].step is not None else "time"
    caption = f"Scores ({comparisons[0].method}) along {along}, shaded by their intervals"
    if any(each.ceiling for each in comparisons):
        caption += "; the pale band is the noise ceiling of the brain data"
    return _picture(figure, f"{caption}.")


def _rdm_picture(rdm: RDM, position: int) -> Picture:
    with style():
        figure = Figure(figsize=(3.9, 3.3), layout="constrained")
        plot_rdm(rdm, figure.subplots()).set_title("")
    units = f", {rdm.n_units} units" if rdm.n_units else ""
    name = rdm.source or f"Matrix {position}"
    caption = f"{name}: {rdm.n_conditions} conditions{units}, {rdm.dissimilarity} dissimilarity."
    return _picture(figure, caption)


def _picture(drawing: Axes | Figure | SubFigure, caption: str) -> Picture:
    """As an image of its own, so that nothing inside it can meet the page or another figure."""
    figure: Any = drawing
    while figure is not figure.figure:
        figure = figure.figure
    content, kind = _save(figure, "svg"), "svg+xml"
    if len(content) > _MAX_SVG_BYTES:
        content, kind = _save(figure, "png"), "png"
    return {
        "caption": caption,
        "source": f"data:image/{kind};base64,{base64.b64encode(content).decode()}",
    }


def _save(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    undated = {"Date": None} if kind == "svg" else None
    with mpl.rc_context({"svg.hashsalt": "neurospyke", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, bbox_inches="tight", dpi=200, metadata=undated)
    return buffer.getvalue()


def _comparison_table(comparisons: list[Comparison]) -> tuple[Table, str]:
    """Columns of what differs, and the part of a sentence that says what does not."""
    rows = [_row(each) for each in comparisons]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    known = {name: values for name, values in columns.items() if not all(map(_is_absent, values))}
    same = {
        name: values[0]
        for name, values in known.items()
        if name not in _ALWAYS and len(rows) > 1 and len(set(map(str, values))) == 1
    }
    frame = pd.DataFrame({k: v for k, v in known.items() if k not in same}, dtype=object)
    return _table(frame), ", ".join(f"{name} {value}" for name, value in same.items())


def _row(comparison: Comparison) -> dict[str, Any]:
    time, (n_model_units, n_brain_units) = comparison.time, comparison.units
    row = {
        "method": comparison.method,
        "model": comparison.model,
        "brain": comparison.brain,
        "time (s)": None if time is None else f"{time[0]:g} to {time[1]:g}",
        "step": comparison.step,
        "score": f"{comparison.score:.3f}",
        "interval": _pair(comparison.interval),
        "ceiling": _pair(comparison.ceiling),
        "p": None if comparison.p is None else f"{comparison.p:.2g}",
        "conditions": len(comparison.conditions),
        "model units": n_model_units or None,
        "brain units": n_brain_units or None,
        "seed": comparison.seed,
    }
    # A setting may bear the name of a column, as "ceiling" does for how it was estimated.
    return row | {
        f"{name} (setting)" if name in row else name: value
        for name, value in comparison.settings.items()
    }


def _pair(bounds: tuple[float, float] | None) -> str | None:
    return None if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _table(frame: pd.DataFrame, digest: str = "") -> Table:
    columns, cells = [], []
    for position, name in enumerate(frame.columns):
        values = list(frame.iloc[:, position])
        kind = "digest" if name == digest else _kind(values)
        columns.append({"name": str(name), "kind": kind})
        cells.append(_texts(values))
    return {"columns": columns, "rows": [list(row) for row in zip(*cells, strict=True)]}


def _kind(values: list) -> str:
    known = [str(value) for value in values if not _is_absent(value)]
    numbers = known and all(each[:1] in "+-0123456789" and each[-1:].isdigit() for each in known)
    return "number" if numbers else "text"


def _texts(values: list) -> list[str]:
    """Cells of a column; its floats share the number of decimals that gives three digits."""
    floats = [abs(each) for each in values if isinstance(each, float) and np.isfinite(each)]
    largest = max(floats, default=0.0)
    decimals = 3 if largest < 1 else max(0, 2 - int(np.floor(np.log10(largest))))
    return [_text(value, decimals) for value in values]


def _text(value: Any, decimals: int) -> str:
    if _is_absent(value):
        return _ABSENT
    if not isinstance(value, float):
        return str(value)
    fixed = f"{value:.{decimals}f}"
    return f"{value:.2g}" if value and not float(fixed) else fixed


def _is_absent(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value))


def _notes(comparisons: list[Comparison]) -> list[str]:
    levels = ", ".join(f"{100 * each:g} %" for each in {each.confidence for each in comparisons})
    notes = [f"Intervals are confidence intervals of the score ({levels})."]
    unknown = [
        label
        for label, each in zip(comparison_labels(comparisons), comparisons, strict=True)
        if each.ceiling is None
    ]
    if len(unknown) < len(comparisons):
        notes.append(
            "The noise ceiling is the range of the score that the best possible model would "
            "reach, given the noise in the brain data: a score is read against it, not against 1."
        )
    if unknown:
        notes.append(f"No noise ceiling is known for {_some(unknown)}.")
    if any(each.p is not None for each in comparisons):
        notes.append(
            "p is the probability of a score this high by chance, one-sided, for each comparison "
            "by itself: it is not corrected for their number."
        )
    if len({frozenset(each.conditions) for each in comparisons}) > 1:
        notes.append("The comparisons do not all rest on the same conditions.")
    if any(each.step is not None for each in comparisons):
        notes.append("Model steps add up: a step includes all before it.")
    return notes


def _sentence(note: str) -> str:
    # A note may begin with a file's name, which is not a word to capitalise.
    first = note.split(maxsplit=1)[:1]
    note = note[:1].upper() + note[1:] if first and first[0].isalpha() else note
    return f"{note.rstrip('.')}."


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def _provenance(
    comparisons: list[Comparison],
    now: datetime,
    seed: int | None,
    command: str | None,
    samples: list[str],
) -> list[tuple[str, str]]:
    seeds = sorted({each.seed for each in comparisons if each.seed is not None})
    chosen = seeds if seed is None else [seed]
    return [
        ("Date", now.isoformat(timespec="seconds")),
        ("Command", command or "not recorded"),
        ("Seed", ", ".join(map(str, chosen)) or "not recorded"),
        *([("Samples and draws", ", ".join(samples))] if samples else []),
        ("neurospyke", __version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        ("Packages", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _digest(path: Path) -> dict[str, str | int]:
    """SHA-256 of a file; of a folder, that of the list of its files and theirs."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        lines = "".join(f"{_sha256(each)}  {each.relative_to(path).as_posix()}\n" for each in files)
        digest, size = hashlib.sha256(lines.encode()).hexdigest(), _size(files)
        return {"input": f"{path} ({len(files)} files)", "bytes": size, "SHA-256": digest}
    if not path.is_file():
        raise ValueError(f"`inputs` must be existing files or folders; got {str(path)!r}")
    return {"input": str(path), "bytes": _size([path]), "SHA-256": _sha256(path)}


def _size(files: Iterable[Path]) -> int:
    return sum(each.stat().st_size for each in files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
