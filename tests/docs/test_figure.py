"""The figure of results: what it shows is what the proxies carry, and the file is of the current results."""

import xml.etree.ElementTree as ET
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


def test_every_proxy_is_shown_beside_counts_and_zoo_of_its_own_blocks(panels):
    shown = {row.name: panel for panel in panels for row in panel.rows if row.kind == "proxy"}
    assert set(shown) == set(autoprox.shipped_names())
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
    """The mean over blocks of a space, then over spaces, computed here once more."""
    means = []
    for space in ("autoformer-micro", "pit-micro"):
        blocks = [each for each in table.manifest["blocks"] if each["space"] == space]
        chosen = [each for each in blocks if each["label_kind"] == "scratch" and each["metric"] == "top1_pct"]
        means.append(np.mean([each["all"]["ceiling"] for each in chosen]))
    both = next(panel for panel in panels if "autoformer" in panel.title and "pit" in panel.title)
    assert both.ceiling == pytest.approx(np.mean(means))


def test_results_of_another_table_are_refused(figure, table, monkeypatch):
    monkeypatch.setitem(table.__dict__, "digest", "0" * 32)
    with pytest.raises(ValueError, match="another state of vitbench101: remake proxies first"):
        figure.panels(table)


def test_the_file_is_drawn_of_the_current_results(figure, tmp_path: Path):
    figure.write(tmp_path / "results.svg")
    drawn = (tmp_path / "results.svg").read_text(encoding="utf-8")
    texts = _texts(drawn)
    assert texts == _texts(figure.OUTPUT.read_text(encoding="utf-8")), "run python benchmarks/figure.py"
    assert set(autoprox.shipped_names()) <= set(texts)
    figure.write(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == drawn
    assert "<dc:date>" not in drawn


def _texts(svg: str) -> list[str]:
    """All that is written in a picture; positions may differ in the last digit between processors."""
    return [each.text or "" for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
