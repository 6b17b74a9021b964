"""Ways in for tables of others.

published.py   the files of ViT-Bench-101, read without running anything in them
columns.py     CSV and parquet with columns of other names
importing.py   what is common: a draft is checked like any table, and written with a manifest
"""

from autoprox.bench.importers._columns import Mapping, read_columns
from autoprox.bench.importers._importing import Draft, ImportResult, import_drafts
from autoprox.bench.importers._vitbench101 import read_published

__all__ = ["Draft", "ImportResult", "Mapping", "import_drafts", "read_columns", "read_published"]
