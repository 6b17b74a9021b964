"""A small registry of named entries: duplicates are errors, and unknown names give the nearest valid one."""

from collections.abc import ItemsView, Iterator, ValuesView
from typing import Generic, TypeVar

from autoprox.base.errors import RegistryError, suggestion

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to entries, in the order of registration.

    Args:
        noun: Noun for an entry in error messages ("space", "statistic").

    Example:
        >>> colours = Registry[int]("colour")
        >>> colours.register("red", 1)
        1
        >>> colours["red"], list(colours)
        (1, ['red'])
        >>> colours["rad"]
        Traceback (most recent call last):
        ...
        autoprox.base.errors.RegistryError: Unknown colour 'rad'. Did you mean 'red'? Allowed: red.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        """Adds an entry and returns it.

        Raises:
            RegistryError: If the name is taken.
        """
        if name in self._entries:
            raise RegistryError(f"The {self.noun} '{name}' is registered already; choose another name.")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise RegistryError(f"Unknown {self.noun} '{name}'. {suggestion(name, self._entries)}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def values(self) -> ValuesView[T]:
        """The entries, in the order of registration."""
        return self._entries.values()

    def items(self) -> ItemsView[str, T]:
        """Names with entries, in the order of registration."""
        return self._entries.items()
