"""Intervals by leaving out one block of time or one trial after another."""

from collections.abc import Callable

import numpy as np

N_BLOCKS = 20
CONFIDENCE = 0.95


def jackknife(
    sums: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic of sums with its interval by the jackknife over the blocks that were summed.

        se² = (g - 1) / g Σ_b (θ_-b - mean of θ_-b)²,   θ ± t(g - 1) se

    Blocks must be nearly independent and many; the statistic smooth in the sums.

    Args:
        sums: (block, ..., term) sums of each block.
        statistic: from (..., term) sums to (...) values.
        confidence: coverage, between 0 and 1.

    Returns:
        Values, lower and upper bounds; NaN bounds with fewer than 2 blocks, or where a statistic
        without one block is NaN.

    Source: Tukey 1958, Annals of Mathematical Statistics 29:614; Efron 1982, CBMS 38, Eq. 3.8.

    The mean of 1, 2 and 3 has the standard error sqrt(1 / 3), as by its formula:

    >>> sums = np.array([[1.0, 1], [2, 1], [3, 1]])
    >>> value, low, high = jackknife(sums, lambda s: s[..., 0] / s[..., 1])
    >>> float(value), round(float(high - value) / 4.302653, 6)
    (2.0, 0.57735)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence}")
    total = sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(statistic(total), dtype=np.float64)
        if len(sums) < 2:
            return value, np.full(value.shape, np.nan), np.full(value.shape, np.nan)
        without = np.stack([statistic(total - block) for block in sums])
        return value, *spread_of(value, without, confidence)


def blocks_of(
    times: np.ndarray, spans: np.ndarray, durations: np.ndarray, n_blocks: int = N_BLOCKS
) -> tuple[np.ndarray, np.ndarray]:
    """The block of each time: neighbouring spans together, or parts of one where there are few.

    Args:
        times: (event,) from the start of their span.
        spans: (event,) the span of each.
        durations: (span,) their lengths.
        n_blocks: about how many blocks are wanted.

    Returns:
        (event,) blocks and (block,) their durations. With enough spans none is cut.

    >>> blocks_of(np.array([0.1, 0.9]), np.array([0, 0]), np.array([1.0]), 2)
    (array([0, 1]), array([0.5, 0.5]))
    """
    if len(durations) >= n_blocks:
        group = np.arange(len(durations)) * n_blocks // len(durations)
        return group[spans], np.bincount(group, durations)
    parts = np.maximum(np.rint(durations / durations.sum() * n_blocks), 1).astype(np.int64)
    first = np.cumsum(parts) - parts
    inside = np.floor(times / durations[spans] * parts[spans]).astype(np.int64)
    blocks = first[spans] + np.minimum(inside, parts[spans] - 1)
    return blocks, np.repeat(durations / parts, parts)


def spread_of(
    value: np.ndarray, without: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a statistic from its values without each block, where it is no function of sums.

    Args:
        value: (...) the statistic of all.
        without: (block, ...) the statistic without each block.
        confidence: coverage.

    Returns:
        Lower and upper bounds.

    Source: Efron 1982, CBMS 38, Eq. 3.8.
    """
    from scipy.special import stdtrit

    n_blocks = len(without)
    spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt((n_blocks - 1) / n_blocks * spread)
    margin = stdtrit(n_blocks - 1, (1 + confidence) / 2) * error
    return value - margin, value + margin
