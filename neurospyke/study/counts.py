"""Responses from files: those of `Responses.save`, or a plain table of counts."""

from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.labels import stimulus_labels
from neurospyke.recording.tables import TABLES, read_table
from neurospyke.responses import Responses

_PREFIX = "unit"
_LABELS = ("repetition", "trial")


def read_responses(
    path: str | Path,
    *,
    stimulus: str = "stimulus",
    units: tuple[str, ...] = (),
    window: tuple[float, float] | None = None,
) -> Responses:
    r"""Responses from what `Responses.save` wrote, or from a table with a trial a row.

    Of a table, units are the columns named; without names, those whose name starts with "unit";
    where none does, all columns of numbers but the stimulus, `repetition` and `trial`. The other
    columns are labels of the trials; `repetition` is counted where it is not among them. What was
    taken for what stands in `notes`.

    Args:
        path: `.npz`, or a table (`.csv`, `.tsv`, `.parquet`).
        stimulus: of a table, the column that says what was shown.
        units: of a table, the columns that are units.
        window: of a table, (start, stop) of counting in seconds; 0 to 1 when not given.

    Returns:
        The responses.

    Raises:
        ValueError: if the file is missing or damaged, or a column is missing or no number.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "v4.csv"
    ...     _ = path.write_text("stimulus,a,b\nface,2,0\ncar,1,3\n")
    ...     read_responses(path)
    Responses(2 trials of 2 stimuli, 2 units, 1 bins over [0, 1) s, count, from v4.csv)
    """
    path = Path(path)
    if path.suffix == ".npz":
        if not path.is_file():
            raise ValueError(f"{str(path)!r} must be an existing file")
        return Responses.load(path)
    if path.suffix not in TABLES:
        raise ValueError(
            f"{str(path)!r} must be responses (.npz) or a table ({', '.join(TABLES)}) with a trial "
            "a row; a recording becomes responses by `neurospyke report` or `Recording.align`"
        )
    table = read_table(path)
    if stimulus not in table:
        raise ValueError(
            f"{path.name} must have the column {stimulus!r}, which says what was shown; it has "
            f"{list(table.columns)[:20]}"
        )
    if path.suffix != ".parquet":
        # Labels such as "007" stay as they are written.
        written = pd.read_csv(
            path, sep=TABLES[path.suffix], usecols=[stimulus], dtype=str, keep_default_na=False
        )
        table[stimulus] = written[stimulus]
    chosen, how = _units(table, stimulus, units, path.name)
    values = _numbers(table, chosen, path.name)
    labels = [name for name in table if name not in chosen]
    trials = table[labels].rename(columns={stimulus: "stimulus"})
    trials["stimulus"] = stimulus_labels(trials["stimulus"], f"{path.name}[{stimulus!r}]")
    if "repetition" not in trials:
        trials["repetition"] = trials.groupby("stimulus").cumcount()
    # Latencies and rates can be fractions; counts cannot.
    measure = "count" if (values >= 0).all() and (values == np.round(values)).all() else "other"
    notes = [f"{path.name}: {how}; the other columns, {labels}, are labels of the trials"]
    if window is None:
        notes.append(f"{path.name}: the window of counting is not stated; 0 to 1 s stands for it")
    return Responses(
        values[:, :, None],
        trials,
        pd.DataFrame({"unit": chosen}),
        np.array(window or (0.0, 1.0)),
        measure=measure,
        source=path.name,
        notes=tuple(notes),
    )


def _units(
    table: pd.DataFrame, stimulus: str, units: tuple[str, ...], name: str
) -> tuple[list[str], str]:
    absent = [each for each in units if each not in table]
    if absent:
        raise ValueError(f"{name} must have the columns of `units`; {absent[:10]} are not there")
    if units:
        return list(units), f"{len(units)} units are the columns named"
    others = [each for each in map(str, table.columns) if each != stimulus]
    prefixed = [each for each in others if each.startswith(_PREFIX)]
    if prefixed:
        return prefixed, f"{len(prefixed)} units are the columns that start with {_PREFIX!r}"
    plain = [
        each
        for each in others
        if each not in _LABELS and pd.api.types.is_numeric_dtype(table[each])
    ]
    if not plain:
        raise ValueError(f"{name} must have columns of numbers, one a unit; it has {others[:20]}")
    shown = ", ".join(plain[:3]) + (", ..." if len(plain) > 3 else "")
    return plain, f"{len(plain)} units are the columns of numbers ({shown})"


def _numbers(table: pd.DataFrame, columns: list[str], name: str) -> np.ndarray:
    wrong = [each for each in columns if not pd.api.types.is_numeric_dtype(table[each])]
    if wrong:
        row = int(pd.to_numeric(table[wrong[0]], errors="coerce").isna().to_numpy().argmax())
        raise ValueError(
            f"{name} must hold numbers in {wrong[0]!r}; row {row} holds "
            f"{str(table[wrong[0]].iloc[row])!r}"
        )
    return table[columns].to_numpy()
