import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import correlation_rdm, firing_rates, first_spikes, rank_order
from neurospyke.responses import Responses


@pytest.fixture
def responses() -> Responses:
    """Two trials of four units in three bins of 0.1 s."""
    values = np.array(
        [
            [[0, 2, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]],
            [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
        ]
    )
    trials, units = pd.DataFrame({"stimulus": ["a", "b"]}), pd.DataFrame({"unit": range(4)})
    return Responses(values, trials, units, np.array([0.0, 0.1, 0.2, 0.3]))


def test_rates(responses: Responses) -> None:
    rates = firing_rates(responses)
    assert rates.measure == "rate"
    np.testing.assert_allclose(rates.values[0, 0], [0, 20, 10])


def test_first_spikes_and_silence(responses: Responses) -> None:
    latencies = first_spikes(responses)
    assert latencies.measure == "latency"
    assert latencies.values[:, :, 0].tolist() == [[0.1, 0, 0.3, 0.1], [0.3] * 4]
    assert first_spikes(responses, silent=1.0).values[1, :, 0].tolist() == [1.0] * 4


def test_ranks_share_ties_and_follow_the_policy(responses: Responses) -> None:
    assert rank_order(responses).values[:, :, 0].tolist() == [[2.5, 1, 4, 2.5], [2.5] * 4]
    zero = rank_order(responses, silent="zero").values[:, :, 0]
    assert zero.tolist() == [[1.5, 3, 0, 1.5], [0] * 4]
    latencies = first_spikes(responses)
    np.testing.assert_array_equal(rank_order(latencies).values, rank_order(responses).values)


def test_a_silent_pattern_never_becomes_nan(responses: Responses) -> None:
    for code in (first_spikes, rank_order):
        with pytest.raises(ValueError, match=r"undefined.*\['b'\]"):
            correlation_rdm(code(responses))
        assert correlation_rdm(code(responses), undefined=1.0).values.tolist() == [1.0]


def test_what_has_no_spikes_is_refused(responses: Responses) -> None:
    rates = firing_rates(responses)
    for code in (firing_rates, first_spikes, rank_order):
        with pytest.raises(ValueError, match="must be counts or spikes; these are 'rate'"):
            code(rates)
    with pytest.raises(ValueError, match=r"at the end of the window, 0\.3, or later"):
        first_spikes(responses, silent=0.2)
    with pytest.raises(ValueError, match="'last' or 'zero'; got 'first'"):
        rank_order(responses, silent="first")
