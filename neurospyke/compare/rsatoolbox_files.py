"""RDMs in the HDF5 files of rsatoolbox, in and out, and names that others use for measures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from neurospyke.compare.rdm import RDM
from neurospyke.storage import whole_file

# What rsatoolbox calls what we compute, and back.
_THEIR_DISSIMILARITIES: Mapping[str, str] = MappingProxyType(
    {
        "euclidean": "squared euclidean",
        "mahalanobis": "squared mahalanobis",
        "crossvalidated poisson": "poisson_cv",
    }
)
_OUR_DISSIMILARITIES = {theirs: ours for ours, theirs in _THEIR_DISSIMILARITIES.items()}
_LABELS = ("stimulus", "conditions", "condition", "conds", "labels")
_DISSIMILARITY_NAMES = ("euclidean", "correlation", "mahalanobis", "poisson")
_COMPARATOR_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "cosine": "cosine",
        "pearson": "corr",
        "spearman": "spearman",
        "rho_a": "rho_a",
        "tau_a": "tau_a",
        "tau_b": "tau_b",
        "whitened_cosine": "cosine_cov",
        "whitened_pearson": "corr_cov",
        "bures": "bures",
    }
)


def standard_name(dissimilarity: str, comparator: str) -> str:
    """Name of a combination in the similarity repository's vocabulary.

    Args:
        dissimilarity: "euclidean", "correlation", "mahalanobis" or "poisson".
        comparator: a name in `COMPARATORS`.

    Returns:
        The name under which the repository lists the same measure.

    Raises:
        ValueError: if the repository has no such combination.

    Source: Cloos et al. 2024, arXiv 2407.07059.

    >>> standard_name("euclidean", "pearson")
    'measure/rsatoolbox/rsa-euclidean-corr'
    """
    if dissimilarity not in _DISSIMILARITY_NAMES or comparator not in _COMPARATOR_NAMES:
        raise ValueError(
            f"`dissimilarity` must be one of {list(_DISSIMILARITY_NAMES)} and `comparator` one of "
            f"{list(_COMPARATOR_NAMES)} to have a standard name; "
            f"got {dissimilarity!r} and {comparator!r}"
        )
    return f"measure/rsatoolbox/rsa-{dissimilarity}-{_COMPARATOR_NAMES[comparator]}"


def write_rsatoolbox(path: str | Path, rdms: Sequence[RDM]) -> None:
    """Write RDMs of the same conditions to one HDF5 file that rsatoolbox's `load_rdm` reads.

    Labels are in the pattern descriptor `stimulus`; sources and numbers of units in the RDM
    descriptors `source` and `n_units`. Needs h5py (`pip install 'neurospyke[hdf5]'`).

    Args:
        path: the file; one that is there is replaced when the new one is whole.
        rdms: at least one; all with the same conditions in the same order and the same
            dissimilarity.

    Raises:
        ValueError: if there is none, conditions or dissimilarities differ, or a label is not
            ASCII, which rsatoolbox cannot read.
    """
    import h5py

    if not rdms:
        raise ValueError("`rdms` must hold at least one; got none")
    kinds = sorted({rdm.dissimilarity for rdm in rdms})
    if any(rdm.conditions != rdms[0].conditions for rdm in rdms) or len(kinds) > 1:
        raise ValueError(
            "`rdms` must have the same conditions in the same order, and one dissimilarity; got "
            f"{kinds}: bring them into one order with `pair`"
        )
    index = np.arange(len(rdms[0].conditions))
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["rsatoolbox_version"] = "0.3.2"
        file.attrs["dissimilarity_measure"] = _THEIR_DISSIMILARITIES.get(kinds[0], kinds[0])
        file["dissimilarities"] = np.array([rdm.values for rdm in rdms])
        file.create_group("descriptors")
        patterns = file.create_group("pattern_descriptors")
        patterns["index"], patterns["stimulus"] = index, _ascii(rdms[0].conditions)
        each = file.create_group("rdm_descriptors")
        each["index"] = np.arange(len(rdms))
        each["source"] = _ascii([rdm.source for rdm in rdms])
        each["n_units"] = np.array([rdm.n_units for rdm in rdms])


def read_rsatoolbox(path: str | Path, *, labels: str | None = None) -> list[RDM]:
    """Read the RDMs of an HDF5 file that rsatoolbox, or `write_rsatoolbox`, wrote.

    Needs h5py (`pip install 'neurospyke[hdf5]'`).

    Args:
        path: the file.
        labels: pattern descriptor that holds the labels of the conditions; when not given, the
            first there is of `stimulus`, `conditions`, `condition`, `conds` and `labels`, or the
            only one beside `index`, or `index`.

    Returns:
        One RDM for each in the file, in its order.

    Raises:
        ValueError: if the file is not one of RDMs, has no such descriptor, labels repeat, or a
            dissimilarity is missing (NaN).
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            values = np.asarray(file["dissimilarities"], dtype=np.float64)
            patterns = _descriptors(file["pattern_descriptors"])
            each = _descriptors(file.get("rdm_descriptors", {}))
            kind = str(file.attrs.get("dissimilarity_measure", "unknown"))
    except (OSError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(path)!r} must be an HDF5 file of RDMs by rsatoolbox: {error}"
        ) from error
    names = [str(name) for name in patterns[_label_descriptor(patterns, labels)]]
    sources, n_units = each.get("source"), each.get("n_units")
    return [
        RDM(
            row,
            tuple(names),
            dissimilarity=_OUR_DISSIMILARITIES.get(kind, kind),
            source="" if sources is None else str(sources[place]),
            n_units=0 if n_units is None else int(n_units[place]),
        )
        for place, row in enumerate(values)
    ]


def _label_descriptor(patterns: Mapping[str, np.ndarray], labels: str | None) -> str:
    if labels is not None:
        if labels not in patterns:
            raise ValueError(
                f"`labels` must be one of the pattern descriptors {list(patterns)}; got {labels!r}"
            )
        return labels
    others = [name for name in patterns if name != "index"]
    known = [name for name in _LABELS if name in patterns]
    if known:
        return known[0]
    if len(others) > 1:
        raise ValueError(f"`labels` must say which of {others} holds the labels of the conditions")
    return others[0] if others else "index"


def _descriptors(group: Any) -> dict[str, np.ndarray]:
    found = {}
    for name in group:
        array = np.asarray(group[name])
        if array.ndim == 1:
            found[name] = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    return found


def _ascii(names: Sequence[str]) -> np.ndarray:
    strange = [name for name in names if not name.isascii()]
    if strange:
        raise ValueError(
            f"labels must be ASCII for rsatoolbox to read them; {len(strange)} are not, first "
            f"{strange[0]!r}: rename them"
        )
    return np.array(names, dtype=np.bytes_)
