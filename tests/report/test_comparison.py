"""The page that compares runs: a row per finished run, the best first, with links to their reports."""

import shutil

import pytest

from autoprox.commands import main
from autoprox.evolve.runs import load
from autoprox.report import COMPARISON, comparison_report
from tests.report.pages import Page, assert_only_the_own_script_runs


@pytest.fixture
def above(folder, tmp_path):
    for name in ("first", "second"):
        shutil.copytree(folder, tmp_path / name)
    return tmp_path


def test_each_run_has_a_row_and_a_link(above):
    runs = [load(above / name) for name in ("first", "second")]
    page = Page(comparison_report(runs, above))
    rows = page.tables["comparison"][1:]
    assert [row[0].text for row in rows] == ["first", "second"]
    own = runs[0].proxy.results["splits"]
    for row in rows:
        shown = [row[place].value for place in (4, 5, 6)]
        assert shown == pytest.approx([own[split]["proxy"]["joint"] for split in ("fit", "select", "sealed")])
    assert ("a", "href", "first/report.html") in page.attributes
    assert not {"iframe", "link", "img"} & set(page.tags)
    assert_only_the_own_script_runs(page)
    front = page.tables["front"][1:]
    assert {row[1].text for row in front} == {f"{run.proxy.graph.size:,}" for run in runs}
    assert [row[2].value for row in front] == pytest.approx([own["select"]["proxy"]["joint"]] * len(runs))


def test_a_page_of_others_stays(above, capsys):
    (above / COMPARISON).write_text("<!DOCTYPE html> mine")
    assert main(["runs", str(above), "--report"]) == 2
    assert f"{COMPARISON}' was not written by autoprox" in capsys.readouterr().err
    assert (above / COMPARISON).read_text() == "<!DOCTYPE html> mine"
    (above / COMPARISON).unlink()


def test_the_command_writes_it_beside_the_runs(above, capsys):
    assert main(["runs", str(above), "--report"]) == 0
    assert main(["runs", str(above), "--report"]) == 0
    assert str(above / COMPARISON) in capsys.readouterr().out
    assert (above / COMPARISON).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main(["runs", str(above), "--report", "--random-budget", "5"]) == 2
