from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import KFold

from neurospyke.compare.mapping import BandedRidge, pls, ridge
from neurospyke.compare.reliability import explained_share, spearman_brown, unit_reliability
from neurospyke.compare.resample import shuffle_labels
from neurospyke.compare.unit_encoding import encoding, fold_correlations, predict_held_out
from neurospyke.responses import Responses


def responses(values: np.ndarray, n_repeats: int = 1, source: str = "") -> Responses:
    """(stimulus, unit[, time]) values, each stimulus some times."""
    values = np.repeat(values.reshape(*values.shape[:2], -1), n_repeats, axis=0).astype(float)
    names = np.repeat([f"s{n:03d}" for n in range(len(values) // n_repeats)], n_repeats)
    return Responses(
        values,
        pd.DataFrame({"stimulus": names}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.arange(values.shape[2] + 1) / 10,
        measure="other",
        source=source,
    )


@pytest.fixture(scope="module")
def oracle(shared_oracles: Path):
    return np.load(shared_oracles / "rsa_encoding.npz")


def correlations(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(*each)[0, 1] for each in zip(left.T, right.T, strict=True)])


def test_ridge_and_pls_in_given_splits(oracle) -> None:
    features, means = oracle["in_F"], oracle["in_Y_repeats"].mean(axis=0)
    for name, model in (("pls", pls(25)), ("ridge", ridge([1.0]))):
        for split in range(10):
            train, test = oracle["cv_train"][split], oracle["cv_test"][split]
            predicted = model.fit(features[train], means[train]).predict(features[test])
            found = correlations(predicted, means[test])
            np.testing.assert_allclose(found, oracle[f"sk_{name}_r"][split], rtol=0, atol=1e-10)


def test_the_published_recipe_of_scores_and_ceilings(oracle) -> None:
    repeats = oracle["in_Y_repeats"]
    halves = np.empty((10, 6))
    for split, order in enumerate(oracle["half_perm"]):
        first, second = (repeats[part].mean(axis=0) for part in np.split(order, 2))
        plain = correlations(first, second)
        np.testing.assert_allclose(plain, oracle["ref_splithalf_r"][split], rtol=0, atol=1e-10)
        halves[split] = [spearman_brown(r) for r in correlations(first, second)]
    np.testing.assert_allclose(halves, oracle["ref_splithalf_sb"], rtol=0, atol=1e-10)
    raw = float(np.median(oracle["sk_pls_r"], axis=1).mean())
    ceiling = float(np.median(halves, axis=1).mean())
    np.testing.assert_allclose(raw, oracle["ref_bs_raw"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ceiling, oracle["ref_bs_ceiling"], rtol=0, atol=1e-10)
    # Until 2026 the reliability was taken for r of the best model, and squared.
    older = explained_share(raw, ceiling**2)
    np.testing.assert_allclose(older, oracle["ref_bs_score_old"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(explained_share(raw, ceiling), oracle["ref_bs_score"], atol=1e-10)


def test_nested_ridge(oracle) -> None:
    repeats = oracle["in_Y_repeats"]
    brain = responses(repeats[0])
    brain = Responses(
        repeats.reshape(-1, 6, 1),
        pd.DataFrame({"stimulus": list(brain.trials["stimulus"]) * 8}),
        brain.units,
        np.array([0.0, 0.1]),
        measure="other",
    )
    found = encoding(
        responses(oracle["in_F"]), brain, mapping=ridge(oracle["in_alphas"]), folds=KFold(5), seed=0
    )
    predicted = found.predictions["model"]
    np.testing.assert_allclose(predicted, oracle["sk_nested_pred"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.units["r2"], oracle["ref_nested_r2"], rtol=0, atol=1e-10)
    pooled = correlations(predicted, found.targets)
    np.testing.assert_allclose(pooled, oracle["ref_nested_r"], rtol=0, atol=1e-10)
    # 16 test stimuli a fold: taking out the means of folds costs little where there is a signal.
    np.testing.assert_allclose(found.units["r"], pooled, atol=0.1)
    expected = unit_reliability(brain, seed=0)["reliability"]
    np.testing.assert_allclose(found.units["reliability"], expected, atol=0.01)
    np.testing.assert_allclose(found.units["ceiling"] ** 2, found.units["reliability"], atol=1e-12)
    assert (found.units["status"] == "ok").all()


def test_penalties_are_chosen_for_each_unit_as_in_scikit_learn(oracle) -> None:
    targets = oracle["in_Y_repeats"].mean(axis=0)
    for fold, (train, _) in enumerate(KFold(5).split(targets)):
        for model in (ridge(oracle["in_alphas"]), BandedRidge([50], oracle["in_alphas"])):
            fitted = model.fit(oracle["in_F"][train], targets[train])
            chosen = fitted.alphas_ if isinstance(fitted, BandedRidge) else fitted.alpha_
            np.testing.assert_allclose(chosen, oracle["sk_nested_alpha"][fold], rtol=1e-12)


def test_one_band_is_ridge_and_bands_are_scaled_ridge() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 50)) + 3
    targets = features[:, :4] @ rng.normal(size=(4, 5)) + 2 * rng.normal(size=(30, 5)) + 7
    alphas = np.logspace(-2, 4, 13)
    one = BandedRidge([50], alphas).fit(features, targets)
    peer = RidgeCV(alphas, alpha_per_target=True).fit(features, targets)
    np.testing.assert_allclose(one.alphas_, np.asarray(peer.alpha_))
    np.testing.assert_allclose(one.predict(features), peer.predict(features), atol=1e-9)
    two = BandedRidge([4, 46], alphas, n_shares=5).fit(features, targets)
    for unit in range(5):
        scale = np.repeat(np.sqrt(two.shares_[unit]), [4, 46])
        plain = Ridge(two.alphas_[unit]).fit(features * scale, targets[:, unit])
        expected = plain.predict(features * scale)
        np.testing.assert_allclose(two.predict(features)[:, unit], expected, atol=1e-8)


def test_the_band_that_matters_gets_the_share() -> None:
    rng = np.random.default_rng(1)
    bands = [rng.normal(size=(80, 20)), rng.normal(size=(80, 60))]
    targets = bands[0] @ rng.normal(size=(20, 3)) + rng.normal(size=(80, 3))
    model, plain = BandedRidge([20, 60]), ridge()
    found = model.fit(np.hstack(bands), targets)
    assert (found.shares_[:, 0] > 0.9).all()
    folds = [(np.delete(np.arange(80), part), part) for part in np.split(np.arange(80), 5)]
    banded, even = (
        predict_held_out(each, np.hstack(bands), targets, folds) for each in (model, plain)
    )
    assert np.square(banded - targets).mean() < 0.8 * np.square(even - targets).mean()
    with pytest.raises(ValueError, match="add up to 80"):
        BandedRidge([20, 20]).fit(np.hstack(bands), targets)


def test_correlations_within_folds_by_hand() -> None:
    predicted = np.array([[0.0], [1.0], [2.0], [10.0], [14.0], [12.0]])
    measured = np.array([[5.0], [7.0], [6.0], [4.0], [0.0], [2.0]])
    # Less their means: (-1, 0, 1) by (-1, 1, 0), which is r = 0.5, and a falling line, r = -1.
    folds = [(np.arange(3, 6), np.arange(3)), (np.arange(3), np.arange(3, 6))]
    assert fold_correlations(predicted, measured, folds)[0] == pytest.approx(-0.25)
    counts = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 1, 0, 3, 0]])
    # The first and third stimulus alone make a rising line; the second fold has no line at all.
    found = fold_correlations(predicted, measured, folds, counts)[:, 0]
    np.testing.assert_allclose(found, [-0.25, 1.0])
    np.testing.assert_allclose(fold_correlations(0 * predicted + 3, measured, folds), 0)
    assert np.isnan(fold_correlations(predicted, 0 * measured + 3, folds))[0]


def test_nothing_is_found_where_nothing_is() -> None:
    # Pooled over folds, predictions of noise correlate below 0: means of training stimuli fall
    # as those left out rise. Within folds they do not.
    rng = np.random.default_rng(2)
    model, brain = responses(rng.normal(size=(60, 5))), responses(rng.normal(size=(60, 400)))
    found = encoding(model, brain, seed=0)
    pooled = correlations(found.predictions["model"], found.targets)
    assert pooled.mean() < -0.1
    # folds of 6 stimuli each: r has a standard deviation of 1 / sqrt(5 * 10 * 400) = 0.007
    assert abs(found.units["r"].mean()) < 0.03
    assert found.comparisons["model"].ceiling is None
    assert (found.units["status"] == "no_ceiling").all()


def test_components_are_learned_without_the_test_stimuli() -> None:
    # Each test stimulus has a feature of its own; components of all stimuli would know it.
    rng = np.random.default_rng(3)
    model = responses(np.hstack([10 * np.eye(40), rng.normal(size=(40, 2))]))
    brain = responses(rng.normal(size=(40, 4)))
    plain = LinearRegression()
    found = encoding(model, brain, mapping=plain, n_components=5, seed=0)
    again = encoding(model, brain, mapping=plain, n_components=5, seed=0)
    np.testing.assert_array_equal(found.predictions["model"], again.predictions["model"])
    assert np.nanmedian(found.units["r"]) < 0.3


def test_layers_with_no_more_features_than_components_are_taken_whole() -> None:
    rng = np.random.default_rng(7)
    wide, narrow = responses(rng.normal(size=(40, 30))), responses(rng.normal(size=(40, 5)))
    brain = responses(rng.normal(size=(40, 2)))
    layers = {"wide": wide, "narrow": narrow}
    found = encoding(layers, brain, n_components=5, n_bootstrap=5, seed=0)
    whole = encoding(layers, brain, n_bootstrap=5, seed=0).predictions
    np.testing.assert_array_equal(found.predictions["narrow"], whole["narrow"])
    assert np.abs(found.predictions["wide"] - whole["wide"]).max() > 1e-3
    kept = [each.settings["n_components"] for each in found.comparisons.values()]
    assert kept == [5, None]
    # Ten folds of 41 stimuli leave 36 or 37 to learn from.
    many = responses(rng.normal(size=(41, 50)))
    for impossible in (0, 37):
        with pytest.raises(ValueError, match=r"`n_components` must be 1 to 36, .*got"):
            encoding(many, many, n_components=impossible, seed=0)


def test_many_layers_bins_and_permutations_in_one_call() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(40, 6))
    layers = {"good": responses(values), "bad": responses(rng.normal(size=(40, 6)))}
    signal = (values @ rng.normal(size=(6, 3)))[:, :, None] * np.array([1.0, 0.0])
    repeated = np.repeat(signal, 4, axis=0) + rng.normal(size=(160, 3, 2))
    brain = Responses(
        repeated,
        pd.DataFrame({"stimulus": np.repeat(layers["good"].stimuli, 4)}),
        pd.DataFrame({"unit": range(3), "area": "V4"}),
        np.array([0, 0.1, 0.2]),
        measure="other",
    )
    found = encoding(layers, brain, folds=5, n_permutations=19, n_bootstrap=100, seed=0)
    late = found.units.query("time_start == 0.1")
    early = found.units.query("model == 'good' and time_start == 0")
    assert len(found.units) == 2 * 3 * 2
    assert (early["r"] > 0.7).all()
    assert (early["explained"] > 0.7).all()
    assert abs(late["r"].mean()) < 0.3
    good, bad = found.comparisons["good"], found.comparisons["bad"]
    assert good.p is not None
    assert bad.p is not None
    assert good.p == 0.05 < bad.p
    assert good.units == (6, 3)
    assert good.brain == "V4"
    assert repr(found) == "Encoding(2 models of 6 units and bins)"
    assert str(found) == f"{good}\n{bad}"
    alone = encoding(layers["good"], brain, folds=5, n_bootstrap=100, seed=0)
    np.testing.assert_array_equal(alone.predictions["model"], found.predictions["good"])


def test_both_directions_and_the_order_of_stimuli() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(30, 4))
    model, brain = responses(values), responses(values[:, :2] + 0.1 * rng.normal(size=(30, 2)))
    forth = encoding(model, brain, folds=5, seed=0).comparisons["model"].score
    back = encoding(brain, model, folds=5, seed=0).comparisons["model"].score
    assert forth > 0.98
    assert back < 0.8
    moved = brain.where(trials=rng.permutation(30))
    again = encoding(model, moved, folds=5, seed=0)
    np.testing.assert_array_equal(again.targets, brain.values[:, :, 0])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.permutations(range(5)))
