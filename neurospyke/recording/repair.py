"""The few repairs of spike times that a rule allows, and the refusals of what none does."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neurospyke.recording.report import ImportReport

_SORTABLE = 0.01
_MAX_NAMED = 10
_MIN_WHOLE = 50
_MIN_ROWS = 10
_FACTORS = (1e3, 1e6, 1e4, 2e4, 24_414.0625, 2.5e4, 3e4, 3.2e4, 4e4, 5e4)


def finite_times(
    times: np.ndarray, offsets: np.ndarray, units: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, ImportReport]:
    """Spike times without those that are NaN or infinite.

    Args:
        times: (spike,) seconds, unit after unit.
        offsets: (unit + 1,) where each unit's times begin.
        units: the unit table, for names.

    Returns:
        The times left, their offsets, and what was dropped.
    """
    finite = np.isfinite(times)
    if finite.all():
        return times, offsets, ImportReport()
    kept = np.concatenate([[0], np.cumsum(finite)])
    lost = np.diff(offsets) - np.diff(kept[offsets])
    n_lost = int(lost.sum())
    text = f"{n_lost} spike times NaN or infinite, of units {_counted(lost, units)}"
    return times[finite], kept[offsets], ImportReport().with_finding("dropped", text, n_lost)


def times_in_order(
    times: np.ndarray,
    offsets: np.ndarray,
    units: pd.DataFrame,
    trials: Mapping[str, pd.DataFrame],
) -> tuple[np.ndarray, ImportReport]:
    """Spike times ascending inside each unit; slight disorder is sorted, restarts are refused.

    Disorder is slight where at most 1 % of a unit's times step back, none by more than 1 % of the
    unit's span. A clock that restarts steps back far, and sorting would mix what happened at
    different times.

    Args:
        times: (spike,) finite seconds, unit after unit.
        offsets: (unit + 1,) where each unit's times begin.
        units: the unit table, for names.
        trials: trial tables, whose number of rows tells whether the clock restarts with trials.

    Returns:
        The times in order, and what was sorted.

    Raises:
        ValueError: naming the unit whose times restart, and how often.

    >>> units = pd.DataFrame({"unit": [7]})
    >>> times_in_order(np.array([0.1, 0.9, 0.1, 0.9]), np.array([0, 4]), units, {})
    Traceback (most recent call last):
    ...
    ValueError: times of unit 7 step back 1 times, by up to 0.8 s: ...
    """
    falls = np.zeros(len(units), dtype=np.int64)
    for unit in range(len(units)):
        train = times[offsets[unit] : offsets[unit + 1]]
        steps = np.diff(train)
        falls[unit] = np.count_nonzero(steps < 0)
        if falls[unit] == 0:
            continue
        worst = float(-steps.min())
        if falls[unit] > _SORTABLE * len(train) or worst > _SORTABLE * float(np.ptp(train)):
            raise ValueError(
                f"times of unit {units['unit'].iloc[unit]} step back {falls[unit]} times, by up "
                f"to {worst:g} s: {_reason(int(falls[unit]), trials)}"
            )
    if not falls.any():
        return times, ImportReport()
    times = times.copy()
    for unit in np.flatnonzero(falls):
        times[offsets[unit] : offsets[unit + 1]].sort()
    n_falls = int(falls.sum())
    text = f"{n_falls} spike times slightly out of order, sorted, of units {_counted(falls, units)}"
    return times, ImportReport().with_finding("suspicious", text, n_falls)


def checked_seconds(times: np.ndarray, n_units: int, trials: Mapping[str, pd.DataFrame]) -> None:
    """Refuse spike times that cannot be seconds: samples or milliseconds.

    Whole numbers throughout are refused, and times that go 50 times beyond the trials while units
    would fire less than once in ten seconds. The error names the factor suspected.

    Args:
        times: (spike,) finite, unit after unit.
        n_units: number of units.
        trials: trial tables in seconds.

    Raises:
        ValueError: with the factor suspected, and what to do.

    >>> checked_seconds(np.arange(0.0, 60_000.0, 600.0), 1, {})
    Traceback (most recent call last):
    ...
    ValueError: all 100 spike times are whole numbers up to 59400, ...
    """
    if len(times) == 0:
        return
    latest = float(times.max())
    end = _last_trial(trials)
    advice = (
        f"{_factor(latest, end)}: convert them to seconds, or pass `observed=` in the same unit "
        "as the times if they are seconds"
    )
    if len(times) >= _MIN_WHOLE and latest > 0 and not np.any(times % 1):
        raise ValueError(
            f"all {len(times)} spike times are whole numbers up to {latest:g}, and so not seconds; "
            f"{advice}"
        )
    if end is not None and latest > 50 * end > 0 and len(times) < 0.1 * latest * n_units:
        raise ValueError(
            f"spike times go up to {latest:g} s and trials to {end:g} s only, and so spike times "
            f"are not seconds; {advice}"
        )


def _reason(n_falls: int, trials: Mapping[str, pd.DataFrame]) -> str:
    for name, table in trials.items():
        if len(table) > 1 and len(table) // 2 <= n_falls < len(table):
            return (
                f"with {len(table)} rows in {name!r} they seem to count from the start of each "
                "trial: pass `fields` with relative_to='trial', or add each trial's start"
            )
    return (
        "its clock restarts, or times are in no order: give all times on one clock, ascending, or, "
        "if they count from the start of each trial, pass `fields` with relative_to='trial'"
    )


def _last_trial(trials: Mapping[str, pd.DataFrame]) -> float | None:
    ends = [
        float(table["start_time"].max()) for table in trials.values() if len(table) >= _MIN_ROWS
    ]
    return max(ends, default=None)


def _factor(latest: float, end: float | None) -> str:
    if end is None or end <= 0:
        return "milliseconds (divide by 1000) or samples (divide by the sampling rate) are likely"
    nearest = min(_FACTORS, key=lambda factor: abs(np.log(latest / end / factor)))
    unit = {1e3: "milliseconds", 1e6: "microseconds"}.get(nearest, f"samples at {nearest:g} Hz")
    return f"trials end at {end:g} s, so {unit} are likely (divide by {nearest:g})"


def _counted(counts: np.ndarray, units: pd.DataFrame) -> str:
    at_fault = np.flatnonzero(counts)
    named = ", ".join(
        f"{units['unit'].iloc[unit]} ({counts[unit]})" for unit in at_fault[:_MAX_NAMED]
    )
    return f"{named}{', ...' if at_fault.size > _MAX_NAMED else ''}"
