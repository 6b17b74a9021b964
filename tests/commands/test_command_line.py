"""The commands from a user's view: results on stdout, one line for a mistake, status 2, nothing overwritten."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import autoprox
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.commands import COMMANDS, main
from autoprox.evolve import Discoverer, runs
from autoprox.spaces import space


def random_architectures(name: str, count: int) -> list:
    rng = np.random.default_rng(0)
    return list(dict.fromkeys(space(name).sample(rng) for _ in range(4 * count)))[:count]


def small_architectures(name: str, count: int) -> list:
    """The cheapest architectures of a random sample, since scoring takes nearly all of the time of whole runs."""
    own, rng = space(name), np.random.default_rng(0)
    drawn = list(dict.fromkeys(own.sample(rng) for _ in range(16 * count)))
    kept = set(sorted(drawn, key=lambda arch: own.counts(arch, 10, 8, 1).macs)[:count])
    return [arch for arch in drawn if arch in kept]


def user_frame(
    count: int = 20,
    name: str = "pit-micro",
    dataset: str = "digits",
    chosen: Callable[[str, int], list] = small_architectures,
) -> pd.DataFrame:
    """A user's table: the four required columns, with values that follow depth and width plus noise."""
    rng = np.random.default_rng(1)
    archs = chosen(name, count)
    features = [space(name).features(arch) for arch in archs]
    values = [50 + 0.2 * each["mean_width"] - each["depth"] + rng.normal() for each in features]
    return pd.DataFrame(
        {"arch_json": [each.json for each in archs], "space": name, "dataset": dataset, "value": values}
    )


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "mine.parquet"
    user_frame().to_parquet(path)
    return path


def evolve(*arguments: object) -> int:
    return main(["evolve", "--jobs", "1", "--no-report", *map(str, arguments)])


