"""Exported and shipped files, loaded in every way that Python has of running a file."""

import importlib
import importlib.util
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import autoprox
from autoprox.graph import Proxy, parse
from autoprox.graph.export import to_python
from tests.graph import foreign

SHIPPED = Path(autoprox.__file__).parents[1] / "proxies"

EXPORTED = {
    "static": "nodes_sum(l1(weight))",
    "gradients and roles": "nodes_mean(rank(only_mlp(l1(mul(weight, weight_grad)))))",
    "two passes, attention": "add(nodes_std(mean(attention)), nodes_norm(frobenius(synflow_weight_grad)))",
    "samples": "nodes_sum(l1(mul(sample_grad_std, batch_grad_mean_abs)))",
    "every kind of count": "nodes_max(mul(macs, deep(tokens)))",
}


def imported(path):
    return vars(importlib.import_module(path.stem))


def imported_from_a_package(path):
    package = path.with_name("holder")
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(path, package / path.name)
    return vars(importlib.import_module(f"holder.{path.stem}"))


def imported_from_an_archive(path):
    archive = path.with_name("archive.zip")
    with zipfile.ZipFile(archive, "w") as written:
        written.write(path, f"zipped_{path.name}")
    sys.path.insert(0, str(archive))
    return vars(importlib.import_module(f"zipped_{path.stem}"))


def by_its_location(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert path.stem not in sys.modules
    return vars(module)


def by_its_location_and_registered(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def run_as_a_path(path):
    return runpy.run_path(str(path))


def run_as_a_script(path):
    return runpy.run_path(str(path), run_name="__main__")


def run_as_a_module(path):
    return runpy.run_module(path.stem)


def executed(path):
    names = {}
    exec(path.read_text(), names)
    return names


def executed_under_a_name(path):
    names = {"__name__": "no_module_of_this_name"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


WAYS = [
    imported,
    imported_from_a_package,
    imported_from_an_archive,
    by_its_location,
    by_its_location_and_registered,
    run_as_a_path,
    run_as_a_script,
    run_as_a_module,
    executed,
    executed_under_a_name,
]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that modules are imported from, and forgotten again."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"holder", "best", "zipped_best"}:
            del sys.modules[name]


@every_way
@pytest.mark.parametrize("text", EXPORTED.values(), ids=EXPORTED)
def test_an_exported_file(way, text, folder):
    proxy = Proxy("mine", parse(text), -1)
    path = folder / "best.py"
    path.write_text(to_python(proxy))
    model, images, labels = foreign.seeded()
    score = way(path)["score"]
    assert score(model, images, labels) == pytest.approx(proxy.score(model, images, labels), rel=1e-7)


@every_way
@pytest.mark.parametrize("name", autoprox.shipped_names())
def test_a_shipped_file(way, name, folder):
    path = folder / "best.py"
    shutil.copy(SHIPPED / f"{name}.py", path)
    assert way(path)["proxy"] == autoprox.load(name)
