"""The command `bench`: mistakes are one line and status 2, and nothing is written."""

from pathlib import Path

import numpy as np
import pytest

from autoprox.commands.bench import main
from tests.bench.conftest import user_rows

BUILD = ["build", "--space", "pit-micro", "--archs", "4", "--iso", "2", "--datasets", "digits"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--space", "pit-mikro"], "Unknown space 'pit-mikro'. Did you mean 'pit-micro'?"),
        (["--datasets", "digit"], "Unknown data set 'digit'. Did you mean 'digits'?"),
        (["--labels", "skratch"], "Unknown label kind 'skratch'. Did you mean 'scratch'?"),
        (["--labels", "supernet"], "Labels of kind 'supernet' cannot be trained."),
        (["--archs", "0"], "--archs must be at least 1"),
        (["--iso", "5"], "--iso must lie between 0 and --archs (4)"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--jobs", "0"], "--jobs must be at least 1"),
    ],
)
def test_mistakes_are_one_line(
    change: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*BUILD, "--out", str(tmp_path / "t.parquet"), *change]) == 2
    written = capsys.readouterr()
    assert message in written.err
    assert written.err.count("\n") == 1
    assert written.out == ""
    assert list(tmp_path.iterdir()) == []


def test_out_that_is_a_folder_or_no_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("folder.parquet", "table.csv"):
        if name.startswith("folder"):
            (tmp_path / name).mkdir()
        assert main([*BUILD, "--out", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err


def test_info_says_how_far_a_table_can_be_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    rows = user_rows(archs=30, seeds=3)
    rows["value"] += rng.normal(size=len(rows))
    rows.to_parquet(tmp_path / "mine.parquet")
    assert main(["info", str(tmp_path / "mine.parquet")]) == 0
    written = capsys.readouterr()
    assert "mine: 30 architectures, 90 labels" in written.out
    assert "ceiling" in written.out
    assert "autoformer-micro  digits" in written.out
    assert "train_seed is missing" in written.err
    assert main(["info", str(tmp_path / "none.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err
