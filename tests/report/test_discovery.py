"""The report of a run agrees with the run in every section, and reads the sealed split only from best.json."""

import json
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from autoprox.base.errors import StoreMismatchError
from autoprox.bench.judging import Judge
from autoprox.bench.sealed import sealed_count
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.evolve import PROXY_ROW, UNTAUGHT_ROW
from autoprox.evolve.runs import load
from autoprox.graph import Proxy
from autoprox.report import EVIDENCE, REPORT, discovery_report, read_evidence
from autoprox.report._bands import band_taus
from autoprox.report._evidence import ENSEMBLE_ROW
from tests.report.pages import Page, assert_self_contained

SECTIONS = ("winner", "rivals", "blocks", "size", "search", "origin")
NOT_AGAIN = "scored again"


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / REPORT).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(folder):
    return load(folder)


@pytest.fixture
def evidence(run):
    return read_evidence(run)


def test_it_is_whole_and_leads_nowhere(folder, page):
    assert_self_contained(page)
    assert "http" not in (folder / REPORT).read_text(encoding="utf-8").replace("http-equiv", "")
    for section in SECTIONS:
        assert page.texts[section].strip()
    assert page.texts["h1"] == load(folder).proxy.name
    # formula, drawing, two of bars, accuracy against size, two blocks, bands, curve
    assert page.tags.count("svg") == 9


def test_verdicts_are_those_of_best_json(run, page):
    splits = run.proxy.results["splits"]
    rows = page.rows("comparison")
    for shown, key in (("winner", "proxy"), ("params", "params"), ("macs", "macs"), ("depth", "depth")):
        select, select_ci, sealed, sealed_ci, *beside = rows[shown]
        assert select.value == splits["select"][key]["joint"]
        assert select_ci.values == splits["select"][key]["ci95"]
        assert sealed.value == splits["sealed"][key]["joint"]
        assert sealed_ci.values == splits["sealed"][key]["ci95"]
        for cell, name in zip(beside, ("tau_a", "ndcg_10", "top1_regret"), strict=True):
            assert cell.value == pytest.approx(np.mean([each[name] for each in splits["sealed"][key]["blocks"]]))
    zoo = run.proxy.results["zoo"]
    assert rows[f"{zoo} (zoo)"][0].value == splits["select"]["zoo"]["joint"]
    assert rows[f"{zoo} (zoo)"][2].value == splits["sealed"]["zoo"]["joint"]
    ensemble = run.proxy.results["ensemble"]
    assert rows["hall's ensemble"][0].value == pytest.approx(ensemble["joint"])
    how = "significantly more than" if ensemble["difference_ci95"][0] > 0 else "more than"
    assert f"{how if ensemble['better'] else 'no more than'} the best member alone" in page.texts["ensemble"]


def test_a_teacher_has_a_section_with_what_it_adds(run, evidence, page):
    assert "teacher" not in page.tables
    given = [
        {"row": row, "count": count, "partial": place / 10, "ci95": [place / 10 - 0.05, place / 10 + 0.05]}
        for place, (row, count) in enumerate(product((PROXY_ROW, UNTAUGHT_ROW), ("params", "depth")), 1)
    ]
    taught = load(run.folder)
    vars(taught)["proxy"] = replace(
        run.proxy,
        provenance={**run.proxy.provenance, "teachers": {"digits": {"name": "resnet of digits", "identity": "0"}}},
        results={**run.proxy.results, "given": given},
    )
    shown = Page(discovery_report(taught, evidence))
    assert "resnet of digits on digits, but does not" in shown.texts["rivals"]
    rows = shown.tables["teacher"][1:]
    names = [name for name in ("with a teacher", "without") for _ in range(2)]
    assert [row[0].text for row in rows] == names
    assert [row[1].text for row in rows] == [each["count"] for each in given]
    assert [row[2].value for row in rows] == [each["partial"] for each in given]
    assert [row[3].values for row in rows] == [each["ci95"] for each in given]


