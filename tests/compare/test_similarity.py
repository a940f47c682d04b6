import importlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import (
    COMPARATORS,
    RDM,
    Comparison,
    correlation_rdm,
    least_squares,
    ridge_weighted,
    rsa,
    split_half_ceiling,
    subject_ceiling,
    weighted,
)
from neurospyke.compare.comparators import NORMALIZATIONS
from neurospyke.compare.resample import spawn_seeds
from neurospyke.responses import Responses

quick = partial(rsa, n_bootstrap=50, n_permutations=20, n_splits=4, seed=0)


def responses(n_stimuli: int, n_trials: int, *, seed: int, **units: object) -> Responses:
    generator = np.random.default_rng(seed)
    rates = np.repeat(generator.gamma(2.0, 2.0, (n_stimuli, 12)), n_trials, axis=0)
    return Responses(
        generator.poisson(rates)[:, :, None],
        pd.DataFrame({"stimulus": np.repeat([f"s{n}" for n in range(n_stimuli)], n_trials)}),
        pd.DataFrame({"unit": np.arange(12)} | units),
        np.array([0.07, 0.17]),
        source="session 1",
    )


def rdm(n_conditions: int, *, seed: int, source: str = "") -> RDM:
    values = np.random.default_rng(seed).gamma(3.0, size=n_conditions * (n_conditions - 1) // 2)
    names = tuple(f"s{n}" for n in range(n_conditions))
    return RDM(values, names, dissimilarity="made up", source=source, n_units=5)


def test_the_package_gives_the_function_whatever_was_imported_before() -> None:
    importlib.import_module("neurospyke.compare.similarity")
    assert callable(importlib.import_module("neurospyke.compare").rsa)


def test_everything_that_matters_is_in_the_result() -> None:
    model = responses(6, 1, seed=0, layer="conv2")
    brain = responses(6, 4, seed=0, area=["V4"] * 6 + ["IT"] * 6)
    result = rsa(model, brain, n_bootstrap=80, n_permutations=30, n_splits=7, seed=3)
    assert (result.method, result.model, result.brain) == ("rsa", "conv2", "V4/IT")
    assert result.units == (12, 12)
    assert result.time == (0.07, 0.17)
    assert result.conditions == model.stimuli
    assert result.seed == 3
    assert 70 < len(result.resamples) <= 80
    assert dict(result.settings) == {
        "dissimilarity": "correlation",
        "comparator": "spearman",
        "over": "stimuli",
        "n_bootstrap": 80,
        "n_bootstrap_used": len(result.resamples),
        "n_permutations": 30,
        "n_splits": 7,
        "n_subjects": 1,
        "missing": "error",
        "n_dropped": 0,
        "ceiling": "split-half of trials (R, sqrt R)",
    }
    assert result.ceiling == split_half_ceiling(brain, n_splits=7, seed=spawn_seeds(3, 3)[2])
    expected = COMPARATORS["spearman"](correlation_rdm(model).values, correlation_rdm(brain).values)
    assert result.score == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("comparator", NORMALIZATIONS)
def test_the_score_is_the_mean_over_subjects_and_the_ceiling_theirs(comparator: str) -> None:
    model, brains = rdm(8, seed=0), [rdm(8, seed=seed, source="IT") for seed in (1, 2, 3)]
    result = quick(model, brains, comparator=comparator)
    scores = [COMPARATORS[comparator](model.values, brain.values) for brain in brains]
    assert result.score == pytest.approx(np.mean(scores), abs=1e-12)
    assert result.settings["n_subjects"] == 3
    ceiling = subject_ceiling(brains, comparator)
    if ceiling[0] <= ceiling[1]:
        assert result.ceiling == ceiling


@pytest.mark.parametrize("comparator", ["cosine", "pearson", "spearman"])
def test_identical_rdms_score_one_in_every_sample(comparator: str) -> None:
    same = rdm(9, seed=1)
    result = quick(same, same, comparator=comparator)
    assert result.score == pytest.approx(1, abs=1e-12)
    assert result.interval == pytest.approx((1, 1), abs=1e-12)
    assert result.ceiling is None
    assert "no trials to split" in str(result.settings["ceiling"])


def test_names_can_be_given() -> None:
    result = quick(rdm(5, seed=0), rdm(5, seed=1, source="x"), model_name="a", brain_name="b")
    assert (result.model, result.brain) == ("a", "b")
    assert quick(rdm(5, seed=0), rdm(5, seed=1)).model == "model"
    assert quick(responses(5, 2, seed=0), rdm(5, seed=1)).model == "session 1"


def test_monkey_and_human_it(rsa92: dict[str, RDM]) -> None:
    result = rsa(rsa92["monkey IT"], rsa92["human IT"], n_bootstrap=300, seed=0)
    assert result.score == pytest.approx(0.4389, abs=5e-5)
    assert result.p == pytest.approx(1 / 1001)
    assert result.interval[0] > 0.3
    assert result.interval[1] < 0.6
    assert str(result).startswith("rsa of monkey IT with human IT: 0.44 [0.3")


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(7)), st.sampled_from(list(NORMALIZATIONS)))
def test_the_order_of_conditions_makes_no_difference(order: list[int], comparator: str) -> None:
    model, brain = rdm(7, seed=0), rdm(7, seed=1)
    labels = [model.conditions[row] for row in order]
    expected = quick(model, brain, comparator=comparator)
    # Where only the brain is in another order, not even the random draws change.
    moved = quick(model, brain.select(labels), comparator=comparator)
    assert moved.score == pytest.approx(expected.score, abs=1e-12)
    assert moved.interval == pytest.approx(expected.interval, abs=1e-12)
    assert moved.p == expected.p
    both = quick(model.select(labels), brain.select(labels), comparator=comparator)
    assert both.score == pytest.approx(expected.score, abs=1e-12)


