import numpy as np
import pytest

from neurospyke.compare.variability import fano_factors, mean_matched_fano
from neurospyke.responses import Responses


def counts_of(values: np.ndarray, n_stimuli: int) -> Responses:
    stimuli = [f"s{trial % n_stimuli}" for trial in range(len(values))]
    return Responses.from_counts(values, stimuli=stimuli)


def test_it_is_the_pooled_ratio_by_hand() -> None:
    # a: 1, 3 (variance 2, mean 2); b: 0, 2, 4 (variance 4, mean 2): (2 + 8) / (2 + 4)
    values = np.array([[1], [3], [0], [2], [4], [7]])
    responses = Responses.from_counts(values, stimuli=list("aabbbc"))
    table = fano_factors(responses)
    assert table["value"].tolist() == pytest.approx([10 / 6])
    assert table["n"].tolist() == [5]


@pytest.mark.parametrize("n_stimuli", [2, 20])
def test_poisson_counts_have_one_as_often_as_stated(n_stimuli: int) -> None:
    values = np.random.default_rng(0).poisson(4.0, (200, 400))
    table = fano_factors(counts_of(values, n_stimuli))
    assert abs(table["value"].mean() - 1) < 0.01
    covered = ((table["low"] <= 1) & (table["high"] >= 1)).mean()
    assert 0.92 < covered < 0.98


def test_a_deterministic_model_is_called_so() -> None:
    values = np.tile(np.array([[3, 0], [5, 0]]), (4, 1))
    table = fano_factors(counts_of(values, 2))
    assert table["status"].tolist() == ["deterministic", "no_spikes"]
    assert table["value"][0] == 0
    assert np.isnan(table["value"][1])
    assert fano_factors(counts_of(values[:2], 2))["status"].tolist() == ["n_trials<2"] * 2


def test_matching_takes_away_what_the_means_explain() -> None:
    # Variance grows with the square of the mean; only the distribution of means differs.
    generator = np.random.default_rng(0)

    def population(scale: float) -> Responses:
        means = generator.gamma(4.0, scale, (1, 60))
        gain = generator.gamma(5.0, 1 / 5, (120, 60))
        return counts_of(generator.poisson(means * gain), 3)

    groups = [population(1.0), population(1.6)]
    table = mean_matched_fano(groups, n_samples=50, seed=0)
    plain = table["plain"].to_numpy()
    matched = table["value"].to_numpy()
    assert plain[1] - plain[0] > 0.5
    assert abs(matched[1] - matched[0]) < (plain[1] - plain[0]) / 2
    assert table["n"].nunique() == 1
    far = counts_of(generator.poisson(1000.0, (20, 4)), 2)
    assert set(mean_matched_fano([groups[0], far], seed=0)["status"]) == {"no_overlap"}


def test_bad_responses_are_refused() -> None:
    responses = counts_of(np.ones((4, 2), dtype=int), 2)
    with pytest.raises(ValueError, match="`groups` must be 2"):
        mean_matched_fano([responses], seed=0)
    with pytest.raises(ValueError, match="group 1"):
        mean_matched_fano([responses, counts_of(np.ones((2, 2), dtype=int), 2)], seed=0)
    latency = Responses(
        *(responses.values, responses.trials, responses.units, responses.edges), measure="latency"
    )
    with pytest.raises(ValueError, match="counts or spikes"):
        fano_factors(latency)
