"""The brain of a study: a recording aligned to trials, or responses, by area."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from neurospyke.recording import Fields, Recording, read_recording
from neurospyke.responses import UNKNOWN, Responses
from neurospyke.study.counts import read_responses
from neurospyke.study.keys import Keys

RECORDING_KEYS = ("file", "format", "events", "codes", "fields", "segment_gap", "observed")
ALIGN_KEYS = ("trials", "window", "bin_width", "stimulus", "measure")
RESPONSES_KEYS = ("file", "dataset", "stimulus", "units", "window")
BRAIN_KEYS = ("name", "areas", "area_column", "units", "trials")
_FIELDS_KEYS = (
    *("spike_times", "spike_units", "spike_trials", "units", "trials"),
    *("per_second", "relative_to"),
)


def _v4_cowley2023() -> Responses:
    from neurospyke.datasets import read_v4_cowley2023

    return read_v4_cowley2023()[2]


DATASETS: Mapping[str, Callable[[], Responses]] = MappingProxyType(
    {"v4_cowley2023": _v4_cowley2023}
)


@dataclass(frozen=True)
class BrainData:
    """What was read of a brain.

    Args:
        areas: responses over the whole window by area.
        bins: the same in time bins; empty where there is one bin only.
        described: recordings and responses by name, for the report.
    """

    areas: Mapping[str, Responses]
    bins: Mapping[str, Responses]
    described: Mapping[str, Recording | Responses]


@dataclass(frozen=True)
class Brain:
    """Where a brain's responses come from, and which of them count.

    Args:
        read: gives the responses over the whole window, those in bins or None, and the recording
            they come from or None.
        path: the file, if it is no data set's.
        events: a file with its trials, if that is another.
        dataset: name of a data set.
        name: what to call a brain without areas.
        areas: which areas; all when empty.
        area_column: the column of the unit table that tells them.
        units: query of the unit table, such as "quality == 'good'".
        trials: query of the trial table.
    """

    read: Callable[[], tuple[Responses, Responses | None, Recording | None]]
    path: Path | None = None
    events: Path | None = None
    dataset: str | None = None
    name: str | None = None
    areas: tuple[str, ...] = ()
    area_column: str = "area"
    units: str | None = None
    trials: str | None = None

    @classmethod
    def from_keys(cls, study: Keys, folder: Path) -> "Brain":
        """From the tables [recording] and [align], or [responses], and [brain].

        Args:
            study: the whole configuration.
            folder: where relative paths start.

        Returns:
            The choice.

        Raises:
            ValueError: if a value does not fit.
        """
        keys = study.section("brain", BRAIN_KEYS) or Keys({}, "brain", BRAIN_KEYS)
        chosen = {
            "name": keys.text("name", None),
            "areas": keys.texts("areas", ()),
            "area_column": keys.text("area_column", "area"),
            "units": keys.text("units", None),
            "trials": keys.text("trials", None),
        }
        recording = study.section("recording", RECORDING_KEYS)
        responses = study.section("responses", RESPONSES_KEYS)
        if (recording is None) == (responses is None):
            raise ValueError("a study must have one of [recording] and [responses], and not both")
        if recording is not None:
            aligned = study.section("align", ALIGN_KEYS)
            if aligned is None:
                raise ValueError("[recording] must come with [align], which says trials and window")
            return cls(**_from_recording(recording, aligned, folder), **chosen)
        assert responses is not None
        if "align" in study:
            raise ValueError("[align] must go with [recording]; [responses] are aligned already")
        return cls(**_from_responses(responses, folder), **chosen)

    def open(self, stimuli: Collection[str] | None = None) -> BrainData:
        """The responses of every area.

        Args:
            stimuli: keep trials of these only; all when not given.

        Returns:
            What was read.

        Raises:
            ValueError: if it cannot be read, or an area is not there.
        """
        whole, bins, recording = self.read()
        areas = self._areas(self._chosen(whole, stimuli))
        in_bins = {} if bins is None else self._areas(self._chosen(bins, stimuli))
        described: dict[str, Recording | Responses] = {}
        if recording is not None:
            described["Recording"] = recording
        described |= {f"Responses of {name}": each for name, each in areas.items()}
        return BrainData(areas, in_bins, described)

    def _chosen(self, responses: Responses, stimuli: Collection[str] | None) -> Responses:
        if stimuli is not None:
            shown = responses.trials["stimulus"].isin(list(stimuli)).to_numpy()
            responses = responses.where(trials=shown)
        return responses.where(units=self.units, trials=self.trials)

    def _areas(self, responses: Responses) -> dict[str, Responses]:
        column = self.area_column
        if column not in responses.units or (responses.units[column] == UNKNOWN).all():
            if self.areas:
                raise ValueError(
                    f"`brain.areas` needs areas in the column {column!r} of the units, which have "
                    f"{list(responses.units.columns)}; name another by `brain.area_column`"
                )
            return {self.name or responses.source or "brain": responses}
        found = responses.grouped(column)
        absent = sorted(set(self.areas) - set(found))
        if absent:
            raise ValueError(f"`brain.areas` must be among {list(found)}; got {absent}")
        return {name: found[name] for name in self.areas or found}


def _from_recording(keys: Keys, aligned: Keys, folder: Path) -> dict[str, Any]:
    path = keys.path("file", folder)
    events = keys.path("events", folder) if "events" in keys else None
    asked: dict[str, Any] = {
        "format": keys.text("format", None),
        "events": events,
        "event_codes": keys.mapping("codes") or None,
        "fields": _fields(keys),
        "segment_gap": keys.number("segment_gap", None),
        "observed": keys.span("observed", None),
    }
    trials, window = aligned.text("trials"), aligned.span("window")
    how: dict[str, Any] = {
        "stimulus": aligned.text("stimulus", "stimulus"),
        "measure": aligned.text("measure", "count", among=("count", "rate", "latency")),
    }
    bin_width = aligned.number("bin_width", None, above=0)

    def read() -> tuple[Responses, Responses | None, Recording]:
        recording = read_recording(path, **asked)
        whole = recording.align(trials, window, **how)
        bins = None if bin_width is None else recording.align(trials, window, bin_width, **how)
        return whole, bins, recording

    return {"read": read, "path": path, "events": events}


def _fields(keys: Keys) -> Fields | None:
    fields = keys.section("fields", _FIELDS_KEYS)
    if fields is None:
        return None
    return Fields(
        fields.text("spike_times"),
        spike_units=fields.text("spike_units", None),
        spike_trials=fields.text("spike_trials", None),
        units=fields.mapping("units"),
        trials=fields.mapping("trials"),
        per_second=fields.number("per_second", 1.0, above=0),
        relative_to=fields.text("relative_to", "session", among=("session", "trial")),
    )


def _from_responses(keys: Keys, folder: Path) -> dict[str, Any]:
    if keys.only_one("file", "dataset") == "dataset":
        dataset = keys.text("dataset", among=DATASETS)
        return {"read": lambda: _in_bins(DATASETS[dataset]()), "dataset": dataset}
    path = keys.path("file", folder)
    how: dict[str, Any] = {
        "stimulus": keys.text("stimulus", "stimulus"),
        "units": keys.texts("units", ()),
        "window": keys.span("window", None),
    }
    return {"read": lambda: _in_bins(read_responses(path, **how)), "path": path}


def _in_bins(responses: Responses) -> tuple[Responses, Responses | None, None]:
    if responses.n_times == 1:
        return responses, None, None
    return responses.sum_over_time(), responses, None
