"""Digest of the rows of a table; the digest of its file would change with the version of parquet."""

import pandas as pd

from autoprox.base.digest import digest
from autoprox.bench.schema import COLUMNS


def frame_digest(frame: pd.DataFrame) -> str:
    """Digest of the rows of a complete table in their order.

    Args:
        frame: A table with all columns.

    Example:
        >>> rows = pd.DataFrame({name: ["x"] for name in COLUMNS})
        >>> frame_digest(rows) == frame_digest(rows[list(reversed(COLUMNS))])
        True
    """
    columns = []
    for name in COLUMNS:
        values = frame[name].astype(object)
        columns.append([name, values.where(values.notna(), None).to_list()])
    return digest(columns)
