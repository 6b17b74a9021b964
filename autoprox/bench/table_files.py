"""The files of a table: their paths, reading and writing. Only this module uses pyarrow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from autoprox.base.errors import TableError
from autoprox.base.files import atomically
from autoprox.base.foreign import MOST_ARRAY_BYTES, read_json, reading
from autoprox.bench.schema import COUNT_COLUMNS, OPTIONAL_COLUMNS, TEXT_COLUMNS

COMPRESSION = "zstd"

MOST_ROWS = 10**7
"""Maximum number of labels in a table."""


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table, which differ in suffix.

    Attributes:
        table: The parquet file.

    Example:
        >>> TableFiles(Path("runs/mine.parquet")).manifest.name
        'mine.manifest.json'
    """

    table: Path

    @property
    def manifest(self) -> Path:
        """Origin and quality of the table."""
        return self.table.with_suffix(".manifest.json")

    @property
    def batches(self) -> Path:
        """Images for statistics."""
        return self.table.with_suffix(".batches.npz")

    @property
    def bank(self) -> Path:
        """Precomputed statistics of its networks; few tables have them."""
        return self.table.with_suffix(".bank.sqlite")

    @property
    def journal(self) -> Path:
        """Finished trainings of the build."""
        return self.table.with_suffix(".journal.sqlite")


def read_frame(path: Path) -> pd.DataFrame:
    """Reads a parquet file.

    Raises:
        TableError: If the file is missing, is a folder, or is not readable as parquet.
    """
    if not path.exists():
        raise TableError(f"There is no table {path}. Check the path.")
    if path.is_dir():
        raise TableError(f"{path} is a folder, not a table; name the parquet file in it.")

    def unreadable(reason: str) -> TableError:
        if path.suffix.lower() == ".csv":
            return TableError(f"{path} is a CSV file, not a table; turn it into one with autoprox bench import.")
        return TableError(
            f"The table {path} cannot be read as parquet: {reason}. It may be truncated or have another format; copy "
            "or build it again."
        )

    with reading(path, unreadable):
        stated = pq.read_metadata(path)
        held = sum(stated.row_group(group).total_byte_size for group in range(stated.num_row_groups))
        if stated.num_rows > MOST_ROWS or held > MOST_ARRAY_BYTES:
            raise ValueError(f"it holds {stated.num_rows} rows in {held} bytes, more than a table may hold")
        # One thread and no memory map: the file may be replaced while it is read.
        table = pq.read_table(path, use_threads=False, memory_map=False)
        table.validate(full=True)  # texts are Unicode, and offsets are in range
        # Whole numbers stay exact where a cell is empty.
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return frame


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes a complete table as parquet: the same bytes for the same rows.

    Raises:
        AutoproxError: If the file cannot be written; an existing file is then unchanged.
    """
    whole = dict.fromkeys((*COUNT_COLUMNS, *OPTIONAL_COLUMNS), pa.int64())
    types = dict.fromkeys(TEXT_COLUMNS, pa.string()) | whole | {"value": pa.float64()}
    schema = pa.schema([pa.field(name, types[name], nullable=name == "epochs") for name in frame.columns])
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    atomically(path, lambda target: pq.write_table(table, target, compression=COMPRESSION))


def read_manifest(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        TableError: If the file cannot be read, or holds something else.
    """
    with reading(
        path,
        lambda reason: TableError(
            f"The manifest {path} cannot be read: {reason}. Build the table again, or delete it."
        ),
    ):
        content = read_json(path)
    if not isinstance(content, dict):
        raise TableError(f"The manifest {path} is not a JSON object. Build the table again, or delete it.")
    return content
