"""Tables of a configuration, read key by key; whatever does not fit is named with what would."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

_MISSING: Any = object()


class Keys:
    """A table of a configuration.

    Args:
        table: what TOML gave.
        where: its name, such as "network.training"; empty for the whole.
        allowed: keys that it may have.

    Raises:
        ValueError: if it is no table, or has another key.

    >>> Keys({"epoch": 2}, "network.training", ["epochs"])
    Traceback (most recent call last):
    ValueError: `network.training.epoch` is not a key of [network.training]; did you mean `epochs`?
    """

    def __init__(self, table: Any, where: str, allowed: Collection[str]) -> None:
        if not isinstance(table, Mapping):
            raise ValueError(f"`{where}` must be a table, [{where}]; got {table!r}")
        for name in table:
            if name not in allowed:
                section = f"[{where}]" if where else "a study"
                raise ValueError(
                    f"`{_joined(where, name)}` is not a key of {section}; "
                    f"{_advice(str(name), allowed)}"
                )
        self._table = table
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def path_to(self, name: str) -> str:
        """The whole name of a key, for messages.

        Args:
            name: the key.

        Returns:
            Such as "network.seed".
        """
        return _joined(self.where, name)

    def _get(self, name: str, default: Any) -> Any:
        if name in self._table:
            return self._table[name]
        if default is _MISSING:
            raise ValueError(f"`{self.path_to(name)}` must be given in [{self.where}]")
        return default

    def _refuse(self, name: str, expected: str, value: Any) -> ValueError:
        return ValueError(f"`{self.path_to(name)}` must be {expected}; got {value!r}")

    def text(self, name: str, default: Any = _MISSING, *, among: Collection[str] = ()) -> Any:
        """A text.

        Args:
            name: the key.
            default: what stands where the key is absent; without it the key must be there.
            among: the only values that will do.

        Returns:
            The text.

        Raises:
            ValueError: if it is none, or another.

        >>> Keys({"model": "kheradpisheh"}, "network", ["model"]).text("model", among=["a", "b"])
        Traceback (most recent call last):
        ValueError: `network.model` must be one of 'a', 'b'; got 'kheradpisheh'
        """
        value = self._get(name, default)
        if name not in self._table:
            return value
        if not isinstance(value, str) or not value:
            raise self._refuse(name, "a text", value)
        return self._among(name, value, among)

    def _among(self, name: str, value: str, among: Collection[str]) -> str:
        if among and value not in among:
            near = difflib.get_close_matches(value, list(map(str, among)), 1)
            expected = f"one of {_listed(among)}"
            refused = self._refuse(name, expected, value)
            raise ValueError(f"{refused}; did you mean {near[0]!r}?") if near else refused
        return value

    def texts(self, name: str, default: Any = _MISSING, *, among: Collection[str] = ()) -> Any:
        """A list of texts; a single text is a list of one.

        Args:
            name: the key.
            default: what stands where the key is absent.
            among: the only values that will do.

        Returns:
            The texts, as a tuple.

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, default)
        if name not in self._table:
            return value
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            raise self._refuse(name, "a list of texts", value)
        return tuple(self._among(name, each, among) for each in values)

    def whole(self, name: str, default: Any = _MISSING, *, least: int = 0) -> Any:
        """A whole number.

        Args:
            name: the key.
            default: what stands where the key is absent.
            least: the smallest allowed.

        Returns:
            The number.

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, default)
        if name in self._table and not _is_whole(value, least):
            raise self._refuse(name, f"a whole number from {least} up", value)
        return value

    def wholes(self, name: str, default: Any = _MISSING, *, least: int = 0, n: int = 0) -> Any:
        """A list of whole numbers.

        Args:
            name: the key.
            default: what stands where the key is absent.
            least: the smallest allowed.
            n: how many there must be; 0 takes any number from 1 up.

        Returns:
            The numbers, as a tuple.

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, default)
        if name not in self._table:
            return value
        fits = isinstance(value, list) and value and (not n or len(value) == n)
        if not fits or not all(_is_whole(each, least) for each in value):
            many = f"{n} " if n else ""
            raise self._refuse(name, f"a list of {many}whole numbers from {least} up", value)
        return tuple(value)

    def number(self, name: str, default: Any = _MISSING, *, above: float | None = None) -> Any:
        """A number.

        Args:
            name: the key.
            default: what stands where the key is absent.
            above: what it must be larger than.

        Returns:
            The number, as a float.

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, default)
        if name not in self._table:
            return value
        if not _is_number(value) or (above is not None and value <= above):
            limit = "" if above is None else f" above {above:g}"
            raise self._refuse(name, f"a number{limit}", value)
        return float(value)

    def span(self, name: str, default: Any = _MISSING) -> Any:
        """Two numbers, the first smaller.

        Args:
            name: the key.
            default: what stands where the key is absent.

        Returns:
            (start, stop).

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, default)
        if name not in self._table:
            return value
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
            raise self._refuse(name, "[start, stop], two numbers", value)
        if not value[0] < value[1]:
            raise self._refuse(name, "[start, stop] with start before stop", value)
        return float(value[0]), float(value[1])

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false.

        Args:
            name: the key.
            default: what stands where the key is absent.

        Returns:
            Which.

        Raises:
            ValueError: if it is neither.
        """
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self._refuse(name, "true or false", value)
        return value

    def mapping(self, name: str) -> dict[str, str]:
        """A table from texts to texts.

        Args:
            name: the key.

        Returns:
            The mapping, empty where the key is absent.

        Raises:
            ValueError: if it is something else.
        """
        value = self._get(name, {})
        if not isinstance(value, Mapping) or not all(
            isinstance(each, str) for each in value.values()
        ):
            raise self._refuse(name, "a table of texts, such as { first = 'a' }", value)
        return dict(value)

    def path(self, name: str, folder: Path) -> Path:
        """A file or folder that exists.

        Args:
            name: the key.
            folder: where relative paths start.

        Returns:
            The path.

        Raises:
            ValueError: if there is nothing at it.
        """
        path = folder / self.text(name)
        if not path.exists():
            raise self._refuse(name, f"an existing file or folder, seen from {folder}", str(path))
        return path

    def only_one(self, *names: str) -> str:
        """Which one of several keys is there.

        Args:
            names: keys that exclude each other.

        Returns:
            The one.

        Raises:
            ValueError: if there is none, or more than one.
        """
        found = [name for name in names if name in self._table]
        if len(found) != 1:
            several = " or ".join(f"`{name}`" for name in names)
            got = " and ".join(f"`{name}`" for name in found) or "none"
            raise ValueError(f"[{self.where}] must have one of {several}; got {got}")
        return found[0]

    def section(self, name: str, allowed: Collection[str]) -> "Keys | None":
        """A table inside this one.

        Args:
            name: the key.
            allowed: keys that it may have.

        Returns:
            The table, None where it is absent.

        Raises:
            ValueError: if it is no table, or has another key.
        """
        if name not in self._table:
            return None
        return Keys(self._table[name], self.path_to(name), allowed)

    def every(self, name: str) -> list[Any]:
        """The tables of an array of tables, `[[name]]`, as TOML gave them.

        Args:
            name: the key.

        Returns:
            At least one.

        Raises:
            ValueError: if there is none.
        """
        value = self._get(name, [])
        if not isinstance(value, list) or not value:
            raise ValueError(f"a study must have at least one [[{name}]]; got {value!r}")
        return value


def _joined(where: str, name: Any) -> str:
    return f"{where}.{name}" if where else str(name)


def _advice(name: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(allowed), 1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"it may have {', '.join(f'`{each}`' for each in allowed)}"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(repr, values))


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
