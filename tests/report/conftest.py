"""A small, finished run with its report."""

from pathlib import Path

import pandas as pd
import pytest

from autoprox.commands import main
from tests.commands.test_command_line import user_frame


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    frames = [user_frame(26, name) for name in ("pit-micro", "autoformer-micro")]
    pd.concat(frames).to_parquet(place / "mine.parquet")
    out = place / "run"
    given = ["--bench", str(place / "mine.parquet"), "--budget", "160", "--jobs", "1", "--out", str(out)]
    assert main(["evolve", *given, "--random-budget", "70"]) == 0
    return out
