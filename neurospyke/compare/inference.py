"""What bootstrap samples say: variances, intervals, tests of models against each other."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy import stats

from neurospyke.compare.comparison import Comparison, comparison_table
from neurospyke.storage import read_arrays, write_arrays

RESAMPLED = ("stimuli", "subjects", "both")


@dataclass(frozen=True, eq=False, repr=False)
class Inference:
    """Several models against one brain, with every bootstrap sample kept.

    Args:
        comparisons: one a model.
        over: what was resampled, a name in `RESAMPLED`.
        subject_scores: (model, subject) scores.
        subjects: names of the subjects.
        samples: (factor, repeat, sample, model + 2) scores, then lower and upper noise ceiling.
            The factors are both, subjects only, stimuli only, or the single one resampled; the
            repeats are random folds of cross-validation, one where nothing is fitted.
        stimulus_counts: (sample, condition) how often each stimulus was drawn.
        subject_counts: (sample, subject) how often each subject was drawn.

    Raises:
        ValueError: if shapes do not fit each other.
    """

    comparisons: tuple[Comparison, ...]
    over: str
    subject_scores: np.ndarray
    subjects: tuple[str, ...]
    samples: np.ndarray
    stimulus_counts: np.ndarray
    subject_counts: np.ndarray

    def __post_init__(self) -> None:
        n_models, n_samples = len(self.comparisons), self.samples.shape[2]
        if self.over not in RESAMPLED:
            raise ValueError(f"`over` must be one of {list(RESAMPLED)}; got {self.over!r}")
        n_factors = 3 if self.over == "both" else 1
        expected = {
            "subject_scores": (n_models, len(self.subjects)),
            "samples": (n_factors, self.samples.shape[1], n_samples, n_models + 2),
            "stimulus_counts": (n_samples, len(self.comparisons[0].conditions)),
            "subject_counts": (n_samples, len(self.subjects)),
        }
        for name, shape in expected.items():
            array = np.array(getattr(self, name))
            if array.shape != shape:
                raise ValueError(f"`{name}` must have shape {shape}; got {array.shape}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        return f"Inference({len(self.comparisons)} models, {self.n_samples} samples of {self.over})"

    def __str__(self) -> str:
        return "\n".join(map(str, self.comparisons))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(each.model for each in self.comparisons)

    @property
    def scores(self) -> np.ndarray:
        """(model,) scores."""
        return np.array([each.score for each in self.comparisons])

    @property
    def n_samples(self) -> int:
        """Number of bootstrap samples."""
        return self.samples.shape[2]

    @property
    def degrees_of_freedom(self) -> int:
        """Of the t tests: the smaller number of what was resampled, less 1."""
        return degrees_of_freedom(self.over, *self._sizes)

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.subject_counts.shape[1], self.stimulus_counts.shape[1]

    def variances(self, contrasts: np.ndarray) -> np.ndarray:
        """Variances of weighted sums of scores and ceilings, corrected for the bootstrap's bias.

        Args:
            contrasts: (contrast, model + 2) weights of the scores, the lower and the upper ceiling.

        Returns:
            (contrast,) variances, NaN where a sample bears on them that has no such number.
        """
        return contrast_variances(self.samples, contrasts, self.over, *self._sizes)

    def model_frame(self) -> pd.DataFrame:
        """One tidy row a model, with tests against 0 and against the noise ceiling.

        Returns:
            The columns of `Comparison.to_frame` and `standard_error`, `p_zero` (one-sided t test),
            `p_ceiling` (two-sided, against the lower bound; NaN without subjects), and `p_fdr`, the
            p values of the models (`p`, else `p_zero`) corrected for their number.

        Source: Schütt et al. 2023, eLife 12:e82566; Benjamini and Hochberg 1995, Journal of the
        Royal Statistical Society B 57:289.
        """
        frame = comparison_table(self.comparisons)
        n_models, dof = len(self.models), self.degrees_of_freedom
        own = np.eye(n_models, n_models + 2)
        errors = np.sqrt(self.variances(own))
        against = own.copy()
        against[:, n_models] = -1
        differences = self.scores - self.ceiling[0]
        p_zero = _one_sided(self.scores, errors, dof)
        return frame.assign(
            standard_error=errors,
            p_zero=p_zero,
            p_ceiling=_two_sided(differences, np.sqrt(self.variances(against)), dof),
            p_fdr=false_discovery_rate(frame["p"].fillna(pd.Series(p_zero)).to_numpy(float)),
        )

    def pair_frame(self) -> pd.DataFrame:
        """One tidy row for every two models: is the first better than the second?

        Returns:
            `model`, `other`, `difference` of the scores, its `standard_error`, `p` of a two-sided
            t test, and `p_fdr`, corrected for the number of pairs.

        Source: Schütt et al. 2023, eLife 12:e82566; Benjamini and Hochberg 1995.
        """
        n_models = len(self.models)
        first, second = np.triu_indices(n_models, 1)
        contrasts = np.zeros((len(first), n_models + 2))
        contrasts[np.arange(len(first)), first] = 1
        contrasts[np.arange(len(first)), second] = -1
        difference = self.scores[first] - self.scores[second]
        errors = np.sqrt(self.variances(contrasts))
        p = _two_sided(difference, errors, self.degrees_of_freedom)
        return pd.DataFrame(
            {
                "model": [self.models[row] for row in first],
                "other": [self.models[row] for row in second],
                "difference": difference,
                "standard_error": errors,
                "p": p,
                "p_fdr": false_discovery_rate(p),
            }
        )

    def subject_frame(self) -> pd.DataFrame:
        """Tests (t) over subjects, which take the stimuli as they are.

        Returns:
            A row for each model against "0" (one-sided), against the "ceiling" (its lower bound,
            two-sided) and against every later model (paired, two-sided): `model`, `against`,
            `difference` and `p`; all NaN with a single subject.

        Source: Nili et al. 2014, PLoS Computational Biology 10:e1003553.
        """
        each, (low, _) = self.subject_scores, self.ceiling
        rows = []
        for row, model in enumerate(self.models):
            others = dict(zip(self.models[row + 1 :], each[row + 1 :], strict=True))
            for name, other in ({"0": np.array(0.0), "ceiling": np.array(low)} | others).items():
                differences = each[row] - other
                above = "greater" if name == "0" else "two-sided"
                several = len(differences) > 1 and np.isfinite(differences).all()
                p = stats.ttest_1samp(differences, 0, alternative=above).pvalue if several else None
                rows.append((model, name, differences.mean(), np.nan if p is None else float(p)))
        return pd.DataFrame(rows, columns=["model", "against", "difference", "p"])

    @property
    def ceiling(self) -> tuple[float, float]:
        """Lower and upper noise ceiling; NaN where there is none."""
        return self.comparisons[0].ceiling or (np.nan, np.nan)

    def save(self, path: str | Path) -> None:
        """Write everything to a folder-less file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file.
        """
        meta = {
            "over": self.over,
            "subjects": list(self.subjects),
            "comparisons": [each.to_record() for each in self.comparisons],
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {f"resamples_{n}": each.resamples for n, each in enumerate(self.comparisons)}
        write_arrays(path, "Inference", arrays, meta)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The same inference.

        Raises:
            ValueError: if the file is damaged or holds something else.
        """
        arrays, meta = read_arrays(path, "Inference", required=_SAVED)
        comparisons = tuple(
            Comparison.from_record(record, arrays[f"resamples_{n}"])
            for n, record in enumerate(meta["comparisons"])
        )
        kept = {name: arrays[name] for name in _ARRAYS}
        return cls(comparisons, meta["over"], subjects=tuple(meta["subjects"]), **kept)


