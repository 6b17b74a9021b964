"""Laws of every command and every part of one; a new one inherits these by its registration.

A part is what has options of its own: `evolve`, `bench build`. It needs an entry in `CASES`.
"""

import argparse
import dataclasses
import json
import re
import runpy
import shlex
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from autoprox import commands
from autoprox.bench.table import Table
from autoprox.commands import COMMANDS, load_command, main
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.streams import WIDTH
from autoprox.predict import ArchRegression, RegressionProxy
from autoprox.predict.parzc import LearnedProxy, MABNRegressor, features
from autoprox.training import sample
from tests.commands.test_command_line import user_frame
from tests.conformance.recording import UNFINISHED, recorded


def parts_of(parser: CommandParser) -> Iterator[CommandParser]:
    """The parsers below one that has parts, or itself."""
    found = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not found:
        yield parser
    for part in (each for action in found for each in action.choices.values()):
        yield from parts_of(part)


PARTS = {
    part.prog.removeprefix("autoprox "): part for name in COMMANDS for part in parts_of(load_command(name).parser())
}


@dataclass(frozen=True)
class Case:
    """A short use of a part that succeeds, and a wrong one.

    Args:
        arguments: Its arguments; `{world}` is a folder with a table, a run and a model, `{new}` one for output.
        mistake: Arguments that it refuses with one line.
        record: File that holds command and versions afterwards; empty for a part that writes no results.
        modes: Modes of the test; fewer for a command that takes seconds.
    """

    arguments: str
    mistake: str
    record: str = ""
    modes: tuple[str, ...] = ("", "--quiet", "--log-json")


