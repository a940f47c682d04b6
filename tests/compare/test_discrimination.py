import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from neurospyke.compare import decoding_rdm
from neurospyke.responses import Responses


def make(values: np.ndarray) -> Responses:
    """Responses of (repetition, condition, unit) values."""
    n_folds, n_conditions, n_units = values.shape
    labels = {"stimulus": list("abcdefgh"[:n_conditions]) * n_folds}
    folds = {"repetition": np.repeat(np.arange(n_folds), n_conditions)}
    units = pd.DataFrame({"unit": range(n_units)})
    trials = pd.DataFrame(labels | folds)
    edges = np.array([0.0, 1.0])
    return Responses(values.reshape(-1, n_units, 1), trials, units, edges, measure="other")


def test_conditions_far_apart_are_told_apart_and_equal_ones_are_not() -> None:
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    values[:, 2] += 20
    a_b, a_c, b_c = decoding_rdm(make(values)).values
    assert a_c == b_c == 1.0
    # 80 independent decisions at chance: 0.5 with a standard deviation of 0.06
    assert abs(a_b - 0.5) < 0.2


def test_the_share_of_the_rarer_condition_counts_as_much() -> None:
    # Four trials of a at 0; b at 0, 9 and 9: its trial at 0 is the only one taken for the other.
    trials = pd.DataFrame({"stimulus": list("aaaabbb"), "repetition": [0, 1, 2, 3, 0, 1, 2]})
    values = np.array([0.0, 0.1, 0.2, 0.3, 0.05, 9.0, 9.1]).reshape(7, 1, 1)
    units = pd.DataFrame({"unit": [0]})
    responses = Responses(values, trials, units, np.array([0.0, 1.0]), measure="other")
    rdm = decoding_rdm(responses, classifier=lambda: KNeighborsClassifier(1))
    # The nearest to a's 0.0 and 0.1 may be b's 0.05 unless it is left out with the same fold.
    assert rdm.values == pytest.approx((3 / 4 + 2 / 3) / 2)


def test_a_condition_in_one_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="in different folds"):
        decoding_rdm(make(np.ones((1, 2, 2))))
