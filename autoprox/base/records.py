"""Whether the results in a folder are whole: the record beside them says it, and no other file does."""

from collections.abc import Mapping
from os.path import isfile  # which takes what can be no path for one of no file
from pathlib import Path
from typing import Any

RUN = "run.json"
"""Name of the record in a folder of results."""


def is_finished(folder: Path, record: Mapping[str, Any], result: str) -> bool:
    """Whether a record says that all results were written, and all that it names are still there.

    Args:
        folder: The folder of results.
        record: The record in it.
        result: The file that has to be there if the record, being of an earlier version, names none.

    Example:
        >>> is_finished(Path("no such folder"), {"finished": "2026-01-01", "written": ["best.json"]}, "best.json")
        False
    """
    return "finished" in record and all(isfile(folder / name) for name in record.get("written", [result]))
