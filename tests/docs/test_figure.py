"""The figure of results: it shows the results stored in the proxies, and the file is current."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import autoprox
from autoprox.bench.table import Table
from tests.docs.pages import ROOT, script


@pytest.fixture(scope="module")
def figure():
    return script(ROOT / "benchmarks" / "figure.py")


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.read()


@pytest.fixture(scope="module")
def panels(figure, table):
    return figure.panels(table)


def proxies_of(table: Table) -> set[str]:
    return {name for name in autoprox.shipped_names() if autoprox.load(name).provenance["table"] == table.name}


def test_every_proxy_of_the_table_is_shown_beside_counts_and_zoo_of_its_own_blocks(panels, table):
    shown = {row.name: panel for panel in panels for row in panel.rows if row.kind == "proxy"}
    assert set(shown) == proxies_of(table) != set()
    for name, panel in shown.items():
        results = autoprox.load(name).results
        sealed = results["splits"]["sealed"]
        rows = {row.name: row for row in panel.rows}
        assert rows[name].joint == sealed["proxy"]["joint"]
        assert [rows[name].low, rows[name].high] == sealed["proxy"]["ci95"]
        for count in ("params", "macs", "depth", "mean_width", "sum_dim_depth"):
            assert rows[count].joint == sealed[count]["joint"]
        assert rows[results["zoo"]].joint == sealed["zoo"]["joint"]
    for panel in panels:
        assert [row.joint for row in panel.rows] == sorted((row.joint for row in panel.rows), reverse=True)


def test_ceilings_are_joined_like_correlations(panels, table):
    """The mean over blocks of a space, then over spaces, computed independently."""
    means = []
    for space in ("autoformer-micro", "pit-micro"):
        blocks = [each for each in table.manifest["blocks"] if each["space"] == space]
        chosen = [each for each in blocks if each["label_kind"] == "scratch" and each["metric"] == "top1_pct"]
        means.append(np.mean([each["all"]["ceiling"] for each in chosen]))
    both = next(panel for panel in panels if "autoformer" in panel.title and "pit" in panel.title)
    assert both.ceiling == pytest.approx(np.mean(means))


def test_proxies_of_other_tables_are_left_out(figure, table, monkeypatch):
    monkeypatch.setattr(figure.autoprox, "shipped_names", lambda: ["joint_micro", "pit_micro"])
    load = autoprox.load

    def of_others(name):
        proxy = load(name)
        return replace(proxy, provenance={**proxy.provenance, "table": "mine"}) if name == "pit_micro" else proxy

    monkeypatch.setattr(figure.autoprox, "load", of_others)
    (panel,) = figure.panels(table)
    assert {row.name for row in panel.rows if row.kind == "proxy"} == {"joint_micro"}


def test_results_of_another_state_are_refused(figure, table, monkeypatch):
    monkeypatch.setitem(table.__dict__, "digest", "0" * 32)
    with pytest.raises(ValueError, match="another state of vitbench101: remake proxies first"):
        figure.panels(table)


def test_the_file_is_drawn_of_the_current_results(figure, table, tmp_path: Path):
    figure.write(tmp_path / "results.svg")
    drawn = (tmp_path / "results.svg").read_text(encoding="utf-8")
    texts = _texts(drawn)
    assert texts == _texts(figure.OUTPUT.read_text(encoding="utf-8")), "run python benchmarks/figure.py"
    assert proxies_of(table) <= set(texts)
    figure.write(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == drawn
    assert "<dc:date>" not in drawn


def _texts(svg: str) -> list[str]:
    """All text of a picture; positions may differ in the last digit between processors."""
    return [each.text or "" for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
