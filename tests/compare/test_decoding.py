from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from neurospyke.compare.correlation_decoder import CorrelationDecoder
from neurospyke.compare.decoding import TrialSplits, decode
from neurospyke.datasets import read_it_zhang2011, read_retina_onken2016
from neurospyke.responses import Responses


def timed(values: np.ndarray, **columns: object) -> Responses:
    """(trial, unit, time) responses in bins of 0.1 s."""
    return Responses(
        values,
        pd.DataFrame(columns),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.arange(values.shape[2] + 1) / 10,
        measure="other",
    )


def noisy(seed: int, n_trials: int = 10, n_classes: int = 3, n_units: int = 6, n_times: int = 1):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_trials * n_classes, n_units, n_times))
    return timed(values, stimulus=np.repeat(list("abcdef")[:n_classes], n_trials))


def test_across_time_as_scikit_learn(shared_oracles: Path) -> None:
    oracle = np.load(shared_oracles / "rsa_decoding.npz")
    values, labels = oracle["in_X"], oracle["in_y"]
    every = np.arange(len(labels))
    folds = [(np.setdiff1d(every, test), test) for test in oracle["cv_test"]]
    decoders = {
        "lda": LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1),
        "centroid": NearestCentroid(),
    }
    for name, decoder in decoders.items():
        responses = timed(values, stimulus=[str(label) for label in labels])
        splits = TrialSplits(folds)
        across = decode(responses, decoder=decoder, splits=splits, across_time=True, seed=0)
        expected = oracle[f"sk_tg_{name}"]
        np.testing.assert_allclose(across.scores, expected, rtol=0, atol=1e-12)
        over = decode(responses, decoder=decoder, splits=splits, seed=0)
        diagonal = np.diagonal(expected, axis1=1, axis2=2)
        np.testing.assert_allclose(over.scores, diagonal, rtol=0, atol=1e-12)
        shares = np.diagonal(over.confusion, axis1=1, axis2=2).sum(axis=1) / len(labels)
        np.testing.assert_allclose(shares, over.accuracy, atol=1e-12)


def test_confusions_by_hand() -> None:
    # The one trial of b that looks like a is taken for it; a's own count for half of the score.
    values = np.array([[9, 1], [8, 1], [9, 2], [8, 2], [1, 9], [1, 8], [2, 9], [9, 2]])
    responses = timed(values[:, :, None] + 0.0, stimulus=list("aaaabbbb"))
    folds = [([0, 1, 4, 5], [2, 3, 6, 7])]
    found = decode(responses, decoder=CorrelationDecoder(), splits=TrialSplits(folds), seed=0)
    assert found.confusion.tolist() == [[[2, 0], [1, 1]]]
    assert found.scores.tolist() == [[0.75]]
    assert found.chance == 0.5


def test_the_correlation_decoder_by_definition() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(12, 7)), rng.normal(size=(20, 7))
    labels = np.repeat(["u", "v", "w"], 4)
    means = [train[labels == each].mean(axis=0) for each in "uvw"]
    expected = ["uvw"[int(np.argmax([np.corrcoef(x, m)[0, 1] for m in means]))] for x in test]
    assert CorrelationDecoder().fit(train, labels).predict(test).tolist() == expected
    assert isinstance(clone(CorrelationDecoder()), CorrelationDecoder)


def test_training_classes_are_balanced_and_scores_count_classes_alike() -> None:
    # A decoder that always names the commonest training class is at chance, not at 90 %.
    class Majority(CorrelationDecoder):
        def fit(self, patterns, labels):
            self.classes_, self.counts = np.unique(labels, return_counts=True)
            assert len(set(self.counts)) == 1
            return self

        def predict(self, patterns):
            return np.full(len(patterns), self.classes_[0])

    values = np.random.default_rng(0).normal(size=(40, 2, 1))
    responses = timed(values, stimulus=["a"] * 36 + ["b"] * 4)
    found = decode(responses, decoder=Majority(), splits=TrialSplits(4), seed=0)
    np.testing.assert_allclose(found.accuracy, 0.5)


