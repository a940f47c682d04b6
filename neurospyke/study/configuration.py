"""A study as a configuration: all that decides its result, checked before anything is computed."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurospyke.study.brain import Brain
from neurospyke.study.comparing import Run, read_comparison
from neurospyke.study.keys import Keys
from neurospyke.study.models import Models, files_of
from neurospyke.study.stimuli import STIMULI_KEYS, Stimuli

REPORT_KEYS = ("title", "question", "notes")
STUDY_KEYS = (
    *("seed", "report", "stimuli", "recording", "align", "responses", "brain"),
    *("network", "models", "comparison"),
)
_MAX_BYTES = 2**20


@dataclass(frozen=True)
class Study:
    """What is asked, of what, and how.

    Args:
        text: the configuration itself.
        folder: where its relative paths start.
        seed: of everything random.
        title: of the report.
        question: what the report opens with.
        notes: what a reader must know.
        stimuli: the images; None where no model sees them.
        brain: the brain.
        models: the models.
        comparisons: what runs each comparison.
    """

    text: str
    folder: Path
    seed: int
    title: str
    question: str
    notes: tuple[str, ...]
    stimuli: Stimuli | None
    brain: Brain
    models: Models
    comparisons: tuple[Run, ...]

    @property
    def inputs(self) -> Mapping[str, Path | Sequence[Path]]:
        """Every file and folder the result rests on, by the name to show.

        Images that a table lists are one input.
        """
        brain = self.brain
        own = [brain.path, brain.events, *files_of(self.models)]
        own += [self.stimuli.path] if self.stimuli else []
        named: dict[str, Path | Sequence[Path]] = {
            _seen_from(path, self.folder): path for path in own if path is not None
        }
        named |= self._listed_images()
        datasets = [brain.dataset, self.stimuli.dataset if self.stimuli else None]
        for name in dict.fromkeys(each for each in datasets if each):
            from neurospyke.datasets import fetch_dataset
            from neurospyke.datasets.registry import read_registry

            where = fetch_dataset(name)
            files = [each.path for each in read_registry()[name].files]
            named |= {f"{name}: {file}": where / file for file in files if (where / file).is_file()}
        return named

    def _listed_images(self) -> dict[str, Sequence[Path]]:
        network, shown = self.models.network, self.stimuli.path if self.stimuli else None
        learned = network.training.path if network and network.training else None
        tables = [path for path in (shown, learned) if path and path.suffix.lower() == ".csv"]
        if not tables:
            return {}
        from neurospyke.images import listed_images

        return {
            f"images of {_seen_from(path, self.folder)}": listed_images(path) for path in tables
        }


def read_study(path: str | Path) -> Study:
    """A study from a TOML file.

    Args:
        path: the file.

    Returns:
        The study, whose files are known to exist.

    Raises:
        ValueError: if the file is missing or no TOML, or a key or value does not fit; the message
            names the key, what was expected and what came.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"a study must be an existing TOML file; {str(file)!r} is none")
    if file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"a study must be under {_MAX_BYTES} bytes; {str(file)!r} is larger")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} must be text in UTF-8: {error}") from error
    return parse_study(text, file.resolve().parent, name=str(file))


def parse_study(text: str, folder: Path, *, name: str = "the configuration") -> Study:
    """A study from the text of a configuration.

    Args:
        text: TOML.
        folder: where relative paths start.
        name: what to call it in messages.

    Returns:
        The study.

    Raises:
        ValueError: as `read_study`.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} must be TOML: {error}") from error
    keys = Keys(content, "", STUDY_KEYS)
    report = keys.section("report", REPORT_KEYS) or Keys({}, "report", REPORT_KEYS)
    shown = keys.section("stimuli", STIMULI_KEYS)
    models = Models.from_keys(keys, folder)
    if models.needs_images and shown is None:
        raise ValueError("a [network] and baselines must have [stimuli], the images they see")
    tables = keys.every("comparison")
    return Study(
        text,
        folder,
        keys.whole("seed", 0),
        report.text("title", ""),
        report.text("question", ""),
        report.texts("notes", ()),
        None if shown is None else Stimuli.from_keys(shown, folder),
        Brain.from_keys(keys, folder),
        models,
        tuple(read_comparison(table, position) for position, table in enumerate(tables, start=1)),
    )


def _seen_from(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder)).as_posix()