def test_evolve_and_evaluate_on_a_table_of_ones_own(table, tmp_path, capsys):
    out = tmp_path / "run"
    assert evolve("--bench", table, "--budget", 150, "--out", out, "--verbose") == 0
    printed = capsys.readouterr()
    assert max(map(len, printed.out.splitlines())) <= 80 + len(str(out))
    assert printed.out.startswith("Verdict: ")
    assert "column" in printed.err.lower()  # what was derived is said
    assert "chance" in printed.err  # fewer than 60 architectures
    for word in ("proxy", "fit", "select", "sealed", "params", "macs", "depth", "mean_width", "sum_dim_depth"):
        assert word in printed.out
    run = json.loads((out / "run.json").read_text())
    assert {"command", "seconds", "versions"} <= set(run)
    proxy = autoprox.load(out / "best.json")
    assert proxy.provenance["evaluated"] == 150
    assert proxy.provenance["seed"] == 0

    shared = ["--bench", str(table), "--split", "fit", "--jobs", "1", "--json"]
    assert main(["evaluate", "--proxy", str(out / "best.json"), "snip", *shared]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert set(verdict) == {"bench", "split", "proxies", "baselines"}
    assert verdict["bench"] == "mine"
    assert verdict["split"] == "fit"
    (block,) = verdict["proxies"]["snip"]["blocks"]
    assert {"space", "dataset", "label_kind", "metric", "n", "kendall", "ci95", "spearman"} <= set(block)
    own = verdict["proxies"][str(out / "best.json")]
    assert own["joint"] == pytest.approx(proxy.results["splits"]["fit"]["proxy"]["joint"])
    assert own["ci95"] == pytest.approx(proxy.results["splits"]["fit"]["proxy"]["ci95"])


def test_live_score_is_the_one_that_evolution_saw(table, tmp_path):
    """Golden scores in best.json against networks that are built and scored here."""
    assert evolve("--bench", table, "--budget", 100, "--out", tmp_path / "run") == 0
    proxy = autoprox.load(tmp_path / "run")
    golden = proxy.results["golden"]
    assert golden
    for each in golden:
        owner = autoprox.space(each["space"])
        task = Table.read(table).task(each["dataset"], each["space"])
        assert task.digest == each["batch"]
        model = owner.build(
            owner.parse(each["arch_json"]), task.num_classes, task.img_size, task.in_chans, seed=each["init_seed"]
        )
        assert proxy.score(model, task.images, task.labels) == pytest.approx(each["score"], rel=1e-5)


def test_unknown_data_set_means_noise_and_is_said(tmp_path, capsys):
    frame = user_frame(14, "autoformer-micro", "mushrooms").assign(num_classes=7)
    frame.to_parquet(tmp_path / "noise.parquet")
    assert evolve("--bench", tmp_path / "noise.parquet", "--budget", 20, "--out", tmp_path / "run") == 0
    assert "noise" in capsys.readouterr().err


def test_init_seeds_average(table, capsys):
    common = ["evaluate", "--proxy", "grad_norm", "--bench", str(table), "--split", "fit", "--jobs", "1", "--json"]
    assert main([*common, "--init-seeds", "3"]) == 0
    found = json.loads(capsys.readouterr().out)["proxies"]["grad_norm"]
    whole, proxy = Table.read(table), autoprox.load("grad_norm")
    (block,) = whole.blocks()
    task = whole.task("digits", "pit-micro")
    fit = [each for each, split in whole.splits().items() if split is Split.FIT]

    def score(arch_id: str, seed: int) -> float:
        sizes = (task.num_classes, task.img_size, task.in_chans)
        return proxy.score(space("pit-micro").build(whole.archs[arch_id], *sizes, seed), task.images, task.labels)

    scores = np.array([[score(arch_id, seed) for seed in range(6)] for arch_id in fit])
    labels = [block.values[block.arch_ids.index(arch_id)] for arch_id in fit]
    assert found["joint"] == pytest.approx(stats.kendalltau(scores[:, :3].mean(axis=1), labels).statistic)
    between = stats.kendalltau(scores[:, :3].mean(axis=1), scores[:, 3:].mean(axis=1)).statistic
    assert found["init_agreement"] == pytest.approx(between)


def bad_tables(folder: Path) -> dict[str, tuple[Path, str]]:
    """Unusable tables, each with a word of its error."""
    good = user_frame()
    frames = {
        "column": (good.drop(columns="value"), "value"),
        "one architecture": (good.iloc[:1], "architecture"),
        "eleven architectures": (good.iloc[:11], "12"),
        "constant": (good.assign(value=1.0), "same value"),
        "nan": (good.assign(value=np.nan), "nan"),
        "space": (good.assign(space="pit-mikro"), "pit-micro"),
    }
    cases = {}
    for name, (frame, word) in frames.items():
        path = folder / f"{name.replace(' ', '-')}.parquet"
        frame.to_parquet(path)
        cases[name] = (path, word)
    truncated = folder / "truncated.parquet"
    whole = folder / "whole.parquet"
    good.to_parquet(whole)
    truncated.write_bytes(whole.read_bytes()[:500])
    cases["truncated"] = (truncated, "truncated.parquet")
    cases["missing"] = (folder / "missing.parquet", "missing.parquet")
    return cases


TABLE_FAULTS = [
    "column",
    "one architecture",
    "eleven architectures",
    "constant",
    "nan",
    "space",
    "truncated",
    "missing",
]


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_bad_table_is_one_line(fault, tmp_path, capsys):
    path, word = bad_tables(tmp_path)[fault]
    out = tmp_path / "run"
    assert evolve("--bench", path, "--budget", 10, "--out", out) == 2
    _one_line(capsys, word)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--spaces", "pit-mikro"], "pit-micro"),
        (["--datasets", "digit"], "digits"),
        (["--label-kind", "kid"], "scratch"),
        (["--metric", "top2"], "top1_pct"),
        (["--budget", "0"], "budget"),
        (["--budget", "-5"], "budget"),
        (["--seconds", "0"], "seconds"),
        (["--seconds", "nan"], "seconds"),
        (["--seconds", "inf"], "seconds"),
        (["--seed", "-1"], "seed"),
        (["--jobs", "0"], "jobs"),
        (["--init-seeds", "0"], "init-seeds"),
        (["--strategy", "elitsm-preserve"], "elitism-preserve"),
        (["--set", "populatoin=3"], "population"),
        (["--set", "population=many"], "whole number"),
        (["--set", "population"], "NAME=VALUE"),
        (["--strategy", "elitism-preserve", "--set", "margin=nan"], "finite"),
        (["--strategy", "elitism-preserve", "--set", "margin=inf"], "finite"),
        (["--leaf-weights", "counts=2"], "KIND=WEIGHT"),
        (["--leaf-weights", "count=many"], "KIND=WEIGHT"),
        (["--leaf-weights", "count=0"], "above 0"),
        (["--islands", "0"], "islands"),
        (["--beyond-size", "-1"], "--beyond-size"),
        (["--beyond-size", "nan"], "--beyond-size"),
        (["--aggregate", "weighted"], "--weights"),
        (["--aggregate", "min", "--weights", "pit-micro=1"], "uses none"),
        (["--weights", "pit-mikro=1"], "pit-micro"),
        (["--weights", "pit-micro=x"], "not a number"),
        (["--weights", "pit-micro=0"], "all 0"),
        (["--weights", "pit-micro=1", "pit-micro/digits=1"], "two weights"),
        (["--weights", "pit-micro=-1"], "at least 0"),
        (["--resume", "--force"], "one of them"),
    ],
)
def test_bad_option_is_one_line(table, tmp_path, capsys, arguments, word):
    assert evolve("--bench", table, "--out", tmp_path / "run", *arguments) == 2
    _one_line(capsys, word)
    assert not (tmp_path / "run").exists()


