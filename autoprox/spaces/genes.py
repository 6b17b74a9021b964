"""Genes: what varies in a space, the values they may have, and how many of them.

Genes are handled in the form that JSON gives back: numbers and texts, and lists for what is a sequence.
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
"""One allowed value of a gene: a number, a text, or several of them that are only allowed together."""

Genes: TypeAlias = dict[str, Any]

Axis: TypeAlias = str | int | Callable[[Genes], int]
"""How many values a gene has: as many as another gene of this name says, a fixed number, or a function of the genes."""


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
        choices: The allowed values, all different; their types are the canonical ones.
        along: If it is not None, the gene is a list with as many values as this says: the name of a gene whose value
            is a whole number (`"depth"`: one for each layer), a number, or a function of the genes (`Total("depth")`
            where `depth` is itself a list of the layers of each stage).

    Raises:
        SpecError: If name or choices are not of this form.

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
            raise SpecError(f"The choices of the gene '{self.name}' are a text; give a sequence of choices.")
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
        """Returns the choice that a value equals, in the canonical type and form of JSON; None without one."""
        # What is written as the choices are is found at once; what else equals one is compared choice by choice.
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
        """The allowed values apart from the given one, in their declared order."""
        return [json_form(choice) for choice in self.choices if not _equals(value, choice)]

    def draw_other(self, value: object, rng: np.random.Generator) -> Any:
        """Draws uniformly among the allowed values apart from the given one."""
        others = self.others(value)
        return others[rng.integers(len(others))]

    def allowed(self) -> str:
        """The choices as a text for messages."""
        return ", ".join(str(json_form(choice)) for choice in self.choices)


def json_form(choice: Choice) -> Any:
    """A choice as JSON gives it back.

    Example:
        >>> json_form((1, ("a", 2)))
        [1, ['a', 2]]
    """
    return [json_form(each) for each in choice] if isinstance(choice, tuple) else choice


def copied(value: Any) -> Any:
    """A copy of genes, or of one value, that shares no list or dictionary with them.

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
    """The elements of a list, tuple or array; None for anything else."""
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
    # A boolean equals 0 or 1 in Python, but it is neither a width nor a ratio.
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and value == choice
