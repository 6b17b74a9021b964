"""The documentation is valid: command lines parse, code runs, numbers and pictures are current."""

import argparse
import re
import sys
from pathlib import Path

import pytest

import autoprox
from autoprox.bench.table import Table
from autoprox.commands import COMMANDS, main
from tests.docs.pages import DOCS, ROOT, Block, blocks, command_lines, named, pages, script
from tests.interpreters import Interpreter

CALLS = [
    pytest.param(call, id=f"{named(page)}:{block.line}:{' '.join(call)[:40]}")
    for page in pages()
    for block in blocks(page)
    if block.language == "bash"
    for call in command_lines(block.code)
]
RUN = [page for page in pages() if page.parent != ROOT and any(each.language == "python" for each in blocks(page))]


class _Parsed(BaseException):
    """Raised after the options of a command were read, which is all that is tested."""


@pytest.fixture
def parse_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends every command after its options are read."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, args=None, namespace=None):
        parse(self, args, namespace)
        raise _Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)


@pytest.mark.usefixtures("parse_alone")
@pytest.mark.parametrize("call", CALLS)
def test_command_lines_parse(call):
    with pytest.raises(_Parsed):
        main(call)


def test_every_command_is_shown():
    shown = {call.values[0][0] for call in CALLS}
    assert shown <= set(COMMANDS)
    assert {"bench", "evaluate", "evolve", "parzc", "runs", "search", "show", "zoo"} <= shown


@pytest.mark.usefixtures("parse_alone")
def test_a_wrong_command_line_would_be_seen(capsys):
    assert main(["evolve", "--budgte", "3"]) == 2
    assert "--budgte" in capsys.readouterr().err


# Shell commands with results that the Python of a page uses; run in a smaller form.
SHELL = {
    "tutorial.md": {
        "bench import": [],
        "evolve --bench": ["--budget", "120", "--jobs", "1", "--no-report"],
        "judge": ["--jobs", "1"],
        "show runs/mine --python": [],
    },
    "howto/table.md": {"bench check": []},
}
# Registrations of a page would otherwise affect all later tests.
OWN_PROCESS = {"howto/statistic.md"}


@pytest.mark.parametrize("page", RUN, ids=named)
def test_code_runs(page: Path, python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("my_space", "my_proxy"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    name = page.relative_to(DOCS).as_posix()
    if name in OWN_PROCESS:
        code = "\n".join(block.code for block in blocks(page) if block.language == "python" and block.run)
        done = python.run(["-c", f"import warnings; warnings.simplefilter('error')\n{code}"], cwd=tmp_path)
        assert done.returncode == 0, done.communicate()[1]
        return
    namespace: dict = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "bash":
            for call in command_lines(block.code):
                _run_shell(call, SHELL.get(name, {}))
        elif block.language == "python" and block.run:
            _run_python(block, page, namespace)


def _run_shell(call: list[str], wanted: dict[str, list[str]]) -> None:
    words = " ".join(call)
    for beginning, more in wanted.items():
        if words.startswith(f"{beginning} "):
            assert main([*call, *more]) == 0


def _run_python(block: Block, page: Path, namespace: dict) -> None:
    if saved := re.match(r"# (\w+\.py)\n", block.code):
        Path(saved[1]).write_text(block.code, encoding="utf-8")
        return
    # Lines are those of the page, for the traceback.
    exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)


def test_the_picture_of_the_way_is_what_its_script_draws():
    way = script(DOCS / "way.py")
    assert way.OUTPUT.read_text(encoding="utf-8") == way.text()


def test_limits_quote_the_embedded_table():
    text = " ".join((DOCS / "limits.md").read_text(encoding="utf-8").split())
    blocks_of_table = [each for each in Table.read().manifest["blocks"] if each["metric"] == "top1_pct"]

    def span(part: str, key: str) -> tuple[str, str]:
        values = [block[part][key] for block in blocks_of_table]
        return _two(min(values)), _two(max(values))

    assert "rank them with a tau of {} to {} in".format(*span("all", "seed_tau")) in text
    assert "ceilings lie between {} and {}, ".format(*span("all", "ceiling")) in text
    assert "at one size between {} and {}.".format(*span("iso", "ceiling")) in text
    width = autoprox.load("joint_micro").results["splits"]["sealed"]["mean_width"]["joint"]
    assert f"a joint Kendall tau of about {_two(width)} on the sealed split" in text


def _two(value: float) -> str:
    return re.sub("^0", "", f"{value:.2f}")
