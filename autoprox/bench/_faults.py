"""Faults of a table, for readers and for `bench check`.

Rules yield faults. Reading a table raises the first one; checking it collects all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autoprox.base.errors import AutoproxError, TableError

_MOST_TEXTS = 5
# Different faults of one column that are shown.


class FaultKind(StrEnum):
    """Kinds of faults for which a command knows a remedy, and all others."""

    MISSING_COLUMN = "missing column"
    ARCHITECTURE = "architecture"
    OTHER = "other"


@dataclass(frozen=True)
class Fault:
    """Fault found by one rule: of the whole table, or of cells of one column.

    Attributes:
        path: The table.
        texts: For a fault of the whole table, one or more sentences that name the file. For cells, the end of a
            sentence per row ("is nan, not a finite number").
        column: The column of the cells.
        rows: The number of each row, as long as `texts`; empty for a fault of the whole table.
        error: Class of the exception that reading the table raises.
        kind: Its kind.

    Example:
        >>> fault = Fault(Path("t.parquet"), ("is nan.", "is inf."), "value", (3, 7))
        >>> fault.lines()
        ["column 'value', row 3: is nan.", "column 'value', row 7: is inf."]
        >>> raise fault.exception()
        Traceback (most recent call last):
        ...
        autoprox.base.errors.TableError: The table t.parquet, column 'value', row 3 (and 1 more row): is nan.
    """

    path: Path
    texts: tuple[str, ...]
    column: str | None = None
    rows: tuple[int, ...] = ()
    error: type[AutoproxError] = TableError
    kind: FaultKind = FaultKind.OTHER

    def lines(self) -> list[str]:
        """One line per row."""
        if not self.rows:
            return list(self.texts)
        return [f"column '{self.column}', row {row}: {text}" for row, text in zip(self.rows, self.texts, strict=True)]

    def folded(self) -> list[str]:
        """One line per text with its first row and the number of further rows, and one for texts beyond a few.

        Example:
            >>> Fault(Path("t.parquet"), ("is nan.", "is inf.", "is nan."), "value", (3, 7, 9)).folded()
            ["column 'value', row 3 and 1 more row: is nan.", "column 'value', row 7: is inf."]
        """
        if not self.rows:
            return list(self.texts)
        rows: dict[str, dict[int, None]] = {}
        for row, text in zip(self.rows, self.texts, strict=True):
            rows.setdefault(text, {})[row] = None  # a record with several labels counts once
        shown = [
            f"column '{self.column}', row {next(iter(of_it))}{_more(len(of_it) - 1)}: {text}"
            for text, of_it in list(rows.items())[:_MOST_TEXTS]
        ]
        rest = {row for of_it in list(rows.values())[_MOST_TEXTS:] for row in of_it}
        return [*shown, f"column '{self.column}':{_more(len(rest))} with other values."] if rest else shown

    def exception(self) -> AutoproxError:
        """The error for the first row, with the number of further rows."""
        if not self.rows:
            return self.error(self.texts[0])
        others = len(self.rows) - 1
        more = f" (and {others} more row{'s' if others > 1 else ''})" if others else ""
        return self.error(f"The table {self.path}, column '{self.column}', row {self.rows[0]}{more}: {self.texts[0]}")

    def entries(self) -> list[dict[str, str | int | None]]:
        """Column, row and text of each line, for JSON."""
        rows = self.rows or (None,) * len(self.texts)
        return [{"column": self.column, "row": row, "fault": text} for row, text in zip(rows, self.texts, strict=True)]


def _more(count: int) -> str:
    return f" and {count} more row{'s' if count > 1 else ''}" if count else ""


def raise_first(faults: Iterable[Fault]) -> None:
    """Raises the first fault, if there is one.

    Raises:
        AutoproxError: The error of the fault.
    """
    for fault in faults:
        raise fault.exception()
