"""Rank correlations of bootstrap samples: mid-ranks among weighted pairs."""

import numpy as np

from neurospyke.compare.products import pair_weights

_CHUNK_BYTES = 16 * 2**20


def centred_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mid-ranks among weighted values, less the mean rank: G + T/2 - N/2.

    G is the weight of all smaller values, T that of the tied ones and N that of all.

    Args:
        values: (vector, pair) values.
        weights: (pair,) how often each pair was drawn.

    Returns:
        (vector, pair) multiples of 1/2, exact.

    >>> centred_ranks(np.array([[5.0, 7.0, 7.0]]), np.array([2.0, 1.0, 1.0]))
    array([[-1.,  1.,  1.]])
    """
    order, first = _order(values)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, _ranks_in_order(order, first, weights), axis=1)
    return ranks


def _order(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(vector, pair) ascending order, and where in it a new value begins."""
    order = np.argsort(values, axis=1)
    ascending = np.take_along_axis(values, order, axis=1)
    first = np.ones(values.shape, dtype=bool)
    np.not_equal(ascending[:, 1:], ascending[:, :-1], out=first[:, 1:])
    return order, first


def _ranks_in_order(order: np.ndarray, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    up_to = np.cumsum(weights[order], axis=1)
    total = up_to[:, -1:].copy()
    below = np.zeros(order.shape)
    np.copyto(below[:, 1:], up_to[:, :-1], where=first[:, 1:])
    np.maximum.accumulate(below, axis=1, out=below)
    np.copyto(up_to[:, :-1], np.inf, where=~first[:, 1:])
    backwards = up_to[:, ::-1]
    np.minimum.accumulate(backwards, axis=1, out=backwards)
    return (below + up_to - total) / 2


def weighted_rank_scores(
    models: np.ndarray, brains: np.ndarray, counts: np.ndarray, draws: np.ndarray, comparator: str
) -> tuple[np.ndarray, np.ndarray]:
    """Spearman or rho-a of models and subjects in bootstrap samples, and the noise ceilings.

    Args:
        models: (model, pair) dissimilarities.
        brains: (subject, pair) dissimilarities.
        counts: (sample, condition) how often each stimulus was drawn.
        draws: (draw, sample, subject) how often each subject was drawn.
        comparator: "spearman" or "rho_a".

    Returns:
        (draw, sample, model) scores and (draw, sample, 2) ceilings, pools being mean ranks.

    >>> one = np.array([[1.0, 2.0, 3.0]])
    >>> weighted_rank_scores(one, one, np.array([[1, 1, 1]]), np.ones((1, 1, 1)), "rho_a")[0]
    array([[[1.]]])
    """
    every = np.concatenate([models, brains])
    order, first = _order(every)
    scores = np.empty((*draws.shape[:2], len(models)))
    ceilings = np.full((*draws.shape[:2], 2), np.nan)
    ranks = np.empty(every.shape)
    step = max(1, _CHUNK_BYTES // (8 * every.shape[1]))
    for start in range(0, len(counts), step):
        chunk = pair_weights(counts[start : start + step])
        for sample, weights in enumerate(chunk, start=start):
            np.put_along_axis(ranks, order, _ranks_in_order(order, first, weights), axis=1)
            drawn = weights > 0
            given, compared = weights[drawn], np.compress(drawn, ranks, axis=1)
            lengths = _lengths(compared, given, comparator)
            sides = np.split(compared / lengths[:, None], [len(models)])
            alike = (sides[0] * given) @ sides[1].T
            scores[:, sample] = draws[:, sample] @ alike.T / draws[:, sample].sum(axis=1)[:, None]
            for draw, subjects in enumerate(draws[:, sample]):
                chosen = subjects > 0
                own = compared[len(models) :][chosen], sides[1][chosen] * given
                ceilings[draw, sample] = _ceilings(*own, given, subjects[chosen], comparator)
    return scores, ceilings


def _ceilings(
    brains: np.ndarray,
    weighted: np.ndarray,
    weights: np.ndarray,
    draws: np.ndarray,
    comparator: str,
) -> tuple[float, float]:
    if len(brains) < 2:
        return np.nan, np.nan
    parts = draws[:, None] * brains
    pool = parts.sum(axis=0)
    pools = centred_ranks(np.concatenate([pool - parts, pool[None]]), weights)
    lengths = _lengths(pools, weights, comparator)
    lower = np.einsum("sp,sp->s", pools[:-1], weighted) / lengths[:-1]
    upper = weighted @ pools[-1] / lengths[-1]
    return float(lower.mean()), float(upper.mean())


def _lengths(ranks: np.ndarray, weights: np.ndarray, comparator: str) -> np.ndarray:
    """Lengths for Spearman's coefficient; for rho-a those of ranks without ties."""
    if comparator == "spearman":
        squares = np.einsum("vp,vp,p->v", ranks, ranks, weights)
    else:
        total = weights.sum()
        squares = np.full(len(ranks), (total**3 - total) / 12)
    return np.sqrt(np.where(squares > 0, squares, np.nan))
