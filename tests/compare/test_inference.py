from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neurospyke.compare.comparators import compare_rdms
from neurospyke.compare.comparison import Comparison
from neurospyke.compare.inference import (
    Inference,
    contrast_variances,
    degrees_of_freedom,
    false_discovery_rate,
    p_above_zero,
    score_interval,
)
from tests.compare.problems import ORACLE_NAMES, read_oracle

COMPARATORS = ("cosine", "corr", "spearman", "rho-a", "tau-a", "cosine_cov", "corr_cov")
OVER = {"both": "both", "rdm": "subjects", "pattern": "stimuli", "dual": "both"}
CONDITIONS = tuple("abcdefghijkl")


def comparisons(scores: np.ndarray, ceiling: tuple[float, float]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison("rsa", f"m{row}", "IT", score, (-1, 1), ceiling=ceiling, conditions=CONDITIONS)
        for row, score in enumerate(scores)
    )


def from_oracle(folder: Path, resampled: str, comparator: str) -> tuple[Inference, Any]:
    """The oracle's samples; for the score it takes the mean over samples and factors."""
    with np.load(folder / "rsa_bootstrap.npz") as file:
        ending = f"_{resampled}_{comparator}"
        if f"rt_eval{ending}" not in file:
            pytest.skip(f"the oracle has no {ending}")
        known = {key.removesuffix(ending): file[key] for key in file if key.endswith(ending)}
    scores, ceilings = known["rt_eval"], np.moveaxis(known["rt_nc"], 0, 1)
    if resampled == "dual":
        samples = np.concatenate([scores, ceilings], axis=1).transpose(2, 0, 1)[:, None]
        scores, ceilings = scores.mean(axis=2), ceilings.mean(axis=2)
    else:
        samples = np.concatenate([scores, ceilings], axis=1)[None, None]
    low, high = ceilings.mean(axis=0)
    each = comparisons(scores.mean(axis=0), (float(low), float(high)))
    ones = np.ones((60, 12), dtype=int), np.ones((60, 6), dtype=int)
    over = OVER[resampled] if resampled != "both" else "subjects"
    subjects = tuple("123456")
    return Inference(each, over, np.zeros((4, 6)), subjects, samples, *ones), known


@pytest.mark.parametrize("comparator", COMPARATORS)
@pytest.mark.parametrize("resampled", OVER)
def test_variances_and_tests_equal_rsatoolbox(
    shared_oracles: Path, resampled: str, comparator: str
) -> None:
    # A bootstrap over both without the two-factor correction has the factor of the smaller number.
    ours, known = from_oracle(shared_oracles, resampled, comparator)
    dof = ours.degrees_of_freedom
    assert dof == known["rt_dof"]
    own, pairs, models = ours.variances(np.eye(4, 6)), ours.pair_frame(), ours.model_frame()
    same = agree(own, known["rt_model_var"], resampled, comparator)
    np.testing.assert_allclose(models["p_zero"][same], known["rt_p_zero"][same], atol=1e-10)
    low, high = ours.scores + stats.t.ppf([[0.025], [0.975]], dof) * np.sqrt(own)
    np.testing.assert_allclose(low[same], known["rt_ci95"][0][same], rtol=0, atol=1e-10)
    np.testing.assert_allclose(high[same], known["rt_ci95"][1][same], rtol=0, atol=1e-10)
    check_covariances(ours, known["rt_variances"])
    if resampled != "rdm":  # there it takes the ceiling for a number without variance
        against = np.kron(np.eye(4, 6), np.ones((2, 1))) - np.tile(np.eye(2, 6, 4), (4, 1))
        np.testing.assert_allclose(ours.variances(against), known["rt_nc_var"].ravel(), atol=1e-12)
        np.testing.assert_allclose(models["p_ceiling"], known["rt_p_nc"], rtol=0, atol=1e-10)
    differ = agree(
        pairs["standard_error"].to_numpy() ** 2, known["rt_diff_var"], resampled, comparator
    )
    expected = known["rt_p_pair"][np.triu_indices(4, 1)]
    np.testing.assert_allclose(pairs["p"][differ], expected[differ], rtol=0, atol=1e-10)


