"""Teachers: networks for comparison with students that are not trained yet."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError, suggestion
from autoprox.base.isolation import isolated
from autoprox.base.references import is_reference, resolved
from autoprox.base.threads import single_threaded
from autoprox.datasets import Dataset
from autoprox.networks import module_digest
from autoprox.training._teacher import trained_teacher, untrained_teacher
from autoprox.training.recipe import Recipe

T = TypeVar("T")
MOST_REMEMBERED = 32
"""Maximum number of cached results of a teacher, which avoid a forward pass per student."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network to compare students with.

    Args:
        name: Name for reports.
        model: The network, in evaluation mode.
        identity: Digest of its classes, settings and parameters, which is part of cache keys.

    Example:
        >>> teacher = Teacher.of(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), "mine")
        >>> teacher.name, len(teacher.identity) > 10
        ('mine', True)
    """

    name: str
    model: nn.Module
    identity: str
    _remembered: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, given: "Teacher | nn.Module", name: str | None = None) -> "Teacher":
        """A module as a teacher; a teacher is returned unchanged.

        Raises:
            SpecError: If `given` is neither.
        """
        if isinstance(given, Teacher):
            return given
        if not isinstance(given, nn.Module):
            raise SpecError(f"A teacher is a torch.nn.Module, not a {type(given).__name__}.")
        return cls(name or type(given).__name__, given.eval(), module_digest(given))

    def remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        """The cached value of a key; if missing, the result of `make`, which is then cached."""
        if key not in self._remembered:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = make()
        value: T = self._remembered[key]
        return value


TEACHERS: dict[str, Callable[[Dataset, Recipe], nn.Module]] = {
    "resnet": trained_teacher,
    "resnet-untrained": untrained_teacher,
}
"""Teachers for any data set, by name. `resnet`: the residual network from which labels of the kind `kd` are distilled,
trained once and cached. `resnet-untrained`: the same network without training, as a control."""


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
        found = resolved(name)
        return Teacher.of(found() if callable(found) and not isinstance(found, nn.Module) else found, name)
    if name not in TEACHERS:
        raise SpecError(
            f"There is no teacher '{name}'. {suggestion(name, TEACHERS)} For your module, give my_file.py:model."
        )
    if data is None:
        raise SpecError(f"The teacher '{name}' needs a data set: name one, or give a module as teacher.")
    with single_threaded(), isolated(seed=derived_seed("teacher", data.name)):
        return Teacher.of(TEACHERS[name](data, recipe or Recipe()), f"{name} of {data.name}")
