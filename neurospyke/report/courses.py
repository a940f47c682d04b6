"""Which comparisons are points of a course over time or model steps, and which stand alone."""

from collections.abc import Sequence
from typing import Literal

from neurospyke.compare.comparison import Comparison
from neurospyke.figures import comparison_labels


def split_courses(
    comparisons: Sequence[Comparison], axis: Literal["step", "time"]
) -> tuple[list[Comparison], list[Comparison]]:
    """Comparisons that stand alone, and those that make courses along an axis.

    Args:
        comparisons: any number.
        axis: along what.

    Returns:
        What stands alone, and what covers all of a course with it; and the parts of courses.

    >>> parts = [
    ...     Comparison("rsa", "conv1", "V4", 0.1, (0, 0.4), conditions=("a", "b", "c"), step=step)
    ...     for step in (1, 2)
    ... ]
    >>> [[each.step for each in side] for side in split_courses(parts, "step")]
    [[2], [1, 2]]
    """
    groups: dict[str, list[Comparison]] = {}
    in_full = {(each.model, each.brain) for each in comparisons if each.step is None}
    labels = comparison_labels(comparisons, without=(axis,))
    for label, each in zip(labels, comparisons, strict=True):
        groups.setdefault(label, []).append(each)
    alone, courses = [], []
    for group in groups.values():
        whole, parts = _whole_step(group, in_full) if axis == "step" else _whole_time(group)
        makes_course = len({getattr(each, axis) for each in parts}) > 1
        alone += whole if makes_course else group
        courses += parts if makes_course else []
    return alone, courses


def by_method(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """Comparisons of one method each, in the order in which methods first come.

    Args:
        comparisons: any number.

    Returns:
        Groups.
    """
    methods = dict.fromkeys(each.method for each in comparisons)
    return [[each for each in comparisons if each.method == method] for method in methods]


def by_brain(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """Comparisons with one brain each, in the order in which brains first come.

    Args:
        comparisons: any number.

    Returns:
        Groups.
    """
    brains = dict.fromkeys(each.brain for each in comparisons)
    return [[each for each in comparisons if each.brain == brain] for brain in brains]


def _whole_step(
    group: list[Comparison], in_full: set[tuple[str, str]]
) -> tuple[list[Comparison], list[Comparison]]:
    """What includes all steps, and the steps.

    Steps add up, so the last one may stand for all where nothing else tells of that model.
    """
    parts = [each for each in group if each.step is not None]
    whole = [each for each in group if each.step is None]
    if not whole and (group[0].model, group[0].brain) not in in_full:
        last = max(each.step for each in parts if each.step is not None)
        whole = [each for each in parts if each.step == last]
    return whole, parts


def _whole_time(group: list[Comparison]) -> tuple[list[Comparison], list[Comparison]]:
    """Windows that hold all others, and the others."""
    times = [each.time for each in group if each.time is not None]
    starts, stops = zip(*times, strict=True) if times else ([0.0], [0.0])
    whole = [each for each in group if each.time in (None, (min(starts), max(stops)))]
    return whole, [each for each in group if each not in whole]
