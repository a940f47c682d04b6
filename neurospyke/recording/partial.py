"""Responses of which some cells were never observed: kept apart until nothing is missing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurospyke.responses import Responses


@dataclass(frozen=True, eq=False)
class PartialResponses:
    """Responses (trial, unit, time) with NaN in the bins of trials that were not observed.

    Comparisons take `Responses`, which know no NaN; `average` and `whole` lead there.

    Args:
        values: (trial, unit, time) float64; NaN where a bin was not wholly observed.
        trials: one row a trial, with `stimulus`.
        units: one row a unit, with `unit`.
        edges: (time + 1,) bin edges in seconds.
        measure: what a value is, as in `Responses`.
        source: where the responses come from.
        notes: what was left out or inferred on the way here.

    >>> partial = PartialResponses(
    ...     np.array([[[1.0, 4.0]], [[3.0, np.nan]]]),
    ...     pd.DataFrame({"stimulus": ["face", "face"]}),
    ...     pd.DataFrame({"unit": [7]}),
    ...     np.array([0.0, 0.1, 0.2]),
    ... )
    >>> partial.average().values
    array([[[2., 4.]]])
    >>> partial.whole().n_trials
    1
    """

    values: np.ndarray
    trials: pd.DataFrame
    units: pd.DataFrame
    edges: np.ndarray
    measure: str = "count"
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def observed(self) -> np.ndarray:
        """(trial, time) bool: which bins of which trials were observed, the same for all units."""
        return ~np.isnan(self.values[:, 0])

    def __repr__(self) -> str:
        observed = self.observed
        return (
            f"PartialResponses({len(self.trials)} trials, {len(self.units)} units, "
            f"{len(self.edges) - 1} bins, {observed.mean():.3g} of them observed, "
            f"{observed.all(axis=1).sum()} trials wholly)"
        )

    def whole(self) -> Responses:
        """The trials that were observed in every bin.

        Returns:
            Responses without NaN.

        Raises:
            ValueError: if there is no such trial.
        """
        kept = np.asarray(self.observed.all(axis=1))
        if not kept.any():
            raise ValueError(
                f"at least one of {len(kept)} trials must be observed in all "
                f"{self.values.shape[2]} bins; none is: align a shorter window, or use `average`"
            )
        lost = int((~kept).sum())
        note = (f"{lost} of {len(kept)} trials not observed in every bin left out",) if lost else ()
        return self._responses(self.values[kept], self.trials.loc[kept], note)

    def average(self, by: str = "stimulus") -> Responses:
        """Mean over those trials of each label in which a bin was observed.

        Args:
            by: column of `trials` to group by.

        Returns:
            Responses, one trial a label, as `Responses.average`; `n_observed` is the least number
            of trials that a bin's mean rests on.

        Raises:
            ValueError: if there is no such column, or a bin was observed in no trial of a label.
        """
        blank = np.zeros((len(self.trials), 1, 1), dtype=np.uint8)
        table = Responses(blank, self.trials, self.units[:1], np.array([0, 1])).average(by).trials
        codes, labels = pd.factorize(self.trials[by])
        observed = self.observed
        values = np.empty((len(labels), *self.values.shape[1:]))
        n_observed = np.empty((len(labels), observed.shape[1]), dtype=np.int64)
        for position in range(len(labels)):
            n_observed[position] = observed[codes == position].sum(axis=0)
            total = np.nansum(self.values[codes == position], axis=0)
            values[position] = total / np.maximum(n_observed[position], 1)
        unknown = (n_observed == 0).any(axis=1)
        if unknown.any():
            raise ValueError(
                f"every bin must be observed in a trial of every {by}; "
                f"{unknown.sum()} of {len(labels)} have none in some bin, first "
                f"{[str(label) for label in labels[unknown][:10]]}: align a shorter window"
            )
        return self._responses(values, table.assign(n_observed=n_observed.min(axis=1)), ())

    def _responses(
        self, values: np.ndarray, trials: pd.DataFrame, notes: tuple[str, ...]
    ) -> Responses:
        return Responses(
            *(values, trials, self.units, self.edges),
            measure=self.measure,
            source=self.source,
            notes=(*self.notes, *notes),
        )
