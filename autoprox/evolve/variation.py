"""Random generation, mutation and crossover of DEAP's typed trees with an explicit generator.

DEAP's operators draw from the global `random`, choose from sets of classes (so a seed does not fix a run), and fail on
types without a terminal. The functions here avoid all three.
"""

from collections.abc import Callable, Sequence

import numpy as np
from deap import gp

from autoprox.evolve.grammar import Grammar, Item

TERMINAL_CHANCE = 0.3
"""Probability of ending a branch with a terminal if both are possible (grow method, Koza 1992)."""


def generate(grammar: Grammar, type_: type, max_height: int, rng: np.random.Generator) -> list[Item]:
    """Draws a tree of a type within a bound on its height.

    Args:
        grammar: Grammar of the tree.
        type_: Type of the root.
        max_height: Bound on the height; the lowest possible height of the type if that is larger.
        rng: Source of randomness.

    Returns:
        The tree in prefix order.
    """
    room = max(max_height, grammar.least_heights[type_])
    terminals, primitives = grammar.terminals(type_), grammar.primitives(type_, room)
    if terminals.items and (not primitives.items or rng.random() < TERMINAL_CHANCE):
        return [terminals.draw(rng)]
    root = primitives.draw(rng)
    return [root, *(item for each in root.args for item in generate(grammar, each, room - 1, rng))]


def mutate(grammar: Grammar, tree: Sequence[Item], max_height: int, rng: np.random.Generator) -> gp.PrimitiveTree:
    """Changes a tree at one place: a new subtree, another item of the same signature, one item less, or one more.

    Args:
        grammar: Grammar of the tree.
        tree: The parent, which is not changed.
        max_height: Bound on the height of the new tree; a change that would exceed it is replaced by a new tree.
        rng: Source of randomness.

    Returns:
        The child. It may equal the parent.
    """
    change = _CHANGES[int(rng.integers(len(_CHANGES)))]
    child = gp.PrimitiveTree(list(tree))
    change(grammar, child, max_height, rng)
    if child.height > max(max_height, grammar.least_heights[grammar.pset.ret]):
        return gp.PrimitiveTree(generate(grammar, grammar.pset.ret, max_height, rng))
    return child


def cross(
    grammar: Grammar, mother: Sequence[Item], father: Sequence[Item], max_height: int, rng: np.random.Generator
) -> gp.PrimitiveTree:
    """Replaces a subtree of one tree by one of another, of the same type (one-point crossover, Koza 1992).

    Args:
        grammar: Grammar of the trees.
        mother: Source of the root; not changed.
        father: Source of the subtree; not changed.
        max_height: Bound on the height of the child; one that would exceed it is replaced by a mutant of the mother.
        rng: Source of randomness.

    Returns:
        The child. It may equal the mother.
    """
    child, other = gp.PrimitiveTree(list(mother)), gp.PrimitiveTree(list(father))
    place = int(rng.integers(len(child)))
    fitting = [index for index, item in enumerate(other) if item.ret is child[place].ret]
    if fitting:
        given = other[other.searchSubtree(fitting[int(rng.integers(len(fitting)))])]
        child[child.searchSubtree(place)] = given
        if child.height <= max(max_height, grammar.least_heights[grammar.pset.ret]):
            return child
    return mutate(grammar, mother, max_height, rng)


def _replace_subtree(grammar: Grammar, tree: gp.PrimitiveTree, max_height: int, rng: np.random.Generator) -> None:
    place = int(rng.integers(len(tree)))
    height = int(rng.integers(max_height + 1))
    tree[tree.searchSubtree(place)] = generate(grammar, tree[place].ret, height, rng)


def _replace_item(grammar: Grammar, tree: gp.PrimitiveTree, _max_height: int, rng: np.random.Generator) -> None:
    place = int(rng.integers(len(tree)))
    tree[place] = grammar.like(tree[place]).draw(rng)


def _drop_item(_grammar: Grammar, tree: gp.PrimitiveTree, _max_height: int, rng: np.random.Generator) -> None:
    """Replaces an item by one of its arguments of the same type."""
    places = [place for place, item in enumerate(tree) if isinstance(item, gp.Primitive) and item.ret in item.args]
    if not places:
        return
    place = places[int(rng.integers(len(places)))]
    fitting = [index for index, type_ in enumerate(tree[place].args) if type_ is tree[place].ret]
    wanted = fitting[int(rng.integers(len(fitting)))]
    start = place + 1
    for _ in range(wanted):
        start = tree.searchSubtree(start).stop
    kept = tree[tree.searchSubtree(start)]
    tree[tree.searchSubtree(place)] = kept


def _insert_item(grammar: Grammar, tree: gp.PrimitiveTree, _max_height: int, rng: np.random.Generator) -> None:
    """Inserts a primitive above an item, which becomes one of its arguments; the others are drawn with low height."""
    place = int(rng.integers(len(tree)))
    type_ = tree[place].ret
    fitting = grammar.above(type_)
    if not fitting.items:
        return
    root = fitting.draw(rng)
    slots = [index for index, argument in enumerate(root.args) if argument is type_]
    slot = slots[int(rng.integers(len(slots)))]
    old = tree[tree.searchSubtree(place)]
    arguments = [old if index == slot else generate(grammar, each, 1, rng) for index, each in enumerate(root.args)]
    tree[tree.searchSubtree(place)] = [root, *(item for each in arguments for item in each)]


_Change = Callable[[Grammar, gp.PrimitiveTree, int, np.random.Generator], None]
_CHANGES: tuple[_Change, ...] = (
    _replace_subtree,
    _replace_subtree,
    _replace_item,
    _replace_item,
    _drop_item,
    _insert_item,
)
