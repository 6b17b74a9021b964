"""A teacher: the network that students are compared with before they are trained."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import nn

from autoprox.base.errors import SpecError
from autoprox.networks._module_digest import module_digest

T = TypeVar("T")
MOST_REMEMBERED = 32
"""Maximum number of cached results of a teacher, which avoid a forward pass per student."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network to compare students with.

    Args:
        name: Name for reports.
        model: The network, unchanged: comparisons run it in evaluation mode, and restore it.
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Sends it to another process without what it remembers."""
        return Teacher, (self.name, self.model, self.identity)

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
        return cls(name or type(given).__name__, given, module_digest(given))

    def remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        """The cached value of a key; if missing, the result of `make`, which is then cached."""
        if key not in self._remembered:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = make()
        value: T = self._remembered[key]
        return value
