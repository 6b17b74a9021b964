"""Benchmark tables: what architectures are judged by.

- `labels`: how a label came about
- `schema`: the columns, their values, and the direction of each metric
- `table`, `table_files`, `block`: reading a table: its files, its blocks, splits and tasks
- `reading`, `checks`, `checked_rows`, `cells`, `plausible`, `faults`: what a table has to fulfil, and what is derived
- `owners`, `digests`: which spaces a table belongs to, and its identity
- `splits`, `sealed`: who may see what, and how often the sealed part was looked at
- `judging`, `verdict`, `problem`: scores against the blocks of a table
- `ceiling`, `quality`, `table_figure`: how far a table can be trusted
- `importers/`: tables of other formats
- `data/`: the embedded tables
"""

from autoprox.bench.block import Block
from autoprox.bench.judging import Judge
from autoprox.bench.labels import LABEL_KINDS, LabelKind, register_label_kind
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.schema import Stratum
from autoprox.bench.splits import Split
from autoprox.bench.table import DEFAULT_TABLE, Table, embedded_tables
from autoprox.bench.verdict import BlockVerdict, Verdict

__all__ = [
    "DEFAULT_TABLE",
    "LABEL_KINDS",
    "Block",
    "BlockVerdict",
    "Judge",
    "LabelKind",
    "Problem",
    "Split",
    "Stratum",
    "Table",
    "Verdict",
    "embedded_tables",
    "register_label_kind",
    "statistics_of",
]
