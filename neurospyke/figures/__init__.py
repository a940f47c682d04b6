"""Figures: `plot_<what>(data, ax=None)` draws on the axes given, or on new ones, returns them.

Those of several panels take and return `axes`, one a panel. New figures are as wide as a column or
a page of print, where their text is legible; `write_figure` writes them with their fonts.
"""

from neurospyke.figures.decoding import plot_decoding, plot_generalization
from neurospyke.figures.energy import plot_energy
from neurospyke.figures.features import plot_features, plot_receptive_field
from neurospyke.figures.inference import plot_inference
from neurospyke.figures.latencies import plot_latencies
from neurospyke.figures.learning import plot_decisions, plot_learning, plot_training, plot_winners
from neurospyke.figures.look import COLUMN, PAGE, style, write_figure
from neurospyke.figures.maps import plot_map
from neurospyke.figures.rdms import plot_mds, plot_rdm, plot_rdms
from neurospyke.figures.scores import comparison_labels, plot_scores, plot_time_course
from neurospyke.figures.selectivity import plot_selectivity, plot_tuning
from neurospyke.figures.spikes import plot_psth, plot_raster, plot_side_by_side

__all__ = [
    "COLUMN",
    "PAGE",
    "comparison_labels",
    "plot_decisions",
    "plot_decoding",
    "plot_energy",
    "plot_features",
    "plot_generalization",
    "plot_inference",
    "plot_latencies",
    "plot_learning",
    "plot_map",
    "plot_mds",
    "plot_psth",
    "plot_raster",
    "plot_rdm",
    "plot_rdms",
    "plot_receptive_field",
    "plot_scores",
    "plot_selectivity",
    "plot_side_by_side",
    "plot_time_course",
    "plot_training",
    "plot_tuning",
    "plot_winners",
    "style",
    "write_figure",
]
