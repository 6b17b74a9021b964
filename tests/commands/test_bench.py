"""The command `bench`: mistakes give one line and status 2, and nothing is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from autoprox.bench.quality import blocks_of
from autoprox.bench.table import Table
from autoprox.bench.table_figure import draw
from autoprox.bench.table_files import read_frame
from autoprox.commands import bench_info, main
from autoprox.commands.record import lasting
from autoprox.training import build as training_build
from autoprox.training.build import Job
from tests.bench.conftest import user_rows

BUILD = ["build", "--space", "pit-micro", "--archs", "4", "--iso", "2", "--datasets", "digits"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--space", "pit-mikro"], "Unknown space 'pit-mikro'. Did you mean 'pit-micro'?"),
        (["--datasets", "digit"], "Unknown data set 'digit'. Did you mean 'digits'?"),
        (["--labels", "skratch"], "Unknown label kind 'skratch'. Did you mean 'scratch'?"),
        (["--labels", "supernet"], "Labels of kind 'supernet' can only be imported"),
        (["--archs", "0"], "--archs: 0 is too small; give a whole number of at least 1"),
        (["--iso", "5"], "--iso must be between 0 and --archs (4)"),
        (["--seeds", "0"], "--seeds: 0 is too small; give a whole number of at least 1"),
        (["--epochs", "0"], "--epochs: 0 is too small"),
        (["--jobs", "0"], "--jobs: 0 is too small; give a whole number of at least 1"),
    ],
)
def test_mistakes_are_one_line(
    change: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *BUILD, "--out", str(tmp_path / "t.parquet"), *change]) == 2
    written = capsys.readouterr()
    assert message in written.err
    assert written.err.count("\n") == 1
    assert written.out == ""
    assert list(tmp_path.iterdir()) == []


def test_out_that_is_a_folder_or_no_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("folder.parquet", "table.csv"):
        if name.startswith("folder"):
            (tmp_path / name).mkdir()
        assert main(["bench", *BUILD, "--out", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err


def test_resume_takes_the_options_that_a_table_was_built_with(tmp_path: Path, capsys, monkeypatch) -> None:
    trained = []

    def counted(job: Job, *rest: Any) -> Any:
        trained.append(job)
        return train_one(job, *rest)

    train_one = training_build._train
    monkeypatch.setattr(training_build, "_train", counted)
    out = tmp_path / "t.parquet"

    def build(*options: object) -> int:
        return main(["bench", "build", "--out", str(out), *map(str, options)])

    first = ("--space", "pit-micro", "--archs", 2, "--iso", 0, "--datasets", "digits", "--seeds", 1, "--epochs", 1)
    assert build("--resume", *first) == 0  # there is nothing to resume: a new build
    before, command = out.read_bytes(), json.loads((tmp_path / "t.run.json").read_text())["command"]
    assert len(trained) == 2
    capsys.readouterr()

    assert build(*first) == 2
    assert "Resume it (--resume)" in capsys.readouterr().err
    assert build("--resume") == 0
    assert (len(trained), out.read_bytes()) == (2, before)

    capsys.readouterr()
    assert build("--resume", "--epochs", 2) == 2
    written = capsys.readouterr().err
    assert "another recipe" in written
    assert written.count("\n") == 1
    assert build("--resume") == 0  # the options of the table were kept
    assert (len(trained), out.read_bytes()) == (2, before)
    assert lasting(json.loads((tmp_path / "t.run.json").read_text())["command"]) == lasting(command)

    assert build("--resume", "--archs", 3) == 0
    assert len(trained) == 3
    assert read_frame(out)["arch_id"].nunique() == 3


def test_a_record_of_others_beside_a_table_stays(tmp_path: Path, capsys) -> None:
    (tmp_path / "t.run.json").write_text("{}")
    assert main(["bench", *BUILD, "--out", str(tmp_path / "t.parquet")]) == 2
    assert "was not written by autoprox" in capsys.readouterr().err
    assert (tmp_path / "t.run.json").read_text() == "{}"


def test_info_says_how_far_a_table_can_be_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    rows = user_rows(archs=30, seeds=3)
    rows["value"] += rng.normal(size=len(rows))
    rows.to_parquet(tmp_path / "mine.parquet")
    assert main(["bench", "info", str(tmp_path / "mine.parquet")]) == 0
    written = capsys.readouterr()
    assert "mine: 30 architectures, 90 labels" in written.out
    assert "fit 12, select 6, sealed 12; sealed was scored 0 times" in written.out
    assert "ceiling" in written.out
    assert "autoformer-micro, digits" in written.out
    assert "train_seed (counted from 0" in written.err
    assert main(["bench", "info", str(tmp_path / "none.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_info_of_a_built_table_says_how_it_was_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table.read()
    computed = blocks_of(table.frame, table.spaces)
    assert computed == table.manifest["blocks"]
    monkeypatch.setattr(bench_info, "blocks_of", lambda *_: computed)  # seconds of bootstrap each time
    assert main(["bench", "info", "--verbose"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    manifest = table.manifest
    for expected in (manifest["command"], f"epochs {manifest['recipe']['epochs']}", "failed runs", "CC BY 4.0"):
        assert expected in text
    assert main(["bench", "info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["blocks"] == computed
    assert found["digest"] == table.digest
    assert found["splits"] == {part: len(ids) for part, ids in table.manifest["splits"].items()}
    assert {name: each["all"] for name, each in found["architectures"].items()} == table.frame.groupby("space")[
        "arch_id"
    ].nunique().to_dict()


def test_figures_are_drawn_the_same_way_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "mine.parquet"
    user_rows(archs=12).to_parquet(table)
    for name in ("first.svg", "second.svg", "first.png"):
        assert main(["bench", "info", str(table), "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert (tmp_path / "first.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    for options, message in (
        (["--plot", str(tmp_path / "t.pdf")], "ends in .png or .svg"),
        (["--plot", str(tmp_path / "t.png"), "--metric", "nil"], "Allowed: top1_pct"),
        (["--plot", str(tmp_path / "none" / "t.png")], "cannot be written"),
    ):
        assert main(["bench", "info", str(table), *options]) == 2
        written = capsys.readouterr()
        assert message in written.err
        assert written.out == ""


def test_a_figure_has_a_panel_for_each_block_with_its_ceiling() -> None:
    table = Table.read()
    figure = draw(table, table.manifest["blocks"], "top1_pct")
    drawn = [axis for axis in figure.axes if axis.axison]
    described = {
        f"{block['space']}, {block['dataset']}, {block['label_kind']}": block
        for block in table.manifest["blocks"]
        if block["metric"] == "top1_pct"
    }
    assert {axis.get_title(loc="left") for axis in drawn} == set(described)
    for axis in drawn:
        block = described[axis.get_title(loc="left")]
        assert (
            sum(len(points.get_offsets()) for points in axis.collections if isinstance(points, PathCollection))
            == (block["all"]["n"])
        )
        said = " ".join(text.get_text() for text in axis.texts)
        for part in ("all", "iso"):
            assert f"{part} {block[part]['n']}: ceiling of tau {block[part]['ceiling']:.2f}" in said


def test_check_lists_every_fault_and_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "check"]) == 0
    assert capsys.readouterr().out == "vitbench101: no fault\n"
    rows = user_rows(archs=30)
    rows.loc[3, "value"], rows.loc[8, "value"], rows.loc[5, "arch_json"] = 101.0, -1.0, "{}"
    path = tmp_path / "mine.parquet"
    rows.to_parquet(path)
    assert main(["bench", "check", str(path)]) == 2
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]  # of 80 columns
    starts = ["column 'value', row 3: is 101.0", "column 'value', row 8: is -1.0", "column 'arch_json', row 5: "]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=False)] == [True] * 3
    assert lines[3:] == [f"{path}: 3 faults"]
    assert main(["bench", "check", str(path), "--json"]) == 2
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert [(fault["column"], fault["row"]) for fault in faults] == [("value", 3), ("value", 8), ("arch_json", 5)]
    assert main(["bench", "check", str(tmp_path / "none.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err