def test_blocks_are_never_on_both_sides() -> None:
    # Every block has an offset of its own and one label: kept together, nothing tells the label.
    nearest = KNeighborsClassifier(1)
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(24), 5)
    offsets = rng.normal(size=(24, 8))[blocks]
    values = (offsets + 0.1 * rng.normal(size=offsets.shape))[:, :, None]
    labels = np.array(list("ab"))[blocks % 2]
    responses = timed(values, stimulus=labels, block=blocks)
    leaking = decode(responses, decoder=nearest, seed=0)
    assert leaking.accuracy[0] > 0.9
    kept = decode(responses, splits=TrialSplits(4, block="block"), n_permutations=39, seed=0)
    assert abs(kept.accuracy[0] - 0.5) < 0.25
    # Labels that belong to blocks are exchanged between blocks; trials alone would be too sure.
    assert kept.p_values()["p"][0] > 0.05
    assert kept.null.std() > 2 * decode(responses, n_permutations=39, seed=0).null.std()
    splitter = decode(
        responses, splits=TrialSplits(GroupKFold(4), block="block"), decoder=nearest, seed=0
    )
    assert abs(splitter.accuracy[0] - 0.5) < 0.25


def test_which_block_was_held_out() -> None:
    responses = noisy(0)
    responses = replace(responses, trials=responses.trials.assign(where=["up", "down"] * 15))
    splits = TrialSplits(LeaveOneGroupOut(), block="where")
    found = decode(responses, splits=splits, seed=0)
    assert found.held_out == ("down", "up")
    assert found.scores.shape == (2, 1)


def test_sessions_are_joined_without_sharing_trials() -> None:
    # Each trial of each session carries its number: no number is on both sides, labels agree.
    class Keeper(CorrelationDecoder):
        def fit(self, patterns, labels):
            self.seen = [set(column) for column in patterns.T]
            return super().fit(patterns, labels)

        def predict(self, patterns):
            assert all(not set(x) & seen for x, seen in zip(patterns.T, self.seen, strict=True))
            assert (patterns[:, 0] // 100 == patterns[:, 1] // 100).all()
            return self.classes_[(patterns[:, 0] // 100).astype(int)]

    def session(n: int) -> Responses:
        numbers = np.concatenate([100 * label + np.arange(n) for label in range(2)])
        return timed(numbers[:, None, None] + 0.0, stimulus=np.repeat(["a", "b"], n))

    found = decode(
        {"x": session(8), "y": session(12)},
        decoder=Keeper(),
        splits=TrialSplits(4, n_repeats=3),
        seed=0,
    )
    assert found.scores.shape == (12, 1)
    assert found.confusion.tolist() == [[[24, 0], [0, 24]]]
    few = decode(
        session(12), decoder=CorrelationDecoder(), splits=TrialSplits(3, n_trials=6), seed=0
    )
    assert few.confusion.sum() == 12


def test_noise_correlations_are_taken_out_on_demand() -> None:
    # The classes differ along the difference of two units whose noise is shared.
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 100)
    shared = rng.normal(size=(200, 1))
    values = shared + 0.1 * rng.normal(size=(200, 2)) + 0.3 * np.outer(labels, [1, -1])
    responses = timed(values[:, :, None], stimulus=np.array(list("ab"))[labels])
    lda = LinearDiscriminantAnalysis()
    together = decode(responses, decoder=lda, seed=0).accuracy[0]
    apart = decode(
        responses, decoder=lda, splits=TrialSplits(independent_units=True), seed=0
    ).accuracy[0]
    assert together > 0.95
    assert apart < 0.8


def test_p_values_by_hand() -> None:
    found = replace(
        decode(noisy(0, n_times=3), seed=0),
        scores=np.array([[0.5, 0.9, 0.3]]),
        null=np.array([[0.5, 0.2, 0.2], [0.3, 0.4, 0.3], [0.2, 0.3, 0.6]]),
    )
    p = found.p_values(threshold_p=0.25)
    np.testing.assert_allclose(p["p"], [0.5, 0.25, 0.75])
    np.testing.assert_allclose(p["p_max"], [0.75, 0.25, 1.0])
    assert p["p_cluster"][1] == 0.25
    table = found.to_frame()
    assert table["accuracy"].tolist() == [0.5, 0.9, 0.3]
    assert table["time_start"].tolist() == pytest.approx([0, 0.1, 0.2])


def test_scores_of_noise_are_null_at_the_stated_rate() -> None:
    p = np.array(
        [
            decode(
                noisy(seed, 5, 2, 4),
                decoder=CorrelationDecoder(),
                splits=TrialSplits(2),
                n_permutations=19,
                seed=seed,
            )
            .p_values()["p"]
            .item()
            for seed in range(100)
        ]
    )
    # 100 draws: 5 % and four standard deviations of a binomial.
    assert (p <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)
    assert abs(p.mean() - 0.55) < 0.12  # ties count against the data


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**31), st.permutations(range(6)))
def test_unit_order_changes_nothing(seed: int, order: list[int]) -> None:
    responses = noisy(seed, n_times=2)
    moved = responses.where(units=order)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5)
    for decoder in (None, lda):
        found = [decode(each, decoder=decoder, seed=1).scores for each in (responses, moved)]
        np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_a_result_says_how_it_was_made() -> None:
    found = decode(noisy(3), splits=TrialSplits(2, n_repeats=3), n_permutations=4, seed=5)
    assert found.seed == 5
    assert found.settings["decoder"] == (
        "Pipeline(steps=[('standardscaler', StandardScaler()), "
        "('correlationdecoder', CorrelationDecoder())])"
    )
    chosen = ("folds", "n_repeats", "block", "across_time")
    assert [found.settings[name] for name in chosen] == [2, 3, None, False]
    assert repr(found) == (
        f"Decoding(stimulus of 3 classes in 1 bins over [0, 0.1): at best "
        f"{found.accuracy.max():.2f}, chance 0.33, 6 folds, 4 permutations)"
    )


