"""When a recording was being made: stated by the file, told by the caller, or inferred."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neurospyke.recording.check import check_observed, inside
from neurospyke.recording.report import ImportReport


def one_support(supports: Sequence[np.ndarray], what: str) -> np.ndarray:
    """The observed spans that all units share; units observed at different times are refused.

    Args:
        supports: for each unit its (span, 2) spans in seconds.
        what: what the spans were read from, for the error.

    Returns:
        (span, 2) spans.

    Raises:
        ValueError: if the units differ, with the spans they have in common.

    >>> one_support([np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]])], "obs_intervals")
    array([[0., 1.]])
    """
    first = supports[0]
    if all(np.array_equal(first, spans) for spans in supports[1:]):
        return first
    common = first
    for spans in supports[1:]:
        common = _intersection(common, spans)
    advice = (
        f"all were observed in {common.tolist()[:10]} s: pass those as `observed=` to keep only "
        "the spikes inside"
        if len(common)
        else "there is no time at which all were observed"
    )
    raise ValueError(f"{what} differ between units; {advice}")


def common_support(supports: Sequence[np.ndarray]) -> tuple[np.ndarray, ImportReport]:
    """The observed spans that all units share, and a finding if some were observed longer.

    Args:
        supports: (span, 2) spans in seconds, of all units or for each.

    Returns:
        (span, 2) spans, and what was left out.

    Raises:
        ValueError: if there is no time at which all units were observed.

    >>> spans, report = common_support([np.array([[0.0, 2.0]]), np.array([[1.0, 3.0]])])
    >>> spans, report.count("excluded")
    (array([[1., 2.]]), 2)
    """
    common = supports[0]
    for spans in supports[1:]:
        if not np.array_equal(common, spans):
            common = _intersection(common, spans)
    n_longer = sum(not np.array_equal(common, spans) for spans in supports)
    if n_longer == 0:
        return common, ImportReport()
    if len(common) == 0:
        raise ValueError(
            "units were observed at different times, and there is no time at which all were: pass "
            "`observed=` in seconds"
        )
    duration = float(np.diff(common, axis=1).sum())
    text = (
        f"{n_longer} of {len(supports)} units were observed for longer than the {duration:g} s "
        "common to all, which alone are kept"
    )
    return common, ImportReport().with_finding("excluded", text, n_longer)


def _intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    spans = [
        (max(start, other_start), min(stop, other_stop))
        for start, stop in a
        for other_start, other_stop in b[(b[:, 0] < stop) & (b[:, 1] > start)]
    ]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def inferred_span(
    spike_times: np.ndarray, trials: Mapping[str, pd.DataFrame], start: float | None = None
) -> tuple[np.ndarray, ImportReport]:
    """One span from the first to the last spike or trial, for files that do not state it.

    Args:
        spike_times: (spike,) seconds.
        trials: tables with `start_time` and, if known, `stop_time`.
        start: where the recording is known to begin.

    Returns:
        (1, 2) span in seconds, and a report that says it was inferred.

    Raises:
        ValueError: if neither spikes nor trials span any time.

    >>> inferred_span(np.array([0.5, 2.0]), {}, start=0.0)[0]
    array([[0., 2.]])
    """
    columns = [
        table[column].to_numpy(dtype=np.float64)
        for table in trials.values()
        for column in ("start_time", "stop_time")
        if column in table
    ]
    finite = (
        spike_times if np.isfinite(spike_times).all() else spike_times[np.isfinite(spike_times)]
    )
    # Only the ends of the spike times, which may be a hundred million.
    ends = [finite.min(), finite.max()] if finite.size else []
    times = np.concatenate([ends, *columns])
    times = times[np.isfinite(times)]
    if start is not None:
        times = np.append(times, start)
    if times.size == 0 or times.min() == times.max():
        raise ValueError(
            "the observed time cannot be inferred, there being neither spikes nor trials: "
            "pass `observed=(start, stop)` in seconds"
        )
    span = np.array([[times.min(), times.max()]])
    text = (
        f"observed time not stated by the file: inferred as {span[0, 0]:.6g} to {span[0, 1]:.6g} s "
        "from the first to the last spike or trial"
    )
    return span, ImportReport().with_finding("inferred", text)


def crop(
    spike_times: np.ndarray, offsets: np.ndarray, observed: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray, ImportReport]:
    """Only the spikes inside spans that the caller chose.

    Args:
        spike_times: (spike,) seconds.
        offsets: (unit + 1,) where each unit's times begin.
        observed: (span, 2), or one (start, stop), in seconds.

    Returns:
        The times, the offsets, the spans, and a report of what was left out.

    >>> times, offsets, _, report = crop(np.array([0.5, 2.0, 0.1]), np.array([0, 2, 3]), (0, 1))
    >>> times, offsets
    (array([0.5, 0.1]), array([0, 1, 2]))
    >>> print(report)
    excluded: 1 of 3 spikes outside `observed` left out
    """
    spans = check_observed(observed)
    # NaN is kept for the recording to refuse by name: it is a fault, not a time outside.
    kept = inside(spike_times, spans) | np.isnan(spike_times)
    lost = int((~kept).sum())
    if lost == 0:
        return spike_times, offsets, spans, ImportReport()
    offsets = np.concatenate([[0], np.cumsum(kept)])[offsets]
    text = f"{lost} of {len(kept)} spikes outside `observed` left out"
    report = ImportReport().with_finding("excluded", text, lost)
    return spike_times[kept], offsets, spans, report
