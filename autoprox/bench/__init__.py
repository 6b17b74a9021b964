"""Benchmark tables: architectures with the accuracies by which proxies are judged.

- `labels`: label kinds, that is, origins of a label
- `schema`: the columns, their values, and the direction of each metric
- `table`, `table_files`, `block`: reading a table: its files, blocks, splits and tasks
- `reading`, `checks`, `checked_rows`, `cells`, `plausible`, `faults`: the rules of a table, and its derived columns
- `owners`, `digests`: the spaces of a table, and its identity
- `splits`, `sealed`: the parts of a table, and the count of scorings of the sealed part
- `judging`, `verdict`, `problem`: scores against the blocks of a table
- `ceiling`, `quality`, `table_figure`: the reliability of a table's labels
- `importers/`: importers for other formats
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