def test_processes_change_nothing() -> None:
    splits = TrialSplits(2)
    one, two = (
        decode(noisy(3), splits=splits, across_time=True, n_permutations=2, n_jobs=n, seed=5)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.null, two.null)
    assert not np.array_equal(one.null[0], one.null[1])


def test_bad_input_is_refused() -> None:
    responses = noisy(0)
    with pytest.raises(ValueError, match="have no column 'object'"):
        decode(responses, "object", seed=0)
    with pytest.raises(ValueError, match="at least 2 values"):
        decode(responses.where(trials="stimulus == 'a'"), seed=0)
    with pytest.raises(ValueError, match="not in all: \\['c'\\]"):
        decode({"x": responses, "y": responses.where(trials="stimulus != 'c'")}, seed=0)
    with pytest.raises(ValueError, match="among the training trials"):
        decode(responses, splits=TrialSplits([(np.arange(20), np.arange(20, 30))]), seed=0)
    with pytest.raises(ValueError, match="`folds`"):
        TrialSplits(1)
    with pytest.raises(ValueError, match="need permutations"):
        decode(responses, seed=0).p_values()


def test_objects_from_macaque_it_as_published(shared_data: Path) -> None:
    # As published: z-scored sites, correlation, 20 splits with one trial of each object.
    sessions = {
        name: each.align("presentations", (-0.35, 0.4), 0.15)
        for name, each in read_it_zhang2011(shared_data).items()
    }
    found = decode(sessions, "object", splits=TrialSplits(20, n_repeats=2, n_trials=20), seed=0)
    before, peak = found.accuracy[0], found.accuracy[3]
    assert len(sessions) == 132
    assert found.edges[3:5] == pytest.approx([0.1, 0.25])
    assert abs(before - 1 / 7) < 0.03
    assert abs(peak - 0.85) < 0.03  # published: 0.837 to 0.861


def test_sixty_images_from_first_spikes_of_the_retina(shared_data: Path) -> None:
    retina = read_retina_onken2016("NaturalImages2", shared_data)
    latency = retina.align("presentations", (0.0, 0.3), measure="latency")
    found = decode(latency, seed=0)
    assert found.accuracy[0] > 0.99
    assert len(found.classes) == 60
