"""Scripts of `autoprox completion`: each shell accepts its script and completes the existing names."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoprox.commands.completion import SHELLS, actions_of, root_parser, script
from autoprox.commands.values import Completion
from autoprox.evolve import STRATEGIES
from autoprox.scorers import ZOO
from autoprox.spaces import space_names

COMPLETED = [
    (["autoprox", "evo"], {"evolve"}),
    (["autoprox", "bench", ""], {"build", "check", "import", "info"}),
    (["autoprox", "bench", "build", "--iso-s"], {"--iso-seeds", "--iso-strata"}),
    (["autoprox", "bench", "build", "--space", ""], {*space_names(), "snipped.json", "kept"}),
    (["autoprox", "search", "--proxy", "az_"], {name for name in ZOO if name.startswith("az_")}),
    (["autoprox", "evolve", "--strategy", ""], set(STRATEGIES)),
    (["autoprox", "evolve", "--aggregate", "w"], {"weighted"}),
    (["autoprox", "show", "snip"], {"snip", "snipped.json"}),
    (["autoprox", "completion", ""], set(SHELLS)),
]
"""A line and its completions; there are a file `snipped.json` and a folder `kept`."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell in SHELLS:
        (folder / shell).write_text(script(shell))
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "snipped.json").touch()
    (tmp_path / "kept").mkdir()
    return tmp_path


def answer(shell: str, program: str, folder: Path) -> list[str]:
    """The lines that a shell prints; skips if it is not installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("words", "expected"), [*COMPLETED, (["autoprox", "evolve", "--out", "k"], {"kept"})])
def test_bash_completes(words: list[str], expected: set[str], scripts: Path, here: Path) -> None:
    quoted = " ".join(f"'{word}'" for word in words)
    program = f"""
        source {scripts / "bash"}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
        _shtab_autoprox; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert set(answer("bash", program, here)) == expected


@pytest.mark.parametrize(("words", "expected"), COMPLETED)
def test_fish_completes(words: list[str], expected: set[str], scripts: Path, here: Path) -> None:
    lines = answer("fish", f"source {scripts / 'fish'}; complete -C '{' '.join(words)}'", here)
    assert {line.split("\t")[0] for line in lines} >= expected


def test_zsh_reads_its_script(scripts: Path, here: Path) -> None:
    text = (scripts / "zsh").read_text()
    assert text.startswith("#compdef autoprox\n")
    assert f"({' '.join(space_names())})" in text
    assert answer("zsh", f"zsh -n {scripts / 'zsh'} && print fine", here) == ["fine"]


def test_each_option_declares_how_it_is_read_and_completed() -> None:
    for action in actions_of(root_parser()):
        if action.nargs != 0 and action.choices is None:
            assert isinstance(getattr(action.type, "completion", None), Completion), (
                action.option_strings or action.dest
            )


def test_help_and_a_misspelt_command_load_nothing_heavy() -> None:
    program = (
        "import sys; from autoprox.commands import main; main(['--help']); main(['evolv']);"
        "assert not {'torch', 'pandas', 'shtab', 'deap'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Did you mean 'evolve'?" in done.stderr
