"""Tables as a page shows them, and as CSV to take away."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.compare.comparison import Comparison, comparison_table

ABSENT = "\N{EN DASH}"
_ALWAYS = ("model", "score", "interval", "ceiling", "p")


@dataclass(frozen=True)
class Table:
    """What a page shows of a table, and the whole of it as a file.

    Args:
        caption: what the table is.
        columns: (name, kind) of each; "number", "text" or "digest".
        rows: texts of the cells.
        file: name of the CSV.
        source: the CSV as a `data:` address.
    """

    caption: str
    columns: list[tuple[str, str]]
    rows: list[list[str]]
    file: str
    source: str


def page_table(frame: pd.DataFrame, caption: str, file: str, *, digest: str = "") -> Table:
    """A table for a page, its CSV with all digits.

    Args:
        frame: any table.
        caption: what it is.
        file: name of the CSV, without its ending.
        digest: the column that holds checksums.

    Returns:
        The table.

    >>> table = page_table(pd.DataFrame({"model": ["conv1"], "score": [0.12345]}), "Scores", "s")
    >>> table.columns, table.rows, table.file
    ([('model', 'text'), ('score', 'number')], [['conv1', '0.123']], 's.csv')
    """
    columns, cells = [], []
    for position, name in enumerate(frame.columns):
        values = list(frame.iloc[:, position])
        columns.append((str(name), "digest" if name == digest else _kind(values)))
        cells.append(_texts(values))
    rows = [list(row) for row in zip(*cells, strict=True)]
    return Table(caption, columns, rows, f"{file}.csv", _as_file(frame))


def scores_table(comparisons: Sequence[Comparison]) -> tuple[Table, str]:
    """One row a comparison, columns of what differs; the CSV has all columns.

    Args:
        comparisons: at least one.

    Returns:
        The table, and the part of a sentence that says what is the same for all.

    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> scores_table([result, result])[1]
    'method rsa, brain V4, conditions 3'
    """
    rows = [_row(each) for each in comparisons]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    known = {name: values for name, values in columns.items() if not all(map(_is_absent, values))}
    same = {
        name: values[0]
        for name, values in known.items()
        if name not in _ALWAYS and len(rows) > 1 and len(set(map(str, values))) == 1
    }
    shown = {name: values for name, values in known.items() if name not in same}
    # The row is about the model, so that it comes first, as the row's heading.
    order = sorted(shown, key=lambda name: name != "model")
    frame = pd.DataFrame({name: shown[name] for name in order}, dtype=object)
    table = page_table(frame, "Every comparison", "comparisons")
    whole = Table(
        table.caption,
        table.columns,
        table.rows,
        table.file,
        _as_file(comparison_table(comparisons)),
    )
    return whole, ", ".join(f"{name} {value}" for name, value in same.items())


def _as_file(frame: pd.DataFrame) -> str:
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"


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
        return ABSENT
    if not isinstance(value, float):
        return str(value)
    fixed = f"{value:.{decimals}f}"
    return f"{value:.2g}" if value and not float(fixed) else fixed


def _is_absent(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value))
