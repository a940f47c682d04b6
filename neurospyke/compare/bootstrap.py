"""Scores and noise ceilings of bootstrap samples, by weights instead of by resampling.

A sample draws stimulus i c_i times and subject s w_s times. Every comparator here is
⟨a, b⟩ / √(⟨a, a⟩⟨b, b⟩) with an inner product ⟨,⟩ over the drawn pairs, so all samples of all
models and subjects follow from a few weighted products. Kendall's coefficients have none; they are
computed on the drawn stimuli themselves.
"""

import contextlib
from typing import NamedTuple

import numpy as np

from neurospyke.compare.comparators import compare_rdms, mid_ranks
from neurospyke.compare.products import FORMS, Form, inner_products, positive
from neurospyke.compare.ranks import weighted_rank_scores

RANKED = ("spearman", "rho_a")
BOOTSTRAPPED = (*FORMS, *RANKED, "tau_a", "tau_b")
_CHUNK = 1024


class BootstrapScores(NamedTuple):
    """Scores and noise ceilings of samples.

    Attributes:
        scores: (draw, sample, model) mean over the drawn subjects; NaN where undefined.
        ceilings: (draw, sample, 2) lower and upper; NaN for fewer than 2 different subjects.
    """

    scores: np.ndarray
    ceilings: np.ndarray


class Similarities(NamedTuple):
    """Similarities of every model and subject, and of the subjects with each other.

    Attributes:
        models: (sample, model, subject).
        subjects: (sample, subject, subject).
    """

    models: np.ndarray
    subjects: np.ndarray


def bootstrap_scores(
    models: np.ndarray,
    brains: np.ndarray,
    counts: np.ndarray,
    comparator: str,
    draws: np.ndarray | None = None,
) -> BootstrapScores:
    """Score of every model and the noise ceiling in every bootstrap sample.

    With e_ms the similarity of model m and subject s over the drawn pairs, the score is
    Σ_s w_s e_ms / Σ_s w_s. The ceilings are means over the different subjects drawn of the
    similarity to the pool of all (upper) and of all others (lower), each weighed by w. Ranks are
    mid-ranks among the drawn pairs. Copies of a stimulus make no pair.

    Args:
        models: (model, pair) dissimilarities.
        brains: (subject, pair) dissimilarities of the same pairs.
        counts: (sample, condition) how often each stimulus was drawn.
        comparator: a name in `BOOTSTRAPPED`.
        draws: (draw, sample, subject) how often each subject was drawn, several times for each
            sample of stimuli if need be; one draw of each subject once if not given.

    Returns:
        Scores and ceilings; NaN for a sample of fewer than 3 different stimuli, or one in which
        the score is undefined.

    Source: Schütt et al. 2023, eLife 12:e82566, who draw the stimuli themselves; Nili et al. 2014,
    PLoS Computational Biology 10:e1003553, for the ceilings.

    >>> model, brain = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 4.0]])
    >>> counts = np.array([[1, 1, 1], [3, 0, 0]])
    >>> bootstrap_scores(model, brain, counts, "spearman").scores
    array([[[ 1.],
            [nan]]])
    """
    counts = np.asarray(counts)
    draws = np.ones((1, len(counts), len(brains))) if draws is None else draws
    draws = np.asarray(draws, dtype=np.float64)
    scores = np.full((*draws.shape[:2], len(models)), np.nan)
    ceilings = np.full((*draws.shape[:2], 2), np.nan)
    usable = np.flatnonzero((counts > 0).sum(axis=1) >= 3)
    for start in range(0, len(usable), _CHUNK):
        part = usable[start : start + _CHUNK]
        given = models, brains, counts[part], draws[:, part], comparator
        if comparator in FORMS:
            scores[:, part], ceilings[:, part] = _from_products(*given)
        elif comparator in RANKED:
            scores[:, part], ceilings[:, part] = weighted_rank_scores(*given)
        else:
            scores[:, part], ceilings[:, part] = _from_drawn_stimuli(*given)
    return BootstrapScores(scores, ceilings)


def _from_products(
    models: np.ndarray, brains: np.ndarray, counts: np.ndarray, draws: np.ndarray, comparator: str
) -> tuple[np.ndarray, np.ndarray]:
    found = similarities(models, brains, counts, FORMS[comparator])
    return mean_scores(found.models, draws), pooled_ceilings(found.subjects, draws)


