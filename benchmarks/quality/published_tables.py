"""The published labels (ViT-Bench-101, kd) of AutoFormer and PiT as tables, for the benchmarks that read them."""

from pathlib import Path

from autoprox.base.errors import TableError
from autoprox.bench.importers import import_drafts, read_published
from autoprox.bench.table import Table
from autoprox.spaces import SPACES

FILES = {"autoformer-ti": "gt_autoformer.pth", "pit-ti": "gt_pit_a.pth"}
"""The published file of each space."""

LABEL_KIND = "kd"


def published_table(source: Path, space: str, work: Path) -> Table:
    """The table of a space.

    Args:
        source: Folder of the published files.
        space: One of `FILES`.
        work: Folder of the imported table.

    Raises:
        TableError: If the file is missing, or cannot be imported.
    """
    target = work / f"{space}.parquet"
    if not target.exists():
        made = import_drafts([read_published(source / FILES[space], SPACES[space])], target, f"benchmarks, {space}")
        if made.faults:
            raise TableError(f"{source / FILES[space]} cannot be used: {'; '.join(made.faults)}")
    return Table.read(target)
