"""Tables for tests: clearly synthetic values, in temporary files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoprox.spaces import space


def user_rows(
    archs: int = 16, space_name: str = "autoformer-micro", datasets: tuple[str, ...] = ("digits",), seeds: int = 1
) -> pd.DataFrame:
    """A user's table with the four required columns and synthetic values."""
    rng = np.random.default_rng(7)
    found = space(space_name)
    chosen = []
    while len(chosen) < archs:
        arch = found.sample(rng)
        if arch not in chosen:
            chosen.append(arch)
    rows = [
        {"arch_json": arch.json, "space": space_name, "dataset": name, "value": 30.0 + index + 0.1 * seed}
        for index, arch in enumerate(chosen)
        for name in datasets
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    """Writes rows as a user would, with pandas."""

    def write(frame: pd.DataFrame, name: str = "mine.parquet") -> Path:
        path = tmp_path / name
        frame.to_parquet(path)
        return path

    return write
