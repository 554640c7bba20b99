"""Message headers: a multimap that ignores case and keeps order (RFC 2326 4.2, RFC 3261 7.3)."""

import re
from collections.abc import Iterable, Iterator

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(r"[\r\n\0]")


def breaks_lines(value: str) -> bool:
    """Whether a value cannot be sent in a header (RFC 9110 5.5)."""
    return _FORBIDDEN.search(value) is not None


class Headers:
    """Header fields in order of arrival; a name may come several times."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = []
        for name, value in items:
            self.add(name, value)

    @classmethod
    def received(cls, items: Iterable[tuple[str, str]]) -> "Headers":
        """Fields that a parser has already split; taken as they came."""
        headers = cls()
        headers._items = [(name.lower(), name, value) for name, value in items]
        return headers

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _, _ in self._items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(key, value) for key, _, value in self._items] == [
            (key, value) for key, _, value in other._items
        ]

    def __repr__(self) -> str:
        # Names only: values hold Authorization and the like, and reprs end in logs.
        return f"Headers({', '.join(name for _, name, _ in self._items)})"

    def get(self, name: str, default: str = "") -> str:
        """The first value of that name."""
        wanted = name.lower()
        for key, _, value in self._items:
            if key == wanted:
                return value
        return default

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        wanted = name.lower()
        return [value for key, _, value in self._items if key == wanted]

    def add(self, name: str, value: str) -> None:
        """Append a field; raises ValueError for what would break the message apart."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a header name: {name!r}")
        if breaks_lines(value):
            raise ValueError(f"the value of {name} holds a line break")
        self._items.append((name.lower(), name, value))

    def set(self, name: str, value: str) -> None:
        """Replace every field of that name by one."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> None:
        """Drop every field of that name."""
        wanted = name.lower()
        self._items = [item for item in self._items if item[0] != wanted]

    def copy(self) -> "Headers":
        """An independent copy."""
        copied = Headers()
        copied._items = list(self._items)
        return copied

    def encode(self) -> str:
        """`Name: value` lines, each ended by CRLF."""
        return "".join(f"{name}: {value}\r\n" for _, name, value in self._items)
