"""Folders of Kilosort and phy: sample numbers and clusters in arrays, quality in tables."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.recording.observed import crop, inferred_span
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport

_NOISE = "noise"
_MAX_TEXT_BYTES = 64 * 2**20


def read_phy(path: Path, *, trials: dict[str, pd.DataFrame], observed: object) -> Recording:
    """Recording from a folder of Kilosort or phy; clusters labelled noise are left out.

    ``params.py`` is read as text for its `sample_rate` and never run.

    Args:
        path: the folder.
        trials: trial tables, which such a folder does not hold itself.
        observed: (span, 2), or one (start, stop), in seconds; when None, from sample 0 to the last
            spike or trial.

    Returns:
        The recording: one unit a cluster, column `quality` from ``cluster_group.tsv``
        ("unsorted" where it says nothing), further columns from the other ``cluster_*.tsv``.

    Raises:
        ValueError: if a file is missing or damaged, shapes disagree, or no cluster is left.
    """
    rate = _sample_rate(path / "params.py")
    samples = _whole_numbers(path / "spike_times.npy")
    clusters = _whole_numbers(path / "spike_clusters.npy")
    if samples.shape != clusters.shape:
        raise ValueError(
            f"{str(path)!r} must hold one cluster for each spike; got {samples.size} spike times "
            f"and {clusters.size} clusters"
        )
    units = _cluster_table(path, np.unique(clusters))
    noise = (units["quality"] == _NOISE).to_numpy()
    report = _noise_report(units, noise, clusters)
    units = units[~noise].reset_index(drop=True)
    if units.empty:
        raise ValueError(f"{str(path)!r} must hold a cluster that is not noise; got none")
    ids = units["unit"].to_numpy()
    kept = np.isin(clusters, ids)
    # A stable sort by cluster keeps the file's order inside each: times out of order stay visible.
    order = np.argsort(clusters[kept], kind="stable")
    times = samples[kept][order] / rate
    offsets = np.append(np.searchsorted(clusters[kept][order], ids), len(times))
    if observed is None:
        spans, inferred = inferred_span(times, trials, start=0.0)
        report += inferred
    else:
        times, offsets, spans, lost = crop(times, offsets, observed)
        report += lost
    return Recording(times, offsets, units, trials, spans, source=path.name, report=report)


def _text(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"a phy folder must hold {path.name}; {str(path.parent)!r} does not")
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise ValueError(f"{str(path)!r} must be a text file under {_MAX_TEXT_BYTES} bytes")
    return path.read_text(encoding="utf-8")


def _sample_rate(path: Path) -> float:
    try:
        statements = ast.parse(_text(path)).body
    except SyntaxError as error:
        raise ValueError(f"{str(path)!r} must hold lines `name = value`: {error}") from error
    rate: object = None
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "sample_rate"
            for target in statement.targets
        ):
            rate = _literal(statement.value, path)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < np.inf:
        raise ValueError(
            f"{str(path)!r} must give sample_rate, a positive number of samples/s; got {rate!r}"
        )
    return float(rate)


def _literal(expression: ast.expr, path: Path) -> object:
    try:
        return ast.literal_eval(expression)
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} must give sample_rate as a plain number, since the file is never run; "
            f"got `{ast.unparse(expression)}`"
        ) from error


def _whole_numbers(path: Path) -> np.ndarray:
    if not path.is_file():
        raise ValueError(f"a phy folder must hold {path.name}; {str(path.parent)!r} does not")
    try:
        # A memory map compares the header's shape with the file's size before anything is read.
        array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{str(path)!r} must be a whole .npy file: {error}") from error
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"{str(path)!r} must hold whole numbers (samples or clusters); got {array.dtype}"
        )
    if array.size == 0 or array.size != max(array.shape):
        raise ValueError(f"{str(path)!r} must be (spike,) and not empty; got {array.shape}")
    if array.min() < 0:
        raise ValueError(f"{str(path)!r} must hold numbers from 0; got {array.min()}")
    return array.ravel().astype(np.int64)


def _cluster_table(path: Path, clusters: np.ndarray) -> pd.DataFrame:
    units = pd.DataFrame({"unit": clusters})
    group = path / "cluster_group.tsv"
    others = sorted(set(path.glob("cluster_*.tsv")) - {group})
    for file in [group, *others] if group.is_file() else others:
        table = pd.read_csv(file, sep="\t", keep_default_na=False)
        key = "cluster_id" if "cluster_id" in table else "id"
        if key not in table or not table[key].is_unique or table[key].dtype.kind not in "iu":
            raise ValueError(
                f"{str(file)!r} must have a column cluster_id of whole numbers, each once; got "
                f"the columns {list(table.columns)}"
            )
        table = table.rename(columns={key: "unit", "group": "quality"})
        new = [column for column in table if column == "unit" or column not in units]
        units = units.merge(table[new], on="unit", how="left", validate="one_to_one")
    if "quality" not in units:
        units["quality"] = ""
    for column in units:
        if pd.api.types.is_string_dtype(units[column]):
            units[column] = units[column].fillna("")
    units["quality"] = units["quality"].replace("", "unsorted")
    return units


def _noise_report(units: pd.DataFrame, noise: np.ndarray, clusters: np.ndarray) -> ImportReport:
    if not noise.any():
        return ImportReport()
    names = units.loc[noise, "unit"].tolist()
    n_spikes = int(np.isin(clusters, names).sum())
    text = (
        f"{len(names)} of {len(units)} clusters labelled noise left out, with {n_spikes} spikes: "
        f"{names}"
    )
    return ImportReport().with_finding("excluded", text, len(names))
