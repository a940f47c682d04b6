"""Comparison: one score with everything needed to believe it or doubt it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd

from neurospyke.storage import read_arrays, write_arrays

Setting = str | int | float | bool | None


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Score of a model against a brain, with its interval, ceiling and p value.

    Args:
        method: what was computed, such as "rsa".
        model: what was compared, such as the layer's name.
        brain: what it was compared with, such as the area's name.
        score: the score.
        interval: (low, high) confidence interval of the score.
        confidence: its coverage, between 0 and 1.
        ceiling: (low, high) noise ceiling, or None where the data cannot give one.
        p: one-sided probability of a score this high by chance, or None if not tested.
        conditions: the condition labels compared.
        units: numbers of units of model and brain (0: not known).
        time: (start, stop) of the brain's window in seconds, or None.
        step: model steps included, counted from the first, or None for all.
        settings: every choice that changes the number.
        seed: seed of all randomness in it.
        resamples: (resample,) scores of the bootstrap behind the interval.

    Raises:
        ValueError: if a number is out of its range or not finite, or labels repeat.

    >>> print(Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), ceiling=(0.52, 0.61),
    ...                  conditions=("face", "car", "chair")))
    rsa of conv1 with V4: 0.31 [0.27, 0.35], ceiling [0.52, 0.61], 3 conditions
    """

    method: str
    model: str
    brain: str
    score: float
    interval: tuple[float, float]
    confidence: float = 0.95
    ceiling: tuple[float, float] | None = None
    p: float | None = None
    conditions: tuple[str, ...] = ()
    units: tuple[int, int] = (0, 0)
    time: tuple[float, float] | None = None
    step: int | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    seed: int | None = None
    resamples: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if not np.isfinite(self.score):
            raise ValueError(f"`score` must be finite; got {self.score}")
        interval = _check_pair("interval", self.interval)
        ceiling = None if self.ceiling is None else _check_pair("ceiling", self.ceiling)
        if not 0 < self.confidence < 1:
            raise ValueError(f"`confidence` must be between 0 and 1; got {self.confidence}")
        if self.p is not None and not 0 <= self.p <= 1:
            raise ValueError(f"`p` must be between 0 and 1; got {self.p}")
        if len(set(self.conditions)) != len(self.conditions) or len(self.conditions) < 3:
            raise ValueError(
                f"`conditions` must be at least 3 different labels; got {self.conditions[:10]}"
            )
        resamples = np.array(self.resamples, dtype=np.float64)
        resamples.flags.writeable = False
        for name, value in {
            "score": float(self.score),
            "interval": interval,
            "ceiling": ceiling,
            "conditions": tuple(self.conditions),
            "settings": MappingProxyType(dict(self.settings)),
            "resamples": resamples,
        }.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Comparison({self})"

    def __str__(self) -> str:
        ceiling = "not known" if self.ceiling is None else _brackets(self.ceiling)
        when = "" if self.time is None else f" at [{self.time[0]:g}, {self.time[1]:g}) s"
        p = "" if self.p is None else f", p {self.p:.2g}"
        return (
            f"{self.method} of {self.model} with {self.brain}{when}: {self.score:.2f} "
            f"{_brackets(self.interval)}, ceiling {ceiling}{p}, {len(self.conditions)} conditions"
        )

    def to_frame(self) -> pd.DataFrame:
        """One tidy row: names, score, bounds, sizes and settings.

        Returns:
            DataFrame of one row; rows of several comparisons can be concatenated.
        """
        low, high = self.ceiling or (np.nan, np.nan)
        start, stop = self.time or (np.nan, np.nan)
        row = {
            "method": self.method,
            "model": self.model,
            "brain": self.brain,
            "score": self.score,
            "interval_low": self.interval[0],
            "interval_high": self.interval[1],
            "confidence": self.confidence,
            "ceiling_low": low,
            "ceiling_high": high,
            "p": np.nan if self.p is None else self.p,
            "n_conditions": len(self.conditions),
            "n_model_units": self.units[0],
            "n_brain_units": self.units[1],
            "time_start": start,
            "time_stop": stop,
            "step": np.nan if self.step is None else self.step,
            "seed": np.nan if self.seed is None else self.seed,
        }
        # A setting may bear the name of a column; neither may hide the other.
        settings = {
            f"setting_{name}" if name in row else name: value
            for name, value in self.settings.items()
        }
        return pd.DataFrame([row | settings])

    def to_record(self) -> dict[str, Any]:
        """Everything but the resamples, as plain numbers, texts, lists and dictionaries.

        Returns:
            Fields by name.
        """
        record = {each.name: getattr(self, each.name) for each in fields(self)}
        del record["resamples"]
        return record | {"settings": dict(self.settings), "conditions": list(self.conditions)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], resamples: np.ndarray) -> Self:
        """What `to_record` took apart.

        Args:
            record: fields by name, as they come out of JSON.
            resamples: (resample,) scores.

        Returns:
            The same comparison.
        """
        tuples = ("interval", "ceiling", "conditions", "units", "time")
        lists = {name: None if record[name] is None else tuple(record[name]) for name in tuples}
        return cls(**{**record, **lists}, resamples=resamples)

    def save(self, path: str | Path) -> None:
        """Write everything to one file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file.
        """
        write_arrays(path, "Comparison", {"resamples": self.resamples}, self.to_record())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The same comparison.

        Raises:
            ValueError: if the file is damaged or holds something else.
        """
        arrays, meta = read_arrays(path, "Comparison", required=_SAVED)
        return cls.from_record(meta, arrays["resamples"])


_SAVED = tuple(each.name for each in fields(Comparison))


def comparison_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Tidy table of comparisons, one row each.

    Args:
        comparisons: any number of them, at least one.

    Returns:
        DataFrame with the columns of `Comparison.to_frame`.

    Raises:
        ValueError: if there are none.
    """
    frames = [comparison.to_frame() for comparison in comparisons]
    if not frames:
        raise ValueError("`comparisons` must hold at least one; got none")
    return pd.concat(frames, ignore_index=True)


def _check_pair(name: str, pair: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(bound) for bound in pair)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"`{name}` must be finite (low, high) with low <= high; got {pair}")
    return low, high


def _brackets(pair: tuple[float, float]) -> str:
    return f"[{pair[0]:.2f}, {pair[1]:.2f}]"
