"""Differences of a network from a teacher on the same batch, at the input of every normalisation.

There, pre-norm transformers show what their blocks pass on, and convolutional networks their feature maps. Networks of
different depth are compared by relative depth.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Node
from autoprox.statistics.maps import attention_map, feature_map, relations
from autoprox.statistics.passes.tapped import run_tapped
from autoprox.statistics.statistic import Given, Observation, Pass, Values


def run_paired(pass_: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Runs both networks forward and compares their feature maps.

    Raises:
        CollectionError: If there is no teacher, or it has no feature maps.
    """
    if given.teacher is None:
        raise CollectionError(
            f"The statistic '{wanted[0].name}' compares a network with a teacher; give one, for "
            "example score(..., teacher=model)."
        )
    theirs = given.teacher(given.images)
    taken = run_tapped(pass_, given, [replace(wanted[0], paired=None)])[wanted[0].name]
    nodes = given.at(wanted[0].site)
    found: dict[str, list[Tensor]] = {each.name: [] for each in wanted}
    for place, (node, tensor) in enumerate(zip(nodes, taken, strict=True)):
        ours = _map_at(node, tensor, len(given.images))
        other = theirs[counterpart(place, len(nodes), len(theirs))].to(ours)
        for each in wanted:
            assert each.paired is not None
            found[each.name].append(each.paired(ours, other).to(tensor.dtype))
    return dict(found)


def counterpart(place: int, count: int, blocks: int) -> int:
    """The block of the teacher at the relative depth of a node.

    The input of the last node is compared with the output of the last block. In a pre-norm transformer that is its own
    teacher, the input of a block is compared with the output of the block before it: they are the same.

    Args:
        place: Place of the node, from 0.
        count: Number of nodes.
        blocks: Number of blocks of the teacher.

    Example:
        >>> [counterpart(place, 7, 3) for place in range(7)]  # three blocks with two normalisations, and a last one
        [0, 0, 0, 1, 1, 2, 2]
        >>> counterpart(0, 1, 3)
        2
    """
    return max(-(-place * blocks // (count - 1)) - 1, 0) if count > 1 else blocks - 1


def attention_difference(ours: Tensor, theirs: Tensor) -> Tensor:
    """Attention map minus the teacher's, on the finer of both grids, `(B, grid * grid)`.

    Minus the mean of its square at the last node is the teacher-aware term of TVT.
    """
    grid = max(ours.shape[-1], theirs.shape[-1])
    return attention_map(ours, grid) - attention_map(theirs, grid)


def relation_difference(ours: Tensor, theirs: Tensor) -> Tensor:
    """Relations between the images of a batch minus those of the teacher, `(B, B)`.

    Minus the mean of its square at the last node is the relation similarity of DisWOT.
    """
    return relations(ours) - relations(theirs)


def _map_at(node: Node, tensor: Tensor, images: int) -> Tensor:
    """The input of a node as a map in float64; an input that is not a square grid is a map of one position.

    A node that is called several times counts by its last call.
    """
    if tensor.ndim < 2 or len(tensor) % images:
        raise CollectionError(
            f"The calls of '{node.name}' ({type(node.module).__name__}) have inputs of different shapes, which cannot "
            "be compared with a teacher; choose a proxy without a teacher."
        )
    last = tensor[-images:]
    found = feature_map(last)
    return (last.flatten(1)[:, :, None, None] if found is None else found).double()