def test_seeds_repeat_and_streams_do_not_disturb_each_other() -> None:
    model, brain = responses(8, 2, seed=0), responses(8, 4, seed=1)
    first = rsa(model, brain, n_bootstrap=50, n_permutations=20, n_splits=4, seed=5)
    again = rsa(model, brain, n_bootstrap=50, n_permutations=60, n_splits=9, seed=5)
    other = rsa(model, brain, n_bootstrap=50, n_permutations=20, n_splits=4, seed=6)
    np.testing.assert_array_equal(first.resamples, again.resamples)
    assert first.interval != other.interval
    assert first.ceiling != other.ceiling


@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_each_factor_brings_the_variance_of_what_was_drawn_of_it(comparator: str) -> None:
    # With the same RDM, subjects add no variance: K / (K - 1) V_p is left, and S - 1 = 2 degrees.
    model, brain = rdm(9, seed=1), rdm(9, seed=2)
    choices: Any = {"comparator": comparator, "n_bootstrap": 60, "n_permutations": 20, "seed": 0}
    found = rsa({"model": model}, [brain] * 3, over="both", **choices)
    both, subjects, stimuli = found.samples[:, 0, :, 0]
    np.testing.assert_allclose(subjects, found.scores[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(stimuli, both, rtol=0, atol=1e-12)
    (variance,) = found.variances(np.eye(1, 3))
    assert variance == pytest.approx(9 / 8 * stimuli.var(ddof=1), rel=1e-9)
    half = 4.302652729911275 * np.sqrt(variance)
    assert found.comparisons[0].interval[0] == pytest.approx(max(found.scores[0] - half, -1))


def test_each_factor_is_drawn_by_itself_where_a_model_is_fitted() -> None:
    first, second, brain = rdm(24, seed=1), rdm(24, seed=2), rdm(24, seed=3)
    models = {"fitted": weighted(first, second), "fixed": first}
    choices: Any = {"comparator": "cosine", "n_bootstrap": 20, "n_folds": 2, "seed": 0}
    scores = rsa(models, [brain] * 4, over="both", **choices).samples[..., :2]
    several = np.isfinite(scores[0])
    assert several.mean() > 0.9
    np.testing.assert_allclose(scores[2][several], scores[0][several], rtol=0, atol=1e-12)
    assert np.abs(scores[1] - scores[0])[several].max() > 0.01


def test_a_part_to_be_taken_away_needs_a_negative_weight() -> None:
    # The brain is a difference of two parts; no sum with weights of 0 or more is like it.
    first, second = rdm(14, seed=1), rdm(14, seed=2)
    brain = RDM(first.values - 0.8 * second.values, first.conditions, dissimilarity="any")
    models = {
        "nonnegative": weighted(first, second),
        "free": least_squares(first, second),
        "little": ridge_weighted(first, second, penalty=1e-6),
        "much": ridge_weighted(first, second, penalty=10.0),
    }
    found = rsa(models, brain, comparator="pearson", n_bootstrap=20, n_folds=2, seed=0)
    scores = dict(zip(found.models, found.scores, strict=True))
    assert scores["free"] == pytest.approx(1, abs=1e-9)
    assert scores["little"] == pytest.approx(1, abs=1e-3)
    assert scores["nonnegative"] < scores["much"] < 0.9999
    chosen = [(each.settings["fit"], each.settings["penalty"]) for each in found.comparisons]
    assert chosen == [("weighted", 0), ("least_squares", 0), ("ridge", 1e-6), ("ridge", 10)]


@pytest.mark.parametrize("over", ["stimuli", "subjects", "both"])
@pytest.mark.parametrize("fitted", [False, True])
def test_samples_added_later_equal_all_at_once(over: str, fitted: bool) -> None:
    first, second = rdm(9, seed=1), rdm(9, seed=2)
    models: dict = {"first": first, "second": second}
    if fitted:
        models["both"] = weighted(first, second)
    brains = [rdm(9, seed=seed) for seed in (3, 4, 5)]
    choices: dict[str, Any] = {"comparator": "cosine", "over": over, "seed": 0}
    quickly: Any = partial(rsa, models, brains, n_permutations=20, n_folds=3, **choices)
    some, at_once = quickly(n_bootstrap=100), quickly(n_bootstrap=200)
    extended = quickly(n_bootstrap=200, earlier=some)
    assert extended.samples.shape[2] == 200
    # Kept, not computed again; what the new ones sum in another order may round otherwise.
    np.testing.assert_array_equal(extended.samples[:, :, :100], some.samples)
    np.testing.assert_allclose(extended.samples, at_once.samples, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(extended.stimulus_counts, at_once.stimulus_counts)
    np.testing.assert_array_equal(extended.subject_counts, at_once.subject_counts)
    pd.testing.assert_frame_equal(extended.model_frame(), at_once.model_frame(), rtol=1e-9)
    pd.testing.assert_frame_equal(extended.pair_frame(), at_once.pair_frame(), rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "draws"),
        ({"over": "subjects"}, "resampling"),
        ({"n_bootstrap": 20}, "resampling"),
        ({"models": {"another": rdm(9, seed=1)}}, "names of models"),
        ({"models": {"first": rdm(9, seed=2)}}, "scores"),
    ],
)
def test_samples_of_something_else_are_not_added_to(changes: dict, named: str) -> None:
    brains = [rdm(9, seed=seed) for seed in (3, 4, 5)]
    choices: dict[str, Any] = {
        "models": {"first": rdm(9, seed=1)},
        "brain": brains,
        "n_bootstrap": 30,
        "n_permutations": 0,
        "seed": 0,
    }
    earlier = rsa(**choices)
    with pytest.raises(ValueError, match=rf"`earlier` must be of the same data.*{named}"):
        rsa(**(choices | changes), earlier=earlier)


def test_p_counts_the_permutations_that_reach_the_score() -> None:
    # Of the 6 orders of 3 conditions only the identity keeps three different values in place.
    same = RDM(np.array([1.0, 2.0, 4.0]), tuple("abc"), dissimilarity="any")
    result = rsa(same, same, n_bootstrap=50, n_permutations=3000, seed=0)
    assert result.p == pytest.approx(1 / 6, abs=0.02)
    assert rsa(same, same, n_bootstrap=50, n_permutations=0, seed=0).p is None


def test_p_is_uniform_without_an_effect() -> None:
    ps = [
        rsa(rdm(10, seed=2 * n), rdm(10, seed=2 * n + 1), n_bootstrap=2, n_permutations=99, seed=n)
        for n in range(200)
    ]
    values = np.array([result.p for result in ps])
    assert values.mean() == pytest.approx(0.5, abs=0.06)
    assert (values <= 0.1).mean() == pytest.approx(0.1, abs=0.06)


@pytest.mark.parametrize("comparator", ["pearson", "spearman"])
def test_the_interval_covers_the_score_of_all_stimuli(comparator: str) -> None:
    generator = np.random.default_rng(8)
    hidden = generator.normal(size=(600, 5))
    values = [
        hidden @ generator.normal(size=(5, 20)) + generator.normal(size=(600, 20)) for _ in "ab"
    ]
    names = np.array([f"s{n}" for n in range(600)])
    sides = [
        correlation_rdm(
            Responses(
                side[:, :, None],
                pd.DataFrame({"stimulus": names}),
                pd.DataFrame({"unit": range(20)}),
                np.array([0.0, 1.0]),
                measure="rate",
            )
        )
        for side in values
    ]
    truth = COMPARATORS[comparator](sides[0].values, sides[1].values)
    covered, widths = 0, []
    for draw in range(100):
        labels = generator.choice(names, 30, replace=False)
        result = rsa(
            *(side.select(labels) for side in sides),
            comparator=comparator,
            n_bootstrap=200,
            n_permutations=0,
            confidence=0.9,
            seed=draw,
        )
        covered += result.interval[0] <= truth <= result.interval[1]
        widths.append(result.interval[1] - result.interval[0])
    assert 80 <= covered <= 98
    assert np.mean(widths) < 0.4


def test_missing_conditions_are_refused_or_dropped_and_counted() -> None:
    model, brain = rdm(8, seed=0), responses(10, 3, seed=1)
    with pytest.raises(ValueError, match=r"2 labels only in `brain` \['s8', 's9'\]"):
        quick(model, brain)
    dropped = quick(model, brain, missing="drop")
    kept = quick(model, brain.where(trials=brain.trials["stimulus"].isin(model.conditions)))
    assert dropped.settings["n_dropped"] == 2
    assert dropped.score == kept.score
    assert dropped.ceiling == kept.ceiling
    subjects = [rdm(10, seed=2).select([f"s{n}" for n in kept]) for kept in (range(7), range(2, 9))]
    common = quick(model, subjects, missing="drop")
    assert common.conditions == ("s2", "s3", "s4", "s5", "s6")
    assert common.settings["n_dropped"] == 4


def test_silent_patterns_need_a_decision_that_is_recorded() -> None:
    brain = responses(6, 3, seed=0)
    values = np.array(responses(6, 1, seed=1).values)
    values[2] = 0
    model = Responses(values, brain.average().trials, brain.units, brain.edges)
    with pytest.raises(ValueError, match=r"undefined.*\['s2'\]"):
        quick(model, brain)
    result = quick(model, brain, dissimilarity=partial(correlation_rdm, undefined=1.0))
    assert result.settings["dissimilarity"] == "correlation (undefined = 1)"
    mixed = quick(correlation_rdm(model, undefined=1.0), brain)
    assert mixed.score == result.score
    assert mixed.settings["dissimilarity"] == "correlation (undefined = 1) / correlation"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comparator": "kendall"}, "`comparator` must be one of"),
        ({"dissimilarity": "manhattan"}, "`dissimilarity` must be one of"),
        ({"n_bootstrap": 1}, "`n_bootstrap` must be at least 2; got 1"),
        ({"n_permutations": -1}, "`n_permutations` must be at least 0"),
        ({"n_splits": 0}, "`n_splits` must be at least 1"),
        ({"confidence": 95}, "`confidence` must be between 0 and 1; got 95"),
        ({"missing": "ignore"}, "'error' or 'drop'"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"models": rdm(2, seed=0), "brain": rdm(2, seed=1)}, "at least 3 conditions"),
        ({"brain": []}, "at least one subject"),
        (
            {"brain": RDM(np.ones(15), rdm(6, seed=0).conditions, dissimilarity="any")},
            "`brain` RDM",
        ),
    ],
)
def test_wrong_input_is_refused(changes: dict, message: str) -> None:
    arguments = {"models": responses(6, 2, seed=0), "brain": responses(6, 2, seed=1), "seed": 0}
    with pytest.raises(ValueError, match=message):
        rsa(**(arguments | changes))


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match="`model` must be Responses or RDM; got ndarray"):
        quick(np.ones((3, 3)), rdm(3, seed=0))  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(TypeError, match="`brain` must be Responses or RDM; got str"):
        quick(rdm(3, seed=0), ["V4"])  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_what_stands_for_several_models_is_told() -> None:
    one: Any = rdm(5, seed=0)
    several: Any = [one, one]
    with pytest.raises(TypeError, match=r"`models` must have names .* a dict"):
        quick(several, one)
    with pytest.raises(TypeError, match=r"`earlier` must be an Inference; got Comparison.* a dict"):
        quick(one, one, earlier=quick(one, one))
    with pytest.raises(ValueError, match="`split` must be 'trials' or 'units'; got 'neurons'"):
        quick(one, one, split="neurons")