def test_blocks_are_those_of_best_json(run, page):
    rows = iter(page.tables["per-block"][1:])
    for index in range(2):
        for split in ("fit", "select", "sealed"):
            own = run.proxy.results["splits"][split]["proxy"]["blocks"][index]
            row = next(rows)
            assert row[1].text == split
            assert row[2].text == str(own["n"])
            assert row[3].value == own["kendall"]
            assert row[6].value == own["kendall_iso"]
            assert row[7].value == own["kendall_given_params"]


def test_bands_are_recomputed_from_what_was_kept(evidence, page):
    taus = [
        band_taus([each["scores"]], each["labels"], each["params"])[0]  # top1_pct: higher is better
        for each in evidence["blocks"]
    ]
    assert np.isfinite(taus).all()
    shown = [cell.value for cell in page.rows("bands")["winner"][:3]]
    np.testing.assert_allclose(shown, np.mean(taus, axis=0))


def test_labels_and_sizes_are_those_of_the_table(folder, evidence):
    table = Table.read(folder.parent / "mine.parquet")
    splits = table.splits()
    for block, own in zip(table.blocks(), evidence["blocks"], strict=True):
        values = dict(zip(block.arch_ids, block.values.tolist(), strict=True))
        assert own["arch_ids"] == [each for each in block.arch_ids if splits[each] != Split.SEALED]
        assert own["labels"] == [values[each] for each in own["arch_ids"]]
        assert own["splits"] == [splits[each].value for each in own["arch_ids"]]
        params = table.frame.drop_duplicates("arch_id").set_index("arch_id")["params_count"]
        assert own["params"] == [params[each] for each in own["arch_ids"]]


def test_search_is_that_of_the_journal(folder, run, page, tmp_path):
    valid = run.evaluations.query("status == 'valid'")
    origins = page.rows("origins")
    assert {name: int(cells[0].text) for name, cells in origins.items()} == valid["origin"].value_counts().to_dict()
    assert max(cells[1].value for cells in origins.values()) == valid["fitness"].max()
    rejected = {name: int(cells[0].text) for name, cells in page.rows("rejected").items()}
    assert rejected == run.proxy.provenance["rejected"]
    recorded = run.evaluations.query("status != 'valid'")["status"].value_counts().to_dict()
    assert recorded.items() <= rejected.items()
    hall = page.rows("hall")
    assert [cells[0].value for cells in hall.values()] == run.hall["fit_joint"][: len(hall)].tolist()

    # The same candidates as a run of random search with this seed.
    out = tmp_path / "random"
    given = ["--bench", str(folder.parent / "mine.parquet"), "--jobs", "1", "--out", str(out), "--no-report"]
    assert main(["evolve", *given, "--strategy", "random", "--budget", "70"]) == 0
    assert not (out / REPORT).exists()
    best = load(out).best_so_far["fitness"]
    kept = read_evidence(run)["random"]
    assert kept["evaluated"] == 70
    assert [best[count] for count, _ in kept["fitness"]] == [value for _, value in kept["fitness"]]
    assert kept["fitness"][-1][1] == best.max()
    assert kept["select"]["joint"] == pytest.approx(load(out).proxy.results["splits"]["select"]["proxy"]["joint"])
    assert "--random-budget 160" in page.texts["random"]


def test_origin_says_how_to_get_it_again(run, page):
    facts = page.facts
    assert facts["command"] == " ".join(run.provenance["command"])
    assert facts["seed"] == "0"
    assert run.definition["table_digest"] in facts["table"]
    assert run.provenance["versions"]["torch"] in facts["versions"]
    assert f"scored {run.sealed_scorings} time" in facts["sealed split"]
    assert facts["architectures"] == "fit 21, select 11, sealed 20"


