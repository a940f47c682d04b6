"""Whole numbers, refused in the same words everywhere where they are not."""


def check_whole(name: str, value: int, least: int) -> None:
    """Refuse a number that is not whole or too small.

    Args:
        name: the argument.
        value: the number.
        least: the smallest allowed.

    Raises:
        ValueError: so it is.

    Example:
        >>> check_whole("epochs", 2.5, 1)
        Traceback (most recent call last):
        ValueError: `epochs` must be a whole number from 1 up; got 2.5
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"`{name}` must be a whole number from {least} up; got {value!r}")
