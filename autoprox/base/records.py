"""Completeness of the results in a folder, stated by the record beside them and by no other file."""

from collections.abc import Mapping
from os.path import isfile  # unlike Path.is_file, returns False for an invalid path
from pathlib import Path
from typing import Any

RUN = "run.json"
"""Name of the record in a folder of results."""


def is_finished(folder: Path, record: Mapping[str, Any], result: str) -> bool:
    """Returns True if a record states that all results were written, and all files that it names still exist.

    Args:
        folder: The folder of results.
        record: The record in it.
        result: The file that must exist if the record was written by an earlier version and names none.

    Example:
        >>> is_finished(Path("no such folder"), {"finished": "2026-01-01", "written": ["best.json"]}, "best.json")
        False
    """
    return "finished" in record and all(isfile(folder / name) for name in record.get("written", [result]))
