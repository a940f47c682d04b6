from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import (
    RDM,
    odd_even_halves,
    pearson,
    rdm_reliability,
    spearman_brown,
    split_half_ceiling,
    split_halves,
    subject_ceiling,
    unit_reliability,
)
from neurospyke.compare import euclidean_rdm as euclidean
from neurospyke.compare import reliability as reliability_module
from neurospyke.compare.comparators import POOLED_FORMS, compare_rdms
from neurospyke.compare.reliability import explain_split_half_ceiling
from neurospyke.responses import Responses
from tests.compare.problems import ORACLE_NAMES, read_oracle

EXACT_CEILINGS = ("cosine", "pearson", "spearman", "rho_a")


def noisy(n_stimuli: int, n_trials: int, n_units: int, noise: float, seed: int) -> Responses:
    """Signals of variance 1 across stimuli, with independent noise on every trial."""
    generator = np.random.default_rng(seed)
    signal = np.repeat(generator.normal(size=(n_stimuli, n_units)), n_trials, axis=0)
    return Responses(
        (signal + noise * generator.normal(size=signal.shape))[:, :, None],
        pd.DataFrame({"stimulus": np.repeat([f"s{n}" for n in range(n_stimuli)], n_trials)}),
        pd.DataFrame({"unit": np.arange(n_units)}),
        np.array([0.0, 0.1]),
        measure="rate",
    )


