"""Several recordings as one: the same units at other times, or other units at other times."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neurospyke.recording.check import KEY
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport
from neurospyke.responses import Responses

_MAX_NAMED = 10


def concat(recordings: Mapping[str, Recording], *, gap: float | None = None) -> Recording:
    """One recording from recordings of the same units, one after another.

    Args:
        recordings: by the name of their session, in order of time.
        gap: seconds between the end of one and the begin of the next, which moves their times;
            None keeps all times, which then must lie on one clock and not overlap.

    Returns:
        The recording: the first one's unit table, all trials with a column `session`, all observed
        spans, and the import reports with the session named.

    Raises:
        TypeError: if they have no names.
        ValueError: if there is none, they hold different units, or overlap in time without `gap`.

    >>> one = Recording.from_trains([[0.5], [0.25]], observed=(0, 1))
    >>> both = concat({"monday": one, "tuesday": one}, gap=2.0)
    >>> both.spike_times, both.observed.tolist()
    (array([0.5 , 3.5 , 0.25, 3.25]), [[0.0, 1.0], [3.0, 4.0]])
    """
    _check_named(recordings, "recordings")
    if not recordings:
        raise ValueError("`recordings` must hold at least one recording; got none")
    rows = _matched_units(recordings)
    shifts = _shifts(recordings, gap)
    parts = list(recordings.values())
    trains = [
        part.unit_spikes(of_part[unit]) + shift
        for unit in range(parts[0].n_units)
        for part, of_part, shift in zip(parts, rows, shifts, strict=True)
    ]
    ends = np.cumsum([0, *(len(train) for train in trains)])
    report = ImportReport()
    for name, part in recordings.items():
        report += part.report.from_source(name)
    if gap is not None:
        listed = ", ".join(f"{shift:g}" for shift in shifts)
        text = f"{len(parts)} sessions laid {gap:g} s apart; seconds added to their times: {listed}"
        report = report.with_finding("inferred", text, len(parts))
    return Recording(
        np.concatenate(trains),
        ends[:: len(parts)],
        parts[0].units,
        _joined_trials(recordings, shifts),
        np.concatenate([part.observed + shift for part, shift in zip(parts, shifts, strict=True)]),
        source=", ".join(recordings),
        notes=tuple(f"{name}: {note}" for name, part in recordings.items() for note in part.notes),
        report=report,
    )


def pseudopopulation(responses: Mapping[str, Responses], *, seed: int) -> Responses:
    """Responses of units recorded at different times, as though they had been recorded together.

    Of each stimulus as many trials are kept as the session with the fewest has; which, and which
    trials of different sessions stand side by side, is drawn at random. Correlations of noise
    between units of different sessions mean nothing.

    Args:
        responses: by the name of their session, with the same stimuli, bins and measure.
        seed: of the draw.

    Returns:
        Responses (trial, unit, time), trials ordered by stimulus as in the first session, units
        with a column `session`.

    Raises:
        TypeError: if they have no names.
        ValueError: if there is none, or stimuli, bins or measure differ.

    >>> a = Responses.from_counts(np.array([[1], [2], [3]]), stimuli=["x", "y", "y"])
    >>> b = Responses.from_counts(np.array([[7], [5]]), stimuli=["y", "x"])
    >>> pseudopopulation({"a": a, "b": b}, seed=0).values[0, :, 0]
    array([1, 5])
    """
    _check_named(responses, "responses")
    if not responses:
        raise ValueError("`responses` must hold at least one session; got none")
    _check_alike(responses)
    first = next(iter(responses.values()))
    rng = np.random.default_rng(seed)
    counts = {name: each.trials["stimulus"].value_counts() for name, each in responses.items()}
    n_kept = {label: min(int(count[label]) for count in counts.values()) for label in first.stimuli}
    values, units, notes = [], [], []
    for name, each in responses.items():
        rows = _drawn(each, n_kept, rng)
        values.append(each.values[rows])
        units.append(each.units.assign(session=name))
        notes += [f"{name}: {note}" for note in each.notes]
        if len(rows) < each.n_trials:
            notes.append(f"{name}: {each.n_trials - len(rows)} of {each.n_trials} trials left out")
    trials = pd.DataFrame(
        [(label, repetition) for label, n in n_kept.items() for repetition in range(n)],
        columns=["stimulus", "repetition"],
    )
    return Responses(
        np.concatenate(values, axis=1),
        trials,
        pd.concat(units, ignore_index=True),
        first.edges,
        measure=first.measure,
        time_unit=first.time_unit,
        source=", ".join(responses),
        notes=(*notes, f"pseudopopulation of {len(responses)} sessions, not simultaneous"),
    )


def _check_named(parts: object, name: str) -> None:
    if not isinstance(parts, Mapping):
        raise TypeError(
            f"`{name}` must map names of sessions to them, such as {{'monday': ...}}; "
            f"got {type(parts).__name__}"
        )


def _matched_units(recordings: Mapping[str, Recording]) -> list[np.ndarray]:
    """For each recording the rows of the first one's units."""
    names = list(recordings)
    tables = [recording.units for recording in recordings.values()]
    key = [column for column in KEY if column != "session" and column in tables[0]]
    wanted = pd.MultiIndex.from_frame(tables[0][key])
    rows = []
    for name, table in zip(names, tables, strict=True):
        absent = [column for column in key if column not in table]
        found = pd.MultiIndex.from_frame(table[key]) if not absent else wanted[:0]
        odd = [str(unit) for unit in wanted.symmetric_difference(found, sort=False)]
        if odd or not found.is_unique:
            raise ValueError(
                f"`recordings` must hold the same units by {key}; {names[0]!r} has {len(wanted)} "
                f"and {name!r} {len(found)}, not in both: {odd[:_MAX_NAMED]}: select the shared "
                "ones with `where`, or combine responses with `pseudopopulation`"
            )
        rows.append(found.get_indexer(wanted))
    return rows


