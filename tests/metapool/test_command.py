"""`autoprox metapool train`: killed and resumed to the same bytes; its result is read by other commands."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from autoprox.commands import main, metapool
from autoprox.metapool import METAPOOL, METAPOOL_JOURNAL, MetaPoolTrainer
from autoprox.spaces import TaskShape, read_archs

GENES = {
    "width": 8,
    "mlp_ratio": 1,
    "kernels": [3],
    "expand": 1,
    "depth": [1, 1, 1],
    "mixer": ["mca", "attention", "mca"],
    "enhancer": ["skip"] * 3,
}
COMMAND = ["metapool", "train", "--arch", json.dumps(GENES), "--epochs", "3", "--arch-learning-rate", "0.2", "--quiet"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("metapool") / "whole"
    assert main([*COMMAND, "--out", str(out)]) == 0
    return out


def test_a_search_that_is_killed_goes_on_to_the_same_bytes(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "killed"
    child = os.fork()
    if child == 0:
        step = MetaPoolTrainer._step

        def fatal(self: MetaPoolTrainer) -> None:
            if self.done == 9:
                os.kill(os.getpid(), signal.SIGKILL)
            step(self)

        monkeypatch.setattr(MetaPoolTrainer, "_step", fatal)
        monkeypatch.setattr(metapool, "METAPOOL_JOURNAL", replace(METAPOOL_JOURNAL, kept_every_s=0.0))
        main([*COMMAND, "--out", str(out)])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (out / METAPOOL).exists()
    assert METAPOOL_JOURNAL.recorded(out) == 9
    assert main(["metapool", "train", "--out", str(out), "--resume", "--quiet"]) == 0
    assert (out / METAPOOL).read_bytes() == (found / METAPOOL).read_bytes()


def test_the_result_is_an_architecture_for_other_commands(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((found / METAPOOL).read_text())
    ((space, arch, task),) = read_archs(found / METAPOOL)
    assert (arch.genes, task) == (document["arch"], TaskShape(10, 8, 1))
    assert [stage["operation"] for stage in document["stages"]] == arch.genes["enhancer"]
    path = str(found / METAPOOL)
    assert main(["rank", "--models", f"arch:{path}", "--scorer", "params", "--json"]) == 0
    (ranked,) = json.loads(capsys.readouterr().out)["models"]
    assert ranked["params"] == space.params(arch, *task)
    again = tmp_path / "again"
    assert main(["metapool", "train", "--arch", path, "--epochs", "1", "--quiet", "--out", str(again)]) == 0
    assert json.loads((again / METAPOOL).read_text())["start"] == arch.genes


def test_a_file_without_an_architecture_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text('{"space": "mixer-micro"}')
    for given in ("other.json", "none.json"):
        words = ["metapool", "train", "--arch", str(tmp_path / given), "--out", str(tmp_path / "new")]
        assert main(words) == 2
        (line,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("autoprox: error:")]
        assert "holds no architectures" in line
    assert not (tmp_path / "new").exists()
