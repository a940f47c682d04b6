import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import RDM, euclidean_rdm, pair
from neurospyke.responses import Responses


def responses(stimuli: str | list[str]) -> Responses:
    """Unit 0 responds with the row number, so rows can be told apart."""
    labels = list(stimuli)
    return Responses.from_counts(np.arange(len(labels))[:, None], stimuli=labels)


def rdm(conditions: list[str]) -> RDM:
    n_pairs = len(conditions) * (len(conditions) - 1) // 2
    return RDM(np.arange(n_pairs), tuple(conditions), dissimilarity="any")


def test_sides_that_fit_are_returned_as_they_are() -> None:
    model, brain = responses("abab"), rdm(["a", "b"])
    assert pair(model, brain) == (model, brain)


def test_trials_follow_their_labels_and_keep_their_order_within() -> None:
    _, brain = pair(rdm(["c", "a", "b"]), responses("abcabc"))
    assert brain.trials["stimulus"].tolist() == list("ccaabb")
    assert brain.values[:, 0, 0].tolist() == [2, 5, 0, 3, 1, 4]


def test_drop_keeps_the_shared_labels_in_the_order_of_the_model() -> None:
    model, brain = pair(responses("xcab"), rdm(["a", "b", "c", "y"]), missing="drop")
    assert model.stimuli == brain.conditions == ("c", "a", "b")
    assert model.values[:, 0, 0].tolist() == [1, 2, 3]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_trials_makes_no_difference(order: list[int]) -> None:
    generator = np.random.default_rng(0)
    brain = Responses(
        generator.normal(size=(8, 3, 1)),
        pd.DataFrame({"stimulus": list("abcdabcd")}),
        pd.DataFrame({"unit": range(3)}),
        np.array([0.0, 1.0]),
        measure="rate",
    )
    model = rdm(list("dbca"))
    expected = euclidean_rdm(pair(model, brain)[1])
    shuffled = euclidean_rdm(pair(model, brain.where(trials=order))[1])
    assert shuffled.conditions == expected.conditions == model.conditions
    np.testing.assert_allclose(shuffled.values, expected.values, rtol=1e-12)


def test_missing_labels_are_counted_and_the_first_ten_listed() -> None:
    model = rdm([*"ab", *(f"model{number}" for number in range(12))])
    brain = responses(["a", "b", "brain0"])
    with pytest.raises(ValueError, match="12 labels only in `model`") as error:
        pair(model, brain)
    message = str(error.value)
    assert "'model9'" in message
    assert "'model10'" not in message
    assert "1 labels only in `brain` ['brain0']" in message
    assert "missing='drop'" in message
    assert "form" not in message


@pytest.mark.parametrize(
    ("model", "brain"),
    [("3", "3.0"), ("003", "3"), ("Face.PNG", "face"), ("a/face.jpg", "face.png"), ("x ", "x")],
)
def test_labels_that_differ_in_form_alone_are_pointed_out(model: str, brain: str) -> None:
    with pytest.raises(ValueError, match=r"1 differ in form alone") as error:
        pair(rdm(["car", "dog", model]), rdm(["car", "dog", brain]))
    assert f"{model!r} and {brain!r}" in str(error.value)


def test_too_few_shared_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share at least 2 .*form alone"):
        pair(rdm(["a", "3"]), rdm(["a", "3.0"]), missing="drop")


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="'error' or 'drop'; got 'ignore'"):
        pair(rdm(["a", "b"]), rdm(["a", "b"]), missing="ignore")
    with pytest.raises(TypeError, match="`brain` must be Responses or RDM; got ndarray"):
        pair(rdm(["a", "b"]), np.ones(1))  # pyright: ignore[reportArgumentType]