def test_out_that_is_a_file_is_left_alone(table, tmp_path, capsys):
    target = tmp_path / "precious"
    target.write_text("mine")
    assert evolve("--bench", table, "--budget", 10, "--out", target) == 2
    _one_line(capsys, "is a file")
    assert target.read_text() == "mine"


def test_out_that_cannot_be_written_is_found_at_the_start(table, capsys):
    assert evolve("--bench", table, "--budget", 10, "--out", "/proc/nothing") == 2
    _one_line(capsys, "cannot be written")


@pytest.mark.parametrize("options", [[], ["--force"], ["--resume"]])
def test_a_folder_belongs_to_one_run_at_a_time(table, tmp_path, capsys, monkeypatch, options):
    out = tmp_path / "run"
    discover, refused = Discoverer.run, []

    def other_starts_meanwhile(self, *arguments, **given):
        found = discover(self, *arguments, **given)
        monkeypatch.setattr(Discoverer, "run", discover)
        refused.append(evolve("--bench", table, "--budget", 10, "--seed", 5, "--out", out, *options))
        return found

    monkeypatch.setattr(Discoverer, "run", other_starts_meanwhile)
    assert evolve("--bench", table, "--budget", 10, "--out", out) == 0
    assert refused == [2]
    assert ("another process" in (said := capsys.readouterr().err)) or "not finished" in said
    assert runs.load(out).definition["seed"] == 0
    assert runs.load(out).status == "finished"


def test_renaming_a_table_does_not_reset_the_sealed_count(table, tmp_path, capsys):
    counts = []
    renamed = tmp_path / "renamed.parquet"
    renamed.write_bytes(table.read_bytes())
    for path in (table, renamed):
        assert main(["evaluate", "--proxy", "l2_norm", "--bench", str(path), "--split", "sealed", "--jobs", "1"]) == 0
        counts.append(capsys.readouterr().err)
    (first,), (second,) = (re.findall(r"scored (\d+) time", each) for each in counts)
    assert int(second) == int(first) + 1


def test_finished_run_is_not_overwritten(table, tmp_path, capsys):
    out = tmp_path / "run"
    assert evolve("--bench", table, "--budget", 30, "--out", out) == 0
    before = (out / "best.json").read_bytes()
    capsys.readouterr()
    assert evolve("--bench", table, "--budget", 30, "--seed", 5, "--out", out) == 2
    _one_line(capsys, "--force")
    assert (out / "best.json").read_bytes() == before
    assert evolve("--bench", table, "--budget", 30, "--seed", 5, "--out", out, "--force") == 0
    assert (out / "best.json").read_bytes() != before


