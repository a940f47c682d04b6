"""A report, done again from its own provenance, and held against itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from neurospyke import __version__
from neurospyke.report import read_provenance
from neurospyke.report.provenance import digests
from neurospyke.study.configuration import Study, parse_study

_TOLERANCE = 1e-9
_KEYS = ("method", "model", "brain", "time_start", "time_stop", "step")
_VALUES = ("score", "interval_low", "interval_high", "ceiling_low", "ceiling_high", "p")


class Before(NamedTuple):
    """What a report says of its own making.

    Attributes:
        study: the study, its seed that of the report.
        changed: sentences on inputs and versions that are no longer those of the report.
        scores: rows of its table of comparisons.
    """

    study: Study
    changed: list[str]
    scores: list[dict[str, Any]]


def read_again(report: str | Path, folder: str | Path | None = None) -> Before:
    """The study behind a report, and what has changed since.

    Args:
        report: a report that `neurospyke report` wrote.
        folder: where paths of its configuration start, if not where the report says.

    Returns:
        What it says.

    Raises:
        ValueError: if it has no configuration, or an input is not there.
    """
    path = Path(report)
    provenance = read_provenance(path)
    if provenance["configuration"] is None:
        raise ValueError(
            f"{path} must have a configuration to be done again; it was written by "
            f"{provenance['command'] or 'a program'}"
        )
    start = path.resolve().parent / provenance["folder"] if folder is None else Path(folder)
    text, seed = provenance["configuration"], provenance["seed"]
    study = parse_study(text, start.resolve(), name=f"the configuration in {path}")
    study = study if seed is None else replace(study, seed=seed)
    changed = _changed(provenance["inputs"], digests(study.inputs))
    if provenance["neurospyke"] != __version__:
        changed.append(f"neurospyke was {provenance['neurospyke']}, and is {__version__}")
    return Before(study, changed, provenance["scores"])


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """Where two tables of comparisons are not the same.

    Args:
        before: rows of `read_provenance`.
        after: rows of another.

    Returns:
        A sentence a comparison that differs by more than 1e-9, is new or is gone.

    >>> one = {"method": "rsa", "model": "conv1", "brain": "V4", "score": 0.5}
    >>> differences([one], [one | {"score": 0.25}])
    ['rsa of conv1 with V4: score was 0.5, is 0.25']
    """
    first, second = _by_name(before), _by_name(after)
    found = [f"{name} is gone" for name in first if name not in second]
    found += [f"{name} is new" for name in second if name not in first]
    for name in first:
        for value in _VALUES if name in second else ():
            old, new = first[name].get(value), second[name].get(value)
            if not _same(old, new):
                found.append(f"{name}: {value} was {old}, is {new}")
                break
    return found


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return abs(old - new) <= _TOLERANCE


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        method, model, brain, *where = (row.get(key) for key in _KEYS)
        place = [
            f"{key} {value:g}"
            for key, value in zip(_KEYS[3:], where, strict=True)
            if value is not None
        ]
        name = f"{method} of {model} with {brain}"
        name = f"{name} at {', '.join(place)}" if place else name
        n_alike = sum(each.partition(" #")[0] == name for each in found)
        found[f"{name} #{n_alike + 1}" if n_alike else name] = row
    return found


def _changed(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    old = {row["input"]: row["SHA-256"] for row in before}
    new = {row["input"]: row["SHA-256"] for row in now}
    found = [f"{name} is no longer read" for name in old if name not in new]
    found += [f"{name} is new" for name in new if name not in old]
    return found + [f"{name} has changed" for name in old if name in new and old[name] != new[name]]
