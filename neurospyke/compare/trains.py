"""SpikeTrains: spikes of many units over stretches of observed time, from a brain or a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neurospyke.compare.spike_trains import plain_times, spike_trains
from neurospyke.recording import Recording
from neurospyke.responses import Responses


@dataclass(frozen=True, eq=False)
class SpikeTrains:
    """Spikes of many units in spans of time; no interval, no pair of spikes reaches across spans.

    Made by `of`, from recordings and responses alike. Times count from the start of their span, so
    where on a clock a span lies changes nothing.

    Args:
        times: (spike,) ascending within each train; unit after unit, and span after span in each.
        offsets: (unit * span + 1,) where each train begins and ends.
        durations: (span,) their lengths.
        starts: (span,) where they began on the clock of the source.
        units: one row a unit.
        time_unit: "s" or "step".
        bin_width: width of the bins the times come from, or 0 where they were not binned.

    >>> trains = SpikeTrains.of([[0.1, 0.4], []], spans=(0, 1))
    >>> trains.n_units, trains.counts, trains.duration
    (2, array([2, 0]), 1.0)
    """

    times: np.ndarray
    offsets: np.ndarray
    durations: np.ndarray
    starts: np.ndarray
    units: pd.DataFrame
    time_unit: str = "s"
    bin_width: float = 0.0

    @classmethod
    def of(cls, source: "Source", spans: ArrayLike | None = None) -> Self:
        """Spike trains of a recording, of responses, or of plain arrays of times.

        Args:
            source: a recording; responses of the measure "spike", "count" or "latency", whose
                trials become spans and whose spikes stand in the middle of their bins; ascending
                times in seconds (Neo's in any unit), an array for each unit; or spike trains,
                which stay as they are.
            spans: (span, 2) starts and stops on the source's clock, such as those of trials,
                without overlap; for a recording all observed time if not given, for plain arrays
                needed.

        Returns:
            The trains.

        Raises:
            ValueError: if spans overlap, are empty or were not wholly observed, times are not
                finite and ascending, or responses hold no spikes.
            TypeError: if the source is something else.
        """
        if isinstance(source, SpikeTrains | Responses):
            if spans is not None:
                raise ValueError(
                    "`spans` must be None for responses, whose trials are the spans; use `where`"
                )
            return source if isinstance(source, cls) else cls._of_responses(source)  # type: ignore[arg-type]
        if isinstance(source, Recording):
            chosen = _check_spans(source.observed if spans is None else spans)
            _check_observed(chosen, source.observed)
            rows = [source.unit_spikes(unit) for unit in range(source.n_units)]
            return cls._of_rows(rows, chosen, source.units)
        if spans is None:
            raise ValueError(
                "`spans` must say when plain spike times were observed, as in "
                "SpikeTrains.of(times, spans=(start, stop)); got None"
            )
        rows = [_check_times(position, row) for position, row in enumerate(source)]
        chosen = _check_spans(spans)
        return cls._of_rows(rows, chosen, pd.DataFrame({"unit": np.arange(len(rows))}))

    @classmethod
    def _of_rows(cls, rows: list[np.ndarray], spans: np.ndarray, units: pd.DataFrame) -> Self:
        trains = [
            row[first:last] - start
            for row in rows
            for (start, _), first, last in zip(
                spans,
                np.searchsorted(row, spans[:, 0]),
                np.searchsorted(row, spans[:, 1]),
                strict=True,
            )
        ]
        return cls._joined(trains, np.diff(spans, axis=1)[:, 0], spans[:, 0], units, "s", 0.0)

    @classmethod
    def _of_responses(cls, responses: Responses) -> Self:
        start, stop = responses.edges[0], responses.edges[-1]
        trains = [
            train - start
            for unit in range(responses.n_units)
            for train in spike_trains(responses, unit)
        ]
        n_trials = responses.n_trials
        widths = np.diff(responses.edges)
        return cls._joined(
            trains,
            np.full(n_trials, stop - start),
            np.full(n_trials, start),
            responses.units,
            responses.time_unit,
            0.0 if responses.measure == "latency" else float(widths.max()),
        )

    @classmethod
    def _joined(
        cls,
        trains: list[np.ndarray],
        durations: np.ndarray,
        starts: np.ndarray,
        units: pd.DataFrame,
        time_unit: str,
        bin_width: float,
    ) -> Self:
        offsets = np.cumsum([0, *(len(train) for train in trains)])
        times = np.concatenate(trains) if trains else np.empty(0)
        return cls(times, offsets, durations, starts, units, time_unit, bin_width)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units)

    @property
    def n_spans(self) -> int:
        """Number of spans."""
        return len(self.durations)

    @property
    def duration(self) -> float:
        """Observed time of all spans together."""
        return float(self.durations.sum())

    @property
    def counts(self) -> np.ndarray:
        """(unit,) numbers of spikes."""
        return np.diff(self.offsets[:: self.n_spans])

    @property
    def owners(self) -> np.ndarray:
        """(spike,) the unit of each spike."""
        return np.repeat(np.arange(self.n_units), self.counts)

    @property
    def spans(self) -> np.ndarray:
        """(spike,) the span of each spike."""
        places = np.tile(np.arange(self.n_spans), self.n_units)
        return np.repeat(places, np.diff(self.offsets))

    def train(self, unit: int, span: int = 0) -> np.ndarray:
        """Spike times of one unit in one span.

        Args:
            unit: position of the unit.
            span: position of the span.

        Returns:
            (spike,) ascending times from the start of the span.
        """
        place = unit * self.n_spans + span
        return self.times[self.offsets[place] : self.offsets[place + 1]]

    def merged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All spikes in the order of span and time, as the one-pass kernels take them.

        Returns:
            (spike,) times, units and spans.
        """
        owners, spans = self.owners, self.spans
        order = np.lexsort((self.times, spans))
        return self.times[order], owners[order], spans[order]

    def table(self, **columns: np.ndarray) -> pd.DataFrame:
        """The unit table's names with columns of results beside them.

        Args:
            columns: (unit,) values.

        Returns:
            One row a unit.
        """
        return unit_table(self.units, **columns)


Source = Recording | Responses | SpikeTrains | Sequence[ArrayLike]


def unit_table(units: pd.DataFrame, **columns: np.ndarray) -> pd.DataFrame:
    """Names of units with columns of results beside them.

    Args:
        units: one row a unit.
        columns: (unit,) values.

    Returns:
        One row a unit.
    """
    names = [name for name in ("session", "probe", "area", "layer", "unit") if name in units]
    return units[names].reset_index(drop=True).assign(**columns)


def first_status(size: int, *rules: tuple[np.ndarray, str]) -> np.ndarray:
    """(row,) the first reason that holds for each row, or "ok".

    Args:
        size: number of rows.
        rules: (mask, reason), the weightier first.

    Returns:
        Reasons.

    >>> first_status(2, (np.array([True, False]), "no_spikes"))
    array(['no_spikes', 'ok'], dtype=object)
    """
    status = np.full(size, "ok", dtype=object)
    for mask, reason in reversed(rules):
        status[mask] = reason
    return status


def check_above_zero(name: str, number: float) -> None:
    """Refuse what is not above 0 and finite.

    Args:
        name: the argument.
        number: its value.

    Raises:
        ValueError: if so.
    """
    if not (number > 0 and np.isfinite(number)):
        raise ValueError(f"`{name}` must be above 0; got {number}")


def _check_spans(spans: ArrayLike) -> np.ndarray:
    array = np.atleast_2d(plain_times(spans))
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all() or not len(array):
        raise ValueError(f"`spans` must be (span, 2) finite times; got shape {array.shape}")
    array = array[np.argsort(array[:, 0], kind="stable")]
    if (array[:, 1] <= array[:, 0]).any() or (array[1:, 0] < array[:-1, 1] - 1e-9).any():
        raise ValueError("`spans` must stop after they start and not overlap; merge or drop some")
    return array


def _check_observed(spans: np.ndarray, observed: np.ndarray) -> None:
    inside = (spans[:, None, 0] >= observed[:, 0] - 1e-9) & (
        spans[:, None, 1] <= observed[:, 1] + 1e-9
    )
    outside = ~inside.any(axis=1)
    if outside.any():
        raise ValueError(
            f"`spans` must lie in observed time; {outside.sum()} do not, first "
            f"{spans[outside][0].tolist()}: leave them out"
        )


def _check_times(position: int, row: ArrayLike) -> np.ndarray:
    times = plain_times(row)
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValueError(f"`source` must be finite ascending times; train {position} is not")
    return times
