"""Genes of a space: their names, their choices, and their number of values.

Genes are kept in JSON form: numbers, texts, and lists for sequences.
"""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole

Choice: TypeAlias = int | float | str | tuple[Any, ...]
"""One allowed value of a gene: a number, a text, or a tuple of values that belong together."""

Genes: TypeAlias = dict[str, Any]

Axis: TypeAlias = str | int | Callable[[Genes], int]
"""Number of values of a gene: the name of the gene that gives it, a fixed number, or a function of the genes."""


@dataclass(frozen=True, slots=True)
class Total:
    """An axis as long as the values of a gene add up to: one value for each layer where `depth` has one for each stage.

    Args:
        gene: Name of the gene.

    Example:
        >>> Total("depth")({"depth": [2, 3]})
        5
    """

    gene: str

    def __call__(self, genes: Mapping[str, Any]) -> int:
        """The sum."""
        return int(sum(genes[self.gene]))


@dataclass(frozen=True, slots=True)
class Length:
    """An axis with as many values as a gene has: one for each stage where `depth` has one for each stage.

    Args:
        gene: Name of the gene.

    Example:
        >>> Length("depth")({"depth": [2, 3]})
        2
    """

    gene: str

    def __call__(self, genes: Mapping[str, Any]) -> int:
        """The number of values."""
        return len(genes[self.gene])


@dataclass(frozen=True, slots=True)
class Gene:
    """A named choice.

    Args:
        name: Key of the gene in the genes of an architecture.
        choices: The allowed values, all distinct; their types are canonical.
        along: Number of values, which makes the gene a list; None for a single value. Either the name of a gene with a
            whole number as its value (`"depth"` for one value per layer), a number, or a function of the genes
            (`Total("depth")` if `depth` is a list with the layers per stage).

    Raises:
        SpecError: If an argument is invalid.

    Example:
        >>> Gene("mlp_ratio", (3.5, 4.0), along="depth").match(4)
        4.0
        >>> Gene("mixer", ["depthwise", "pool"]).allowed()
        'depthwise, pool'
    """

    name: str
    choices: Sequence[Choice]
    along: Axis | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise SpecError(f"A gene needs a text as its name, not {self.name!r}.")
        if isinstance(self.choices, str):
            raise SpecError(f"The choices of the gene '{self.name}' are a single text; give a sequence of choices.")
        choices = tuple(_checked(choice, self.name) for choice in self.choices)
        if not 0 < len(set(choices)) == len(choices):
            raise SpecError(f"The gene '{self.name}' needs at least one choice, and distinct ones, not {choices}.")
        object.__setattr__(self, "choices", choices)
        if not (self.along is None or isinstance(self.along, str) or is_whole(self.along) or callable(self.along)):
            raise SpecError(
                f"The gene '{self.name}' is along {self.along!r}; give the name of a gene, a number, or a function of "
                "the genes."
            )

    def match(self, value: object) -> Any:
        """Returns the choice equal to a value, in canonical type and JSON form; None if no choice is equal."""
        # A value of the same form as a choice is found at once; other equal values are compared one by one.
        try:
            likely = self.choices[self.choices.index(tuple(value) if isinstance(value, list) else value)]
        except ValueError:
            likely = None
        if likely is not None and _equals(value, likely):
            return json_form(likely)
        return next((json_form(choice) for choice in self.choices if _equals(value, choice)), None)

    def draw(self, rng: np.random.Generator) -> Any:
        """Draws a value uniformly."""
        return json_form(self.choices[int(rng.integers(len(self.choices)))])

    def others(self, value: object) -> list[Any]:
        """Returns the other allowed values, in their declared order."""
        return [json_form(choice) for choice in self.choices if not _equals(value, choice)]

    def draw_other(self, value: object, rng: np.random.Generator) -> Any:
        """Draws uniformly from the other allowed values."""
        others = self.others(value)
        return others[rng.integers(len(others))]

    def allowed(self) -> str:
        """The choices as a text for messages."""
        return ", ".join(str(json_form(choice)) for choice in self.choices)


def json_form(choice: Choice) -> Any:
    """Returns a choice in JSON form.

    Example:
        >>> json_form((1, ("a", 2)))
        [1, ['a', 2]]
    """
    return [json_form(each) for each in choice] if isinstance(choice, tuple) else choice


def copied(value: Any) -> Any:
    """Returns a deep copy of genes or of one value.

    Example:
        >>> genes = {"depth": [1, 2]}
        >>> copied(genes) == genes, copied(genes)["depth"] is genes["depth"]
        (True, False)
    """
    if isinstance(value, dict):
        return {name: copied(each) if isinstance(each, list | dict) else each for name, each in value.items()}
    if isinstance(value, list):
        return [copied(each) if isinstance(each, list | dict) else each for each in value]
    return value


def elements(value: object) -> list[Any] | None:
    """Returns the elements of a list, tuple or array; None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return list(value)
    return list(value) if isinstance(value, list | tuple) else None


def _checked(choice: object, name: str) -> Choice:
    plain = choice.item() if isinstance(choice, np.generic) else choice
    if isinstance(plain, list | tuple):
        return tuple(_checked(each, name) for each in plain)
    finite = not isinstance(plain, float) or math.isfinite(plain)
    if isinstance(plain, bool) or not isinstance(plain, int | float | str) or not finite:
        raise SpecError(
            f"The gene '{name}' has the choice {choice!r}; a choice is a finite number, a text, or a tuple of them."
        )
    return plain


def _equals(value: object, choice: Choice) -> bool:
    if isinstance(choice, tuple):
        parts = elements(value)
        return parts is not None and len(parts) == len(choice) and all(map(_equals, parts, choice))
    if type(value) is type(choice):
        return value == choice
    if isinstance(choice, str):
        return isinstance(value, str) and value == choice
    # In Python a boolean equals 0 or 1, but it is not a valid width or ratio.
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and value == choice
