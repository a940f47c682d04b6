import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.cross_decoding import decode_across_sides
from neurospyke.compare.decoding import TrialSplits
from neurospyke.compare.generalization import decode_across_conditions, decoding_curve
from neurospyke.responses import Responses


def make(values: np.ndarray, trials: pd.DataFrame) -> Responses:
    units = pd.DataFrame({"unit": range(values.shape[1])})
    return Responses(values[:, :, None], trials, units, np.array([0.0, 0.1]), measure="other")


def objects_at_positions(codes: np.ndarray, seed: int = 0) -> Responses:
    """20 trials of 3 objects at 2 positions with given mean patterns (object, position, unit)."""
    rng = np.random.default_rng(seed)
    trials = pd.DataFrame(
        [(o, p) for o in range(3) for p in range(2) for _ in range(20)],
        columns=["object", "position"],
    )
    values = codes[trials["object"], trials["position"]] + 0.3 * rng.normal(size=(120, 9))
    return make(values, trials.astype(str).assign(stimulus=trials["object"].astype(str)))


def test_only_what_is_alike_at_both_positions_generalises() -> None:
    alike = np.repeat(np.eye(9)[:3][:, None], 2, axis=1) + np.eye(9)[3:5]
    # At the other position each object has the pattern of the next: well told apart, but wrongly.
    apart = np.stack([np.eye(9)[:3], np.roll(np.eye(9)[:3], 1, axis=0)], axis=1)
    found = decode_across_conditions(objects_at_positions(alike), "object", "position", seed=0)
    assert found.held_out == ("0", "1")
    assert found.accuracy[0] > 0.85
    tested = decode_across_conditions(
        objects_at_positions(apart), "object", "position", n_permutations=19, seed=0
    )
    assert tested.accuracy[0] < 0.2
    assert tested.null.shape == (19, 1)
    sure = decode_across_conditions(
        objects_at_positions(alike), "object", "position", n_permutations=19, seed=0
    )
    assert sure.p_values()["p"][0] == 0.05


def test_accuracy_grows_with_units() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 20)
    means = dict(zip("abc", rng.normal(size=(3, 20)), strict=True))
    values = np.array([means[label] for label in labels]) + 1.5 * rng.normal(size=(60, 20))
    side = make(values, pd.DataFrame({"stimulus": labels}))
    table = decoding_curve(side, [2, 8, 20], n_draws=4, seed=0)
    means = table.groupby("n_units")["accuracy"].mean()
    assert means[2] < means[8] < means[20]
    assert len(table) == 12
    # All units in any draw are the same population; only the folds differ.
    sessions = {"x": side.where(units=range(10)), "y": side.where(units=range(10, 20))}
    both = decoding_curve(sessions, [12], splits=TrialSplits(4), n_draws=3, seed=1)
    assert both["accuracy"].between(0.5, 1).all()
    with pytest.raises(ValueError, match="`n_units` must be 1 to 20"):
        decoding_curve(side, [21], seed=0)


def two_sides(shared: bool) -> tuple[Responses, Responses]:
    rng = np.random.default_rng(1)
    labels = np.repeat(list("abcd"), 30)
    stimuli = [f"s{n}" for n in range(120)]
    means = dict(zip("abcd", 1.5 * rng.normal(size=(4, 10)), strict=True))
    latent = np.array([means[label] for label in labels]) + rng.normal(size=(120, 10))
    model = latent @ rng.normal(size=(10, 25))
    source = latent if shared else rng.normal(size=(120, 10)) + np.roll(latent, 17, axis=0)
    brain = source @ rng.normal(size=(10, 12)) + 0.5 * rng.normal(size=(120, 12))
    trials = pd.DataFrame({"stimulus": stimuli, "object": labels})
    return make(model, trials), make(brain, trials)


def test_a_decoder_of_one_side_works_on_the_other_if_they_share_what_they_say() -> None:
    model, brain = two_sides(shared=True)
    # The brain's trials come in another order: stimuli are paired by label.
    moved = brain.where(trials=np.random.default_rng(0).permutation(120))
    table = decode_across_sides(model, moved, "object", n_shuffles=2, seed=0)
    found = table.set_index(["train", "test"])
    assert len(table) == 4
    assert (found["accuracy"] > 0.75).all()
    assert (found["chance"] == 0.25).all()
    assert found["control"][("model", "brain")] < 0.4
    assert found["control"][("brain", "brain")] > 0.75


def test_the_map_carries_no_labels() -> None:
    # A mapping from shuffled stimuli predicts nothing of the brain, whatever the decoder.
    model, _ = two_sides(shared=True)
    noise = make(
        np.random.default_rng(5).normal(size=(120, 12)), model.trials[["stimulus", "object"]]
    )
    found = decode_across_sides(model, noise, "object", seed=0).set_index(["train", "test"])
    for way in (("model", "brain"), ("brain", "model"), ("brain", "brain")):
        assert abs(found["accuracy"][way] - 0.25) < 0.16
    with pytest.raises(ValueError, match="constant in each stimulus"):
        decode_across_sides(model, noise, "colour", seed=0)
    few = noise.where(trials=np.arange(0, 120, 15))
    with pytest.raises(ValueError, match=r"`folds` must be from 2 to .* got 5, and one has 2"):
        decode_across_sides(model.where(trials=np.arange(0, 120, 15)), few, "object", seed=0)
