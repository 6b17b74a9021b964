"""Accuracy against size: the formulas on the front, and the links from points of its figure to their rows."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from autoprox.base.figures import labelled
from autoprox.evolve.runs import load
from autoprox.report import REPORT
from autoprox.report._formula_front import FormulaMember, front, front_section
from tests.report.pages import Page

taus = st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.75])
members = st.lists(
    st.builds(FormulaMember, st.just(""), st.integers(1, 6), taus, st.just("f")), min_size=1, max_size=12
)


@given(members)
def test_the_front_is_what_nothing_smaller_matches(given):
    found = front(given)
    for each in given:
        matched = any(m.size <= each.size and m.tau >= each.tau and m != each for m in given)
        assert (each in found) != matched
    assert [each.size for each in found] == sorted({each.size for each in found})


def test_every_point_with_a_number_leads_to_its_row(folder):
    page = Page((folder / REPORT).read_text(encoding="utf-8"))
    rows = page.rows("front")
    links = {value for tag, name, value in page.attributes if (tag, name) == ("a", "href") and "#front-" in value}
    assert links == {f"#front-{number}" for number in rows}
    assert {link[1:] for link in links} <= set(page.ids)
    assert not any(name == "target" for _, name, _ in page.attributes)


def test_forms_stand_beside_the_hall_and_the_winner_is_marked(folder):
    run = load(folder)
    page = Page((folder / REPORT).read_text(encoding="utf-8"))
    named = {row[3].text: row for row in page.rows("front").values() if row[3].text}
    assert set(named) == {each["form"] for each in run.proxy.results["forms"]}
    for each in run.proxy.results["forms"]:
        assert named[each["form"]][0].text == f"{each['size']:,}"
        assert named[each["form"]][1].value == pytest.approx(each["select"])
    on_front = [row for row in page.rows("front").values() if row[2].text == "yes"]
    steady = run.hall[run.hall["steady"]]
    assert max(row[1].value for row in on_front) >= steady["select_joint"].max() - 1e-12


def test_a_page_of_one_formula_has_a_figure():
    section = front_section([FormulaMember("only", 3, 0.5, "f", own=True)], "select")
    assert [row["anchor"] for row in section["rows"]] == ["front-1"]
    assert "#front-1" in section["figure"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=5))
@settings(max_examples=15)
def test_labels_cover_neither_each_other_nor_their_points(points):
    figure = Figure((5, 4))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    texts = labelled(axes, [(x, y, f"label {number}") for number, (x, y) in enumerate(points)])
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in texts]  # without the lines to their points
    for first, second in combinations(boxes, 2):
        assert not first.overlaps(second)
    for x, y in points:
        assert not any(box.contains(*axes.transData.transform((x, y))) for box in boxes)
