import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import COMPARATORS, euclidean_rdm, euclidean_similarities
from neurospyke.compare import moments as moments_module
from neurospyke.responses import Responses


def make(seed: int, n_units: int, stimuli: str = "abcdefg") -> Responses:
    values = np.random.default_rng(seed).normal(size=(2 * len(stimuli), n_units)) + seed % 3
    return Responses.from_counts(values, stimuli=list(stimuli) * 2)


@pytest.mark.parametrize("comparator", ["cosine", "pearson", "whitened_cosine"])
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_it_is_the_similarity_of_the_rdms(comparator: str, seed: int) -> None:
    models, brains = [make(seed, 3), make(seed + 1, 5)], [make(seed + 2, 4), make(seed + 3, 2)]
    rdms = [[euclidean_rdm(side).values for side in sides] for sides in (models, brains)]
    expected = [[COMPARATORS[comparator](a, b) for b in rdms[1]] for a in rdms[0]]
    ours = euclidean_similarities(models, brains, comparator)
    np.testing.assert_allclose(ours, expected, atol=1e-10)


def test_blocks_of_features_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [make(0, 7)], [make(1, 5)]
    whole = euclidean_similarities(*sides)
    monkeypatch.setattr(moments_module, "_COLUMNS", 3)
    np.testing.assert_allclose(euclidean_similarities(*sides), whole, rtol=1e-12)


def test_conditions_are_paired_by_label() -> None:
    model, brain = make(0, 3), make(1, 4, "gcabxdfe")
    shared = brain.where(trials=np.flatnonzero(brain.trials["stimulus"] != "x"))
    dropped = euclidean_similarities([model], [brain], missing="drop")
    np.testing.assert_allclose(dropped, euclidean_similarities([model], [shared]), rtol=1e-12)
    with pytest.raises(ValueError, match=r"1 labels only in `brain` \['x'\]"):
        euclidean_similarities([model], [brain])


def test_what_has_no_score_is_refused() -> None:
    silent = Responses.from_counts(np.zeros((7, 2)), stimuli=list("abcdefg"))
    with pytest.raises(ValueError, match="never vary"):
        euclidean_similarities([silent], [make(0, 2)])
    with pytest.raises(ValueError, match="`comparator` must be one of"):
        euclidean_similarities([silent], [silent], "spearman")
