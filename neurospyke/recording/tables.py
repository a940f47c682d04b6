"""Tables of spikes or events: CSV, TSV, Parquet, and arrays in npz."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from neurospyke.recording.fields import Fields, found_in
from neurospyke.recording.found import Found
from neurospyke.recording.report import ImportReport
from neurospyke.storage import read_npz

TABLES = {".csv": ",", ".tsv": "\t", ".parquet": ""}
_MAX_BYTES = 2**30
_MAX_UNPACKED = 2**31
_ABSENT = ["", "nan", "NaN"]
_TIME = "spike_time"
_UNIT = "unit"


def read_table(path: Path, times: Collection[str] = ("start_time", "stop_time")) -> pd.DataFrame:
    """A table from a `.csv`, `.tsv` or `.parquet` file.

    A label "NA" or "None" is a label; only in columns of times does it mean a missing value.

    Args:
        path: the file.
        times: the columns of times.

    Returns:
        The table.

    Raises:
        ImportError: if it is Parquet and pyarrow is not installed.
        ValueError: if the file is missing, damaged, or too large.
    """
    if not path.is_file() or path.suffix not in TABLES:
        raise ValueError(f"{str(path)!r} must be an existing file, one of {list(TABLES)}")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{str(path)!r} must be under {_MAX_BYTES} bytes")
    if path.suffix == ".parquet":
        return _parquet(path)
    try:
        return pd.read_csv(
            path,
            sep=TABLES[path.suffix],
            keep_default_na=False,
            na_values=dict.fromkeys(times, _ABSENT),
        )
    except (ValueError, pd.errors.ParserError, MemoryError) as error:
        raise ValueError(f"{path.name} must be a table with a header: {_line(error)}") from error


def read_spike_table(
    path: Path,
    fields: Fields | None,
    events: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Found:
    """What a table with one spike a row, or a file of arrays, holds.

    Args:
        path: a `.csv`, `.tsv`, `.parquet` or `.npz` file.
        fields: which column or array holds what; None where a table has the columns `unit` and
            `spike_time` in seconds, and each other column one value a unit.
        events: tables of trials from elsewhere, to which times may be relative.

    Returns:
        The find.

    Raises:
        ImportError: if it is Parquet and pyarrow is not installed.
        ValueError: if the file is damaged, too large, or lacks a column.
    """
    if path.suffix == ".npz":
        held: dict[str, Any] = dict(read_npz(path, _MAX_UNPACKED))
    else:
        times = [_TIME] if fields is None else [fields.spike_times]
        table = read_table(path, times)
        held = {str(column): table[column].to_numpy() for column in table}
    report = ImportReport()
    if fields is None:
        fields, report = _plain_fields(held, path)
    absent = [name for name in fields.names if name not in held]
    if absent:
        raise ValueError(f"`fields` must name what {path.name} holds, {sorted(held)}; no {absent}")
    if path.suffix != ".npz":
        _check_numbers(held[fields.spike_times], fields.spike_times, path)
    found = found_in({name: held[name] for name in fields.names}, fields, path.name, events)
    return found.with_trials(found.trials, report)


def _check_numbers(times: Any, name: str, path: Path) -> None:
    if len(times) == 0:
        raise ValueError(f"{path.name} must hold spikes; {name!r} is empty")
    if times.dtype == object:
        numbers = pd.to_numeric(pd.Series(times), errors="coerce")
        row = int(numbers.isna().to_numpy().argmax())
        raise ValueError(
            f"{path.name} must hold numbers in {name!r}; row {row} holds {str(times[row])!r}"
        )


def _plain_fields(held: dict[str, Any], path: Path) -> tuple[Fields, ImportReport]:
    if path.suffix == ".npz" or _TIME not in held or _UNIT not in held:
        raise ValueError(
            f"{path.name} must have the columns 'unit' and 'spike_time' (seconds), or be read with "
            f"`fields`, which say what is where; it holds {sorted(held)[:20]}"
        )
    of_units = pd.Series(held[_UNIT])
    kept, dropped = {}, []
    for column in (column for column in held if column not in (_TIME, _UNIT)):
        n_values = pd.Series(held[column]).groupby(of_units).nunique(dropna=False)
        if (n_values == 1).all():
            kept[column] = column
        else:
            dropped.append(column)
    report = ImportReport()
    if dropped:
        text = f"columns with more than one value a unit left out: {dropped}"
        report = report.with_finding("dropped", text, len(dropped))
    return Fields(_TIME, spike_units=_UNIT, units=kept), report


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'neurospyke[parquet]'") from error
    batches = []
    n_bytes = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            for batch in file.iter_batches():
                n_bytes += batch.nbytes
                if n_bytes > _MAX_UNPACKED:
                    raise ValueError(f"it unpacks to more than {_MAX_UNPACKED} bytes")
                batches.append(batch)
        table = pyarrow.Table.from_batches(batches, schema=schema).to_pandas()
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise ValueError(f"{path.name} must be a whole Parquet file: {_line(error)}") from error
    return table.reset_index(drop=table.index.names == [None])


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
