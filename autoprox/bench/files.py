"""The files of a table: where they stand, and how they are read and written. pyarrow is used nowhere else."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autoprox.bench.schema import COUNT_COLUMNS, OPTIONAL_COLUMNS, TEXT_COLUMNS
from autoprox.errors import AutoproxError, SpecError, TableError

COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table, which differ in their suffix.

    Attributes:
        table: The parquet file.

    Example:
        >>> TableFiles(Path("runs/mine.parquet")).manifest.name
        'mine.manifest.json'
    """

    table: Path

    @property
    def manifest(self) -> Path:
        """How the table was made and how far it can be trusted."""
        return self.table.with_suffix(".manifest.json")

    @property
    def batches(self) -> Path:
        """The images that statistics are computed on."""
        return self.table.with_suffix(".batches.npz")

    @property
    def bank(self) -> Path:
        """Statistics of its networks, computed beforehand; few tables have them."""
        return self.table.with_suffix(".bank.sqlite")

    @property
    def journal(self) -> Path:
        """The finished trainings of the build."""
        return self.table.with_suffix(".journal.sqlite")


def read_frame(path: Path) -> pd.DataFrame:
    """Reads a parquet file.

    Raises:
        TableError: If the file is missing, no file, or no readable parquet.
    """
    if not path.exists():
        raise TableError(f"There is no table {path}. Check the path.")
    if path.is_dir():
        raise TableError(f"{path} is a folder, not a table; name the parquet file in it.")
    try:
        # One thread and no memory map: the file may be replaced while it is read.
        frame: pd.DataFrame = pq.read_table(path, use_threads=False, memory_map=False).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise TableError(
            f"The table {path} cannot be read as parquet: {reason}. It may be truncated or of another format; copy or "
            "build it again."
        ) from error
    return frame


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes a complete table as parquet: the same bytes for the same rows.

    Raises:
        AutoproxError: If the file cannot be written; what stood there before stays.
    """
    whole = dict.fromkeys((*COUNT_COLUMNS, *OPTIONAL_COLUMNS), pa.int64())
    types = dict.fromkeys(TEXT_COLUMNS, pa.string()) | whole | {"value": pa.float64()}
    schema = pa.schema([pa.field(name, types[name], nullable=name == "epochs") for name in frame.columns])
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    atomically(path, lambda target: pq.write_table(table, target, compression=COMPRESSION))


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        TableError: If the file holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TableError(
            f"The manifest {path} cannot be read: {error}. Build the table again, or delete it."
        ) from error
    if not isinstance(content, dict):
        raise TableError(f"The manifest {path} does not hold a JSON object. Build the table again, or delete it.")
    return content


def write_json(content: dict[str, Any] | list[Any], path: Path) -> None:
    """Writes a JSON object or array, readable for people.

    Raises:
        AutoproxError: If the file cannot be written; what stood there before stays.
    """
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    atomically(path, lambda target: target.write_text(text, encoding="utf-8"))


def require_writable(folder: Path) -> None:
    """Makes a folder if need be and tries it for writing.

    Args:
        folder: Where something is to be written.

    Raises:
        SpecError: If it cannot be written.
    """
    probe = folder / f".{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SpecError(f"The folder '{folder}' cannot be written ({error.strerror}); give one that can.") from error


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file beside its place and moves it there, so that there is never half a file.

    Args:
        path: Where the file is to stand.
        write: Writes the path that it is given.

    Raises:
        AutoproxError: If there is no space left or no permission.
    """
    target = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(target)
        target.replace(path)
    except OSError as error:
        cause = "there is no space left" if error.errno == errno.ENOSPC else str(error)
        raise AutoproxError(
            f"The file {path} cannot be written: {cause}. What stood there before is unchanged."
        ) from error
    finally:
        with suppress(OSError):  # nothing is there, or not even the folder
            target.unlink()