def mean_scores(similarities: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean over the drawn subjects.

    Args:
        similarities: (sample, model, subject); those of a subject not drawn may be NaN.
        draws: (draw, sample, subject) how often each subject was drawn.

    Returns:
        (draw, sample, model); NaN where no subject was drawn.
    """
    total = draws.sum(axis=2)[:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        if np.isfinite(similarities).all():
            return np.einsum("nms,dns->dnm", similarities, draws, optimize=True) / total
        drawn = np.where(draws[:, :, None] > 0, similarities, 0.0)
        return np.einsum("dnms,dns->dnm", drawn, draws) / total


def pooled_ceilings(similarities: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Noise ceilings from the similarities of subjects with each other.

    The pool Σ_t w_t u_t of normalised RDMs has the similarity Σ_t w_t C_st / √(wᵀCw) to subject s.

    Args:
        similarities: (sample, subject, subject) C.
        draws: (draw, sample, subject) how often each subject was drawn, w.

    Returns:
        (draw, sample, 2) lower and upper bound, means over the different subjects drawn.
    """
    drawn = draws > 0
    pool = np.einsum("nst,dnt->dns", similarities, draws)
    length = (draws * pool).sum(axis=2, keepdims=True)
    others = length - 2 * draws * pool + draws**2
    with np.errstate(invalid="ignore", divide="ignore"):
        upper = pool / np.sqrt(positive(length, draws.sum(axis=2, keepdims=True) ** 2))
        lower = (pool - draws) / np.sqrt(positive(others, length))
    several = drawn.sum(axis=2) > 1
    bounds = [np.where(drawn, each, 0).sum(axis=2) / drawn.sum(axis=2) for each in (lower, upper)]
    return np.where(several[:, :, None], np.stack(bounds, axis=2), np.nan)


def similarities(
    models: np.ndarray, brains: np.ndarray, counts: np.ndarray, form: Form
) -> Similarities:
    """Similarities in every sample, from inner products.

    Args:
        models: (model, pair) dissimilarities.
        brains: (subject, pair) dissimilarities.
        counts: (sample, condition) how often each stimulus was drawn.
        form: of the inner product.

    Returns:
        Similarities; NaN where a vector has no length.
    """
    n_models, n_subjects = len(models), len(brains)
    own = np.arange(n_models + n_subjects)
    cross = np.divmod(np.arange(n_models * n_subjects), n_subjects)
    first, second = np.triu_indices(n_subjects, 1)
    left = np.concatenate([own, cross[0], first + n_models])
    right = np.concatenate([own, cross[1] + n_models, second + n_models])
    found = inner_products(np.concatenate([models, brains]), counts, left, right, form)
    squares, products, between = np.split(found, [len(own), len(own) + len(cross[0])], axis=1)
    lengths = np.sqrt(positive(squares, _scale(models, brains, counts, form)))
    of_models, of_subjects = lengths[:, :n_models], lengths[:, n_models:]
    alike = np.ones((len(counts), n_subjects, n_subjects))
    alike[:, first, second] = between / (of_subjects[:, first] * of_subjects[:, second])
    alike[:, second, first] = alike[:, first, second]
    scores = products.reshape(-1, n_models, n_subjects)
    return Similarities(scores / of_models[:, :, None] / of_subjects[:, None], alike)


def _scale(models: np.ndarray, brains: np.ndarray, counts: np.ndarray, form: Form) -> np.ndarray:
    """(sample, vector) what squared lengths are in the mean over all pairs."""
    vectors = np.concatenate([models, brains])
    counts = np.asarray(counts, dtype=np.float64)
    n_pairs = (counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)) / 2
    return np.outer(n_pairs, vectors.var(axis=1) if form.centred else (vectors**2).mean(axis=1))


def _from_drawn_stimuli(
    models: np.ndarray, brains: np.ndarray, counts: np.ndarray, draws: np.ndarray, comparator: str
) -> tuple[np.ndarray, np.ndarray]:
    """For comparators without an inner product: the stimuli are drawn, pairs of copies left out."""
    scores = np.full((*draws.shape[:2], len(models)), np.nan)
    ceilings = np.full((*draws.shape[:2], 2), np.nan)
    for sample, count in enumerate(counts):
        pairs = _drawn_pairs(count)
        with contextlib.suppress(ValueError):
            alike = compare_rdms(models[:, pairs], brains[:, pairs], comparator)
            for draw, drawn in enumerate(draws[:, sample]):
                scores[draw, sample] = alike @ drawn / drawn.sum()
                ceilings[draw, sample] = _rank_ceilings(brains[:, pairs], drawn, comparator)
    return scores, ceilings


def _drawn_pairs(counts: np.ndarray) -> np.ndarray:
    n_conditions = len(counts)
    drawn = np.repeat(np.arange(n_conditions), counts)
    first, second = (drawn[index] for index in np.triu_indices(len(drawn), 1))
    first, second = first[first != second], second[first != second]
    return first * n_conditions - first * (first + 1) // 2 + second - first - 1


def _rank_ceilings(brains: np.ndarray, draws: np.ndarray, comparator: str) -> tuple[float, float]:
    """Pools are mean ranks; for Kendall's coefficients no pool is known to be the best."""
    brains, draws = brains[draws > 0], draws[draws > 0]
    if len(brains) < 2:
        return np.nan, np.nan
    parts = draws[:, None] * mid_ranks(brains)
    pools = np.concatenate([parts.sum(axis=0) - parts, parts.sum(axis=0)[None]])
    alike = compare_rdms(pools, brains, comparator)
    return float(np.diagonal(alike).mean()), float(alike[-1].mean())
