import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import correlation_rdm, cosine_rdm, euclidean_rdm, mahalanobis_rdm
from neurospyke.compare import patterns as patterns_module
from neurospyke.compare.dissimilarities import compute_rdm
from neurospyke.responses import Responses

DISSIMILARITIES = {
    "euclidean": euclidean_rdm,
    "correlation": correlation_rdm,
    "cosine": cosine_rdm,
}


def make(values: np.ndarray, stimuli: list[str], **units: object) -> Responses:
    """Responses of (trial, unit) or (trial, unit, time) values."""
    values = values[:, :, None] if values.ndim == 2 else values
    return Responses(
        values,
        pd.DataFrame({"stimulus": stimuli}),
        pd.DataFrame({"unit": np.arange(values.shape[1])} | units),
        np.arange(values.shape[2] + 1.0),
        measure="other",
    )


def names(n: int) -> tuple[str, ...]:
    return tuple(f"s{number}" for number in range(n))


class TestDissimilarities:
    @pytest.mark.parametrize("name", ["euclidean", "correlation"])
    def test_they_equal_rsatoolbox(self, shared_oracles: Path, name: str) -> None:
        with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
            trials = oracle["in_rep"].reshape(-1, 11)
            expected = oracle[f"rt_{name}"]
        ours = DISSIMILARITIES[name](make(trials, list(names(7)) * 4))
        np.testing.assert_allclose(ours.values, expected, rtol=0, atol=1e-10)

    @pytest.mark.parametrize("dtype", [np.uint8, np.float64])
    def test_orthogonal_patterns(self, dtype: type) -> None:
        responses = make(3 * np.eye(4, dtype=dtype), list("abcd"))
        assert euclidean_rdm(responses).values == pytest.approx(np.full(6, 18 / 4), abs=1e-12)
        # r of two indicator patterns over n units is -1 / (n - 1).
        assert correlation_rdm(responses).values == pytest.approx(np.full(6, 4 / 3), abs=1e-12)

    @pytest.mark.parametrize("name", DISSIMILARITIES)
    def test_counts_and_floats_agree_with_unequal_trials(self, name: str) -> None:
        counts = np.random.default_rng(0).poisson(3, (40, 5, 3)).astype(np.uint8)
        stimuli = list("abcd") * 7 + list("abc") * 4
        exact = DISSIMILARITIES[name](make(counts, stimuli)).values
        rounded = DISSIMILARITIES[name](make(counts.astype(float), stimuli)).values
        np.testing.assert_allclose(exact, rounded, rtol=1e-12)

    def test_equal_distances_of_counts_are_exact_ties(self) -> None:
        # Three trials each: thirds have no exact float, sums over a common denominator have.
        counts = np.random.default_rng(1).poisson(1, (20, 3, 8))
        stimuli = [name for name in names(20) for _ in range(3)]
        sums = counts.sum(axis=1)
        whole = ((sums[:, None] - sums) ** 2).sum(axis=2)[np.triu_indices(20, 1)]
        values = euclidean_rdm(make(counts.reshape(60, 8), stimuli)).values
        np.testing.assert_array_equal(values, whole / (9 * 8))
        assert len(np.unique(values)) < len(values) / 2

    def test_equal_patterns_of_counts_correlate_exactly(self) -> None:
        counts = np.random.default_rng(1).poisson(1, (3, 30))
        both = np.concatenate([counts, counts[[1, 2, 0]], counts[:1], counts[:2] + 1])
        matrix = correlation_rdm(make(both, list("aaabbbcdd"))).matrix()
        assert matrix[0, 1] == 0
        assert matrix[0, 2] == matrix[1, 2]

    @pytest.mark.parametrize("name", DISSIMILARITIES)
    def test_chunks_of_units_add_up(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        values = np.random.default_rng(2).normal(size=(6, 11, 4))
        whole = DISSIMILARITIES[name](make(values, list("abcabc"))).values
        monkeypatch.setattr(patterns_module, "CHUNK_BYTES", 8 * 12 * 4 * 3)
        chunks = DISSIMILARITIES[name](make(values, list("abcabc"))).values
        np.testing.assert_allclose(chunks, whole, rtol=1e-12)

    @pytest.mark.parametrize("name", DISSIMILARITIES)
    def test_memory_stays_within_the_budget(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = np.random.default_rng(3).integers(0, 2, (40, 5000, 20), dtype=np.uint8)
        responses = make(values, list(names(40)))
        budget = 2 * 2**20
        monkeypatch.setattr(patterns_module, "CHUNK_BYTES", budget)
        tracemalloc.start()
        DISSIMILARITIES[name](responses)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.25 * budget

    def test_large_means_do_not_swallow_differences(self) -> None:
        patterns = np.random.default_rng(4).normal(size=(4, 9))
        for name, make_rdm in [("euclidean", euclidean_rdm), ("correlation", correlation_rdm)]:
            near, far = (make_rdm(make(patterns + shift, list("abcd"))) for shift in (0.0, 1e6))
            np.testing.assert_allclose(far.values, near.values, rtol=1e-8, err_msg=name)

    @pytest.mark.parametrize("level", [[0.0, 0.0], [0.1, 0.1], [0.3, 0.1 + 0.2]])
    def test_constant_patterns_are_named_or_given_a_value(self, level: list[float]) -> None:
        # 0.1 + 0.2 is not 0.3 in floating point, and must not pass for variance.
        patterns = np.random.default_rng(5).normal(size=(10, 11))
        patterns[3:] = np.resize(level, 11)
        responses = make(patterns, ["a", "b", "b", "dark", *["silent"] * 6])
        with pytest.raises(ValueError, match=r"2 conditions.*\['dark', 'silent'\].*`undefined=`"):
            correlation_rdm(responses)
        rdm = correlation_rdm(responses, undefined=1.5)
        assert rdm.dissimilarity == "correlation (undefined = 1.5)"
        assert rdm.values[1:].tolist() == [1.5] * 5
        kept = correlation_rdm(responses.where(trials=[0, 1, 2])).values
        assert rdm.values[0] == pytest.approx(kept[0], abs=1e-12)

    @pytest.mark.parametrize("name", DISSIMILARITIES)
    @settings(max_examples=15, deadline=None)
    @given(st.permutations(range(6)), st.integers(0, 2**31))
    def test_the_order_of_units_is_irrelevant(self, name: str, order: list[int], seed: int) -> None:
        responses = make(np.random.default_rng(seed).normal(size=(5, 6, 2)), list("abcab"))
        moved = DISSIMILARITIES[name](responses.where(units=order)).values
        np.testing.assert_allclose(moved, DISSIMILARITIES[name](responses).values, atol=1e-12)

    @settings(max_examples=15, deadline=None)
    @given(st.floats(0.5, 4), st.floats(-3, 3), st.integers(0, 2**31))
    def test_scale_and_shift(self, scale: float, shift: float, seed: int) -> None:
        patterns = np.random.default_rng(seed).normal(size=(4, 6))
        plain, changed = make(patterns, list("abcd")), make(scale * patterns + shift, list("abcd"))
        np.testing.assert_allclose(
            euclidean_rdm(changed).values, scale**2 * euclidean_rdm(plain).values, rtol=1e-9
        )
        np.testing.assert_allclose(
            correlation_rdm(changed).values, correlation_rdm(plain).values, atol=1e-9
        )

    def test_conditions_keep_their_order_of_first_appearance(self) -> None:
        rdm = euclidean_rdm(make(np.eye(4), ["z", "b", "z", "a"], layer="conv1"))
        assert rdm.conditions == ("z", "b", "a")
        assert (rdm.source, rdm.n_units) == ("conv1", 4)

    def test_one_stimulus_makes_no_rdm(self) -> None:
        with pytest.raises(ValueError, match="at least 2 different labels; got 1"):
            euclidean_rdm(make(np.eye(2), ["a", "a"]))

    def test_compute_rdm_takes_a_name_or_a_function(self) -> None:
        responses = make(np.eye(3), list("abc"))
        assert compute_rdm(responses, "euclidean").dissimilarity == "euclidean"
        assert compute_rdm(responses, euclidean_rdm).dissimilarity == "euclidean"
        with pytest.raises(ValueError, match=r"\['euclidean', .*\] or a function; got 'manhattan'"):
            compute_rdm(responses, "manhattan")


class TestManyDifferentTrialNumbers:
    """47, 48, 49 and 50 trials have no common multiple below a million."""

    N_TRIALS = (47, 48, 49, 50)

    def counts(self, rates: np.ndarray) -> Responses:
        """Every trial of stimulus i has the same counts, so means are known."""
        stimuli = [label for label, n in zip("abcd", self.N_TRIALS, strict=True) for _ in range(n)]
        return make(np.repeat(rates, self.N_TRIALS, axis=0).astype(np.uint16), stimuli)

    def test_means_are_as_they_should_be(self) -> None:
        rates = np.random.default_rng(0).integers(0, 40, (4, 9))
        few = make(rates, list("abcd"))
        for name, dissimilarity in DISSIMILARITIES.items():
            found, expected = (dissimilarity(each).values for each in (self.counts(rates), few))
            np.testing.assert_allclose(found, expected, rtol=1e-10, err_msg=name)

    def test_a_constant_pattern_is_still_refused(self) -> None:
        rates = np.random.default_rng(1).integers(0, 40, (4, 9))
        for level in range(1, 40):
            rates[0] = level
            with pytest.raises(ValueError, match=r"1 conditions is undefined.*\['a'\]"):
                correlation_rdm(self.counts(rates))


class TestMahalanobis:
    def test_it_equals_rsatoolbox(self, shared_oracles: Path) -> None:
        with np.load(shared_oracles / "rsa_dissim.npz") as oracle:
            trials = oracle["in_rep"].reshape(-1, 11)
            expected, precision = oracle["rt_mahalanobis"], oracle["in_prec"]
        responses = make(trials, list(names(7)) * 4)
        ours = mahalanobis_rdm(responses, noise=np.linalg.inv(precision)).values
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 2**31))
    def test_linear_mixtures_of_units_change_nothing(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        trials, mixing = generator.normal(size=(20, 4)), generator.normal(size=(4, 4))
        mixing += 3 * np.eye(4)
        stimuli = list("abcd") * 5
        plain, mixed = (
            mahalanobis_rdm(make(each, stimuli), noise="sample_covariance").values
            for each in (trials, trials @ mixing)
        )
        np.testing.assert_allclose(mixed, plain, rtol=1e-7)

    def test_noise_that_cannot_be_is_refused(self) -> None:
        responses = make(np.eye(3), list("abc"))
        with pytest.raises(ValueError, match="several trials of a condition"):
            mahalanobis_rdm(responses)
        with pytest.raises(ValueError, match=r"`noise` must be \(3, 3\)"):
            mahalanobis_rdm(responses, noise=np.eye(2))
        with pytest.raises(ValueError, match="positive definite"):
            mahalanobis_rdm(responses, noise=-np.eye(3))
        with pytest.raises(ValueError, match="`estimator` must be one of"):
            mahalanobis_rdm(responses, noise="shrinkage")


class TestPolicyForSilence:
    """One condition of four is silent."""

    COUNTS = np.array([[1, 2, 3], [0, 0, 0], [3, 1, 1], [2, 2, 5]])

    @pytest.mark.parametrize("name", ["correlation", "cosine"])
    def test_dropped_conditions_leave_the_others_as_they_are(self, name: str) -> None:
        responses = make(self.COUNTS, list("abcd"))
        rdm = DISSIMILARITIES[name]
        dropped = (correlation_rdm if name == "correlation" else cosine_rdm)(
            responses, undefined="drop"
        )
        assert dropped.conditions == ("a", "c", "d")
        kept = rdm(responses.where(trials=[0, 2, 3])).values
        np.testing.assert_array_equal(dropped.values, kept)
        complete = correlation_rdm(make(self.COUNTS[[0, 2, 3]], list("acd")), undefined="drop")
        assert complete.conditions == ("a", "c", "d")

    def test_a_silent_pattern_has_no_cosine(self) -> None:
        responses = make(self.COUNTS, list("abcd"))
        with pytest.raises(ValueError, match=r"cosine of 1 conditions is undefined.*\['b'\]"):
            cosine_rdm(responses)
        assert cosine_rdm(responses, undefined=1.0).values[[0, 3, 4]].tolist() == [1, 1, 1]


def test_tiles_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    responses = make(np.random.default_rng(0).normal(size=(23, 6)), list(names(23)))
    whole = {name: rdm(responses).values for name, rdm in DISSIMILARITIES.items()}
    monkeypatch.setattr(patterns_module, "_TILE", 5)
    for name, rdm in DISSIMILARITIES.items():
        np.testing.assert_allclose(rdm(responses).values, whole[name], rtol=1e-12, err_msg=name)
