"""The rows of a table during its check: cells without a fault so far, and helpers for the rules.

Row numbers in messages come from the frame's index. Rows of a file are counted from 0, as in pandas. All later rules
skip a cell with a fault, so that one mistake is reported once.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.bench._cells import LARGEST, each_cell, whole
from autoprox.bench._faults import Fault, FaultKind

Mask = npt.NDArray[np.bool_]
Faults = Iterator[Fault]


class CheckedRows:
    """Rows, with a mask of their cells without fault.

    Args:
        frame: The rows as read; messages number them by the index.
        path: The file they came from, for messages.

    Attributes:
        frame: The rows, numbered from 0, completed rule by rule.
        sound: For each column, the rows without a fault in it.
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
        """Requires whole numbers without gaps, and converts them to int64; a cell with a fault becomes the lowest."""
        numbers = each_cell(self.frame[name], whole)
        good = np.array([number is not None and number >= lowest for number in numbers], dtype=bool)
        yield from self.require(good, name, lambda value: f"is {value!r}, not a whole number from {lowest}.")
        fits = np.array([number is None or number <= LARGEST for number in numbers], dtype=bool)
        yield from self.require(
            fits, name, lambda value: f"is {value}, above {LARGEST}, the largest number that a table holds."
        )
        kept = good & fits
        found = [int(number or 0) if sound else lowest for number, sound in zip(numbers, kept, strict=True)]
        self.frame[name] = np.array(found, dtype=np.int64)

    def require(self, good: Mask, column: str, complaint: Callable[[Any], str], given: tuple[str, ...] = ()) -> Faults:
        """Yields a fault for the cells that are not good, in rows without a fault in this column or the given ones."""
        bad = ~good & self.all_sound((column, *given))
        if bad.any():
            values = [self.frame[column].iloc[index] for index in np.flatnonzero(bad)]
            plain = [value.item() if isinstance(value, np.generic) else value for value in values]
            yield self.cells(column, bad, [complaint(value) for value in plain])

    def cells(self, column: str, bad: Mask, texts: list[str]) -> Fault:
        """The fault of some cells of a column, which later rules skip."""
        self.sound[column] = self.sound[column] & ~bad
        kind = FaultKind.ARCHITECTURE if column == "arch_json" else FaultKind.OTHER
        return Fault(self.path, tuple(texts), column, tuple(int(row) for row in self.rows[bad]), kind=kind)

    def all_sound(self, columns: Iterable[str]) -> Mask:
        """The rows without a fault in any of these columns."""
        together: Mask = np.logical_and.reduce([self.sound[name] for name in columns])
        return together

    def whole_fault(self, predicate: str, kind: FaultKind = FaultKind.OTHER) -> Fault:
        """A fault of the table as a whole."""
        return Fault(self.path, (f"The table {self.path} {predicate}",), kind=kind)

    def derive(self, column: str, values: Any, what: str) -> None:
        """Fills a missing column, and records its name and source."""
        self.frame[column] = values
        self.sound[column] = np.ones(len(self.frame), dtype=bool)
        self.filled.append(f"{column} ({what})")
