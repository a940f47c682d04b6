"""Bootstrap samples of stimuli, subjects or both, and the scores of every model in them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurospyke.compare.bootstrap import BootstrapScores, bootstrap_scores
from neurospyke.compare.held_out import Folds, Stack, assign_folds, crossvalidated_scores
from neurospyke.compare.products import FORMS
from neurospyke.compare.resample import bootstrap_counts

_CHUNK = 512


class Draws(NamedTuple):
    """What was drawn in every sample.

    Attributes:
        stimuli: (sample, condition) how often each stimulus was drawn.
        subjects: (sample, subject) how often each subject was drawn.
        keys: (sample, repeat, condition + subject) random numbers that decide the folds of
            cross-validation; one repeat and no column where nothing is fitted.
    """

    stimuli: np.ndarray
    subjects: np.ndarray
    keys: np.ndarray

    def after(self, n_samples: int) -> "Draws":
        """All but the first samples."""
        return Draws(*(each[n_samples:] for each in self))


def draw_samples(
    sizes: tuple[int, int],
    n_samples: int,
    over: str,
    n_repeats: int,
    seeds: tuple[np.random.SeedSequence, ...],
) -> Draws:
    """Draw stimuli, subjects and folds from independent streams.

    More samples from the same seeds begin with the same ones.

    Args:
        sizes: numbers of conditions and of subjects.
        n_samples: number of samples.
        over: "stimuli", "subjects" or "both"; what is not resampled comes once in every sample.
        n_repeats: how often folds are drawn for each sample; 0 where nothing is fitted.
        seeds: of the stimuli, of the subjects, of the folds.

    Returns:
        The draws.

    >>> seeds = tuple(np.random.SeedSequence(0).spawn(3))
    >>> draw_samples((4, 2), 1, "stimuli", 0, seeds).subjects
    array([[1, 1]], dtype=uint16)
    """
    counts: list[np.ndarray] = []
    for name, size, seed in zip(("stimuli", "subjects"), sizes, seeds[:2], strict=True):
        resampled = over in (name, "both")
        drawn = bootstrap_counts(size, n_samples, seed) if resampled else np.ones((n_samples, size))
        counts.append(drawn.astype(np.uint16))
    shape = (n_samples, n_repeats, sum(sizes)) if n_repeats else (n_samples, 1, 0)
    return Draws(counts[0], counts[1], np.random.default_rng(seeds[2]).random(shape))


def every_once(sizes: tuple[int, int], n_repeats: int, seed: np.random.SeedSequence) -> Draws:
    """The data themselves, as one sample.

    Args:
        sizes: numbers of conditions and of subjects.
        n_repeats: how often folds are drawn; 0 where nothing is fitted.
        seed: of the folds.

    Returns:
        One sample with every stimulus and subject once.
    """
    return draw_samples(sizes, 1, "neither", n_repeats, (seed, seed, seed))


def sample_scores(
    stack: Stack, brains: np.ndarray, comparator: str, draws: Draws, over: str, n_folds: int
) -> np.ndarray:
    """Scores and ceilings of all models in all samples.

    Args:
        stack: models.
        brains: (subject, pair) dissimilarities.
        comparator: a name in `BOOTSTRAPPED`; in `FORMS` if a model is fitted.
        draws: of stimuli, subjects and folds.
        over: what was resampled; for "both", each factor is also resampled alone.
        n_folds: most folds of stimuli, and of subjects.

    Returns:
        (factor, repeat, sample, model + 2) as in `Inference`.
    """
    factors = [
        _factor(draws, name) for name in (("both", "subjects") if over == "both" else (over,))
    ]
    if all(fit is None for _, fit in stack.models):
        found = [_fixed(stack, brains, comparator, *each) for each in factors]
    else:
        found = [_fitted(stack, brains, comparator, draws, *each, n_folds) for each in factors]
    if over == "both":
        with_stimuli, subjects = found
        found = [with_stimuli[:1], subjects, with_stimuli[1:]]
    return np.concatenate(found)


def _factor(draws: Draws, over: str) -> tuple[np.ndarray, np.ndarray]:
    """(sample, condition) counts and (draw, sample, subject) draws of one factor.

    Scores under the same stimuli but other subjects cost next to nothing, so that resampling both
    comes, as a second draw, with the result of resampling stimuli only.
    """
    once = np.ones_like(draws.subjects)
    if over == "subjects":
        return np.ones_like(draws.stimuli), draws.subjects[None]
    if over == "both":
        return draws.stimuli, np.stack([draws.subjects, once])
    return draws.stimuli, once[None]


def _fixed(
    stack: Stack, brains: np.ndarray, comparator: str, counts: np.ndarray, draws: np.ndarray
) -> np.ndarray:
    """(draw, 1, sample, model + 2); equal samples of stimuli are computed once."""
    if (counts == 1).all():
        found = bootstrap_scores(
            stack.vectors, brains, counts[:1], comparator, draws.transpose(1, 0, 2)
        )
        both = np.concatenate(found, axis=2).transpose(1, 0, 2)
    else:
        both = np.concatenate(
            bootstrap_scores(stack.vectors, brains, counts, comparator, draws), axis=2
        )
    return both[:, None]


def _fitted(
    stack: Stack,
    brains: np.ndarray,
    comparator: str,
    draws: Draws,
    counts: np.ndarray,
    subjects: np.ndarray,
    n_folds: int,
) -> np.ndarray:
    """(draw, repeat, sample, model + 2)."""
    return np.stack(
        [
            np.concatenate(part[0], axis=2)
            for part in _repeats(stack, brains, comparator, draws, counts, subjects, n_folds)
        ],
        axis=1,
    )


def subject_scores(
    stack: Stack, brains: np.ndarray, comparator: str, draws: Draws, n_folds: int
) -> np.ndarray:
    """Cross-validated scores in each subject, means over random folds.

    Args:
        stack: models.
        brains: (subject, pair) dissimilarities.
        comparator: a name in `FORMS`.
        draws: one sample of every stimulus and subject, from `every_once`.
        n_folds: most folds of stimuli, and of subjects.

    Returns:
        (model, subject) scores.
    """
    factor = _factor(draws, "stimuli")
    parts = _repeats(stack, brains, comparator, draws, *factor, n_folds)
    return np.mean([each[0, 0] for _, each in parts], axis=0)


def _repeats(
    stack: Stack,
    brains: np.ndarray,
    comparator: str,
    draws: Draws,
    counts: np.ndarray,
    subjects: np.ndarray,
    n_folds: int,
) -> Iterator[tuple[BootstrapScores, np.ndarray]]:
    """For each random draw of folds what `crossvalidated_scores` gives, some samples at a time."""
    n_conditions, n_subjects = counts.shape[1], len(brains)
    of_stimuli, of_subjects = fold_numbers(n_conditions, n_subjects, n_folds)
    for repeat in range(draws.keys.shape[1]):
        keys = draws.keys[:, repeat]
        found, each = [], []
        for start in range(0, len(counts), _CHUNK):
            part = slice(start, start + _CHUNK)
            stimulus_keys, subject_keys = np.split(keys[part], [n_conditions], axis=1)
            folds = Folds(
                assign_folds(counts[part], stimulus_keys, of_stimuli), subject_keys, of_subjects
            )
            scores, in_subjects = crossvalidated_scores(
                stack, brains, counts[part], subjects[:, part], folds, FORMS[comparator]
            )
            found.append(scores)
            each.append(in_subjects)
        joined = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
        yield BootstrapScores(*joined), np.concatenate(each, axis=1)


def fold_numbers(n_conditions: int, n_subjects: int, n_folds: int) -> tuple[int, int]:
    """Numbers of folds of stimuli and of subjects that resampled data can bear.

    A bootstrap sample holds 63 % of the stimuli; a fold of them must have several pairs. One
    subject is not split.

    Args:
        n_conditions: number of conditions.
        n_subjects: number of subjects.
        n_folds: at most so many folds.

    Returns:
        Folds of stimuli, at least 2, and of subjects.

    >>> fold_numbers(92, 8, 5), fold_numbers(20, 1, 5)
    ((5, 4), (2, 1))
    """
    of_stimuli = max(2, min(n_folds, n_conditions // 12))
    return of_stimuli, 1 if n_subjects == 1 else max(2, min(n_folds, n_subjects // 2))
