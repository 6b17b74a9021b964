"""What an architecture is: the name of a space and the values of its genes, as canonical JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoprox.base.digest import canonical_json, digest
from autoprox.base.errors import SpecError

ARCH_ID_LENGTH = 16
"""Hexadecimal characters of an architecture's identity: 64 bits, ample for tables of millions."""


@dataclass(frozen=True, slots=True)
class Arch:
    """An architecture: immutable, hashable, and the same text on every machine.

    An `Arch` knows the form of its JSON but not what its space allows; `AbstractSpace.arch` and `AbstractSpace.parse`
    make architectures that are checked.

    Args:
        space: Name of the space.
        json: The genes as canonical JSON (sorted keys, no blanks).

    Raises:
        SpecError: If `json` is not canonical JSON of an object.

    Example:
        >>> arch = Arch.of("toy", {"width": 8, "depth": 2})
        >>> arch.json
        '{"depth":2,"width":8}'
        >>> arch.genes["depth"], len(arch.arch_id)
        (2, 16)
    """

    space: str
    json: str

    def __post_init__(self) -> None:
        genes = loads_genes(self.json, self.space)
        try:
            canonical = canonical_json(genes)
        except ValueError as error:
            raise SpecError(f"The genes {self.json} of space '{self.space}' must be finite numbers.") from error
        if canonical != self.json:
            raise SpecError(
                f"The genes {self.json} of space '{self.space}' are not in canonical form, which is {canonical}. "
                "Make architectures with Arch.of(space, genes) or space(name).parse(text)."
            )

    @classmethod
    def of(cls, space: str, genes: Mapping[str, Any]) -> "Arch":
        """Writes genes in their canonical form.

        Args:
            space: Name of the space.
            genes: Values that JSON can hold, by name.

        Raises:
            SpecError: If JSON cannot hold the genes.

        Example:
            >>> Arch.of("toy", {"b": 1, "a": (2, 3)}).json
            '{"a":[2,3],"b":1}'
        """
        try:
            return cls(space, canonical_json(dict(genes)))
        except (TypeError, ValueError) as error:
            raise SpecError(f"The genes {genes!r} of space '{space}' cannot be written as JSON: {error}.") from error

    @property
    def genes(self) -> dict[str, Any]:
        """The genes by name; a fresh copy, lists for what is a sequence."""
        return loads_genes(self.json, self.space)

    @property
    def arch_id(self) -> str:
        """Identity of the architecture: the digest of space and genes, 16 hexadecimal characters."""
        return digest({"space": self.space, "genes": self.genes})[:ARCH_ID_LENGTH]


def loads_genes(text: str, space: str) -> dict[str, Any]:
    """Reads the genes of an architecture from JSON text, in whatever form it is written.

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
    except (TypeError, ValueError) as error:
        raise SpecError(f"The architecture {text!r} of space '{space}' is not JSON: {error}.") from error
    if not isinstance(genes, dict):
        raise SpecError(f"The architecture {text!r} of space '{space}' must be a JSON object of genes by name.")
    return genes