def test_unit_order_changes_nothing(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    model, brain = responses(rng.normal(size=(24, 5))), responses(rng.normal(size=(24, 3)))
    moved = model.where(units=order)
    found, again = (
        encoding(each, brain, folds=4, n_bootstrap=5, seed=1) for each in (model, moved)
    )
    np.testing.assert_allclose(found.predictions["model"], again.predictions["model"], atol=1e-8)


def test_bad_input_is_refused() -> None:
    model = responses(np.random.default_rng(0).normal(size=(40, 3)))
    with pytest.raises(ValueError, match="`mapping` must be one of"):
        encoding(model, model, mapping="lasso", seed=0)
    with pytest.raises(ValueError, match="`folds` must be at least 2"):
        encoding(model, model, folds=11, seed=0)
    with pytest.raises(ValueError, match="exactly once"):
        encoding(model, model, folds=[(np.arange(20), np.arange(20, 39))], seed=0)
    with pytest.raises(ValueError, match="labels only in"):
        encoding(model, model.where(trials="stimulus != 's003'"), seed=0)


def test_shuffled_stimuli_predict_nothing() -> None:
    rng = np.random.default_rng(6)
    model = responses(rng.normal(size=(80, 6)))
    brain = responses(model.values[:, :, 0] @ rng.normal(size=(6, 50)))
    score = encoding(shuffle_labels(model, 0), brain, seed=0).comparisons["model"].score
    assert encoding(model, brain, seed=0).comparisons["model"].score > 0.99
    assert abs(score) < 0.15