_TABLE = "--bench {world}/mine.parquet --jobs 1"
CASES = {
    "bench build": Case(
        "--space autoformer-micro --archs 2 --iso 1 --seeds 1 --iso-seeds 1 --epochs 1 --datasets digits "
        "--out {new}/t.parquet",
        "--space pit-mikro --datasets digits --out {new}/t.parquet",
        "{new}/t.manifest.json",
        ("--log-json",),
    ),
    "bench check": Case("{world}/mine.parquet", "{world}/none.parquet"),
    "bench import": Case(
        "{world}/mine.csv --space pit-micro --out {new}/t.parquet",
        "{world}/none.csv --out {new}/t.parquet",
        "{new}/t.manifest.json",
    ),
    "bench info": Case("{world}/mine.parquet", "{world}/none.parquet"),
    "completion": Case("bash", "bush"),
    "compress": Case(
        "--model {world}/network.py:model --images {world}/pictures --kind bits --max weight_bytes=2K --img-size 8 "
        "--proxy params_bits --count 4 --out {new}",
        "--model {world}/network.py:model --images {world}/pictures --kind bits --max weight_bytes=9 --img-size 8 "
        "--proxy params_bits --count 4 --out {new}",
        "{new}/run.json",
        ("--log-json",),
    ),
    "device profile": Case(
        "--space pit-micro --dataset digits --archs 20 --rounds 2 --out {new}",
        "--space pit-mikro --out {new}/run",
        "{new}/run.json",
        ("--log-json",),
    ),
    "evaluate": Case(f"--proxy snip {_TABLE} --out {{new}}", f"--proxy snipp {_TABLE}", "{new}/run.json"),
    "evolve": Case(
        f"{_TABLE} --budget 20 --random-budget 5 --out {{new}}",
        f"{_TABLE} --budget 0 --out {{new}}/run",
        "{new}/run.json",
        ("--quiet", "--log-json"),
    ),
    "judge": Case("{world}/trial --jobs 1", "{world}/none", modes=("--quiet",)),
    "metapool train": Case(
        '--arch \'{{"width": 8, "mlp_ratio": 1, "kernels": [3], "expand": 1, "depth": [1, 1, 1], '
        '"mixer": ["mca", "mca", "mca"], "enhancer": ["skip", "skip", "skip"]}}\' --epochs 1 --out {new}',
        "--space pit-micro --out {new}",
        "{new}/run.json",
        ("--log-json",),
    ),
    "parzc evaluate": Case(
        f"--model {{world}}/model.pt {_TABLE} --figures {{new}}", f"--model none.pt {_TABLE}", "{new}/evaluate.run.json"
    ),
    "parzc fit": Case(
        f"{_TABLE} --train 6 --statistics params --out {{new}}/m.pt",
        f"{_TABLE} --train 0",
        "{new}/m.run.json",
        ("--quiet",),
    ),
    "parzc predict": Case(f"--model {{world}}/model.pt {_TABLE}", f"--model none.pt {_TABLE}"),
    "rank": Case(
        "--models {world}/network.py:model --img-size 8 --scorer params synflow --csv {new}/ranking.csv",
        "--models {world}/network.py:none",
    ),
    "regression fit": Case(
        f"{_TABLE} --out {{new}}/r.json --figures {{new}}",
        f"{_TABLE} --datasets none --out {{new}}/r.json",
        "{new}/r.run.json",
    ),
    "regression show": Case("{world}/regression.json", "{world}/mine.csv"),
    "runs": Case("{world}/run --report", "{world}/none", "{world}/run/run.json", ("", "--log-json")),
    "search": Case(
        "--proxy params --dataset digits --max-params 3k --budget 3 --jobs 1 --out {new}",
        "--proxy params --max-params 3 --jobs 1 --out {new}/run",
        "{new}/run.json",
    ),
    "show": Case("snip", "snipp"),
    "supernet conflict": Case("{world}/supernet --archs 3 --bins 1", "{world}/none"),
    "supernet evaluate": Case(
        "{world}/supernet --archs 2 --out {new}/t.parquet",
        "{world}/supernet --archs 0 --out {new}/t.parquet",
        "{new}/t.manifest.json",
        ("--log-json",),
    ),
    "supernet extract": Case(
        '{world}/supernet --arch \'{{"base_dim": 8, "mlp_ratio": 2, "depth": [1, 1, 1], "num_heads": [2, 2, 2]}}\' '
        "--out {new}/pick.safetensors",
        "{world}/supernet --arch 1 --out {new}/pick.safetensors",
        "{new}/pick.run.json",
        ("--log-json",),
    ),
    "supernet train": Case(
        "--space pit-micro --dataset digits --passes 2 --out {new}",
        "--space pit-micro --dataset digits --loss margin-rank --passes 4 --out {new}",
        "{new}/run.json",
        ("--log-json",),
    ),
    "zoo": Case(f"--names params snip {_TABLE} --out {{new}}", "--names snipp", "{new}/run.json"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table as parquet and CSV, a finished run on it, and a fitted model."""
    folder = tmp_path_factory.mktemp("world")
    frame = user_frame(16)
    frame.to_parquet(folder / "mine.parquet")
    frame.to_csv(folder / "mine.csv", index=False)
    shared = ["--bench", str(folder / "mine.parquet"), "--jobs", "1", "--quiet"]
    assert main(["evolve", *shared, "--budget", "20", "--random-budget", "5", "--out", str(folder / "run")]) == 0
    assert (
        main(["evolve", *shared, "--budget", "20", "--keep-sealed", "--no-report", "--out", str(folder / "trial")]) == 0
    )
    table = Table.read(folder / "mine.parquet")
    write_pictures(folder)
    trained = ["--space", "pit-micro", "--dataset", "digits", "--passes", "1", "--quiet"]
    assert main(["supernet", "train", *trained, "--out", str(folder / "supernet")]) == 0
    data = features(table, ["params"], blocks=table.blocks())
    model = MABNRegressor(node_shape=data.node_shape, n_estimators=1, max_iter=5, random_state=0)
    model.fit(data.values, *data.labels)
    provenance = {"table": table.name, "table_digest": table.digest, "arch_ids": []}
    (block,) = table.blocks()
    archs = [table.archs[arch_id] for arch_id in block.arch_ids]
    regression = ArchRegression(table.spaces[block.space]).fit(archs, block.goodness)
    RegressionProxy.of("regression", [regression], provenance).save(folder / "regression.json")
    LearnedProxy.of("model", model, data, provenance).save(folder / "model.pt")
    return folder


def write_pictures(folder: Path) -> None:
    """A network in a file, and images in a folder per class."""
    layers = "nn.Flatten(), nn.Linear(192, 8), nn.Linear(8, 8), nn.Linear(8, 2)"
    (folder / "network.py").write_text(f"from torch import nn\n\nmodel = nn.Sequential({layers})\n")
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{number}.png")


def words(part: str, template: str, world: Path, new: Path) -> list[str]:
    return [*part.split(), *shlex.split(template.format(world=world, new=new))]


def status_of(arguments: list[str]) -> int:
    """The exit status, however the command comes to it."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def no_controls(text: str) -> bool:
    return re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) is None


def test_every_module_with_a_command_is_registered() -> None:
    found = set()
    for path in Path(commands.__file__).parent.glob("*.py"):
        if re.search(r"^COMMAND = Command\(", path.read_text(), re.MULTILINE):
            found.add(path.stem)
    assert found == set(COMMANDS)
    assert {load_command(name).name for name in COMMANDS} == found


def test_every_part_has_a_case() -> None:
    assert set(CASES) == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_help_says_all_and_its_examples_are_right(part: str) -> None:
    parser = PARTS[part]
    assert parser.description
    assert parser.description.endswith(".")
    assert parser.examples
    for example in parser.examples:
        name, *rest = shlex.split(example)
        load_command(name).parser().parse_args(rest)
        assert f"  autoprox {example}\n" in parser.format_help()
    for action in parser._actions:
        assert action.help, f"{part}: {action.dest} has no help"
        assert action.nargs == 0 or action.metavar or action.choices or not action.option_strings, action.dest


@pytest.mark.parametrize("name", COMMANDS)
def test_as_a_module_it_is_the_same(name: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    if name in {"completion", "judge", "rank"}:  # of the console command alone; the others are functions of `autoprox`
        assert find_spec(f"autoprox.{name}") is None
        return
    assert status_of([name, "--help"]) == 0
    expected = capsys.readouterr()
    for module, given in ((f"autoprox.{name}", ["--help"]), ("autoprox", [name, "--help"])):
        monkeypatch.setattr(sys, "argv", [module, *given])
        assert exit_of_module(module) == 0
        assert capsys.readouterr() == expected
    assert expected.out.startswith(f"usage: autoprox {name} ")
    assert no_controls(expected.out)


def exit_of_module(module: str) -> object:
    """Exit status of `python -m`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it is imported already
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            return ended.code
    return None


@pytest.mark.parametrize("part", PARTS)
def test_a_misspelt_option_is_one_line_with_the_right_one(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[part]
    given = words(part, case.arguments, Path("w"), Path("n"))
    assert status_of([*given, "--quieet"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"autoprox: error: unrecognized arguments: --quieet. Did you mean '--quiet'? See autoprox {part} --help.\n"
    )
    assert status_of([*given, "--quieet", "--log-json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["level"] == "error"


@pytest.mark.parametrize("part", PARTS)
def test_a_mistake_is_one_line_and_leaves_nothing(part: str, world: Path, tmp_path: Path, capsys) -> None:
    assert status_of(words(part, CASES[part].mistake, world, tmp_path)) == 2
    printed = capsys.readouterr()
    errors = [line for line in printed.err.splitlines() if line.startswith("autoprox: error: ")]
    assert len(errors) == 1
    assert printed.err.endswith(errors[0] + "\n")
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", PARTS)
def test_output_into_files(part: str, world: Path, tmp_path: Path, capfd, monkeypatch, tmp_path_factory) -> None:
    """Results are there in each mode, without control characters; files beside them are as requested.

    Files are created beside their places, also in the user's folders, and other files are unchanged.
    """
    case, printed = CASES[part], {}
    monkeypatch.setattr(sample, "pool", partial(sample.pool, size=500))  # to choose two architectures from
    for mode in case.modes:
        new = tmp_path / f"new{mode}"
        (new / "theirs").mkdir(parents=True)
        (new / "notes.txt").write_text("theirs")
        (new / "theirs" / "run.json").write_text("theirs")
        with recorded(tmp_path_factory.getbasetemp()) as record:
            assert main([*words(part, case.arguments, world, new), *mode.split()]) == 0
        assert [path for path in record.opened if not path.is_dir() and not UNFINISHED.fullmatch(path.name)] == []
        assert not {new / "notes.txt", new / "theirs"} & {*record.removed}
        assert (new / "notes.txt").read_text() == (new / "theirs" / "run.json").read_text() == "theirs"
        printed[mode] = capfd.readouterr()
        assert printed[mode].out
        assert no_controls(printed[mode].out + printed[mode].err)
        if part != "completion":  # a script of a shell
            assert [line for line in shortened(printed[mode].out, world, new) if len(line) > WIDTH] == []
        if case.record:
            _check_record(json.loads(Path(case.record.format(world=world, new=new)).read_text()), part)
    for mode, each in printed.items():
        check_lines(part, mode, each.err.splitlines())


def shortened(text: str, world: Path, new: Path) -> list[str]:
    """Lines with short names of the folders of this test."""
    return text.replace(str(world), "world").replace(str(new), "new").splitlines()


def check_lines(part: str, mode: str, lines: list[str]) -> None:
    """Checks what a command that succeeded wrote to standard error."""
    assert not (mode == "--quiet" and lines)
    if mode == "--log-json":
        for document in map(json.loads, lines):
            assert {"time", "level", "command", "logger", "message"} <= set(document)
            assert document["command"] == part.split()[0]
            assert document["level"] in {"info", "warning"}
    else:
        assert all(line.startswith("autoprox: ") for line in lines)


def _check_record(record: dict[str, Any], part: str) -> None:
    record = record.get("report", record) if part == "runs" else record
    given = record["command"]
    *program, name = (shlex.split(given) if isinstance(given, str) else given)[:3]
    assert (program, name) == (["python", "-m"], f"autoprox.{part.split()[0]}")
    assert {"python", "autoprox", "torch", "numpy"} <= set(record["versions"])
    digests = record["digests"] if "digests" in record else {"table": record["digest"]}
    assert digests
    assert all(re.fullmatch(r"[0-9a-f]{8,}", digest) for digest in digests.values())
    if "digests" in record:
        rest = given[3:]
        options = load_command(part.split()[0]).parser().parse_args(rest)
        assert record["seed"] == getattr(options, "seed", None)
        assert record["seconds"] > 0
        pd.Timestamp(record["finished"])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", ["", "--quiet", "--log-json"])
def test_ctrl_c_is_one_sentence(part: str, mode: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    def stopped(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    def loaded(name: str) -> Command:
        return dataclasses.replace(load_command(name), run=stopped)

    monkeypatch.setattr(commands, "load_command", loaded)
    assert main([*words(part, CASES[part].arguments, Path("w"), Path("n")), *mode.split()]) == 130
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    said = json.loads(line)["message"] if mode == "--log-json" else line.removeprefix("autoprox: ")
    assert said.startswith("Interrupted. ")
    assert said.endswith("Repeat the command to continue.")


def test_ctrl_c_while_the_program_loads(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "import_module", interrupted)
    assert main(["evolve"]) == 130
    assert capsys.readouterr().err.startswith("autoprox: Interrupted. ")
