from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import (
    correlation_rdm,
    crossnobis_movie,
    crossnobis_rdm,
    euclidean_rdm,
    poisson_rdm,
    rdm_movie,
    unfold_time,
)
from neurospyke.compare import movie as movie_module
from neurospyke.responses import Responses


def make(values: np.ndarray, step: float = 1.0) -> Responses:
    """Responses of (repetition, condition, unit, time) values."""
    n_folds, n_conditions, n_units, n_times = values.shape
    trials = pd.DataFrame(
        {
            "stimulus": [f"s{k}" for k in range(n_conditions)] * n_folds,
            "repetition": np.repeat(np.arange(n_folds), n_conditions),
        }
    )
    units = pd.DataFrame({"unit": range(n_units)})
    edges = step * np.arange(n_times + 1)
    return Responses(values.reshape(-1, n_units, n_times), trials, units, edges, measure="other")


@pytest.fixture
def oracle(shared_oracles: Path) -> dict[str, np.ndarray]:
    with np.load(shared_oracles / "rsa_movie.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["euclidean", "correlation", "poisson"])
def test_sliding_windows_equal_rsatoolbox(oracle: dict[str, np.ndarray], name: str) -> None:
    values = oracle["in_X"]
    dissimilarity = name
    ours = rdm_movie(make(values), dissimilarity, width=4, step=2)
    np.testing.assert_allclose(ours.values, oracle[f"rt_{name}"], rtol=0, atol=1e-10)


def test_crossnobis_and_single_bins_equal_rsatoolbox(oracle: dict[str, np.ndarray]) -> None:
    responses = make(oracle["in_X"])
    ours = crossnobis_movie(responses, width=4, step=2).values
    np.testing.assert_allclose(ours, oracle["rt_crossnobis"], rtol=0, atol=1e-10)
    slow = rdm_movie(responses, partial(crossnobis_rdm, noise=None), width=4, step=2).values
    np.testing.assert_allclose(slow, oracle["rt_crossnobis"], rtol=0, atol=1e-10)
    plain = rdm_movie(responses, "euclidean").values
    np.testing.assert_allclose(plain, oracle["rt_euclidean_nobins"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("rdm", [euclidean_rdm, correlation_rdm, poisson_rdm])
def test_a_frame_is_the_rdm_of_its_window(rdm: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movie_module, "_CHUNK_BYTES", 8 * 15 * 4 * 2)
    values = np.random.default_rng(0).poisson(3, (3, 5, 4, 9)).astype(float)
    responses = make(values, step=0.25)
    name = rdm(responses).dissimilarity
    movie = rdm_movie(responses, name, width=3, step=2)
    assert movie.windows.tolist() == [[0, 0.75], [0.5, 1.25], [1, 1.75], [1.5, 2.25]]
    for frame, start in enumerate((0, 2, 4, 6)):
        window = make(values[..., start : start + 3].mean(axis=-1, keepdims=True))
        np.testing.assert_allclose(movie[frame].values, rdm(window).values, atol=1e-12)
    assert repr(movie) == f"RDMMovie(4 windows over [0, 2.25), 5 conditions, {name})"


def test_noise_whitens_the_units_of_every_window() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 2, 5))
    noise = np.array([[2.0, 0.4], [0.4, 1.0]])
    responses = make(values)
    fast = crossnobis_movie(responses, noise=noise, width=2)
    slow = rdm_movie(responses, partial(crossnobis_rdm, noise=noise), width=2)
    np.testing.assert_allclose(fast.values, slow.values, atol=1e-12)
    assert fast.dissimilarity == slow.dissimilarity == "crossnobis"
    with pytest.raises(ValueError, match="equally often in every fold"):
        crossnobis_movie(responses.where(trials=list(range(11))))


def test_distances_between_times() -> None:
    # The pattern of a at the first bin is that of b at the second.
    values = np.array([[[[1, 0], [0, 4]], [[3, 1], [1, 0]]]])
    rdm = euclidean_rdm(unfold_time(make(values, step=0.1)))
    assert rdm.conditions == ("s0 @ 0", "s1 @ 0", "s0 @ 0.1", "s1 @ 0.1")
    matrix = rdm.matrix()
    assert matrix[0, 3] == 0
    assert matrix[0, 2] == (1 + 16) / 2
    assert matrix[1, 2] == (9 + 9) / 2


def test_noise_shared_within_a_trial_does_not_join_times() -> None:
    # The same noise in both bins of a trial, none between trials: crossnobis between times is 0.
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(30, 1, 40, 1))
    values = np.repeat(np.repeat(noise, 2, axis=3), 2, axis=1)
    values += generator.normal(size=values.shape)
    distances = crossnobis_rdm(unfold_time(make(values)), noise=None).values
    assert np.abs(distances).max() < 0.1


def test_wrong_windows_are_refused() -> None:
    responses = make(np.ones((1, 2, 3, 4)))
    for width, step in ((0, 1), (5, 1), (1, 0)):
        with pytest.raises(ValueError, match="`width` must be from 1 to 4 bins"):
            rdm_movie(responses, width=width, step=step)
    with pytest.raises(ValueError, match="undefined for 2 conditions in 4 windows"):
        rdm_movie(responses, "correlation")
