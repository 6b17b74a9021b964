"""The largest and smallest architectures of a space, by the choices of its genes."""

from collections.abc import Callable, Iterator, Mapping
from operator import le
from typing import Any

from autoprox.spaces import Arch, Space


def covering(space: Space) -> Iterator[Arch]:
    """Architectures with parameters that together contain those of all others, the largest first.

    The largest has the largest choice of each gene. The others differ from it in one gene, which has another choice in
    all its places. For numeric choices, the largest suffices. For choices with several numbers, the non-dominated ones
    are needed, and for texts all.
    """
    largest = _choices(space, max)
    varied = [
        {**largest, gene.name: choice}
        for gene in space.layout.genes
        for choice in gene.choices
        if isinstance(choice, str | tuple) and not any(_within(choice, other) for other in gene.choices)
    ]
    found = (_with(space, choices) for choices in [largest, *varied])
    yield from dict.fromkeys(arch for arch in found if arch is not None)


def extreme(space: Space, choose: Callable[..., Any]) -> Arch | None:
    """The architecture of the largest (`max`) or smallest (`min`) choice of each gene; None if it is not allowed."""
    return _with(space, _choices(space, choose))


def _choices(space: Space, choose: Callable[..., Any]) -> dict[str, object]:
    return {gene.name: choose(gene.choices, key=_size) for gene in space.layout.genes}


def _with(space: Space, choices: Mapping[str, object]) -> Arch | None:
    """The architecture with one choice per gene, in all its places; None if the space does not allow it."""
    genes: dict[str, object] = {gene.name: choices[gene.name] for gene in space.layout.fixed}
    for gene in space.layout.layered:
        genes[gene.name] = [choices[gene.name]] * space.layout.count(gene, genes)
    return None if space.why_not(genes) else space.arch(genes)


def _within(choice: object, other: object) -> bool:
    """True if a tuple of numbers is at most another one in each place, and smaller in some."""
    if not (isinstance(choice, tuple) and isinstance(other, tuple)) or len(choice) != len(other) or choice == other:
        return False
    numbers = all(isinstance(each, int | float) for each in (*choice, *other))
    return numbers and all(map(le, choice, other))


def _size(choice: object) -> float:
    """Size of a choice: the value of a number, the sum of a tuple, 0 for a text."""
    if isinstance(choice, tuple):
        return sum(map(_size, choice))
    return float(choice) if isinstance(choice, int | float) else 0.0
