"""Changes of a process to files, as Python's audit events report them."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNFINISHED = re.compile(r"\..+\.[A-Za-z0-9]*-[0-9]+\.tmp")
"""The name of a file that is moved to its place when it is whole."""


@dataclass
class Recorded:
    """Paths in the order in which something was done to them.

    Args:
        folder: Files outside are ignored.
        opened: Opened for writing.
        removed: Removed, or replaced by another file.
    """

    folder: Path
    opened: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self._add(self.opened, arguments[0])
        elif event in {"os.remove", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.move"}:
            self._add(self.removed, arguments[0])
        elif event == "os.rename":
            self._add(self.removed, arguments[1])

    def _add(self, where: list[Path], name: Any) -> None:
        if isinstance(name, str | bytes | os.PathLike):
            path = Path(os.fsdecode(name)).absolute()
            if path.is_relative_to(self.folder):
                where.append(path)


_active: list[Recorded] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    for each in _active:
        each.note(event, arguments)


sys.addaudithook(_hear)  # for the life of the process; it hears nothing while nothing is recorded


@contextmanager
def recorded(folder: Path) -> Iterator[Recorded]:
    """Records what this process does to files below a folder."""
    record = Recorded(folder.absolute())
    _active.append(record)
    try:
        yield record
    finally:
        _active.remove(record)
