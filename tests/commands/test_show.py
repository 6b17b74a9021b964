"""`show` from a user's view."""

import json
from pathlib import Path

import pytest

import autoprox
from autoprox.commands import main
from autoprox.graph import Proxy, parse
from autoprox.graph.export import to_latex, to_png, to_python, to_svg


@pytest.fixture
def saved(tmp_path) -> Path:
    graph = parse("nodes_sum(only_mlp(log(l1(weight_grad))))")
    Proxy("mine", graph, -1, {"table": "vitbench101", "settings": {"budget": 10}}).save(tmp_path / "best.json")
    return tmp_path / "best.json"


def test_prints_what_the_proxy_is(saved, capsys):
    assert main(["show", str(saved)]) == 0
    printed = capsys.readouterr()
    assert not printed.err
    for words in (
        "-(nodes_sum(only_mlp(log(l1(weight_grad)))))",
        " nodes_sum(only_mlp(log(l1(weight_grad))))",
        "sign     -1",
        "\nprovenance\nsettings",
        'settings  {"budget": 10}\ntable     vitbench101',
        "#1  weight_grad    TENSOR[linear, weight]",
        "#2  l1(#1)         NODE[linear, all roles]",
        "#4  only_mlp(#3)   NODE[linear, mlp]",
        "#5  nodes_sum(#4)  SCALAR",
        "weight_grad  linear  data pass",
    ):
        assert words in printed.out
    assert not any(line.endswith(" ") for line in printed.out.splitlines())


def test_a_step_that_is_used_twice_stands_once(tmp_path, capsys):
    Proxy("p", parse("nodes_sum(mul(log(params), log(params)))")).save(tmp_path / "p.json")
    assert main(["show", str(tmp_path / "p.json")]) == 0
    assert "mul(#2, #2)" in capsys.readouterr().out


def test_latex_is_printed_alone(capsys):
    assert main(["show", "snip", "--latex"]) == 0
    assert capsys.readouterr().out == to_latex(autoprox.load("snip")) + "\n"


@pytest.mark.parametrize(
    ("form", "export"),
    [("svg", lambda p: to_svg(p).encode()), ("png", to_png), ("python", lambda p: to_python(p).encode())],
)
def test_files_are_written_and_not_overwritten(form, export, tmp_path, capsys):
    path = tmp_path / "file"
    assert main(["show", "snip", f"--{form}", str(path)]) == 0
    assert path.read_bytes() == export(autoprox.load("snip"))
    printed = capsys.readouterr()
    assert not printed.out
    assert str(path) in printed.err
    path.write_text("mine")
    assert main(["show", "snip", f"--{form}", str(path)]) == 2
    _one_line(capsys, "--force")
    assert path.read_text() == "mine"
    assert main(["show", "snip", f"--{form}", str(path), "--force"]) == 0
    assert path.read_bytes() == export(autoprox.load("snip"))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["snipp"], "Did you mean 'snip'"),
        (["missing.json"], "missing.json"),
        (["edited.json"], "was edited"),
        (["snip", "--python", "no/such/folder/best.py"], "cannot be written"),
        (["snip", "--png", ".", "--force"], "cannot be written"),
        (["snip", "--force"], "--force applies to a file"),
    ],
)
def test_a_mistake_is_one_line(arguments, word, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("edited.json").write_text(json.dumps(autoprox.load("snip").to_document() | {"sign": -1}))
    assert main(["show", *arguments]) == 2
    _one_line(capsys, word)
    assert [each.name for each in tmp_path.iterdir()] == ["edited.json"]


@pytest.mark.parametrize("arguments", [[], ["snip", "--svg", "a", "--png", "b"], ["snip", "--pdf", "a"]])
def test_options_that_do_not_fit_end_with_status_2(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["show", *arguments]) == 2
    assert not list(tmp_path.iterdir())


def _one_line(capsys: pytest.CaptureFixture[str], word: str) -> None:
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith("autoprox: error:")
    assert len(printed.err.splitlines()) == 1
    assert word in printed.err
