"""Shipped proxies against the scores that were stored when they were discovered.

The stored values were computed by torch 2.13.0 on an x86-64 CPU in one thread. Another processor sums float32 in
another order, which changes leaves by some 1e-7 and a graph of many operations by up to 2e-5 (measured between two
processors), hence the tolerance. If the table, a space, a statistic or a primitive changes on purpose, its version
changes with it, and `python benchmarks/remake.py` discovers the proxies again; no one edits these values
by hand.
"""

import json
from importlib import import_module
from pathlib import Path

import pytest

import autoprox
from autoprox.bench.importers import import_drafts, read_published
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.spaces import SPACES
from autoprox.spaces.task import NOISE_CLASSES, noise_task

NAMES = autoprox.shipped_names()
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published"


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.read()


def test_something_is_shipped():
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_golden_scores(name, table):
    proxy = autoprox.load(name)
    # Data sets without images are the same noise.
    golden = {(each["arch_json"], each["batch"], each["init_seed"]): each for each in proxy.results["golden"]}
    for each in golden.values():
        owner = autoprox.space(each["space"])
        # The tables of published labels are not available here; they have no images, so that their tasks are noise.
        task = (
            table.task(each["dataset"], each["space"])
            if proxy.provenance["table"] == table.name
            else noise_task(each["dataset"], NOISE_CLASSES, owner.default_img_size)
        )
        assert task.digest == each["batch"]
        arch = owner.parse(each["arch_json"])
        model = owner.build(arch, task.num_classes, task.img_size, task.in_chans, seed=each["init_seed"])
        assert proxy.score(model, task.images, task.labels) == pytest.approx(each["score"], rel=1e-4)


@pytest.mark.parametrize("name", [each for each in NAMES if not each.startswith("published_")])
def test_belongs_to_the_embedded_table(name, table):
    provenance = autoprox.load(name).provenance
    assert provenance["table"] == table.name
    assert provenance["table_digest"] == table.digest


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published labels do not lie beside the repository")
@pytest.mark.parametrize("name", [each for each in NAMES if each.startswith("published_")])
def test_belongs_to_the_published_labels(name, tmp_path):
    proxy = autoprox.load(name)
    files = {"autoformer-ti": "gt_autoformer.pth", "pit-ti": "gt_pit_a.pth"}
    spaces = [space for space in files if any(block.startswith(f"{space}/") for block in proxy.provenance["batches"])]
    drafts = [read_published(PUBLISHED / files[space], SPACES[space]) for space in spaces]
    assert import_drafts(drafts, tmp_path / "table.parquet", "the command").faults == []
    assert Table.read(tmp_path / "table.parquet").digest == proxy.provenance["table_digest"]


@pytest.mark.parametrize("name", NAMES)
def test_is_importable(name):
    module = import_module(f"autoprox.shipped.{name}")
    assert module.proxy == autoprox.load(name)
    assert module.score == module.proxy.score
    assert module.proxy.name == name
    assert module.proxy.formula in (module.__doc__ or "")


def test_stored_correlations_are_found_again(capsys):
    """`evaluate` on the select split gives what the discovery wrote down."""
    name = NAMES[0]
    proxy = autoprox.load(name)
    blocks = proxy.results["splits"]["select"]["proxy"]["blocks"]
    spaces, datasets = ({block[key] for block in blocks} for key in ("space", "dataset"))
    options = [
        "--spaces",
        *sorted(spaces),
        "--datasets",
        *sorted(datasets),
        "--split",
        "select",
        "--jobs",
        "1",
        "--json",
    ]
    assert main(["evaluate", "--proxy", name, *options]) == 0
    found = json.loads(capsys.readouterr().out)["proxies"][name]
    stored = proxy.results["splits"]["select"]["proxy"]
    assert found["joint"] == pytest.approx(stored["joint"])
    assert [block["kendall"] for block in found["blocks"]] == pytest.approx([block["kendall"] for block in blocks])
