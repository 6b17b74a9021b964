"""The rows of a table that is being checked: which cells have no fault yet, and how a rule finds more.

Rows bear the numbers of the frame's index; those of a file are counted from 0, as pandas does. A cell with a fault is
left out of all later rules, so that one mistake is told once.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.bench._cells import LARGEST, whole
from autoprox.bench._faults import Fault

Mask = npt.NDArray[np.bool_]
Faults = Iterator[Fault]


class CheckedRows:
    """Rows, and which of their cells are sound.

    Args:
        frame: The rows as they were read; their index numbers them in messages.
        path: Where they came from, for messages.

    Attributes:
        frame: The rows, numbered from 0, as far as they are completed.
        sound: For each column, the rows that have no fault there.
        notes: Remarks on the rows, one sentence each.
        filled: Missing columns, each with its value or its source.
    """

    def __init__(self, frame: pd.DataFrame, path: Path) -> None:
        self.path = path
        self.rows = frame.index
        self.frame = frame.reset_index(drop=True)
        self.sound: dict[str, Mask] = {}
        self.notes: list[str] = []
        self.filled: list[str] = []

    def whole_numbers(self, name: str, lowest: int) -> Faults:
        """Requires whole numbers without gaps, and brings them to int64; those with a fault become the lowest."""
        numbers = [whole(cell) for cell in self.frame[name]]
        good = np.array([number is not None and number >= lowest for number in numbers], dtype=bool)
        yield from self.require(good, name, lambda value: f"is {value!r}, not a whole number from {lowest}.")
        fits = np.array([number is None or number <= LARGEST for number in numbers], dtype=bool)
        yield from self.require(
            fits, name, lambda value: f"is {value}, more than {LARGEST}, the largest that a table holds."
        )
        kept = good & fits
        found = [int(number or 0) if sound else lowest for number, sound in zip(numbers, kept, strict=True)]
        self.frame[name] = np.array(found, dtype=np.int64)

    def require(self, good: Mask, column: str, complaint: Callable[[Any], str], given: tuple[str, ...] = ()) -> Faults:
        """Yields a fault for the cells that are not good, in rows that have no fault yet in what the rule rests on."""
        bad = ~good & self.all_sound((column, *given))
        if bad.any():
            values = [self.frame[column].iloc[index] for index in np.flatnonzero(bad)]
            plain = [value.item() if isinstance(value, np.generic) else value for value in values]
            yield self.cells(column, bad, [complaint(value) for value in plain])

    def cells(self, column: str, bad: Mask, texts: list[str]) -> Fault:
        """The fault of some cells of a column, which are not sound from here on."""
        self.sound[column] = self.sound[column] & ~bad
        return Fault(self.path, tuple(texts), column, tuple(int(row) for row in self.rows[bad]))

    def all_sound(self, columns: Iterable[str]) -> Mask:
        """The rows that have no fault in any of these columns."""
        together: Mask = np.logical_and.reduce([self.sound[name] for name in columns])
        return together

    def whole_fault(self, predicate: str) -> Fault:
        """A fault of the table as a whole."""
        return Fault(self.path, (f"The table {self.path} {predicate}",))

    def derive(self, column: str, values: Any, what: str) -> None:
        """Fills a missing column, and remembers its name and its source."""
        self.frame[column] = values
        self.sound[column] = np.ones(len(self.frame), dtype=bool)
        self.filled.append(f"{column} ({what})")
