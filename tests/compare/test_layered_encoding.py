from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from neurospyke.compare.layered_encoding import encode_by_layers
from neurospyke.compare.mapping import BandedRidge
from neurospyke.compare.unit_encoding import encoding, predict_held_out
from neurospyke.responses import Responses


def responses(values: np.ndarray, n_repeats: int = 1) -> Responses:
    """(stimulus, unit) values, each stimulus some times."""
    return Responses(
        np.repeat(values, n_repeats, axis=0)[:, :, None],
        pd.DataFrame({"stimulus": np.repeat([f"s{n:02d}" for n in range(len(values))], n_repeats)}),
        pd.DataFrame({"unit": range(values.shape[1])}),
        np.array([0.0, 0.1]),
        measure="other",
    )


@pytest.fixture(scope="module")
def sides() -> tuple[dict[str, Responses], Responses]:
    """Two layers, the second in larger numbers, and units of the first, the second and both."""
    rng = np.random.default_rng(0)
    early, late = rng.normal(size=(60, 8)), 1000 * rng.normal(size=(60, 30)) + 500
    parts = [early @ rng.normal(size=8), late[:, :4] @ rng.normal(size=4) / 1000]
    parts = [part / part.std() for part in parts]
    units = np.stack([parts[0], parts[1], parts[0] + parts[1]], axis=1)
    units = units + 0.2 * rng.normal(size=units.shape)
    return {"early": responses(early), "late": responses(late)}, responses(units)


def test_each_unit_finds_its_layer_and_both_predict_more_than_one(
    sides: tuple[dict[str, Responses], Responses],
) -> None:
    layers, brain = sides
    found = encode_by_layers(layers, brain, n_shares=10, folds=5, n_bootstrap=20, seed=0)
    (early, late) = (found.units[f"share of {name}"].to_numpy() for name in layers)
    np.testing.assert_allclose(early + late, 1, rtol=1e-12)
    assert early[0] > 0.95
    assert late[1] > 0.95
    assert 0.05 < early[2] < 0.95
    alone = encoding(layers, brain, folds=5, n_bootstrap=20, seed=0).units.pivot_table(
        index="unit", columns="model", values="r"
    )
    together = found.units["r"].to_numpy()
    assert together[2] > alone.loc[2].max() + 0.1
    assert (together > alone.max(axis=1) - 0.05).all()
    assert list(found.comparisons) == ["early + late"]
    assert found.comparisons["early + late"].units == (38, 3)


def test_it_is_banded_ridge_of_scaled_layers_whatever_their_unit_and_order(
    sides: tuple[dict[str, Responses], Responses],
) -> None:
    layers, brain = sides
    choices: dict[str, Any] = {"n_shares": 3, "folds": KFold(5), "n_bootstrap": 2, "seed": 1}
    found = encode_by_layers(layers, brain, **choices)
    bands = [
        layer.values[:, :, 0] - layer.values[:, :, 0].mean(axis=0) for layer in layers.values()
    ]
    joined = np.hstack([band / np.sqrt(np.square(band).sum(axis=1).mean()) for band in bands])
    folds = list(KFold(5).split(joined))
    expected = predict_held_out(
        BandedRidge([8, 30], n_shares=3, seed=1), joined, brain.values[:, :, 0], folds
    )
    predicted = found.predictions["early + late"]
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-8)
    moved = {
        "early": responses(7 * layers["early"].values[:, :, 0] - 3, 2),
        "late": layers["late"].where(trials=np.random.default_rng(2).permutation(60)),
    }
    again = encode_by_layers(moved, brain, **choices).predictions["early + late"]
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-8)


def test_stimuli_meet_by_label_in_any_order(
    sides: tuple[dict[str, Responses], Responses],
) -> None:
    layers, brain = sides
    order = np.random.default_rng(3).permutation(60)
    moved = {name: layer.where(trials=order) for name, layer in layers.items()}
    folds = list(KFold(5).split(order))
    place = np.argsort(order)
    same = [(place[train], place[test]) for train, test in folds]
    choices: dict[str, Any] = {"n_shares": 3, "n_bootstrap": 5, "seed": 1}
    found = encode_by_layers(layers, brain, folds=folds, **choices)
    again = encode_by_layers(moved, brain, folds=same, **choices)
    assert again.conditions == moved["early"].stimuli
    expected = found.predictions["early + late"][order]
    np.testing.assert_allclose(again.predictions["early + late"], expected, rtol=0, atol=1e-8)
    shares = ["share of early", "share of late"]
    np.testing.assert_allclose(again.units[shares], found.units[shares], rtol=0, atol=1e-9)


def test_the_numbers_of_draws_are_those_asked_for(
    sides: tuple[dict[str, Responses], Responses],
) -> None:
    layers, brain = sides
    choices: dict[str, Any] = {"n_shares": 1, "folds": 3, "n_bootstrap": 7, "seed": 0}
    (found,) = encode_by_layers(layers, brain, n_permutations=4, **choices).comparisons.values()
    assert len(found.resamples) == 7
    assert found.p == 1 / 5
    (untested,) = encode_by_layers(layers, brain, **choices).comparisons.values()
    assert untested.p is None


def test_bad_layers_are_refused(sides: tuple[dict[str, Responses], Responses]) -> None:
    layers, brain = sides
    with pytest.raises(ValueError, match=r"`layers` must be 2 or more by name; got \['early'\]"):
        encode_by_layers({"early": layers["early"]}, brain, seed=0)
    flat = responses(np.full((60, 2), 0.1))
    with pytest.raises(ValueError, match="`layers` must differ between stimuli; 'flat' does not"):
        encode_by_layers(layers | {"flat": flat}, brain, seed=0)
