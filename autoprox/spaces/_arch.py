"""Architecture: the name of a space and the values of its genes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autoprox.base.digest import canonical_json, digest
from autoprox.base.errors import SpecError
from autoprox.base.foreign import excerpt
from autoprox.spaces.genes import Genes, copied

ARCH_ID_LENGTH = 16
"""Hexadecimal characters of an architecture's identity: 64 bits, ample for tables of millions."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Arch:
    """An architecture: immutable, hashable, and the same text on every machine.

    An `Arch` holds any genes that JSON can represent, allowed by its space or not; `Space.arch` and `Space.parse`
    create checked architectures.

    Args:
        space: Name of the space.
        genes: Values that JSON can represent, by name.

    Raises:
        SpecError: If JSON cannot represent the genes.

    Example:
        >>> arch = Arch("toy", {"width": 8, "depth": (2, 3)})
        >>> arch.json
        '{"depth":[2,3],"width":8}'
        >>> arch.genes["depth"], len(arch.arch_id)
        ([2, 3], 16)
    """

    space: str

    def __init__(self, space: str, genes: Mapping[str, Any]) -> None:
        try:
            plain = json.loads(canonical_json(dict(genes)))
        except (TypeError, ValueError) as error:
            raise SpecError(f"The genes {genes!r} of space '{space}' cannot be written as JSON: {error}.") from error
        self._fill(space, plain, None)

    @classmethod
    def trusted(cls, space: str, genes: Genes, checked_by: object) -> "Arch":
        """Creates an architecture from genes in canonical form without a copy or a check; for use by spaces.

        Args:
            space: Name of the space.
            genes: The genes in JSON form.
            checked_by: The layout that allows them.
        """
        arch = object.__new__(cls)
        arch._fill(space, genes, checked_by)
        return arch

    def _fill(self, space: str, genes: Genes, checked_by: object) -> None:
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "_genes", genes)
        object.__setattr__(self, "_checked_by", checked_by)

    def genes_checked_by(self, layout: object) -> Genes | None:
        """Returns the genes themselves, for reading only, if this layout object checked them; otherwise None."""
        held: Genes = self.__dict__["_genes"]
        return held if self.__dict__["_checked_by"] is layout else None

    @property
    def genes(self) -> Genes:
        """The genes by name, as a new copy; sequences are lists."""
        genes: Genes = copied(self.__dict__["_genes"])
        return genes

    @cached_property
    def json(self) -> str:
        """The genes as canonical JSON (sorted keys, no blanks)."""
        return canonical_json(self.__dict__["_genes"])

    @cached_property
    def arch_id(self) -> str:
        """Identity of the architecture: the digest of space and genes, 16 hexadecimal characters."""
        return digest({"space": self.space, "genes": self.__dict__["_genes"]})[:ARCH_ID_LENGTH]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arch) and (self.space, self.json) == (other.space, other.json)

    def __hash__(self) -> int:
        return hash((self.space, self.json))

    def __repr__(self) -> str:
        return f"Arch({self.space!r}, {self.__dict__['_genes']!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Arch, (self.space, self.__dict__["_genes"])


def loads_genes(text: str, space: str) -> dict[str, Any]:
    """Reads the genes of an architecture from JSON text in any formatting.

    Args:
        text: JSON of an object.
        space: Name of the space, for the message.

    Raises:
        SpecError: If the text is not JSON, or not an object.

    Example:
        >>> loads_genes('{ "depth": 2 }', "toy")
        {'depth': 2}
    """
    try:
        genes = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError(f"The architecture {excerpt(text)!r} of space '{space}' is not JSON: {error}.") from error
    if not isinstance(genes, dict):
        raise SpecError(
            f"The architecture {excerpt(text)!r} of space '{space}' must be a JSON object of genes by name."
        )
    return genes
