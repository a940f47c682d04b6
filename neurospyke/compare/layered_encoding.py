"""Encoding by several layers at once: what they predict together, and how much each has of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.compare.kinds import check_named, check_responses, check_sides
from neurospyke.compare.mapping import BandedRidge
from neurospyke.compare.pairing import pair
from neurospyke.compare.patterns import mean_patterns
from neurospyke.compare.unit_encoding import Encoding, encoding
from neurospyke.responses import Responses


def encode_by_layers(
    layers: Mapping[str, Responses],
    target: Responses,
    *,
    n_shares: int = 20,
    folds: Any = 10,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int,
) -> Encoding:
    """Predict mean responses of each unit from all layers together, by banded ridge.

    Every layer is a band with a penalty of its own (`BandedRidge`), chosen for each unit and anew
    in each fold. Layers are divided by the root of their total variance over stimuli, so that
    shares mean the same whatever a layer's units are measured in and however many there are.

    Args:
        layers: 2 or more (trial, unit, time) responses by name; bins lie side by side.
        target: responses whose units are predicted, each bin by itself.
        n_shares: random shares tried beside the even one and those of one layer alone.
        folds: as in `encoding`.
        n_bootstrap: as in `encoding`.
        n_permutations: as in `encoding`.
        seed: whole number.

    Returns:
        As of `encoding`, with one model whose name joins those of the layers by " + ". `units` has
        a column `share of <layer>` for each, γ as chosen from all stimuli; they sum to 1.

    Raises:
        ValueError: if there are fewer than 2 layers, stimuli do not match, or a layer is constant.

    Source: Dupré la Tour, Eickenberg, Nunez-Elizalde and Gallant 2022, NeuroImage 264:119728.

    >>> rng = np.random.default_rng(0)
    >>> stimuli = [f"s{n}" for n in range(40)]
    >>> sides = [Responses.from_counts(rng.poisson(9, (40, 3)), stimuli=stimuli) for _ in range(2)]
    >>> layers = {"conv1": sides[0], "conv2": sides[1]}
    >>> found = encode_by_layers(layers, sides[1], n_shares=1, n_bootstrap=2, seed=0)
    >>> (found.units["share of conv2"] > 0.9).all()
    np.True_
    """
    check_named(layers, "layers")
    check_sides(layers, "layers")
    check_responses(target, "target")
    if len(layers) < 2:
        raise ValueError(
            f"`layers` must be 2 or more by name; got {list(layers)}: see `encoding` for one"
        )
    first = next(iter(layers.values()))
    bands = [_scaled(name, mean_patterns(pair(first, layer)[1])) for name, layer in layers.items()]
    widths = [band.shape[1] for band in bands]
    name = " + ".join(layers)
    units = pd.DataFrame({"unit": np.concatenate([np.arange(width) for width in widths])})
    joined = Responses(
        np.hstack(bands)[:, :, None],
        pd.DataFrame({"stimulus": first.stimuli}, dtype=object),
        units.assign(layer=np.repeat(list(layers), widths)),
        np.array([0.0, 1.0]),
        measure="other",
        source=name,
    )
    model = BandedRidge(widths, n_shares=n_shares, seed=seed)
    found = encoding(
        {name: joined},
        target,
        mapping=model,
        folds=folds,
        n_bootstrap=n_bootstrap,
        n_permutations=n_permutations,
        seed=seed,
    )
    shares = model.fit(np.hstack(bands), found.targets).shares_
    columns = {f"share of {layer}": share for layer, share in zip(layers, shares.T, strict=True)}
    return replace(found, units=found.units.assign(**columns))


def _scaled(name: str, patterns: np.ndarray) -> np.ndarray:
    moved = patterns - patterns.mean(axis=0)
    if not np.linalg.norm(moved) > 1e-13 * np.linalg.norm(patterns):
        raise ValueError(f"`layers` must differ between stimuli; {name!r} does not")
    return moved / np.sqrt(np.square(moved).sum(axis=1).mean())
