"""Importers for third-party tables.

- `_vitbench101`: the published files of ViT-Bench-101, read without running their code
- `_columns`: CSV and parquet files with other column names
- `_importing`: common part: a draft is checked like any table, and written with a manifest
"""

from autoprox.bench._faults import FaultKind
from autoprox.bench.importers._columns import Mapping, read_columns
from autoprox.bench.importers._importing import Draft, ImportResult, import_drafts
from autoprox.bench.importers._vitbench101 import read_published

__all__ = ["Draft", "FaultKind", "ImportResult", "Mapping", "import_drafts", "read_columns", "read_published"]
