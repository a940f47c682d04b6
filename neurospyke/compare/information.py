"""How much spike counts tell about the stimulus, in bits, with what limited trials add."""

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE, N_BLOCKS, jackknife, spread_of
from neurospyke.compare.resample import Seed
from neurospyke.compare.trains import first_status, unit_table
from neurospyke.compare.variability import whole_counts
from neurospyke.responses import Responses

ESTIMATORS = ("plug_in", "miller_madow", "panzeri_treves", "shuffle")
TRIALS_PER_RESPONSE = 1.0


def bits_per_spike(responses: Responses, *, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Information each spike carries about the stimulus, from mean rates alone.

        I = Σ_s p_s (r_s / r) log2(r_s / r),   r = Σ_s p_s r_s

    Args:
        responses: (trial, unit, time) counts or spikes, summed over the window; p_s is the share of
            trials.
        confidence: coverage of the intervals.

    Returns:
        One row a unit: `value`, `low` and `high` by the jackknife over trials (in up to 20 blocks,
        each with trials of all stimuli where there are enough), `n` trials, `status`: "no_spikes"
        or "ok". Biased upwards with few spikes a stimulus.

    Raises:
        ValueError: if the responses are neither counts nor spikes.

    Source: Skaggs et al. 1993, Advances in Neural Information Processing Systems 5:1030, Eq. 2.

    Two stimuli, one of which never drives: 1 bit.

    >>> counts = np.array([[2], [2], [0], [0]])
    >>> bits_per_spike(Responses.from_counts(counts, stimuli=list("aabb")))["value"].tolist()
    [1.0]
    """
    counts, codes = whole_counts(responses), pd.factorize(responses.trials["stimulus"])[0]
    blocks = _blocks(codes)
    n_blocks, n_stimuli = blocks.max() + 1, codes.max() + 1
    sums = np.zeros((n_blocks, responses.n_units, n_stimuli, 2))
    np.add.at(sums[..., 0].transpose(0, 2, 1), (blocks, codes), counts)
    np.add.at(sums[..., 1].transpose(0, 2, 1), (blocks, codes), 1.0)
    value, low, high = jackknife(sums, _per_spike, confidence)
    status = first_status(responses.n_units, (counts.sum(axis=0) == 0, "no_spikes"))
    columns = {"value": value, "low": low, "high": high}
    return unit_table(responses.units, **columns).assign(n=len(counts), status=status)


def mutual_information(
    responses: Responses, *, n_shuffles: int = 100, confidence: float = CONFIDENCE, seed: Seed
) -> pd.DataFrame:
    """Mutual information of stimulus and spike count of each unit, by four estimators.

        I = Σ_s Σ_r p(s, r) log2( p(s, r) / (p(s) p(r)) )

    plug_in puts shares of trials for p, and is too large by about (Σ_s (R_s - 1) - (R - 1)) /
    (2 N ln 2), R_s and R the numbers of counts that can occur. miller_madow subtracts that with the
    numbers that did occur; panzeri_treves with a Bayesian guess at those that can; shuffle
    subtracts the mean plug-in information under shuffled stimuli.

    Args:
        responses: (trial, unit, time) counts or spikes, summed over the window.
        n_shuffles: orders of the trials for "shuffle".
        confidence: coverage of the intervals.
        seed: seed or generator of the shuffles.

    Returns:
        One row a unit and estimator: `value` in bits, `low` and `high` by the jackknife over
        trials (the width of plug_in for shuffle), `n` trials, `trials_per_stimulus` (fewest),
        `p` (share of shuffles with as much plug-in information), `status`: "no_spikes",
        "few_trials" with fewer trials of a stimulus than the unit has different counts, or "ok".

    Raises:
        ValueError: if the responses are neither counts nor spikes.

    Source: Miller 1955, in Information Theory in Psychology; Panzeri and Treves 1996, Network 7:87,
    Eqs. 9 and 15 to 18; Panzeri et al. 2007, Journal of Neurophysiology 98:1064.

    >>> responses = Responses.from_counts(np.array([[2], [2], [0], [0]]), stimuli=list("aabb"))
    >>> mutual_information(responses, seed=0)["value"][0]
    np.float64(1.0)
    """
    counts, codes = whole_counts(responses), pd.factorize(responses.trials["stimulus"])[0]
    blocks, generator = _blocks(codes), np.random.default_rng(seed)
    orders = np.array([generator.permutation(len(codes)) for _ in range(n_shuffles)])
    fewest = int(np.bincount(codes).min())
    rows = []
    for unit in range(responses.n_units):
        kinds = np.unique(counts[:, unit], return_inverse=True)[1]
        values, low, high, p = _estimates(kinds, codes, blocks, orders, confidence)
        silent = counts[:, unit].sum() == 0
        few = fewest < TRIALS_PER_RESPONSE * (kinds.max() + 1)
        status = "no_spikes" if silent else "few_trials" if few else "ok"
        rows += [
            {"row": unit, "estimator": name, "value": values[name], "low": low[name],
             "high": high[name], "p": p, "status": status}
            for name in ESTIMATORS
        ]  # fmt: skip
    table = pd.DataFrame(rows)
    names = unit_table(responses.units).loc[table.pop("row")].reset_index(drop=True)
    return pd.concat([names, table], axis=1).assign(n=len(codes), trials_per_stimulus=fewest)


def _blocks(codes: np.ndarray) -> np.ndarray:
    """(trial,) blocks that deal out the trials of every stimulus evenly."""
    order = np.argsort(codes, kind="stable")
    blocks = np.empty(len(codes), dtype=np.int64)
    blocks[order] = np.arange(len(codes)) % min(N_BLOCKS, len(codes))
    return blocks


def _per_spike(sums: np.ndarray) -> np.ndarray:
    spikes, trials = sums[..., 0], sums[..., 1]
    rates = spikes / np.where(trials > 0, trials, 1.0)
    share = trials / trials.sum(axis=-1, keepdims=True)
    mean = (share * rates).sum(axis=-1, keepdims=True)
    ratio = rates / np.where(mean > 0, mean, np.nan)
    return (share * ratio * np.log2(np.where(ratio == 0, 1.0, ratio))).sum(axis=-1)


def _estimates(
    kinds: np.ndarray, codes: np.ndarray, blocks: np.ndarray, orders: np.ndarray, confidence: float
) -> tuple[dict[str, float], dict[str, float], dict[str, float], float]:
    """Values and bounds by estimator, and p, for the counts of one unit."""
    shape = (blocks.max() + 1, codes.max() + 1, kinds.max() + 1)
    tables = np.zeros(shape)
    np.add.at(tables, (blocks, codes, kinds), 1.0)
    table = tables.sum(axis=0)
    plain = float(_plug_in(table))
    chance = np.array([float(_plug_in(_table(kinds[order], codes, shape))) for order in orders])
    values = {
        "plug_in": plain,
        "miller_madow": plain - _bias(table, _occupied(table)),
        "panzeri_treves": plain - _bias(table, _possible(table)),
        "shuffle": plain - float(chance.mean()),
    }
    without = [table - each for each in tables]
    low, high = {}, {}
    for name, of in (
        ("plug_in", _plug_in),
        ("miller_madow", lambda t: _plug_in(t) - _bias(t, _occupied(t))),
        ("panzeri_treves", lambda t: _plug_in(t) - _bias(t, _possible(t))),
    ):
        bounds = spread_of(np.asarray(values[name]), np.array([of(t) for t in without]), confidence)
        low[name], high[name] = (float(each) for each in bounds)
    low["shuffle"] = low["plug_in"] - float(chance.mean())
    high["shuffle"] = high["plug_in"] - float(chance.mean())
    # equal tables differ by rounding
    p = (1 + (chance >= plain - 1e-12).sum()) / (1 + len(chance))
    return values, low, high, float(p)


def _table(kinds: np.ndarray, codes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.bincount(codes * shape[2] + kinds, minlength=shape[1] * shape[2])
    return flat.reshape(shape[1:]).astype(np.float64)


def _plug_in(table: np.ndarray) -> np.ndarray:
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / total
    ratio = np.where(table > 0, table, 1.0) / np.where(table > 0, expected, 1.0)
    return (table * np.log2(ratio)).sum() / total


def _bias(table: np.ndarray, relevant: np.ndarray) -> float:
    """First-order bias of the plug-in information, from numbers of responses of each stimulus."""
    total = table.sum()
    every = (table.sum(axis=0) > 0).sum()
    return float(((relevant - 1).sum() - (every - 1)) / (2 * total * np.log(2)))


def _occupied(table: np.ndarray) -> np.ndarray:
    return np.maximum((table > 0).sum(axis=1), 1)


def _possible(table: np.ndarray) -> np.ndarray:
    """(stimulus,) number of responses whose expected number seen is the number seen."""
    limit = int((table.sum(axis=0) > 0).sum())
    return np.array([_possible_of(row[row > 0], limit) for row in table])


def _possible_of(seen: np.ndarray, limit: int) -> int:
    n, n_seen = seen.sum(), len(seen)
    if n_seen == 0:
        return 1
    misses = [np.abs(((1 - seen / n) ** n).sum())]
    for unseen in range(1, limit - n_seen + 1):
        # chances as after one more trial of each response seen, less what the unseen ones take
        rest = unseen * (1 - (n / (n + n_seen)) ** (1 / n))
        likely = (1 - rest) * (seen + 1) / (n + n_seen)
        expected = (1 - (1 - likely) ** n).sum() + unseen * (1 - (1 - rest / unseen) ** n)
        misses.append(abs(n_seen - expected))
        if misses[-1] >= misses[-2]:
            return n_seen + unseen - 1
    return n_seen + len(misses) - 1
