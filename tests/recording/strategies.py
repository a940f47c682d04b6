"""Random recordings for Hypothesis."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from neurospyke.recording import Finding, ImportReport, Recording
from neurospyke.recording.report import KINDS

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
WHOLE = st.integers(-(2**40), 2**40)
NUMBERS = st.floats(-1e6, 1e6)


@st.composite
def label_tables(draw, n_rows: int, **columns) -> pd.DataFrame:
    """A table with some columns of numbers, truth values and strings after those given."""
    table = pd.DataFrame(columns, index=pd.RangeIndex(n_rows))
    kinds = {"site": LINES, "level": WHOLE, "snr": NUMBERS, "kept": st.booleans()}
    for name in draw(st.lists(st.sampled_from(sorted(kinds)), unique=True)):
        values = draw(st.lists(kinds[name], min_size=n_rows, max_size=n_rows))
        dtype = {"site": object, "level": np.int64, "snr": np.float64, "kept": bool}[name]
        table[name] = np.array(values, dtype=dtype)
    return table


@st.composite
def recordings(draw, min_units: int = 1) -> Recording:
    """Sound recordings of a few units, silent ones among them, with one or two trial tables."""
    n_units = draw(st.integers(min_units, 4))
    ends = sorted(draw(st.lists(st.integers(0, 10_000), min_size=4, max_size=4, unique=True)))
    spans = np.array(ends, dtype=np.float64).reshape(2, 2) / 7
    spans = spans[: draw(st.integers(1, 2))]
    inside = st.one_of([st.floats(start, stop) for start, stop in spans.tolist()])
    trains = [np.array(sorted(draw(st.lists(inside, max_size=8)))) for _ in range(n_units)]
    names = st.integers(0, 10**6) if draw(st.booleans()) else LINES
    units = draw(st.lists(names, min_size=n_units, max_size=n_units, unique=True))
    trials = {}
    for name in draw(st.sampled_from([("trials",), ("stimulus_presentations", "trials")])):
        starts = draw(st.lists(NUMBERS, min_size=1, max_size=5))
        labels = draw(st.lists(LINES, min_size=len(starts), max_size=len(starts)))
        table = {"start_time": starts, "stimulus": np.array(labels, dtype=object)}
        if draw(st.booleans()):
            table["stop_time"] = [start + draw(st.floats(0, 10)) for start in starts]
        trials[name] = draw(label_tables(len(starts), **table))
    findings = st.builds(Finding, st.sampled_from(KINDS), LINES, st.integers(0, 1000))
    return Recording.from_trains(
        trains,
        observed=spans,
        units=draw(label_tables(n_units, unit=units)),
        trials=trials,
        notes=tuple(draw(st.lists(LINES, max_size=3))),
        report=ImportReport(tuple(draw(st.lists(findings, max_size=3)))),
    )