def test_too_few_usable_samples_are_refused() -> None:
    same = RDM(np.array([1.0, 2.0, 4.0]), tuple("abc"), dissimilarity="any")
    with pytest.raises(ValueError, match="of 2 bootstrap samples have a score"):
        rsa(same, same, n_bootstrap=2, n_permutations=0, seed=1)


def test_a_recording_is_refused_with_what_to_do() -> None:
    with pytest.raises(TypeError, match="got dict; a recording becomes responses by its method"):
        quick(rdm(3, seed=0), {})  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_the_ceiling_does_not_depend_on_the_order_of_the_model() -> None:
    model, brain = responses(12, 1, seed=0), responses(12, 5, seed=1)
    turned = model.where(trials=np.arange(12)[::-1])
    first, second = (rsa(each, brain, n_permutations=0, seed=0) for each in (model, turned))
    assert first.ceiling is not None
    assert first.ceiling == second.ceiling


def test_numpy_numbers_can_be_saved(tmp_path: Path) -> None:
    twenty: Any = np.int64(20)
    result = rsa(rdm(5, seed=0), rdm(5, seed=1), n_bootstrap=twenty, n_permutations=0, seed=0)
    result.save(tmp_path / "result.npz")
    assert Comparison.load(tmp_path / "result.npz").settings["n_bootstrap"] == 20