@pytest.mark.parametrize(("budget", "status", "word"), [(20, 2, "larger one"), (30, 0, "nothing to resume")])
def test_a_finished_run_stays_when_no_more_is_asked_for(table, tmp_path, capsys, budget, status, word):
    out = tmp_path / "run"
    assert evolve("--bench", table, "--budget", 30, "--out", out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".json"}
    capsys.readouterr()
    assert evolve("--bench", table, "--budget", budget, "--out", out, "--resume") == status
    printed = capsys.readouterr()
    assert word in printed.err
    assert not printed.out
    assert evolve("--bench", table, "--budget", budget, "--out", out, "--resume", "--seed", "5") == 2
    assert "another seed: 0, now 5" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".json"} == before
    assert len(runs.load(out).evaluations) >= 30


def test_a_run_that_is_replaced_leaves_nothing_to_an_interrupted_one(table, tmp_path, monkeypatch):
    out = tmp_path / "run"
    assert evolve("--bench", table, "--budget", 30, "--out", out) == 0

    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Discoverer, "run", interrupted)
    assert evolve("--bench", table, "--budget", 30, "--seed", 5, "--out", out, "--force") == 130
    assert not {"best.json", "hall.json", "report.html", "journal.sqlite"} & {path.name for path in out.iterdir()}
    assert "finished" not in json.loads((out / "run.json").read_text())


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_the_folder_of_another_command_is_left_alone(table, tmp_path, capsys, options):
    out = tmp_path / "run"
    assert evolve("--bench", table, "--budget", 30, "--out", out) == 0
    before = (out / "run.json").read_bytes()
    capsys.readouterr()
    assert (
        main(["search", "--proxy", "params", "--space", "pit-micro", "--budget", "4", "--out", str(out), *options]) == 2
    )
    _one_line(capsys, "another command")
    judged = ["evaluate", "--proxy", "snip", "--bench", str(table), "--jobs", "1", "--out", str(out), *options]
    assert main(judged) == 2
    _one_line(capsys, "another command")
    assert (out / "run.json").read_bytes() == before


@pytest.mark.parametrize("source", ["", ".", "/"])
def test_a_table_without_a_name_is_one_line(source, capsys):
    assert main(["evaluate", "--proxy", "snip", "--bench", source]) == 2
    _one_line(capsys, "is not a file" if source else "the value is empty")


@pytest.mark.parametrize(
    ("proxies", "word"),
    [
        (["snipp"], "snip"),
        (["snip", "snip"], "more than once"),
        (["edited.json"], "was edited"),
        (["nan.json"], "NaN"),
        (["empty"], "not finished"),
        (["x" * 300], "no proxy"),
        ([""], "the value is empty"),
    ],
)
def test_bad_proxy_is_one_line(table, tmp_path, capsys, monkeypatch, proxies, word):
    monkeypatch.chdir(tmp_path)
    document = autoprox.load("snip").to_document() | {"sign": -1}
    Path("edited.json").write_text(json.dumps(document))
    Path("nan.json").write_text(json.dumps(document | {"results": {"x": float("nan")}}))
    Path("empty").mkdir()
    assert main(["evaluate", "--proxy", *proxies, "--bench", str(table)]) == 2
    _one_line(capsys, word)


def test_unknown_command_is_answered_with_the_nearest(capsys):
    assert main(["evolv"]) == 2
    _one_line(capsys, "evolve")


def test_help_names_every_command_once(capsys):
    for arguments in ([], ["-h"], ["--help"]):
        assert main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [each for each in COMMANDS if sum(line.startswith(f"  {each} ") for line in lines) == 1] == list(
            COMMANDS
        )


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"autoprox {autoprox.__version__}\n"


def _one_line(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """The last line of standard error is the error, alone, and names what matters; nothing went to standard output."""
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("autoprox: error:")]
    assert len(lines) == 1
    assert word in lines[0]
    assert printed.err.rstrip().endswith(lines[0])
    assert "Traceback" not in printed.err
    assert not printed.out
