"""Importer for CSV and parquet files with other column names."""

import ast
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from autoprox.base.errors import SpecError, TableError, suggestion
from autoprox.base.foreign import read_bytes, reading
from autoprox.bench.importers._importing import Draft, genes_text, is_missing
from autoprox.bench.schema import COLUMNS, DEFAULT_METRIC, METRICS, OPTIONAL_COLUMNS, TEXT_COLUMNS
from autoprox.bench.table_files import read_frame
from autoprox.spaces import Space

TARGETS = (*COLUMNS, *OPTIONAL_COLUMNS)
MOST_CSV_BYTES = 2**29
"""Maximum size of a CSV file."""

MOST_COLUMNS = 10_000
"""Maximum number of columns of a CSV file; parsing a million columns takes minutes."""

GENE = "gene."
"""Prefix of a target that is a gene of the architecture: `gene.depth=num_layers`."""


@dataclass(frozen=True)
class Mapping:
    """Sources of the columns of a table; a column with the right name needs no entry.

    Attributes:
        columns: Column of the file for each column of the table, or for each gene (`gene.depth`).
        constants: Value of all rows for each column of the table.

    Raises:
        SpecError: If a name is not a column of a table, or is given twice.

    Example:
        >>> Mapping({"value": "acc"}, {"dataset": "flowers", "num_classes": "102"}).constants["num_classes"]
        '102'
        >>> Mapping({"valu": "acc"}, {})
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: A table has no column 'valu'. Did you mean 'value'? Allowed: arch_id, \
arch_json, dataset, epochs, gene.NAME, label_kind, macs_count, metric, num_classes, params_count, schema_version, \
source, space, stratum, train_seed, value.
    """

    columns: dict[str, str]
    constants: dict[str, str]

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.constants):
            if name not in TARGETS and not (name.startswith(GENE) and name in self.columns):
                raise SpecError(f"A table has no column '{name}'. {suggestion(name, (*TARGETS, GENE + 'NAME'))}")
        if both := sorted(set(self.columns) & set(self.constants)):
            raise SpecError(f"The column '{both[0]}' has both a column of the file and a constant. Give one of them.")

    @classmethod
    def parse(cls, columns: Sequence[str], constants: Sequence[str]) -> "Mapping":
        """Parses texts of the forms `NAME=COLUMN` and `NAME=VALUE`.

        Raises:
            SpecError: If a text has no equals sign, or a name is given twice.
        """
        return cls(_pairs("columns", "COLUMN", columns), _pairs("constants", "VALUE", constants))


def read_columns(path: Path, mapping: Mapping, space: Space | None, licence: str) -> Draft:
    """Reads a CSV or parquet file.

    Args:
        path: The file; its suffix gives the format.
        mapping: Sources of the columns.
        space: The space of all rows; None if the file has a column for it. If the file has a column for each gene of
            the space and none for whole architectures, the genes are read from these columns.
        licence: Licence of the labels, for the manifest.

    Returns:
        The rows with a value, numbered from 0 as in the file.

    Raises:
        TableError: If the file cannot be read, or lacks a column that the mapping names.
    """
    given = _read_csv(path) if path.suffix == ".csv" else read_frame(path)
    for source in mapping.columns.values():
        if source not in given.columns:
            raise TableError(f"The file {path} has no column '{source}'. {suggestion(source, map(str, given.columns))}")
    frame = given.drop(columns=list(dict.fromkeys(mapping.columns.values())))
    for name, source in mapping.columns.items():
        if not name.startswith(GENE):
            frame[name] = given[source]
    genes = _genes(given, mapping, space)
    frame = frame.drop(columns=[name for name in genes if name in frame and name not in TARGETS])
    if genes:
        columns = [column.map(_read_value) for column in genes.values()]
        frame["arch_json"] = [genes_text(dict(zip(genes, cells, strict=True))) for cells in zip(*columns, strict=True)]
    elif "arch_json" in frame:
        frame["arch_json"] = [genes_text(_read_value(cell)) for cell in frame["arch_json"]]
    constants = mapping.constants | ({} if space is None else {"space": space.name})
    for name, text in constants.items():
        frame[name] = text if name in TEXT_COLUMNS else _read_value(text)
    missing = 0
    if "value" in frame:
        without = frame["value"].map(is_missing).to_numpy(dtype=bool)
        missing = int(without.sum())
        frame = frame[~without]
    description = {"columns": mapping.columns, "constants": constants}
    return Draft(
        frame,
        path,
        path.suffix.removeprefix("."),
        licence,
        missing_labels=missing,
        doubts=tuple(_doubts(mapping)),
        description=description,
        columns=tuple(map(str, given.columns)),
    )


def _doubts(mapping: Mapping) -> list[str]:
    """Warns of a column with the name of an error or a loss that is read as a metric with higher better."""
    source = mapping.columns.get("value", "value")
    metric = METRICS.get(mapping.constants.get("metric", DEFAULT_METRIC))
    if metric is None or not metric.higher_is_better or not re.search("err|loss", source, re.IGNORECASE):
        return []
    return [f"The column '{source}' is read as {metric.name}, for which higher is better: is it an error rate?"]


def _genes(given: pd.DataFrame, mapping: Mapping, space: Space | None) -> dict[str, "pd.Series[Any]"]:
    """The columns of the genes: those in the mapping, and those named like a gene of the space."""
    mapped = {name.removeprefix(GENE): given[at] for name, at in mapping.columns.items() if name.startswith(GENE)}
    if space is None or "arch_json" in given or "arch_json" in mapping.columns:
        return mapped
    names = [gene.name for gene in space.layout.genes if gene.name not in mapped]
    return mapped | {name: given[name] for name in names} if all(name in given for name in names) else mapped


def _read_csv(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise TableError(f"There is no file {path}. Check the path.")
    with reading(
        path,
        lambda reason: TableError(
            f"The file {path} cannot be read as CSV: {reason}. Check its separator and encoding."
        ),
    ):
        content = read_bytes(path, MOST_CSV_BYTES)
        if content.partition(b"\n")[0].count(b",") >= MOST_COLUMNS:
            raise ValueError(f"it has more than {MOST_COLUMNS} columns")
        # Cells are read as text and converted one by one, so that an empty cell costs no digit of the others.
        return pd.read_csv(io.BytesIO(content), dtype=str)


def _read_value(cell: Any) -> Any:
    """The value of a cell with JSON or a Python literal, which pandas writes for a dictionary; otherwise the cell."""
    if not isinstance(cell, str):
        return cell
    for read in (json.loads, ast.literal_eval):
        try:
            return read(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return cell


def _pairs(argument: str, what: str, texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise SpecError(f"`{argument}` takes NAME={what}, not '{text}'.")
        if name in pairs:
            raise SpecError(f"`{argument}` names '{name}' twice.")
        pairs[name] = value
    return pairs