_ARRAYS = ("subject_scores", "samples", "stimulus_counts", "subject_counts")
_SAVED = tuple(each.name for each in fields(Inference))


def contrast_variances(
    samples: np.ndarray, contrasts: np.ndarray, over: str, n_subjects: int, n_stimuli: int
) -> np.ndarray:
    """Variances of contrasts between scores, from bootstrap samples.

    One factor resampled: V n / (n - 1), because resampled data vary less. Both: with V_b, V_r and
    V_p the variances when both, only the S subjects, or only the K stimuli are resampled,
    S V_r / (S - 1) + K V_p / (K - 1) - S K (V_b - V_r - V_p) / ((S - 1) (K - 1)), clipped from
    below to the larger of the first two terms and from above to V_b. Random folds of
    cross-validation add variance of their own: with m repeats, (m V_mean - V_1) / (m - 1) has none;
    where few samples leave nothing above 0 of it, V_mean stands.

    Args:
        samples: (factor, repeat, sample, score) as in `Inference`.
        contrasts: (contrast, score) weights.
        over: a name in `RESAMPLED`.
        n_subjects: S.
        n_stimuli: K.

    Returns:
        (contrast,) variances. Samples in which a contrast is undefined are left out.

    Source: Schütt et al. 2023, eLife 12:e82566.

    >>> samples = np.array([[[[0.0], [1.0], [2.0]]]])
    >>> contrast_variances(samples, np.ones((1, 1)), "stimuli", 1, 5)
    array([1.25])
    """
    raw = np.array([[_variance(each, row) for row in contrasts] for each in samples])
    if over != "both":
        n = n_subjects if over == "subjects" else n_stimuli
        return raw[0] * n / (n - 1)
    joint, subjects, stimuli = raw
    factors = n_subjects / (n_subjects - 1), n_stimuli / (n_stimuli - 1)
    parts = factors[0] * subjects, factors[1] * stimuli
    variance = sum(parts) - factors[0] * factors[1] * (joint - subjects - stimuli)
    least = np.maximum(*parts)
    return np.clip(variance, least, np.maximum(joint, least))


