"""Fit models on some stimuli and subjects, score them on others, inside every bootstrap sample.

Nothing is resampled: a fold changes the weights of pairs, and every fit and score follows from
inner products under these weights (`products`).
"""

from typing import NamedTuple

import numpy as np

from neurospyke.compare.bootstrap import BootstrapScores, mean_scores
from neurospyke.compare.models import FITS
from neurospyke.compare.products import Form, inner_products, positive


class Stack(NamedTuple):
    """Models as one stack of vectors.

    Attributes:
        vectors: (part, pair) dissimilarities of all parts of all models.
        models: for each model its parts and the name of its fit, None for a fixed model.
        penalties: for each model the λ of `ridge_weighted`; none given, all are 0.
    """

    vectors: np.ndarray
    models: tuple[tuple[slice, str | None], ...]
    penalties: tuple[float, ...] = ()


class Folds(NamedTuple):
    """Which fold tests each stimulus, and what decides which fold tests each subject.

    Attributes:
        stimuli: (sample, condition) numbers of folds.
        subject_keys: (sample, subject) random numbers.
        n_subject_folds: 1 where subjects are not split.
    """

    stimuli: np.ndarray
    subject_keys: np.ndarray
    n_subject_folds: int


class _Products(NamedTuple):
    """Inner products under one set of weights: of parts, of parts and brains, of brains."""

    parts: np.ndarray
    cross: np.ndarray
    brains: np.ndarray


def assign_folds(counts: np.ndarray, keys: np.ndarray, n_folds: int) -> np.ndarray:
    """Folds of equal size among what was drawn, in the order of random keys.

    Copies of one stimulus or subject go to one fold together.

    Args:
        counts: (sample, item) how often each was drawn.
        keys: (sample, item) random numbers.
        n_folds: number of folds.

    Returns:
        (sample, item) numbers from 0 to n_folds - 1.

    >>> assign_folds(np.array([[1, 0, 2, 1]]), np.array([[0.1, 0.2, 0.3, 0.4]]), 2)
    array([[0, 1, 1, 0]])
    """
    order = np.argsort(np.where(counts > 0, keys, np.inf), axis=1)
    folds = np.empty(counts.shape, dtype=np.int64)
    np.put_along_axis(folds, order, np.arange(counts.shape[1])[None] % n_folds, axis=1)
    return folds


def crossvalidated_scores(
    stack: Stack,
    brains: np.ndarray,
    counts: np.ndarray,
    draws: np.ndarray,
    folds: Folds,
    form: Form,
) -> tuple[BootstrapScores, np.ndarray]:
    """Scores on held-out stimuli and subjects, means over folds.

    In each fold a model is fitted to the pairs among its training stimuli, pooled over its training
    subjects, and scored on the pairs among the other stimuli, in the other subjects. The upper
    ceiling is the similarity of these to the pool of all subjects, the lower one to the pool of the
    training subjects. One subject, or subjects that are not split, train and test with the same.

    Args:
        stack: models.
        brains: (subject, pair) dissimilarities.
        counts: (sample, condition) how often each stimulus was drawn.
        draws: (draw, sample, subject) how often each subject was drawn.
        folds: which fold tests what.
        form: of the inner product.

    Returns:
        Scores and ceilings, NaN where a fold of stimuli has no score; and the (draw, sample, model,
        subject) scores in each subject.

    Source: Schütt et al. 2023, eLife 12:e82566.
    """
    n_folds = folds.stimuli.max() + 1
    n_models, n_subjects = len(stack.models), len(brains)
    means = np.zeros((*draws.shape[:2], n_models + 2))
    each = np.zeros((*draws.shape[:2], n_models, n_subjects))
    for fold in range(n_folds):
        tested = folds.stimuli == fold
        train = _products(stack, brains, counts * ~tested, form, between_brains=False)
        np.einsum("nkk->nk", train.parts)[:] *= 1 + _penalties(stack)
        test = _products(stack, brains, counts * tested, form)
        few = ((counts * tested) > 0).sum(axis=1) < 3
        for draw, drawn in enumerate(draws):
            mean, subjects = _score_subject_folds(stack, train, test, drawn, folds)
            mean[few] = np.nan
            means[draw] += mean / n_folds
            each[draw] += subjects / n_folds
    return BootstrapScores(means[:, :, :-2], means[:, :, -2:]), each


def _penalties(stack: Stack) -> np.ndarray:
    """(part,) penalties."""
    penalties = np.zeros(len(stack.vectors))
    for (where, _), penalty in zip(stack.models, stack.penalties, strict=bool(stack.penalties)):
        penalties[where] = penalty
    return penalties