def check_covariances(ours: Inference, known: np.ndarray) -> None:
    """Each factor's variances of any contrast are those of its covariance of plain samples."""
    contrasts = np.random.default_rng(0).normal(size=(5, 6))
    known = known.reshape(-1, *known.shape[-2:])
    contrasts[:, known.shape[1] :] = 0
    for samples, covariance in zip(ours.samples, known, strict=True):
        n = len(covariance)
        found = contrast_variances(samples[None], contrasts, "stimuli", 1, 10**14)
        expected = np.einsum("ck,kl,cl->c", contrasts[:, :n], covariance, contrasts[:, :n])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def agree(ours: np.ndarray, theirs: np.ndarray, resampled: str, comparator: str) -> np.ndarray:
    """Which variances are equal: all, but where it lets two factors vary less than one of them."""
    same = np.abs(ours - theirs) < 1e-12
    if (resampled, comparator) == ("dual", "cosine_cov"):
        assert (ours[~same] > theirs[~same]).all()
    else:
        assert same.all()
    return same


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_tests_over_subjects_equal_rsatoolbox(shared_oracles: Path, comparator: str) -> None:
    file = read_oracle(shared_oracles, "ceiling_fixed")
    scores, (low, high) = file[f"rt_fixed_eval_{comparator}"], file[f"rt_nc_{comparator}"]
    p_zero, p_pair, p_ceiling, own, pairs, to_ceiling, plain = (
        file[f"rt_fixed_{name}_{comparator}"]
        for name in ("p_zero", "p_pair", "p_nc", "model_var", "diff_var", "nc_var", "var")
    )
    (name,) = [ours for ours, theirs in ORACLE_NAMES.items() if theirs == comparator]
    again = compare_rdms(file["in_A"], file["in_D"], name)
    np.testing.assert_allclose(again, scores, rtol=0, atol=1e-10)
    ones = np.ones((2, 12), dtype=int), np.ones((2, 6), dtype=int)
    ours = Inference(
        comparisons(scores.mean(axis=1), (float(low), float(high))),
        "subjects",
        scores,
        tuple("123456"),
        np.zeros((1, 1, 2, 6)),
        *ones,
    ).subject_frame()
    against = ours.groupby("against", sort=False)["p"].apply(np.array)
    np.testing.assert_allclose(against["0"], p_zero, rtol=0, atol=1e-10)
    np.testing.assert_allclose(against["ceiling"], p_ceiling, rtol=0, atol=1e-10)
    np.testing.assert_allclose(against["m3"], p_pair[:3, 3], rtol=0, atol=1e-10)
    # Its variances are those that the t tests rest on; "var" divides by the subjects, not one less.
    differences = ours.groupby("against", sort=False)["difference"].apply(np.array)
    t = differences["0"] / np.sqrt(own)
    np.testing.assert_allclose(against["0"], stats.t.sf(t, 5), rtol=0, atol=1e-10)
    t = np.abs(differences["ceiling"]) / np.sqrt(to_ceiling[:, 0])
    np.testing.assert_allclose(against["ceiling"], 2 * stats.t.sf(t, 5), rtol=0, atol=1e-10)
    later = ours[ours["against"].str.startswith("m")]
    t = later["difference"].abs() / np.sqrt(pairs)
    np.testing.assert_allclose(later["p"], 2 * stats.t.sf(t, 5), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.diag(plain) * 6 / 5, own, rtol=0, atol=1e-12)


