"""Comparisons to one HTML file."""

from neurospyke.report.page import write_report
from neurospyke.report.provenance import read_provenance

__all__ = ["read_provenance", "write_report"]