def test_it_is_made_again_the_same_and_sealed_is_left_alone(folder, tmp_path, monkeypatch, capsys):
    copy = shutil.copytree(folder, tmp_path / "copy")
    before = {name: (copy / name).read_bytes() for name in (REPORT, EVIDENCE, "best.json")}
    digest = load(copy).definition["table_digest"]
    times = sealed_count(digest)
    made = Judge.__init__

    def without_sealed(self, problem, *splits, **options):
        assert Split.SEALED not in splits, NOT_AGAIN
        made(self, problem, *splits, **options)

    (copy / REPORT).unlink()
    assert main(["runs", str(copy), "--report"]) == 0
    made_again, first = ((copy / REPORT).read_text(encoding="utf-8"), before[REPORT].decode())
    assert made_again.replace(str(copy), "").replace(str(folder), "") == first.replace(str(folder), "")
    for name in (REPORT, EVIDENCE):
        (copy / name).unlink()
    # random_search makes all judges, as every search does, and looks at none but fit and select.
    monkeypatch.setattr(Judge, "__init__", without_sealed)
    assert main(["runs", str(copy), "--report", "--random-budget", "0"]) == 0
    monkeypatch.undo()
    assert main(["runs", str(copy), "--report", "--random-budget", "70"]) == 0
    assert (copy / EVIDENCE).read_bytes() == before[EVIDENCE]
    assert (copy / "best.json").read_bytes() == before["best.json"]
    assert sealed_count(digest) == times
    assert str(copy / REPORT) in capsys.readouterr().out


def test_hostile_names_are_text(folder, tmp_path):
    hostile = "<script>alert(1)</script> \"'&amp; $x$ {{ 7 * 7 }} </svg>"
    copy = shutil.copytree(folder, tmp_path / "copy")
    best = Proxy.read(copy / "best.json")
    named = replace(
        best.renamed(hostile),
        provenance={**best.provenance, "table": hostile},
        results={**best.results, "zoo": hostile},
    )
    named.save(copy / "best.json")
    document = json.loads((copy / "run.json").read_text()) | {"machine": hostile, "command": [hostile]}
    (copy / "run.json").write_text(json.dumps(document))
    evidence = read_evidence(load(folder))
    for block in evidence["blocks"]:
        block["dataset"] = block["space"] = hostile
    page = Page(discovery_report(load(copy), evidence))
    assert_self_contained(page)
    assert page.texts["h1"] == hostile
    assert hostile in page.facts["table"]
    assert hostile in page.facts["finished"]
    assert f"{hostile} (zoo)" in page.rows("comparison")
    assert f"{hostile}, {hostile}" in page.rows("per-block")


def test_what_does_not_fit_together_is_refused(folder, tmp_path, capsys):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / EVIDENCE).write_text("{")
    with pytest.raises(StoreMismatchError, match="damaged"):
        read_evidence(load(copy))
    Proxy.read(copy / "best.json").renamed("another").save(copy / "best.json")
    shutil.copy(folder / EVIDENCE, copy / EVIDENCE)
    assert read_evidence(load(copy)) is None  # of another winner
    (copy / "run.json").unlink()
    assert main(["runs", str(copy), "--report"]) == 2
    assert "run.json" in capsys.readouterr().err
    (copy / "best.json").unlink()
    assert main(["runs", str(copy), "--report"]) == 2
    assert "not finished" in capsys.readouterr().err
    assert main(["runs", str(copy), "--random-budget", "9"]) == 2
    assert main(["evolve", "--random-budget", "-1", "--out", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()


def test_a_new_result_takes_the_old_report_away(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    given = ["--bench", str(folder.parent / "mine.parquet"), "--jobs", "1", "--out", str(copy)]
    assert main(["evolve", *given, "--budget", "170", "--resume", "--no-report"]) == 0
    assert not (copy / REPORT).exists()
    assert not (copy / EVIDENCE).exists()


def test_ensemble_has_the_interval_of_a_scorer(evidence):
    low, high = evidence["select"][ENSEMBLE_ROW]["ci95"]
    assert low < evidence["select"][ENSEMBLE_ROW]["joint"] < high


def test_an_interrupted_report_leaves_a_finished_run(folder, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("autoprox.commands.evolve.make_report", interrupted)
    out = tmp_path / "run"
    given = ["--bench", str(folder.parent / "mine.parquet"), "--jobs", "1", "--out", str(out), "--budget", "30"]
    assert main(["evolve", *given]) == 130
    said = f"The run is finished. Write its report with: python -m autoprox.runs {out} --report"
    assert said in capsys.readouterr().err
    monkeypatch.undo()
    assert main(["runs", str(out), "--report"]) == 0
    page = Page((out / REPORT).read_text(encoding="utf-8"))
    assert_self_contained(page)
    assert page.texts["random"].startswith("After 30 candidates")
    assert "equal budget" not in page.texts["random"]  # it is one
