"""A study from its configuration: stimuli, a brain, models and comparisons, to a report."""

from neurospyke.study.again import differences, read_again
from neurospyke.study.configuration import Study, parse_study, read_study
from neurospyke.study.counts import read_responses
from neurospyke.study.run import run_study

__all__ = [
    "Study",
    "differences",
    "parse_study",
    "read_again",
    "read_responses",
    "read_study",
    "run_study",
]
