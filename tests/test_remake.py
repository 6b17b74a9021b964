"""The one command that remakes stored results knows all of them."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import autoprox

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def remake() -> ModuleType:
    specification = importlib.util.spec_from_file_location("remake", BENCHMARKS / "remake.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["remake"] = module
    specification.loader.exec_module(module)
    return module


def test_every_script_that_measures_is_a_step(remake: ModuleType) -> None:
    runnable = {
        str(path.relative_to(BENCHMARKS))
        for folder in ("quality", "speed")
        for path in (BENCHMARKS / folder).glob("*.py")
        if "__main__" in path.read_text()
    }
    assert {script.path for script in remake.SCRIPTS} == runnable


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*/*.py")), ids=lambda path: path.stem)
def test_every_script_loads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it takes from the project exists; scripts find their neighbours as they do when they are run."""
    monkeypatch.syspath_prepend(str(path.parent))
    before = set(sys.modules)
    specification = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, specification.name, module)
    specification.loader.exec_module(module)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and Path(str(sys.modules[name].__file__)).parent == path.parent:
            del sys.modules[name]


def test_every_shipped_file_is_what_its_step_writes(remake: ModuleType) -> None:
    assert {shipment.name for shipment in remake.SHIPMENTS} == set(autoprox.shipped_names())
    for shipment in remake.SHIPMENTS:
        text = (BENCHMARKS.parent / "proxies" / f"{shipment.name}.py").read_text()
        assert text == remake.module_text(shipment, autoprox.load(shipment.name))
        assert f"{shipment.command}\n" in text
        assert not shipment.imported or shipment.importing("") in text


def test_groups_and_names_choose_in_the_order_of_all(remake: ModuleType, tmp_path: Path) -> None:
    known = remake.steps(tmp_path)
    assert remake.chosen(["speed", "bank"], known)[0].name == "bank"
    assert {step.group for step in remake.chosen(["speed"], known)} == {"speed"}
    assert remake.chosen([], known) == known
    assert len({step.name for step in known}) == len(known)
    assert "published" not in {step.name for step in remake.steps(None)}
    with pytest.raises(KeyError):
        remake.chosen(["sped"], known)


def test_the_figure_is_the_last_step(remake: ModuleType) -> None:
    last = remake.steps(None)[-1]
    assert (last.name, last.command) == ("figure", "python benchmarks/figure.py")
    assert (BENCHMARKS / remake.FIGURE.path).exists()


def test_a_script_writes_its_output_where_it_belongs(
    remake: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remake, "HERE", tmp_path / "benchmarks")
    (tmp_path / "benchmarks" / "speed").mkdir(parents=True)
    (tmp_path / "benchmarks" / "speed" / "a.py").write_text("print('measured')")
    (tmp_path / "benchmarks" / "speed" / "b.py").write_text("raise SystemExit(3)")
    remake.Script("speed/a.py", "", "speed/results/a.md").run(None)
    target = tmp_path / "benchmarks" / "speed" / "results" / "a.md"
    assert target.read_text() == "measured\n"
    with pytest.raises(subprocess.CalledProcessError):
        remake.Script("speed/b.py", "", "speed/results/a.md").run(None)
    assert target.read_text() == "measured\n"