def _variance(samples: np.ndarray, contrast: np.ndarray) -> float:
    """Variance over the samples of one factor, without that of the random folds."""
    used = contrast != 0
    values = samples[:, :, used] @ contrast[used]
    values = values[:, np.isfinite(values).all(axis=0)]
    n_repeats, n_samples = values.shape
    if n_samples < 2:
        return np.nan
    of_mean = values.mean(axis=0).var(ddof=1)
    if n_repeats == 1:
        return float(of_mean)
    of_one = values.var(axis=1, ddof=1).mean()
    without = (n_repeats * of_mean - of_one) / (n_repeats - 1)
    return float(without if without > 0 else of_mean)


def degrees_of_freedom(over: str, n_subjects: int, n_stimuli: int) -> int:
    """Of t tests with bootstrap variances: the smallest number resampled, less 1.

    Args:
        over: a name in `RESAMPLED`.
        n_subjects: number of subjects.
        n_stimuli: number of stimuli.

    Returns:
        Degrees of freedom.

    >>> degrees_of_freedom("both", 8, 92)
    7
    """
    return {"subjects": n_subjects, "stimuli": n_stimuli}.get(over, min(n_subjects, n_stimuli)) - 1


def score_interval(score: float, error: float, dof: int, confidence: float) -> tuple[float, float]:
    """Interval of a score: score ± t s, within [-1, 1].

    Args:
        score: the score.
        error: its standard error s.
        dof: degrees of freedom of t.
        confidence: coverage.

    Returns:
        (low, high).

    >>> [round(bound, 3) for bound in score_interval(0.5, 0.1, 1000, 0.95)]
    [0.304, 0.696]
    """
    half = stats.t.ppf((1 + confidence) / 2, dof) * error
    return float(max(score - half, -1.0)), float(min(score + half, 1.0))


def false_discovery_rate(p: Iterable[float]) -> np.ndarray:
    """P values corrected for their number: the smallest false discovery rate that keeps each.

    Args:
        p: p values; NaN stay NaN and do not count.

    Returns:
        Corrected p values in the same order.

    Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.

    >>> false_discovery_rate([0.01, 0.04, float("nan")])
    array([0.02, 0.04,  nan])
    """
    values = np.array(p, dtype=np.float64)
    known = np.isfinite(values)
    if known.any():
        values[known] = stats.false_discovery_control(values[known])
    return values


def p_above_zero(score: float, error: float, dof: int) -> float:
    """One-sided p value of a t test against 0.

    Args:
        score: the score.
        error: its standard error.
        dof: degrees of freedom.

    Returns:
        Probability of so high a score if the true one is 0.

    >>> p_above_zero(0.0, 1.0, 10)
    0.5
    """
    return float(_one_sided(np.array(score), np.array(error), dof))


def _one_sided(differences: np.ndarray, errors: np.ndarray, dof: int) -> np.ndarray:
    return stats.t.sf(_ratio(differences, errors), dof)


def _two_sided(differences: np.ndarray, errors: np.ndarray, dof: int) -> np.ndarray:
    return 2 * stats.t.sf(np.abs(_ratio(differences, errors)), dof)


def _ratio(differences: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Differences in standard errors; 0 where two models do not differ at all."""
    alike = (np.abs(differences) < 1e-12) & (errors < 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(alike, 0.0, differences / errors)


def every_comparison(found: Iterable[Comparison | Inference]) -> list[Comparison]:
    """Comparisons, those of inferences among them, in order.

    Args:
        found: what comparing gave.

    Returns:
        The comparisons.

    >>> one = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> [each.model for each in every_comparison([one])]
    ['conv1']
    """
    parts = [each.comparisons if isinstance(each, Inference) else (each,) for each in found]
    return [comparison for part in parts for comparison in part]
