import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from neurospyke import compare

TABLE: Any = np.arange(12.0).reshape(4, 3)
SEEDED: dict[str, Callable[..., object]] = {
    "responses": partial(compare.decode, seed=0),
    "predictors": partial(compare.encoding, target=TABLE, seed=0),
    "models": partial(compare.alignment, brain=TABLE, seed=0),
    "first": partial(compare.match_units, second=TABLE, seed=0),
}


@pytest.mark.parametrize("name", SEEDED)
def test_tables_without_labels_are_refused_where_they_come_in(name: str) -> None:
    found = f"`{name}` must be Responses; got ndarray: see Responses.from_counts"
    with pytest.raises(TypeError, match=re.escape(found)):
        SEEDED[name](TABLE)


@pytest.mark.parametrize(
    "measure",
    [
        compare.euclidean_rdm,
        compare.crossnobis_rdm,
        compare.poisson_rdm,
        compare.rdm_movie,
        compare.noise_covariance,
        compare.fano_factors,
        compare.psth,
        compare.first_spikes,
        compare.dimensionality,
        partial(compare.compute_rdm, dissimilarity="euclidean"),
        partial(compare.unit_reliability, seed=0),
        partial(compare.sparseness, seed=0),
        partial(compare.response_latencies, seed=0),
        partial(compare.instantaneous_rates, width=0.01),
        partial(compare.van_rossum_rdm, tau=0.01),
    ],
)
def test_every_measure_refuses_them(measure: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="`responses` must be Responses; got ndarray"):
        measure(TABLE)


def test_layers_and_areas_need_names() -> None:
    for call in (
        partial(compare.rsa_map, areas=TABLE, seed=0),
        partial(compare.encode_by_layers, target=TABLE, seed=0),
    ):
        with pytest.raises(TypeError, match="`layers` must be a dict of responses by name"):
            call(TABLE)
    with pytest.raises(TypeError, match="`models` must be a dict of responses by name"):
        compare.partial_rsa([], TABLE, seed=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"`predictors\['a'\]` must be Responses; got ndarray"):
        compare.encoding({"a": TABLE}, TABLE, seed=0)