def _products(
    stack: Stack,
    brains: np.ndarray,
    counts: np.ndarray,
    form: Form,
    *,
    between_brains: bool = True,
) -> _Products:
    """Inner products; those of parts within one model only. Lengths of brains become 1."""
    n_parts, n_brains = len(stack.vectors), len(brains)
    within = np.zeros((n_parts, n_parts), dtype=bool)
    for where, _ in stack.models:
        within[where, where] = True
    rows, columns = np.nonzero(np.triu(within))
    cross = np.divmod(np.arange(n_parts * n_brains), n_brains)
    first, second = np.triu_indices(n_brains) if between_brains else (np.arange(n_brains),) * 2
    left = np.concatenate([rows, cross[0], first + n_parts])
    right = np.concatenate([columns, cross[1] + n_parts, second + n_parts])
    vectors = np.concatenate([stack.vectors, brains])
    found = inner_products(vectors, counts, left, right, form)
    of_parts, across, of_brains = np.split(found, np.cumsum([len(rows), len(cross[0])]), axis=1)
    parts = np.zeros((len(counts), n_parts, n_parts))
    parts[:, rows, columns] = parts[:, columns, rows] = of_parts
    alike = np.full((len(counts), n_brains, n_brains), np.nan)
    alike[:, first, second] = alike[:, second, first] = of_brains
    squares = np.einsum("nss->ns", alike)
    lengths = np.sqrt(positive(squares, squares.max(axis=1, keepdims=True)))
    across = across.reshape(-1, n_parts, n_brains) / lengths[:, None]
    return _Products(parts, across, alike / lengths[:, None] / lengths[:, :, None])


def _score_subject_folds(
    stack: Stack, train: _Products, test: _Products, draws: np.ndarray, folds: Folds
) -> tuple[np.ndarray, np.ndarray]:
    """(sample, model + 2) scores and ceilings, means over the folds of subjects; and each's."""
    numbers = assign_folds(draws, folds.subject_keys, folds.n_subject_folds)
    result = np.zeros((len(draws), len(stack.models) + 2))
    each = np.zeros((len(draws), len(stack.models), draws.shape[1]))
    n_used = np.zeros((len(draws), 1))
    for fold in range(folds.n_subject_folds):
        testing = draws * (numbers == fold)
        training = draws - testing if folds.n_subject_folds > 1 else draws
        used = testing.any(axis=1)[:, None]
        similarities = _predict(stack, train, test, training)
        scores = mean_scores(similarities, testing[None])[0]
        ceilings = _fold_ceilings(test.brains, draws, training, testing)
        result += np.where(used, np.concatenate([scores, ceilings], axis=1), 0)
        each += np.where((testing > 0)[:, None], similarities, 0)
        n_used += used
    return result / n_used, each


def _predict(stack: Stack, train: _Products, test: _Products, draws: np.ndarray) -> np.ndarray:
    """(sample, model, subject) similarity of every model, fitted, to the test data."""
    target = np.einsum("nks,ns->nk", train.cross, draws)
    similarities = np.empty((len(draws), len(stack.models), draws.shape[1]))
    for position, (where, fit) in enumerate(stack.models):
        gram = test.parts[:, where, where]
        if fit is None:
            square, cross = gram[:, 0, 0], test.cross[:, where][:, 0]
        else:
            defined = np.isfinite(target[:, where]).all(axis=1) & target[:, where].any(axis=1)
            weights = np.full(target[:, where].shape, np.nan)
            weights[defined] = FITS[fit](train.parts[defined, where, where], target[defined, where])
            square = np.einsum("nk,nkl,nl->n", weights, gram, weights)
            cross = np.einsum("nk,nks->ns", weights, test.cross[:, where])
        scale = np.einsum("nkk->nk", gram).max(axis=1)
        similarities[:, position] = cross / np.sqrt(positive(square, scale))[:, None]
    return similarities


def _fold_ceilings(
    alike: np.ndarray, draws: np.ndarray, training: np.ndarray, testing: np.ndarray
) -> np.ndarray:
    drawn = testing > 0
    bounds = []
    for pool in (training, draws):
        products = np.einsum("nst,nt->ns", alike, pool)
        square = (pool * products).sum(axis=1)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            each = products / np.sqrt(square)
            bounds.append(np.where(drawn, each, 0).sum(axis=1) / drawn.sum(axis=1))
    several = (draws > 0).sum(axis=1) > 1
    return np.where(several[:, None], np.stack(bounds, axis=1), np.nan)
