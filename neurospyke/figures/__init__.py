"""Figures: `plot_<what>(data, ax=None)` draws on the axes given, or on new ones, returns them."""

from neurospyke.figures.decoding import plot_decoding, plot_generalization
from neurospyke.figures.inference import plot_inference, plot_map
from neurospyke.figures.learning import plot_features, plot_learning, plot_winners
from neurospyke.figures.rdms import plot_mds, plot_rdm, plot_rdms
from neurospyke.figures.scores import comparison_labels, plot_scores, plot_time_course

__all__ = [
    "comparison_labels",
    "plot_decoding",
    "plot_features",
    "plot_generalization",
    "plot_inference",
    "plot_learning",
    "plot_map",
    "plot_mds",
    "plot_rdm",
    "plot_rdms",
    "plot_scores",
    "plot_time_course",
    "plot_winners",
]
