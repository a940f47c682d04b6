"""The dissimilarities by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from neurospyke.compare.crossvalidated import crossnobis_rdm
from neurospyke.compare.discrimination import decoding_rdm
from neurospyke.compare.distances import (
    correlation_rdm,
    cosine_rdm,
    euclidean_rdm,
    mahalanobis_rdm,
)
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.poisson import crossvalidated_poisson_rdm, poisson_rdm
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses

Dissimilarity = str | Callable[[Responses], RDM]

DISSIMILARITIES: Mapping[str, Callable[[Responses], RDM]] = MappingProxyType(
    {
        "euclidean": euclidean_rdm,
        "correlation": correlation_rdm,
        "cosine": cosine_rdm,
        "mahalanobis": mahalanobis_rdm,
        "crossnobis": crossnobis_rdm,
        "poisson": poisson_rdm,
        "crossvalidated_poisson": crossvalidated_poisson_rdm,
        "decoding": decoding_rdm,
    }
)


def compute_rdm(responses: Responses, dissimilarity: Dissimilarity) -> RDM:
    """RDM by a dissimilarity's name or by a function.

    Args:
        responses: (trial, unit, time) responses.
        dissimilarity: a name in `DISSIMILARITIES`, or a function from responses to an RDM, such
            as `functools.partial(correlation_rdm, undefined=1.0)`.

    Returns:
        The RDM.

    Raises:
        ValueError: if there is no such name, or the dissimilarity is undefined.
    """
    check_responses(responses)
    if callable(dissimilarity):
        return dissimilarity(responses)
    if dissimilarity not in DISSIMILARITIES:
        raise ValueError(
            f"`dissimilarity` must be one of {list(DISSIMILARITIES)} or a function; "
            f"got {dissimilarity!r}"
        )
    return DISSIMILARITIES[dissimilarity](responses)
