"""Is what was given responses? Arrays have no labels, and fail later and darker."""

from collections.abc import Mapping

from neurospyke.responses import Responses


def check_responses(responses: object, name: str = "responses") -> None:
    """Refuse what is not responses.

    Args:
        responses: what was given.
        name: the argument.

    Raises:
        TypeError: if so.

    >>> check_responses([[1, 2]], "target")
    Traceback (most recent call last):
    TypeError: `target` must be Responses; got list: see Responses.from_counts for counts
    """
    if not isinstance(responses, Responses):
        raise TypeError(
            f"`{name}` must be Responses; got {type(responses).__name__}: see "
            "Responses.from_counts for counts"
        )


def check_sides(sides: object, name: str) -> None:
    """Refuse what is neither responses nor responses by name.

    Args:
        sides: what was given.
        name: the argument.

    Raises:
        TypeError: if so.

    >>> check_sides({"conv1": []}, "models")
    Traceback (most recent call last):
    TypeError: `models['conv1']` must be Responses; got list: see Responses.from_counts for counts
    """
    if not isinstance(sides, Mapping):
        check_responses(sides, name)
        return
    for key, each in sides.items():
        check_responses(each, f"{name}[{key!r}]")


def check_named(sides: object, name: str) -> None:
    """Refuse what is not a mapping from names.

    Args:
        sides: what was given.
        name: the argument.

    Raises:
        TypeError: if so.

    >>> check_named([], "layers")
    Traceback (most recent call last):
    TypeError: `layers` must be a dict of responses by name; got list
    """
    if not isinstance(sides, Mapping):
        raise TypeError(f"`{name}` must be a dict of responses by name; got {type(sides).__name__}")
