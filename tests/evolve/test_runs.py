"""Runs as frames: data are read as written, and derived values follow from them."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

import autoprox
from autoprox.base.errors import StoreMismatchError
from autoprox.commands import main
from autoprox.evolve.evolution_journal import EvolutionJournal
from autoprox.evolve.fitness import Status
from tests.commands.test_command_line import user_frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run with several objectives, islands and seeds from the zoo."""
    place = tmp_path_factory.mktemp("runs")
    user_frame().to_parquet(place / "mine.parquet")
    out = place / "run"
    options = ["--strategy", "nsga2", "--set", "population=24", "offspring=16", "--islands", "2", "--seed-zoo"]
    given = ["evolve", "--bench", str(place / "mine.parquet"), "--budget", "150", "--jobs", "1", "--out", str(out)]
    assert main([*given, *options]) == 0
    return out


def test_evaluations(folder):
    run = autoprox.runs.load(folder)
    frame = run.evaluations
    valid = frame[frame["status"] == Status.VALID.value]
    assert len(valid) == 150
    assert set(frame["origin"]) == {"zoo", "fresh", "mutant", "crossing"}
    assert set(frame["island"]) == {0, 1}
    assert (frame["seed"] == 0).all()
    assert frame["digest"].is_unique
    (column,) = [name for name in frame if name.startswith("tau_")]
    np.testing.assert_allclose(valid["joint"], valid[column])  # one block
    assert valid["beyond"].notna().any()
    assert frame[frame["status"] != Status.VALID.value]["joint"].isna().all()
    two = frame[frame["origin"] == "crossing"]["parents"].map(len)
    assert set(two) == {2}


def test_best_so_far(folder):
    run = autoprox.runs.load(folder)
    best = run.best_so_far
    assert list(best.index) == list(range(1, 151))
    valid = run.evaluations.query("status == 'valid'")
    assert best["fitness"].iloc[-1] == valid["fitness"].max()
    for count in (1, 17, 150):
        part = valid.head(count)
        assert best.loc[count, "fitness"] == part["fitness"].max()
        assert best.loc[count, "graph"] == part.loc[part["fitness"].idxmax(), "graph"]
    assert run.epochs["evaluated"].is_monotonic_increasing
    assert run.epochs["best"].iloc[-1] == best["fitness"].iloc[-1]


def test_hall_front_and_provenance(folder):
    run = autoprox.runs.load(folder)
    assert run.status == "finished"
    hall = run.hall
    assert hall["fit_fitness"].is_monotonic_decreasing
    eligible = hall[hall["steady"] & hall["select_fitness"].notna()]
    top = eligible.sort_values(["select_fitness", "fit_fitness"], ascending=False, kind="stable").iloc[0]
    assert top["select_fitness"] == run.proxy.results["splits"]["select"]["proxy"]["joint"]
    assert run.provenance["strategy"] == "nsga2"
    assert run.provenance["stop_budget"] == 150
    assert run.provenance["command"][:3] == ["python", "-m", "autoprox.evolve"]
    front = pd.read_csv(folder / "front.csv")
    assert json.loads((folder / "front.json").read_text())[0]["graph"] == front["graph"].iloc[0]
    valid = run.evaluations.query("status == 'valid'")
    assert front["joint"].iloc[0] == valid["joint"].max()
    assert front["beyond_size"].max() == valid["beyond"].max()
    assert front["size"].min() == valid["size"].min()


def test_results_hold_zoo_and_ensemble(folder):
    results = autoprox.runs.load(folder).proxy.results
    assert results["zoo"] in autoprox.scorers.ZOO
    for split in ("fit", "select", "sealed"):
        assert {"proxy", "zoo", "params"} <= set(results["splits"][split])
    trial = results["ensemble"]
    assert trial["better"] == (trial["joint"] > trial["best_member"])


def test_command(folder, capsys):
    assert main(["runs", str(folder.parent)]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["runs", str(folder.parent), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["strategy"] == "nsga2"
    assert main(["runs", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert autoprox.runs.load(folder).proxy.formula in shown
    assert main(["runs", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcomes"]["valid"] == 150
    assert main(["runs", str(folder / "nothing")]) == 2
    assert "no run" in capsys.readouterr().err


def test_unfinished_run_can_be_read(tmp_path):
    with EvolutionJournal(tmp_path / "journal.sqlite", {"seed": 0, "blocks": ["a/b"]}):
        run = autoprox.runs.load(tmp_path)
        assert run.status == "begun"
        assert run.evaluations.empty
        assert run.best_so_far.empty
        with pytest.raises(StoreMismatchError, match="not finished"):
            run.hall  # noqa: B018


@pytest.mark.parametrize("text", ["[{}]", "{}x", "3", '["a"]', '[{"graph": 5}]'])
def test_a_hall_that_was_changed_is_refused(tmp_path, text):
    with EvolutionJournal(tmp_path / "journal.sqlite", {"seed": 0, "blocks": ["a/b"]}):
        (tmp_path / "hall.json").write_text(text)
        with pytest.raises(StoreMismatchError, match=r"hall\.json"):
            autoprox.runs.load(tmp_path).hall  # noqa: B018


@pytest.mark.parametrize(
    "change",
    [
        "delete from meta where name = 'definition'",
        "update meta set value = '{'",
        "update meta set value = 3",
        "update meta set value = replace(hex(zeroblob(50000)), '0', '[')",
        "update meta set value = '[1]' where name = 'stop'",
        "update meta set value = cast(x'ff' as text)",
    ],
)
def test_a_journal_that_was_changed_is_refused(tmp_path, change):
    path = tmp_path / "journal.sqlite"
    with EvolutionJournal(path, {"seed": 0, "blocks": ["a/b"]}) as journal:
        journal.remember("stop", {"budget": 3})
        journal.remember("status", "begun")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)
    with pytest.raises(StoreMismatchError, match=r"journal\.sqlite' is damaged"):
        autoprox.runs.load(tmp_path)
    if "stop" not in change:
        with pytest.raises(StoreMismatchError, match="delete it"):
            EvolutionJournal(path, {"seed": 0, "blocks": ["a/b"]})


@pytest.mark.parametrize("column", ["parents", "taus", "fitness", "joint", "graph", "digest", "status"])
def test_values_of_other_types_in_a_journal_are_one_error(folder, tmp_path, column):
    (tmp_path / "journal.sqlite").write_bytes((folder / "journal.sqlite").read_bytes())
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection, connection:
        connection.execute(f"update evaluations set {column} = x'00ff' where id = 7")
    run = autoprox.runs.load(tmp_path)
    with pytest.raises(StoreMismatchError, match="is damaged"):
        run.evaluations  # noqa: B018


def test_a_search_is_no_run(tmp_path, capsys):
    """A folder may hold both; only runs are listed, and a search is refused in one line."""
    options = ["--proxy", "params", "--space", "pit-micro", "--dataset", "digits", "--budget", "8", "--jobs", "1"]
    assert main(["search", *options, "--out", str(tmp_path / "search")]) == 0
    assert autoprox.runs.find(tmp_path) == []
    capsys.readouterr()
    assert main(["runs", str(tmp_path / "search")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(StoreMismatchError, match="not a run"):
        autoprox.runs.load(tmp_path)
