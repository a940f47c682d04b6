from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import ledoit_wolf, noise_covariance, noise_precision, schaefer_strimmer
from neurospyke.compare.noise import ESTIMATORS
from neurospyke.responses import Responses
from tests.compare.problems import read_oracle

ORACLES = {
    "sample_variances": "diag",
    "sample_covariance": "full",
    "ledoit_wolf": "shrinkage_eye",
    "schaefer_strimmer": "shrinkage_diag",
}


@pytest.mark.parametrize("name", ORACLES)
def test_they_equal_rsatoolbox(shared_oracles: Path, name: str) -> None:
    with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
        residuals = oracle["in_residuals"] - oracle["in_residuals"].mean(axis=0)
        expected = oracle[f"rt_cov_res_{ORACLES[name]}"]
        trials, of_trials = oracle["in_rep"], oracle[f"rt_cov_unb_{ORACLES[name]}"]
    ours = ESTIMATORS[name](residuals, len(residuals) - 1)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)
    responses = Responses.from_counts(trials.reshape(-1, 11), stimuli=list(range(7)) * 4)
    found = noise_covariance(responses, name)
    np.testing.assert_allclose(found, of_trials, rtol=0, atol=1e-10)


def test_the_precision_equals_that_of_rsatoolbox(shared_oracles: Path) -> None:
    with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
        trials, expected = oracle["in_rep"], oracle["rt_prec_unb_shrinkage_diag"]
    responses = Responses.from_counts(trials.reshape(-1, 11), stimuli=list(range(7)) * 4)
    ours = noise_precision(responses, "schaefer_strimmer")
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


def test_covariances_of_measurements_in_rsatoolbox_divide_by_other_degrees(
    shared_oracles: Path,
) -> None:
    # (K - 1) M = 24 in the place of K (M - 1) = 21.
    oracle = read_oracle(shared_oracles, "dissim")
    repetitions = oracle["in_rep"]
    residuals = (repetitions - repetitions.mean(axis=0)).reshape(-1, 11)
    for name, key in (("sample_covariance", "full"), ("schaefer_strimmer", "shrinkage_diag")):
        theirs, right = oracle[f"rt_cov_meas_{key}"], oracle[f"rt_cov_unb_{key}"]
        np.testing.assert_allclose(ESTIMATORS[name](residuals, 24), theirs, rtol=0, atol=1e-10)
        np.testing.assert_allclose(ESTIMATORS[name](residuals, 21), right, rtol=0, atol=1e-10)


def test_degrees_of_freedom_are_trials_less_conditions() -> None:
    # 100 conditions of 3 trials, each with residuals -1, 0 and 1: variance 2 / (3 - 1) = 1.
    # Divided by (K - 1) M = 297 instead of K (M - 1) = 200 it would be 0.673.
    responses = Responses.from_counts(
        np.tile([[0.0], [1.0], [2.0]], (100, 1)), stimuli=np.repeat(np.arange(100), 3).tolist()
    )
    assert noise_covariance(responses, "sample_covariance") == pytest.approx(1.0, abs=1e-12)


def by_definition(residuals: np.ndarray, n_degrees: int) -> np.ndarray:
    """Schäfer and Strimmer, a loop over pairs."""
    n, p = residuals.shape
    covariance = residuals.T @ residuals / n_degrees
    z = residuals / np.sqrt(np.diagonal(covariance))
    spread = total = 0.0
    for a in range(p):
        for b in range(p):
            if a != b:
                r = (z[:, a] * z[:, b]).sum() / (n - 1)
                q = (z[:, a] ** 2 * z[:, b] ** 2).sum() / (n - 1)
                spread += n / n_degrees**2 * (q - r**2)
                total += r**2
    share = min(max(spread / total, 0.0), 1.0)
    return (1 - share) * covariance + share * np.diag(np.diagonal(covariance))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(4, 12), st.integers(2, 6))
def test_sums_over_trials_equal_sums_over_pairs(seed: int, n: int, p: int) -> None:
    generator = np.random.default_rng(seed)
    residuals = generator.normal(size=(n, p)) @ generator.normal(size=(p, p))
    residuals -= residuals.mean(axis=0)
    ours = schaefer_strimmer(residuals, n - 1)
    np.testing.assert_allclose(ours, by_definition(residuals, n - 1), rtol=1e-9, atol=1e-12)
    n_trials = len(residuals)
    covariance = residuals.T @ residuals / n_trials
    mean = np.trace(covariance) / p
    outer = [((np.outer(r, r) - covariance) ** 2).sum() for r in residuals]
    distance = ((covariance - mean * np.eye(p)) ** 2).sum()
    share = min(sum(outer) / n_trials**2, distance) / distance
    expected = n_trials / (n - 1) * (share * mean * np.eye(p) + (1 - share) * covariance)
    np.testing.assert_allclose(ledoit_wolf(residuals, n - 1), expected, rtol=1e-9, atol=1e-12)


def test_silent_units() -> None:
    residuals = np.random.default_rng(0).normal(size=(30, 4))
    residuals[:, 2] = 0
    assert np.linalg.eigvalsh(ledoit_wolf(residuals, 29)).min() > 0
    with pytest.raises(ValueError, match="1 never do: leave silent units out, or use ledoit_wolf"):
        schaefer_strimmer(residuals, 29)


def test_more_units_than_trials_can_be_inverted_when_shrunk() -> None:
    counts = np.random.default_rng(1).poisson(4, (12, 20))
    responses = Responses.from_counts(counts, stimuli=list("abc") * 4)
    for name in ("ledoit_wolf", "schaefer_strimmer"):
        product = noise_precision(responses, name) @ noise_covariance(responses, name)
        np.testing.assert_allclose(product, np.eye(20), atol=1e-9)
    with pytest.raises(ValueError, match="must be positive definite; use more trials"):
        noise_precision(responses, "sample_covariance")
