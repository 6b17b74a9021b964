"""The library names its arguments, the command line names its options."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import autoprox
from autoprox.base import errors
from autoprox.base.errors import AutoproxError
from autoprox.commands import COMMANDS, load_command, main
from autoprox.search import Evolution
from autoprox.training.build_plan import BuildPlan

ERRORS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, AutoproxError)]


@pytest.mark.parametrize("error", [each for each in ERRORS if each is not AutoproxError])
def test_an_error_is_one_of_pythons_own_as_well(error):
    assert issubclass(error, ValueError | LookupError | ArithmeticError | RuntimeError)


def test_what_the_library_says_can_be_caught_and_names_its_argument():
    with pytest.raises(ValueError, match="`population` is 0; it must be at least 1"):
        Evolution(population=0)
    with pytest.raises(ValueError, match="`label_kinds` needs at least one name"):
        BuildPlan(("pit-micro",), 1, 0, ("digits",), 1, 1, label_kinds=())
    with pytest.raises(LookupError, match="Did you mean 'pit-micro'"):
        autoprox.space("pit-mikro")


ROOT = Path(autoprox.__file__).parent
BUILD_COMMAND_LINES = {"training/build_plan.py", "report/_run_report.py"}


def option_texts(path):
    """The texts of a module that contain an option, except docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from re.findall(r"\S*\s?(?<![^\s'`])--[a-z][a-z-]+", node.value)


def test_no_text_outside_the_commands_speaks_of_an_option():
    found = {
        path.relative_to(ROOT).as_posix(): options
        for path in ROOT.rglob("*.py")
        if path.parent != ROOT / "commands" and (options := list(option_texts(path)))
    }
    assert found.pop("base/parallel.py") == ["ADDRESS --nworkers", "N --nthreads"]  # of dask
    assert set(found) == BUILD_COMMAND_LINES


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_that_have_another_name_belong_to_an_option_that_there_is(name):
    command = load_command(name)
    help_text = "".join(part.format_help() for part in parts(command.parser()))
    assert all(f"{option} " in help_text for option in command.arguments.values())


def parts(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for part in action.choices.values():
                yield from parts(part)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bench build --space pit-micro --archs 2 --iso 3 --datasets digits --out t.parquet", "and --archs (2)"),
        (
            "bench build --space pit-micro pit-micro --datasets digits --out t.parquet",
            "--space needs at least one name",
        ),
        ("bench build --space pit-micro --datasets digits --out t.csv", "--out must name a file"),
        ("bench info --plot picture.gif", "--plot takes a file that ends in .png or .svg"),
        ("evaluate --proxy params --backend dask", "The backend dask needs --address"),
    ],
)
def test_the_command_line_names_its_options(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    assert message in capsys.readouterr().err


LONG = "a" * 300
BAD_PATHS = {
    "": "the value is empty",
    " ": "the value is empty",
    LONG: "a name in the path has 300 bytes, and at most 200 are allowed",
    "é" * 110: "a name in the path has 220 bytes",
    "/".join(["a" * 100] * 60): "the path has 6059 bytes, and at most 4096 are allowed",
    "a\0b": "the path holds a NUL character",
}
WRITTEN = [
    "evolve --out",
    "search --proxy snip --out",
    "bench build --space pit-micro --datasets digits --out",
    "bench import x.csv --out",
    "bench info --plot",
    "parzc fit --out",
    "parzc fit --figures",
    "parzc evaluate --model x --report",
    "evaluate --proxy snip --out",
    "zoo --bench vitbench101 --out",
    "show snip --svg",
    "show snip --png",
    "show snip --python",
]


@pytest.mark.parametrize("words", WRITTEN)
def test_a_path_that_can_be_none_is_refused_before_anything_else(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, reason in BAD_PATHS.items():
        assert main([*words.split(), path]) == 2
        assert len(lines := capsys.readouterr().err.splitlines()) == 1
        assert reason in lines[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("evolve --islands", 256),
        ("evolve --init-seeds", 1000),
        ("search --proxy snip --num-classes", 100_000),
        ("search --proxy snip --population", 100_000),
        ("search --proxy snip --children", 100_000),
        ("search --proxy snip --randoms", 10_000),
        ("search --proxy snip --img-size", 4096),
        ("search --proxy snip --jobs", 4096),
        ("parzc fit --init-seeds", 1000),
    ],
)
def test_numbers_that_take_memory_are_bounded(words, most, capsys):
    for value in (most + 1, 10**9, 10**300):
        assert main([*words.split(), str(value)]) == 2
        assert f"give a whole number of at most {most}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "runs/a"), "'runs/a': Permission denied. Check the path"),
        (OSError(5, "Input/output error"), "Input/output error. Check the path"),
        (MemoryError(), "There is not enough memory. Use fewer --jobs"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, said, capsys, monkeypatch):
    def fails(_):
        raise error

    monkeypatch.setattr("autoprox.commands.show.load", fails)
    assert main(["show", "snip"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"autoprox: error: {said}")


def test_a_file_of_others_is_replaced_on_demand_alone(capsys, tmp_path):
    """Options of a single result file; folders have their own rules."""
    for words in (
        ["show", "snip", "--svg", "{}.svg"],
        ["show", "snip", "--python", "{}.py"],
        ["bench", "info", "--plot", "{}.png"],
    ):
        path = Path(words[-1].format(tmp_path / "theirs"))
        path.write_text("theirs")
        given = [*words[:-1], str(path)]
        assert main(given) == 2
        assert capsys.readouterr().err == (
            f"autoprox: error: The file '{path}' exists; give another one, or --force to replace it.\n"
        )
        assert path.read_text() == "theirs"
    assert main([*given, "--force"]) == 0
    assert path.read_bytes()[1:4] == b"PNG"
