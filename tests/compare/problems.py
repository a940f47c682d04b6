"""What several tests of comparisons share: oracles and the names that they have there."""

from pathlib import Path

import numpy as np

ORACLE_NAMES = {
    "cosine": "cosine",
    "pearson": "corr",
    "spearman": "spearman",
    "rho_a": "rho-a",
    "tau_a": "tau-a",
    "tau_b": "kendall",
    "whitened_cosine": "cosine_cov",
    "whitened_pearson": "corr_cov",
}
# Comparators that are inner products, which models can be fitted under.
FITTED = ("cosine", "pearson", "whitened_cosine", "whitened_pearson")


def read_oracle(folder: Path, name: str) -> dict[str, np.ndarray]:
    """All arrays of rsa_<name>.npz."""
    with np.load(folder / f"rsa_{name}.npz") as file:
        return dict(file)
