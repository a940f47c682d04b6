"""Where the results come from, so that they can be had again."""

import hashlib
import html.parser
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neurospyke import __version__
from neurospyke.compare.comparison import Comparison

_PACKAGES = (
    *("numpy", "scipy", "pandas", "torch", "scikit-learn", "neo", "elephant"),
    *("matplotlib", "seaborn", "pillow", "jinja2"),
)
_ID = "provenance"
_MAX_BYTES = 2**28
_CPU = Path("/proc/cpuinfo")


def provenance_facts(
    comparisons: Sequence[Comparison],
    now: datetime,
    *,
    seed: int | None,
    command: str | None,
    samples: Sequence[str],
) -> list[tuple[str, str]]:
    """Date, command, seeds, versions and machine.

    Args:
        comparisons: whose seeds to name if there is no other.
        now: the date.
        seed: of the analysis.
        command: what was run.
        samples: files of all that was drawn.

    Returns:
        (name, value) pairs, the date first.
    """
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
        ("Hardware", _hardware()),
    ]


def digests(inputs: Mapping[str, Path | Sequence[Path]]) -> list[dict[str, str | int]]:
    """Size and SHA-256 of files, of folders, or of several files as one.

    Args:
        inputs: paths by the name to show.

    Returns:
        One row an input: `input`, `bytes` and `SHA-256`; of a folder, or of several files, that of
        the list of files and theirs.

    Raises:
        ValueError: if one does not exist.
    """
    return [_digest(name, path) for name, path in inputs.items()]


def sealed(provenance: Mapping[str, Any]) -> str:
    r"""Provenance as JSON that no reader of HTML can take for anything else.

    Args:
        provenance: plain values.

    Returns:
        JSON without angle brackets.

    >>> sealed({"title": "</script>"})
    '{"title": "\\u003c/script\\u003e"}'
    """
    text = json.dumps(provenance, ensure_ascii=True, allow_nan=False)
    return text.translate({ord(each): f"\\u{ord(each):04x}" for each in "<>&"})


def read_provenance(path: str | Path) -> dict[str, Any]:
    """What a report says about its own making.

    Args:
        path: the report.

    Returns:
        `neurospyke` (version), `command`, `seed`, `configuration` (text or None), `folder` (where
        paths of the configuration start, seen from the report's), `inputs` (rows of `digests`) and
        `scores` (rows of `comparison_table`, None for NaN).

    Raises:
        ValueError: if the file is missing, too large, or no report with provenance.
    """
    file = Path(path)
    if not file.is_file() or file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"`path` must be a report under {_MAX_BYTES} bytes; got {str(file)!r}")
    found = _Sealed()
    found.feed(file.read_text(encoding="utf-8", errors="replace"))
    try:
        provenance = json.loads(found.text)
    except ValueError as error:
        raise ValueError(f"{file} must be a report of neurospyke with its provenance") from error
    wanted = {"neurospyke", "command", "seed", "configuration", "folder", "inputs", "scores"}
    if not isinstance(provenance, dict) or not wanted <= set(provenance):
        raise ValueError(f"{file} must have a provenance with {sorted(wanted)}")
    return provenance


class _Sealed(html.parser.HTMLParser):
    """Text of the one element that holds provenance."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", _ID) in attrs

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data


def folder_from(report: Path, folder: Path | None) -> str | None:
    """The way from a report's folder to another, so that both can move together.

    Args:
        report: the report.
        folder: the other folder.

    Returns:
        Relative path, None where there is none.
    """
    if folder is None:
        return None
    return Path(os.path.relpath(folder.resolve(), report.resolve().parent)).as_posix()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _hardware() -> str:
    name = platform.processor() or platform.machine()
    if _CPU.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", _CPU.read_text(errors="replace"), re.M)
        name = found[1].strip() if found else name
    return f"{name}, {os.cpu_count()} CPUs"


def _digest(name: str, path: Path | Sequence[Path]) -> dict[str, str | int]:
    if not isinstance(path, Path):
        files = sorted(set(path))
        start = Path(os.path.commonpath([each.parent for each in files]))
        return _digest_of_several(name, start, files)
    if path.is_dir():
        return _digest_of_several(
            name, path, sorted(each for each in path.rglob("*") if each.is_file())
        )
    digest = _sha256(path)
    return {"input": name, "bytes": _size([path]), "SHA-256": digest}


def _digest_of_several(name: str, start: Path, files: Sequence[Path]) -> dict[str, str | int]:
    lines = "".join(f"{_sha256(each)}  {each.relative_to(start).as_posix()}\n" for each in files)
    digest, size = hashlib.sha256(lines.encode()).hexdigest(), _size(files)
    return {"input": f"{name} ({len(files)} files)", "bytes": size, "SHA-256": digest}


def _size(files: Iterable[Path]) -> int:
    return sum(each.stat().st_size for each in files)


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"`inputs` must be existing files or folders; got {str(path)!r}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