class TestSpearmanBrown:
    def test_from_halves_to_the_whole_and_back(self) -> None:
        assert spearman_brown(0.5) == pytest.approx(2 / 3)
        assert spearman_brown(spearman_brown(0.3, 5), 1 / 5) == pytest.approx(0.3)
        assert spearman_brown(1.0) == 1.0

    @pytest.mark.parametrize(
        ("correlation", "factor", "message"),
        [
            (1.1, 2, "between -1 and 1"),
            (np.nan, 2, "between -1 and 1"),
            (0.5, 0, "above 0"),
            (-1.0, 2, "undefined"),
            (-0.5, 3, "undefined"),
        ],
    )
    def test_wrong_input_is_refused(self, correlation: float, factor: float, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            spearman_brown(correlation, factor)


class TestUnitReliability:
    @pytest.mark.parametrize("n_trials", [4, 7])
    def test_it_is_the_share_of_signal_in_the_mean_of_an_even_number_of_trials(
        self, n_trials: int
    ) -> None:
        noise = 1.5
        table = unit_reliability(noisy(400, n_trials, 40, noise, seed=0), 20, seed=0)
        expected = 1 / (1 + noise**2 / (n_trials // 2 * 2))
        assert table["reliability"].mean() == pytest.approx(expected, abs=0.01)
        assert (table["status"] == "ok").all()

    def test_noise_has_none(self) -> None:
        responses = noisy(200, 4, 60, 1.0, seed=1)
        generator = np.random.default_rng(2)
        pure = Responses(
            generator.normal(size=responses.shape),
            responses.trials,
            responses.units,
            responses.edges,
        )
        table = unit_reliability(pure, 20, seed=0)
        assert table["reliability"].mean() == pytest.approx(0, abs=0.04)

    def test_v4_is_as_reliable_as_known(self, v4: Responses) -> None:
        median = unit_reliability(v4, seed=0)["reliability"].median()
        assert 0.73 < median < 0.76

    def test_constant_and_sparse_units_are_told_apart(self) -> None:
        counts = np.zeros((12, 3), dtype=int)
        counts[:, 0] = np.arange(12)
        counts[3, 1] = 1
        stimuli = [label for label in "abc" for _ in range(4)]
        counts[[0, 1, 4], 1] = [0, 0, 0]
        table = unit_reliability(Responses.from_counts(counts, stimuli=stimuli), 50, seed=0)
        assert table["status"].tolist() == ["ok", "constant", "constant"]
        counts[2, 1] = 1
        table = unit_reliability(Responses.from_counts(counts, stimuli=stimuli), 50, seed=0)
        assert table["status"].tolist() == ["ok", "sparse", "constant"]
        assert table["reliability"][1] == pytest.approx(1.0)
        assert 0 < table["n_splits"][1] < 50
        assert table["reliability"].isna().tolist() == [False, False, True]

    def test_rounding_is_no_response(self) -> None:
        stimuli = [*"aaaaaa", *"bbbbbbb", *"cccccccccccc", *"ddddddddd", *"eeeeeeeeeeeeee"]
        constant = Responses.from_counts(np.full((len(stimuli), 1), 0.1), stimuli=stimuli)
        assert unit_reliability(constant, 10, seed=0)["status"].tolist() == ["constant"]

    def test_the_columns_of_the_units_stay_and_chunks_add_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        responses = noisy(10, 3, 7, 1.0, seed=3)
        whole = unit_reliability(responses, 5, seed=4)
        assert whole["unit"].tolist() == list(range(7))
        monkeypatch.setattr(reliability_module, "_CHUNK_BYTES", 8 * 30 * 2)
        pd.testing.assert_frame_equal(unit_reliability(responses, 5, seed=4), whole)

    def test_several_bins_count_as_their_sum(self) -> None:
        counts = np.random.default_rng(5).poisson(3, (20, 4, 6))
        labels = pd.DataFrame({"stimulus": list("abcde") * 4})
        binned = Responses(counts, labels, pd.DataFrame({"unit": range(4)}), np.arange(7.0))
        pd.testing.assert_frame_equal(
            unit_reliability(binned, 5, seed=0),
            unit_reliability(binned.sum_over_time(), 5, seed=0),
        )

    def test_wrong_input_is_refused(self) -> None:
        counts = np.ones((4, 1))
        with pytest.raises(ValueError, match="at least 3 stimuli"):
            unit_reliability(Responses.from_counts(counts, stimuli=list("abab")), seed=0)
        with pytest.raises(ValueError, match=r"2 have one: \['b', 'c'\]"):
            unit_reliability(Responses.from_counts(counts, stimuli=list("abca")), seed=0)


class TestRDMReliability:
    def test_odd_and_even_trials_of_v4_agree_as_known(self, v4: Responses) -> None:
        # 0.604 is the correlation distance of the first six repetitions, which all images have.
        six = v4.where(trials="repetition < 6")
        result = rdm_reliability(six, odd_even_halves(six.trials["stimulus"].tolist()))
        assert result.half == pytest.approx(0.604, abs=5e-4)
        assert result.corrected == pytest.approx(2 * 0.604 / 1.604, abs=1e-3)

    def test_random_halves_of_v4_agree_as_known(self, v4: Responses) -> None:
        halves = split_halves(v4.trials["stimulus"].tolist(), 3, seed=0)
        result = rdm_reliability(v4, halves, dissimilarity="euclidean")
        assert result.half == pytest.approx(0.64, abs=0.02)
        assert result.corrected == pytest.approx(0.78, abs=0.02)
        assert result.splits.shape == (3,)
        assert result.half == pytest.approx(result.splits.mean())

    def test_a_half_without_a_stimulus_is_refused(self) -> None:
        responses = noisy(3, 2, 4, 1.0, seed=0)
        lopsided = np.array([[True, True, True, False, True, False]])
        with pytest.raises(ValueError, match=r"1 labels only in `model` \['s0'\]"):
            rdm_reliability(responses, lopsided)

    @pytest.mark.parametrize("halves", [np.ones((2, 6)), np.ones(6, bool), np.ones((1, 5), bool)])
    def test_wrong_halves_are_refused(self, halves: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"`halves` must be \(split, 6\) booleans"):
            rdm_reliability(noisy(3, 2, 4, 1.0, seed=0), halves)


class TestSplitHalfCeiling:
    @staticmethod
    def replicates(noise: float) -> tuple[float, float, float, float]:
        """Mean ceiling of 4 runs of an experiment, their RDMs' mutual and true correlation."""
        generator = np.random.default_rng(6)
        signal = generator.normal(size=(60, 4)) @ generator.normal(size=(4, 100))
        labels = [f"s{n}" for n in range(60)]
        truth = euclidean(Responses.from_counts(signal, stimuli=labels)).values
        trials = np.repeat(signal, 8, axis=0)
        runs = [
            Responses(
                (trials + noise * generator.normal(size=trials.shape))[:, :, None],
                pd.DataFrame({"stimulus": np.repeat(labels, 8)}),
                pd.DataFrame({"unit": range(100)}),
                np.array([0.0, 1.0]),
                measure="rate",
            )
            for _ in range(4)
        ]
        rdms = [euclidean(run).values for run in runs]
        ceiling_of = partial(
            split_half_ceiling,
            dissimilarity="euclidean",
            comparator="pearson",
            n_splits=10,
            seed=0,
        )
        ceilings = [ceiling_of(run) for run in runs]
        lower, upper = np.mean([ceiling for ceiling in ceilings if ceiling], axis=0)
        mutual = np.mean([pearson(rdms[a], rdms[b]) for a in range(4) for b in range(a)])
        return lower, upper, float(mutual), float(np.mean([pearson(truth, rdm) for rdm in rdms]))

    def test_replicates_reach_the_lower_and_the_true_rdm_the_upper_bound(self) -> None:
        lower, upper, mutual, true = self.replicates(noise=4.0)
        assert lower == pytest.approx(mutual, abs=0.015)
        assert upper == pytest.approx(true, abs=0.01)
        assert lower < 0.97

    def test_under_strong_noise_it_is_cautious(self) -> None:
        lower, upper, mutual, true = self.replicates(noise=10.0)
        assert 0.3 < lower < mutual
        assert 0.6 < upper < true

    def test_it_is_unknown_where_the_data_cannot_give_one(self) -> None:
        def explain(responses: Responses) -> str:
            ceiling, reason = explain_split_half_ceiling(
                responses,
                dissimilarity="correlation",
                comparator="spearman",
                n_splits=5,
                seed=0,
            )
            assert ceiling is None
            assert split_half_ceiling(responses, n_splits=5, seed=0) is None
            return reason

        counts = np.random.default_rng(7).poisson(4, (8, 30))
        single = Responses.from_counts(counts, stimuli=list("abcdabce"))
        assert "2 have one: ['d', 'e']" in explain(single)
        counts[:2] = 0
        counts[0, 3] = 1
        sparse = Responses.from_counts(counts, stimuli=list("aabbccdd"))
        assert "correlation of 1 conditions is undefined" in explain(sparse)
        noise = np.random.default_rng(6).poisson(4, (8, 30))
        disagreeing = Responses.from_counts(noise, stimuli=list("aabbccdd"))
        assert "do not agree (reliability -" in explain(disagreeing)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"dissimilarity": "manhattan"}, "`dissimilarity` must be one of"),
            ({"comparator": "kendall"}, "`comparator` must be one of"),
            ({"n_splits": 0}, "`n_splits` must be at least 1"),
        ],
    )
    def test_a_wrong_argument_is_not_taken_for_an_unknown_ceiling(
        self, changes: dict, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            partial(split_half_ceiling, seed=0, **changes)(noisy(4, 2, 5, 1.0, seed=0))


class TestSubjectCeiling:
    @pytest.mark.parametrize("comparator", EXACT_CEILINGS)
    def test_it_equals_rsatoolbox(self, shared_oracles: Path, comparator: str) -> None:
        with np.load(shared_oracles / "rsa_ceiling_fixed.npz") as oracle:
            vectors = oracle["in_D"]
            expected = oracle[f"rt_nc_{ORACLE_NAMES[comparator]}"]
        names = tuple(f"s{n}" for n in range(12))
        rdms = [RDM(vector, names, dissimilarity="any") for vector in vectors]
        np.testing.assert_allclose(subject_ceiling(rdms, comparator), expected, rtol=0, atol=1e-10)
        moved = [rdms[0], *(rdm.select(names[::-1]) for rdm in rdms[1:])]
        np.testing.assert_allclose(subject_ceiling(moved, comparator), expected, atol=1e-12)

    def test_one_subject_has_no_ceiling_of_one(self, shared_oracles: Path) -> None:
        # rsatoolbox gives (1, 1): the agreement of a subject with itself.
        oracle = read_oracle(shared_oracles, "ceiling_fixed")
        np.testing.assert_allclose(oracle["rt_nc_single_rdm_corr"], 1)
        names = tuple(f"s{n}" for n in range(12))
        with pytest.raises(ValueError, match="at least 2 subjects; got 1"):
            subject_ceiling([RDM(oracle["in_D"][0], names, dissimilarity="any")], "pearson")

    @pytest.mark.parametrize("comparator", EXACT_CEILINGS)
    def test_subjects_of_one_group_are_left_out_by_leaving_them_out(
        self, shared_oracles: Path, comparator: str
    ) -> None:
        # rsatoolbox's ceilings of groups: the upper one as ever, the lower one against the pool of
        # the other groups, which is a model of its own.
        oracle = read_oracle(shared_oracles, "ceiling_fixed")
        brains, groups = oracle["in_D"], oracle["in_group"]
        expected = oracle[f"rt_nc_grp_{ORACLE_NAMES[comparator]}"]
        normal = POOLED_FORMS[comparator](brains)
        pools = np.array([normal[groups != group].mean(axis=0) for group in groups])
        lower = np.diag(compare_rdms(pools, brains, comparator)).mean()
        names = tuple(f"s{n}" for n in range(12))
        rdms = [RDM(brain, names, dissimilarity="any") for brain in brains]
        found = lower, subject_ceiling(rdms, comparator)[1]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)

    def test_one_subject_or_different_conditions_are_refused(self) -> None:
        one = RDM(np.arange(3), tuple("abc"), dissimilarity="any")
        other = RDM(np.arange(3), tuple("abd"), dissimilarity="any")
        with pytest.raises(ValueError, match="at least 2 subjects; got 1"):
            subject_ceiling([one])
        with pytest.raises(ValueError, match=r"only in `model` \['c'\]"):
            subject_ceiling([one, other])
