"""Figures for a page: every formula can be typeset, and no figure has links."""

import re

import pytest
from matplotlib.figure import Figure

from autoprox.graph import PRIMITIVES, Level, Proxy, parse
from autoprox.report._svg import drawing_svg, figure_svg, formula_svg
from autoprox.report.report_figures import Bar, Curve, bars_figure, curve_figure, scatter_figure
from autoprox.scorers import zoo_graphs
from tests.report.pages import Page


def _attributes(svg: str, name: str) -> list[str]:
    return [value for _, each, value in Page(svg).attributes if each == name]


@pytest.mark.parametrize("proxy", list(zoo_graphs()), ids=lambda proxy: proxy.name)
def test_formulas_of_the_zoo_are_set(proxy):
    assert formula_svg(proxy).count("<use") > 3


def test_all_arithmetic_can_be_set():
    """One formula per primitive; their arguments do not matter here."""
    leaf = "frobenius(weight)"
    for level, outer in ((Level.NODE, "nodes_sum({})"), (Level.SCALAR, "{}")):
        inner = leaf if level is Level.NODE else f"nodes_sum({leaf})"
        for primitive in PRIMITIVES[level].values():
            argument = leaf if primitive.name.startswith("nodes_") else inner
            text = f"{primitive.name}({', '.join([argument] * primitive.arity)})"
            graph = parse(text if primitive.name.startswith("nodes_") else outer.format(text))
            for sign in (1, -1):
                assert formula_svg(Proxy("one", graph, sign)).startswith("<svg")


def test_identifiers_are_of_the_figure_and_the_same_every_time():
    bars = [Bar("winner", 0.5, 0.2, 0.7, own=True), Bar("params", 0.4, 0.1, 0.6)]
    first, again = (str(figure_svg(lambda: bars_figure(bars), "bars", "Bars.")) for _ in range(2))
    assert first == again
    identities = _attributes(first, "id")
    assert len(identities) == len(set(identities)) > 5
    assert all(each.startswith("bars-") for each in identities)
    referred = _attributes(first, "href") + [f"#{each}" for each in re.findall(r"url\(#([^)]*)\)", first)]
    assert {each[1:] for each in referred} <= set(identities)
    assert "http" not in first


def test_names_of_users_are_text_whatever_they_hold():
    hostile = "$x$ </svg><script>alert('&')</script>\""
    curve = [Curve(hostile, [(1, 0.1), (5, 0.3)], 9)]
    block = {"scores": [1.0, 1e6, 3.0], "labels": [1.0, 2.0, 3.0], "splits": ["fit", "select", "fit"]}
    for draw in (lambda: curve_figure(curve), lambda: scatter_figure(block, hostile, hostile), Figure):
        page = Page(figure_svg(draw, "one", hostile))
        assert "script" not in page.tags
        assert ("svg", "aria-label", hostile) in page.attributes
    drawn = Page(drawing_svg(Proxy(hostile, parse("nodes_sum(l1(weight))"))))
    assert "script" not in drawn.tags
    assert "<script>alert" in drawn.texts["svg"]