def _shifts(recordings: Mapping[str, Recording], gap: float | None) -> np.ndarray:
    spans = [recording.observed[[0, -1], [0, 1]] for recording in recordings.values()]
    shifts = np.zeros(len(spans))
    if gap is not None and not (np.isfinite(gap) and gap >= 0):
        raise ValueError(f"`gap` must be 0 or more seconds; got {gap}")
    for position in range(1, len(spans)):
        end = spans[position - 1][1] + shifts[position - 1]
        if gap is not None:
            shifts[position] = end + gap - spans[position][0]
        elif spans[position][0] < end:
            names = list(recordings)
            raise ValueError(
                f"`recordings` must follow one another on one clock; {names[position]!r} begins at "
                f"{spans[position][0]:g} s, before {names[position - 1]!r} ends at {end:g} s: put "
                "them in order, or pass `gap=` seconds if each has a clock of its own"
            )
    return shifts


def _joined_trials(
    recordings: Mapping[str, Recording], shifts: np.ndarray
) -> dict[str, pd.DataFrame]:
    parts: dict[str, list[pd.DataFrame]] = {}
    for (session, recording), shift in zip(recordings.items(), shifts, strict=True):
        for name, table in recording.trials.items():
            times = [column for column in ("start_time", "stop_time") if column in table]
            moved = table.assign(**{column: table[column] + shift for column in times})
            parts.setdefault(name, []).append(moved.assign(session=session))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _check_alike(responses: Mapping[str, Responses]) -> None:
    names, (first, *others) = list(responses), list(responses.values())
    for name, each in zip(names[1:], others, strict=True):
        odd = sorted(set(each.stimuli) ^ set(first.stimuli))
        if odd:
            raise ValueError(
                f"`responses` must share their stimuli; not in both {names[0]!r} and {name!r}: "
                f"{odd[:_MAX_NAMED]}"
            )
        same_bins = each.edges.shape == first.edges.shape and np.allclose(each.edges, first.edges)
        if not same_bins or (each.measure, each.time_unit) != (first.measure, first.time_unit):
            raise ValueError(
                f"`responses` must have the same bins and measure; {names[0]!r} has {first!r} and "
                f"{name!r} {each!r}"
            )


def _drawn(responses: Responses, n_kept: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    labels = responses.trials["stimulus"].to_numpy()
    return np.concatenate(
        [rng.permutation(np.flatnonzero(labels == label))[:n] for label, n in n_kept.items()]
    )
