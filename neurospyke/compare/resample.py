"""Resampling indices: bootstrap counts, permutations and split halves, all from a given seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from neurospyke.compare.kinds import check_responses
from neurospyke.responses import Responses

Seed = int | np.random.SeedSequence | np.random.Generator


def spawn_seeds(seed: int, n_streams: int) -> list[np.random.SeedSequence]:
    """Independent seeds, one for each purpose, so that asking more of one changes no other.

    Args:
        seed: whole number of 0 or more.
        n_streams: how many.

    Returns:
        Children of `numpy.random.SeedSequence(seed)`.

    Raises:
        ValueError: if the seed is not a whole number of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"`seed` must be a whole number of 0 or more; got {seed!r}")
    return np.random.SeedSequence(int(seed)).spawn(n_streams)


def bootstrap_counts(n_conditions: int, n_samples: int, seed: Seed) -> np.ndarray:
    """How often each condition is drawn when n are drawn from n with replacement.

    Args:
        n_conditions: number of conditions.
        n_samples: number of bootstrap samples.
        seed: seed or generator.

    Returns:
        (sample, condition) counts; every row sums to `n_conditions`.

    Source: Efron 1979, Annals of Statistics 7:1.

    >>> bootstrap_counts(5, 2, seed=0).sum(axis=1)
    array([5, 5])
    """
    _check_sizes(n_conditions=n_conditions, n_samples=n_samples)
    chances = np.full(n_conditions, 1 / n_conditions)
    return np.random.default_rng(seed).multinomial(n_conditions, chances, size=n_samples)


def permutations(n_conditions: int, n_samples: int, seed: Seed) -> np.ndarray:
    """Random orders of the conditions.

    Args:
        n_conditions: number of conditions.
        n_samples: number of permutations.
        seed: seed or generator.

    Returns:
        (sample, condition) positions; every row holds each position once.

    >>> np.sort(permutations(4, 1, seed=0))
    array([[0, 1, 2, 3]])
    """
    _check_sizes(n_conditions=n_conditions, n_samples=n_samples)
    rows = np.tile(np.arange(n_conditions), (n_samples, 1))
    return np.random.default_rng(seed).permuted(rows, axis=1)


def shuffle_labels(responses: Responses, seed: Seed) -> Responses:
    """Responses whose stimulus labels are permuted: a control that must score nothing.

    Trials of one stimulus stay together; only the names of the stimuli change places.

    Args:
        responses: any responses.
        seed: seed or generator.

    Returns:
        The same values under permuted labels.

    >>> from neurospyke.responses import Responses
    >>> responses = Responses.from_counts(np.array([[1], [2], [3]]), stimuli=["a", "a", "b"])
    >>> list(shuffle_labels(responses, seed=3).trials["stimulus"])
    ['b', 'b', 'a']
    """
    check_responses(responses)
    labels = np.array(responses.stimuli, dtype=object)
    new = dict(zip(labels, labels[permutations(len(labels), 1, seed)[0]], strict=True))
    trials = responses.trials.assign(stimulus=responses.trials["stimulus"].map(new))
    return replace(responses, trials=trials, notes=(*responses.notes, "stimulus labels shuffled"))


def split_halves(stimuli: Sequence[str], n_splits: int, seed: Seed) -> np.ndarray:
    """Random halves of the trials of every stimulus.

    An odd trial goes to either half at random.

    Args:
        stimuli: (trial,) labels; at least 2 trials of each.
        n_splits: number of splits.
        seed: seed or generator.

    Returns:
        (split, trial) booleans, True for the first half.

    Raises:
        ValueError: if a stimulus has a single trial.

    >>> split_halves(["a", "a", "b", "b"], 3, seed=0).sum(axis=1)
    array([2, 2, 2])
    """
    _check_sizes(n_splits=n_splits)
    codes = _repeated_stimuli(stimuli)
    generator = np.random.default_rng(seed)
    halves = np.empty((n_splits, len(codes)), dtype=bool)
    for split in range(n_splits):
        places = _places(codes, generator.random(len(codes)))
        offset = generator.integers(2, size=codes.max() + 1)
        halves[split] = (places + offset[codes]) % 2 == 0
    return halves


def equal_halves(stimuli: Sequence[str], n_splits: int, seed: Seed) -> np.ndarray:
    """Random halves of equal size: of an odd number of trials one is left out, at random.

    Args:
        stimuli: (trial,) labels; at least 2 trials of each.
        n_splits: number of splits.
        seed: seed or generator.

    Returns:
        (split, trial) int8, 0 and 1 for the halves, -1 for trials left out.

    Raises:
        ValueError: if a stimulus has a single trial.

    >>> np.sort(equal_halves(["a", "a", "b", "b", "b"], 1, seed=0))
    array([[-1,  0,  0,  1,  1]], dtype=int8)
    """
    _check_sizes(n_splits=n_splits)
    codes = _repeated_stimuli(stimuli)
    pairs = np.bincount(codes)[codes] // 2
    generator = np.random.default_rng(seed)
    halves = np.empty((n_splits, len(codes)), dtype=np.int8)
    for split in range(n_splits):
        places = _places(codes, generator.random(len(codes)))
        halves[split] = np.where(places < 2 * pairs, places % 2, -1)
    return halves


def unit_halves(n_units: int, n_splits: int, seed: Seed) -> np.ndarray:
    """Random halves of the units; an odd unit goes to either half at random.

    Args:
        n_units: number of units, at least 2.
        n_splits: number of splits.
        seed: seed or generator.

    Returns:
        (split, unit) booleans, True for the first half.

    Raises:
        ValueError: if there are fewer than 2 units.

    >>> unit_halves(4, 2, seed=0).sum(axis=1)
    array([2, 2])
    """
    _check_sizes(n_splits=n_splits)
    if n_units < 2:
        raise ValueError(f"units must be at least 2 to be split; got {n_units}")
    return split_halves(["unit"] * n_units, n_splits, seed)


def odd_even_halves(stimuli: Sequence[str]) -> np.ndarray:
    """Odd trials (first, third, ...) and even trials of every stimulus, in the order given.

    Args:
        stimuli: (trial,) labels; at least 2 trials of each.

    Returns:
        (1, trial) booleans, True for odd trials.

    Raises:
        ValueError: if a stimulus has a single trial.

    >>> odd_even_halves(["a", "b", "a", "b", "b"])
    array([[ True,  True, False, False,  True]])
    """
    codes = _repeated_stimuli(stimuli)
    return (_places(codes, np.arange(len(codes))) % 2 == 0)[None]


def _repeated_stimuli(stimuli: Sequence[str]) -> np.ndarray:
    codes, labels = pd.factorize(np.asarray(stimuli, dtype=object))
    single = labels[np.bincount(codes) < 2]
    if len(single):
        raise ValueError(
            f"`stimuli` must have at least 2 trials each to be split; {len(single)} have one: "
            f"{list(single[:10])}: leave them out"
        )
    return codes


def _places(codes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Place of every trial among those of its stimulus when ordered by key."""
    order = np.lexsort((keys, codes))
    counts = np.bincount(codes)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    places = np.empty(len(codes), dtype=np.int64)
    places[order] = np.arange(len(codes)) - first
    return places


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1; got {size}")