def test_variance_of_both_factors_by_hand() -> None:
    # Independent factors with variances 4 and 1, whose sum is that of resampling both.
    values = np.array([-1.0, 1.0]) / np.sqrt(2)
    samples = np.stack([values * np.sqrt(5), values * 2, values])[:, None, :, None]
    (found,) = contrast_variances(samples, np.ones((1, 1)), "both", 5, 11)
    # 5/4 x 4 + 11/10 x 1 - 5/4 x 11/10 x (5 - 4 - 1) = 6.1, above the variance of both: 5.
    assert found == pytest.approx(5.0)
    # Resampling both can by chance vary less than resampling one; the variance then is that one's.
    samples[0] *= np.sqrt(4 / 5)
    (found,) = contrast_variances(samples, np.ones((1, 1)), "both", 5, 11)
    assert found == pytest.approx(5.0)
    samples[0] *= np.sqrt(8 / 4)
    (found,) = contrast_variances(samples, np.ones((1, 1)), "both", 5, 11)
    assert found == pytest.approx(max(6.1 - 1.375 * 3, 5.0))


def test_random_folds_add_no_variance() -> None:
    generator = np.random.default_rng(0)
    signal = generator.normal(size=(1, 4000))
    samples = (signal + 2 * generator.normal(size=(3, 4000)))[None, :, :, None]
    (found,) = contrast_variances(samples, np.ones((1, 1)), "stimuli", 1, 10**6)
    assert found == pytest.approx(1.0, abs=0.1)


def test_a_variance_that_folds_outweigh_is_not_zero() -> None:
    # Means of the repeats are ±1/2: V_mean = 1/2, V_1 = (8 + 2) / 2 and 2 x 1/2 - 5 is below 0.
    samples = np.array([[2.0, -2.0], [-1.0, 1.0]])[None, :, :, None]
    (found,) = contrast_variances(samples, np.ones((1, 1)), "stimuli", 1, 3)
    assert found == pytest.approx(3 / 2 * 1 / 2)


def test_false_discovery_rate_by_hand() -> None:
    found = false_discovery_rate([0.01, 0.02, np.nan, 0.5, 0.03])
    np.testing.assert_allclose(found, [0.04, 0.04, np.nan, 0.5, 0.04])
    assert np.isnan(false_discovery_rate([np.nan])).all()


def test_intervals_stay_within_what_a_score_can_be() -> None:
    assert score_interval(0.9, 0.2, 5, 0.95)[1] == 1.0
    assert score_interval(0.0, 0.0, 5, 0.95) == (0.0, 0.0)
    assert p_above_zero(0.2, 0.0, 5) == 0.0
    assert degrees_of_freedom("subjects", 6, 12) == 5


def test_models_that_do_not_differ_have_p_one() -> None:
    samples = np.tile(np.random.default_rng(0).normal(size=(1, 1, 9, 1)), (1, 1, 1, 4))
    ones = np.ones((9, 12), dtype=int), np.ones((9, 1), dtype=int)
    each = comparisons(np.array([0.2, 0.2]), (0.3, 0.4))
    ours = Inference(each, "stimuli", np.zeros((2, 1)), ("a",), samples, *ones)
    assert ours.pair_frame()["p"].tolist() == [1.0]
    assert ours.subject_frame()["p"].isna().all()


def test_it_is_saved_whole(tmp_path: Path, shared_oracles: Path) -> None:
    ours, _ = from_oracle(shared_oracles, "dual", "corr")
    ours.save(tmp_path / "x.npz")
    again = Inference.load(tmp_path / "x.npz")
    pd.testing.assert_frame_equal(again.model_frame(), ours.model_frame())
    np.testing.assert_array_equal(again.samples, ours.samples)
    assert again.subjects == ours.subjects
    assert str(again) == str(ours)
    assert repr(again) == "Inference(4 models, 60 samples of both)"


def test_shapes_that_do_not_fit_are_refused(shared_oracles: Path) -> None:
    ours, _ = from_oracle(shared_oracles, "rdm", "corr")
    with pytest.raises(ValueError, match=r"`subject_counts` must have shape \(60, 6\)"):
        Inference(
            ours.comparisons,
            "subjects",
            ours.subject_scores,
            ours.subjects,
            ours.samples,
            ours.stimulus_counts,
            ours.subject_counts[:, :5],
        )
