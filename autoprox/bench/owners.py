"""The spaces of a table: compares the given spaces with their record in the manifest."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autoprox.spaces import Space, load_space, space_names


@dataclass(frozen=True)
class KnownSpaces(Mapping[str, Space]):
    """The spaces that a table may hold, by name; spaces around trained networks are created on access.

    Args:
        given: The user's spaces.
    """

    given: Mapping[str, Space]

    def __getitem__(self, name: str) -> Space:
        if name in self.given:
            return self.given[name]
        if name not in space_names():
            raise KeyError(name)  # a name in a table must never cause an import
        return load_space(name)

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in space_names()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*space_names(), *self.given]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def known_spaces(given: Iterable[Space] = ()) -> KnownSpaces:
    """The spaces that a table may hold: the built-in ones, and the given ones.

    Example:
        >>> sorted(known_spaces())[0]
        'autoformer-micro'
    """
    return KnownSpaces({space.name: space for space in given})


def remembered(spaces: Iterable[Space]) -> dict[str, dict[str, Any]]:
    """Record of spaces in a manifest: their reference and identity.

    Example:
        >>> remembered([load_space("pit-micro")])
        {'pit-micro': {'reference': 'pit-micro', 'identity': 1}}
    """
    return {space.name: {"reference": space.reference, "identity": space.identity} for space in spaces}


def missing(spaces: Mapping[str, Space], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yields the end of a sentence for each space that the manifest records and that was not given."""
    for name, memory in sorted(_memory(manifest).items()):
        if name not in spaces:
            reference = memory.get("reference") if isinstance(memory, Mapping) else None
            place = reference if isinstance(reference, str) else "your code"
            yield f"holds the space '{name}', defined in {place}, which was not given. Give the space with the table."


def changes(spaces: Mapping[str, Space], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yields a sentence for each space that differs from its record in the manifest."""
    for name, memory in sorted(_memory(manifest).items()):
        identity = memory.get("identity") if isinstance(memory, Mapping) else None
        if name in spaces and identity != spaces[name].identity:
            place = spaces[name].reference or "the one given"
            yield (
                f"The space '{name}' ({place}) changed after this table was made: its genes, version or builder "
                "differ. Restore it, or make the table again."
            )


def _memory(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    memory = manifest.get("spaces")
    return memory if isinstance(memory, Mapping) else {}
