"""What decoding holds for: conditions never trained on, and populations of other sizes."""

from typing import Any

import numpy as np
import pandas as pd

from neurospyke.compare.decoding import Decoding, TrialSplits, decode
from neurospyke.compare.kinds import check_sides
from neurospyke.compare.pseudotrials import Sessions
from neurospyke.compare.resample import spawn_seeds
from neurospyke.responses import Responses


def decode_across_conditions(
    responses: Sessions,
    label: str,
    condition: str,
    *,
    decoder: Any = None,
    n_repeats: int = 1,
    n_permutations: int = 0,
    n_jobs: int = 1,
    seed: int,
) -> Decoding:
    """Decode a label in a condition that the decoder never saw, such as another position.

    Each value of `condition` is held out in turn, and the decoder learns from all others; the
    mean is the cross-condition generalisation performance. Under the null, labels are exchanged
    within each condition.

    Args:
        responses: (trial, unit, time) responses, or several by the name of their session.
        label: column of `trials` to decode.
        condition: column whose values are held out; every label occurs in at least two of them.
        decoder: as in `decode`.
        n_repeats: how often trials of different sessions are joined anew.
        n_permutations: as in `decode`.
        n_jobs: as in `decode`.
        seed: whole number.

    Returns:
        As `decode`; `held_out` names the condition of each fold.

    Raises:
        ValueError: as `decode`.

    Source: Bernardi et al. 2020, Cell 183:954.

    >>> trials = pd.DataFrame({"stimulus": list("abab"), "where": ["up", "up", "down", "down"]})
    >>> counts = np.array([[5, 1], [1, 4], [9, 0], [2, 8]])[:, :, None]
    >>> side = Responses(counts, trials, pd.DataFrame({"unit": [0, 1]}), np.array([0.0, 1.0]))
    >>> found = decode_across_conditions(side, "stimulus", "where", seed=0)
    >>> found.held_out, found.scores[:, 0]
    (('down', 'up'), array([1., 1.]))
    """
    from sklearn.model_selection import LeaveOneGroupOut

    splits = TrialSplits(LeaveOneGroupOut(), block=condition, n_repeats=n_repeats)
    return decode(
        responses,
        label,
        decoder=decoder,
        splits=splits,
        n_permutations=n_permutations,
        n_jobs=n_jobs,
        seed=seed,
    )


def decoding_curve(
    responses: Sessions,
    n_units: list[int],
    label: str = "stimulus",
    *,
    decoder: Any = None,
    splits: TrialSplits | None = None,
    n_draws: int = 10,
    n_jobs: int = 1,
    seed: int,
) -> pd.DataFrame:
    """Accuracy of random parts of a population, so that sides of unequal size can be compared.

    Args:
        responses: (trial, unit, time) responses, or several by the name of their session.
        n_units: sizes, each at most the number of units there are.
        label: column of `trials` to decode.
        decoder: as in `decode`.
        splits: as in `decode`.
        n_draws: how many random parts of each size.
        n_jobs: as in `decode`.
        seed: whole number.

    Returns:
        One row a size, draw and bin: `n_units`, `draw`, and the columns of `Decoding.to_frame`.

    Raises:
        ValueError: as `decode`, or if a size is out of range.

    >>> counts = np.array([[0, 4, 1], [0, 5, 1], [3, 0, 1], [4, 0, 1]])
    >>> side = Responses.from_counts(counts, stimuli=["a", "a", "b", "b"])
    >>> halves = TrialSplits(folds=2)
    >>> table = decoding_curve(side, [2, 3], splits=halves, n_draws=2, seed=0)
    >>> table["n_units"].tolist()
    [2, 2, 3, 3]
    """
    check_sides(responses, "responses")
    parts = {"": responses} if isinstance(responses, Responses) else dict(responses)
    owners = [(name, unit) for name, part in parts.items() for unit in range(part.n_units)]
    odd = [n for n in n_units if not 1 <= n <= len(owners)]
    if odd or n_draws < 1:
        raise ValueError(
            f"`n_units` must be 1 to {len(owners)}, `n_draws` at least 1; got {odd} and {n_draws}"
        )
    rows = []
    for n, stream in zip(n_units, spawn_seeds(seed, len(n_units)), strict=True):
        rng = np.random.default_rng(stream)
        for draw in range(n_draws):
            chosen = [owners[place] for place in np.sort(rng.permutation(len(owners))[:n])]
            own = {name: [unit for owner, unit in chosen if owner == name] for name in parts}
            kept = {name: parts[name].where(units=units) for name, units in own.items() if units}
            side = kept[""] if isinstance(responses, Responses) else kept
            number = int(rng.integers(2**31))
            found = decode(side, label, decoder=decoder, splits=splits, n_jobs=n_jobs, seed=number)
            rows.append(found.to_frame().assign(n_units=n, draw=draw))
    table = pd.concat(rows, ignore_index=True)
    first = ["n_units", "draw"]
    return table[[*first, *table.columns.drop([*first, "p", "p_max", "p_cluster"])]]
