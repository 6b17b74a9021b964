"""Teachers by name: networks for comparison with students that are not trained yet."""

from collections.abc import Callable, Sequence

from torch import nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError, suggestion
from autoprox.base.isolation import isolated
from autoprox.base.references import is_reference, made
from autoprox.base.threads import single_threaded
from autoprox.bench import Block, Table
from autoprox.datasets import Dataset
from autoprox.networks import Teacher
from autoprox.training._teacher import trained_teacher, untrained_teacher
from autoprox.training.recipe import Recipe

TEACHERS: dict[str, Callable[[Dataset, Recipe], nn.Module]] = {
    "resnet": trained_teacher,
    "resnet-untrained": untrained_teacher,
}
"""Teachers for any data set, by name. `resnet`: the residual network from which labels of the kind `kd` are distilled,
trained once and cached. `resnet-untrained`: the same network without training, as a control."""


def teachers_of(given: "str | Teacher | nn.Module", table: Table, blocks: Sequence[Block]) -> dict[str, Teacher]:
    """The teacher of each data set of some blocks.

    Args:
        given: One of `TEACHERS`, which is trained for each data set; or one network for all of them, as a module or as
            a reference `my_file.py:model`.
        table: The table.
        blocks: Its blocks.

    Raises:
        SpecError: If there is no such teacher.
        TableError: If there are no images to train one of `TEACHERS` on.
        AutoproxError: If the teacher cannot be trained.

    Example:
        >>> table = Table.read()
        >>> teachers = teachers_of("resnet-untrained", table, table.blocks(["pit-micro"], ["digits"]))
        >>> teachers["digits"].name
        'resnet-untrained of digits'
    """
    spaces = {block.dataset: block.space for block in blocks}
    if not isinstance(given, str) or is_reference(given):
        one = named_teacher(given) if isinstance(given, str) else Teacher.of(given)
        return dict.fromkeys(spaces, one)
    if given not in TEACHERS:
        named_teacher(given)
    return {name: named_teacher(given, table.data(name, space)) for name, space in spaces.items()}


def named_teacher(name: str, data: Dataset | None = None, recipe: Recipe | None = None) -> Teacher:
    """A teacher by name, or your module by reference.

    Args:
        name: One of `TEACHERS`, or `my_file.py:model`, a reference to a module or to a function that returns one.
        data: The data set of one of `TEACHERS`.
        recipe: Training recipe of the teacher; the default recipe if None.

    Raises:
        SpecError: If there is no such teacher, or its data set is missing.
        AutoproxError: If the teacher cannot be trained.
    """
    if is_reference(name):
        return Teacher.of(made(name, nn.Module), name)
    if name not in TEACHERS:
        raise SpecError(
            f"There is no teacher '{name}'. {suggestion(name, TEACHERS)} For your module, give my_file.py:model."
        )
    if data is None:
        raise SpecError(f"The teacher '{name}' needs a data set: name one, or give a module as teacher.")
    with single_threaded(), isolated(seed=derived_seed("teacher", data.name)):
        return Teacher.of(TEACHERS[name](data, recipe or Recipe()), f"{name} of {data.name}")
