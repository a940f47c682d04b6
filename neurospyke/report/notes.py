"""What a reader must know beside the numbers, in sentences."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence

from neurospyke.compare.comparison import Comparison
from neurospyke.figures import comparison_labels
from neurospyke.report.courses import by_brain, by_method

# Marks that turn the direction of what follows, numbers too, as their escapes.
DIRECTIONS = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), 0x2066, 0x2067)}
_ISOLATES = {code: f"\\u{code:04x}" for code in (0x2068, 0x2069)}


def headline(comparisons: Sequence[Comparison], controls: Collection[str] = ()) -> str:
    """The highest score of each method and brain.

    Args:
        comparisons: at least one.
        controls: models that count only where there is nothing else.

    Returns:
        One sentence.

    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> headline([result])
    'rsa of conv1 with V4: 0.31 [0.27, 0.35], ceiling not known, 3 conditions.'
    """
    chosen = [each for each in comparisons if each.model not in controls] or list(comparisons)
    if len(chosen) == 1:
        return f"{chosen[0]}."
    groups = [group for method in by_method(chosen) for group in by_brain(method)]
    best = [max(group, key=lambda each: each.score) for group in groups]
    return f"Highest of {len(chosen)} scores: {'; '.join(map(str, best))}."


def reading_notes(comparisons: Sequence[Comparison]) -> list[str]:
    """How to read intervals, ceilings and p values, and what the comparisons do not share.

    Args:
        comparisons: at least one.

    Returns:
        Sentences.
    """
    levels = ", ".join(
        f"{100 * each:g} %" for each in sorted({each.confidence for each in comparisons})
    )
    notes = [f"Intervals are confidence intervals of the score ({levels})."]
    unknown = [
        label
        for label, each in zip(comparison_labels(comparisons), comparisons, strict=True)
        if each.ceiling is None
    ]
    if len(unknown) < len(comparisons):
        notes.append(
            "The noise ceiling is the range of the score that the best possible model would "
            "reach, given the noise in the brain data: a score is read against it, not against 1."
        )
    if unknown:
        notes.append(f"No noise ceiling is known for {some(unknown)}.")
    if any(each.p is not None for each in comparisons):
        notes.append(
            "p is the probability of a score this high by chance, one-sided, for each comparison "
            "by itself: it is not corrected for their number."
        )
    if len({frozenset(each.conditions) for each in comparisons}) > 1:
        notes.append("The comparisons do not all rest on the same conditions.")
    if any(each.step is not None for each in comparisons):
        notes.append("Model steps add up: a step includes all before it.")
    return notes


def ceilings_and_controls(
    comparisons: Sequence[Comparison], controls: Mapping[str, str]
) -> list[str]:
    """The noise ceiling of each brain and window, and what each control scored.

    Args:
        comparisons: at least one.
        controls: what was done to make a control, by the name of the model.

    Returns:
        Sentences.

    >>> result = Comparison("rsa", "mixed", "V4", 0.01, (-0.02, 0.04), conditions=("a", "b", "c"))
    >>> ceilings_and_controls([result], {"mixed": "labels shuffled"})
    ['Control mixed with V4 (rsa): 0.01 [-0.02, 0.04].']
    """
    found: dict[str, None] = {}
    for each in comparisons:
        if each.ceiling is not None:
            low, high = each.ceiling
            where = f"{each.brain} ({each.method}{_when(each)})"
            found[f"Noise ceiling of {where}: {low:.3f} to {high:.3f}."] = None
    for each in comparisons:
        if each.model in controls:
            low, high = each.interval
            p = "" if each.p is None else f", p {each.p:.2g}"
            where = f"{each.brain} ({each.method}{_when(each)})"
            score = f"{each.score:z.2f} [{low:z.2f}, {high:z.2f}]{p}"
            found[f"Control {each.model} with {where}: {score}."] = None
    return list(found)


def _when(comparison: Comparison) -> str:
    return (
        "" if comparison.time is None else f", {comparison.time[0]:g} to {comparison.time[1]:g} s"
    )


def isolated(label: str) -> str:
    r"""A label that leaves the order of the sentence around it alone.

    Args:
        label: any text.

    Returns:
        The same; where it is written from right to left, between marks that keep its direction to
        itself, and with the marks it brings itself as their escapes.

    >>> isolated("V4"), isolated("\u202eV4")
    ('V4', '\\u202eV4')
    """
    plain = label.translate(DIRECTIONS | _ISOLATES)
    turned = any(unicodedata.bidirectional(each) in ("R", "AL") for each in plain)
    return f"\u2068{plain}\u2069" if turned else plain


def sentence(note: str) -> str:
    """A note with a capital and a full stop.

    Args:
        note: any text.

    Returns:
        The sentence.

    >>> sentence("one unit left out")
    'One unit left out.'
    """
    # A note may begin with a file's name, which is not a word to capitalise.
    first = note.split(maxsplit=1)[:1]
    note = note[:1].upper() + note[1:] if first and first[0].isalpha() else note
    return f"{note.rstrip('.')}."


def some(names: Sequence[str]) -> str:
    """The first twelve names, and how many more there are.

    Args:
        names: any number.

    Returns:
        Text.

    >>> some(["a", "b"])
    'a, b'
    """
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
