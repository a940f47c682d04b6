"""Folders of Kilosort and phy: sample numbers and clusters in arrays, quality in tables."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.recording.found import Found, without_noise
from neurospyke.recording.report import ImportReport

_MAX_TEXT_BYTES = 2**16
_MAX_TABLE_BYTES = 2**26
_MAX_SAMPLE = 2**53
_MAX_RATE = 1e9


def read_phy(path: Path) -> Found:
    """What a folder of Kilosort or phy holds; clusters labelled noise are left out.

    ``params.py`` is read as text for its `sample_rate` and never run. Where Kilosort's output has
    not been opened in phy yet, a spike's template stands for its cluster, and Kilosort's own label
    for a person's.

    Args:
        path: the folder.

    Returns:
        The find: one unit a cluster, column `quality` from ``cluster_group.tsv``, or
        ``cluster_groups.csv`` of older versions ("unsorted" where they say nothing), further
        columns from the other ``cluster_*.tsv``.

    Raises:
        ValueError: if a file is missing or damaged, shapes disagree, or no cluster is left.
    """
    rate = _sample_rate(path / "params.py")
    samples = _whole_numbers(path / "spike_times.npy")
    clusters, report = _clusters(path)
    if samples.shape != clusters.shape:
        raise ValueError(
            f"{str(path)!r} must hold one cluster for each spike; got {samples.size} spike times "
            f"and {clusters.size} clusters"
        )
    units, labels = _cluster_table(path, np.unique(clusters))
    # A stable sort by cluster keeps the file's order inside each: times out of order stay visible.
    order = np.argsort(clusters, kind="stable")
    offsets = np.append(np.searchsorted(clusters[order], units["unit"].to_numpy()), len(clusters))
    text = f"samples divided by the sampling rate, {rate:g} samples/s"
    return without_noise(
        Found(
            *(samples[order] / rate, offsets, units),
            start=0.0,
            in_seconds=True,
            source=path.name,
            report=report.with_finding("read", text, len(samples)) + labels,
        )
    )


def _clusters(path: Path) -> tuple[np.ndarray, ImportReport]:
    curated, templates = path / "spike_clusters.npy", path / "spike_templates.npy"
    if curated.exists() or not templates.exists():
        return _whole_numbers(curated), ImportReport()
    text = "clusters not yet curated: the template of each spike taken for its cluster"
    return _whole_numbers(templates), ImportReport().with_finding("inferred", text)


def _text(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"a phy folder must hold {path.name}; {str(path.parent)!r} does not")
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise ValueError(f"{str(path)!r} must be a text file under {_MAX_TEXT_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(path)!r} must be text: {error}") from error


def _sample_rate(path: Path) -> float:
    text = _text(path)
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{str(path)!r} must hold lines `name = value`: {error}") from error
    rate: object = None
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "sample_rate"
            for target in statement.targets
        ):
            rate = _literal(statement.value, path)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < _MAX_RATE:
        raise ValueError(
            f"{str(path)!r} must give sample_rate, a positive number of samples/s; got {rate!r}"
        )
    return float(rate)


def _literal(expression: ast.expr, path: Path) -> object:
    try:
        return ast.literal_eval(expression)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"{str(path)!r} must give sample_rate as a plain number, since the file is never run; "
            f"got `{ast.unparse(expression)}`"
        ) from error


def _whole_numbers(path: Path) -> np.ndarray:
    if not path.is_file():
        raise ValueError(f"a phy folder must hold {path.name}; {str(path.parent)!r} does not")
    try:
        # A memory map compares the header's shape with the file's size before anything is read.
        array = np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:
        raise ValueError(f"{str(path)!r} must be a whole .npy file: {error}") from error
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"{str(path)!r} must hold whole numbers (samples or clusters); got {array.dtype}"
        )
    if array.size == 0 or array.size != max(array.shape):
        raise ValueError(f"{str(path)!r} must be (spike,) and not empty; got {array.shape}")
    if array.min() < 0 or array.max() >= _MAX_SAMPLE:
        raise ValueError(
            f"{str(path)!r} must hold numbers from 0 to 2**53; got {array.min()} to {array.max()}"
        )
    return array.ravel().astype(np.int64)


def _cluster_table(path: Path, clusters: np.ndarray) -> tuple[pd.DataFrame, ImportReport]:
    units = pd.DataFrame({"unit": clusters})
    group = path / "cluster_group.tsv"
    if not group.is_file():
        # what phy wrote before version 2, with tabs all the same
        group = path / "cluster_groups.csv"
    others = sorted(set(path.glob("cluster_*.tsv")) - {group})
    for file in [group, *others] if group.is_file() else others:
        table = _table(file)
        new = [column for column in table if column == "unit" or column not in units]
        units = units.merge(table[new], on="unit", how="left", validate="one_to_one")
    for column in units:
        if pd.api.types.is_string_dtype(units[column]):
            units[column] = units[column].fillna("")
    report = ImportReport()
    if "quality" not in units and "KSLabel" in units:
        units["quality"] = units["KSLabel"]
        report = report.with_finding("inferred", "quality taken from Kilosort's label", len(units))
    if "quality" not in units:
        units["quality"] = ""
    units["quality"] = units["quality"].astype(str).replace("", "unsorted")
    return units, report


def _table(file: Path) -> pd.DataFrame:
    if file.stat().st_size > _MAX_TABLE_BYTES:
        raise ValueError(f"{str(file)!r} must be a table under {_MAX_TABLE_BYTES} bytes")
    try:
        table = pd.read_csv(file, sep="\t", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{str(file)!r} must be a table with a header: {error}") from error
    key = "cluster_id" if "cluster_id" in table else "id"
    if key not in table or not table[key].is_unique or table[key].dtype.kind not in "iu":
        raise ValueError(
            f"{str(file)!r} must have a column cluster_id of whole numbers, each once; got "
            f"the columns {list(table.columns)}"
        )
    table = table.rename(columns={key: "unit", "group": "quality"})
    if not table.columns.is_unique:
        raise ValueError(f"{str(file)!r} must have each column once; got {list(table.columns)}")
    return table
