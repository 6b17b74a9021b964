"""`autoprox search` from a user's view."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import autoprox
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.graph import Proxy, parse
from autoprox.networks import latency
from autoprox.predict.parzc import LearnedProxy, MABNRegressor, features
from autoprox.search.search_journal import recorded

TWELVE = f"{Path(__file__).parents[1] / 'spaces' / 'twelve.py'}:space"
SMALL = ["--dataset", "digits", "--max-params", "3k", "--jobs", "1", "--population", "10", "--tournament", "3"]


def search(*arguments) -> int:
    return main(["search", *map(str, arguments)])


def small(out, *arguments, scorer=("--proxy", "snip")) -> int:
    return search(*scorer, *SMALL, "--out", out, *arguments)


def test_a_search_and_what_it_leaves(tmp_path, capsys):
    out = tmp_path / "run"
    assert small(out, "--budget", 20, "--top", 3, "--seed", 4) == 0
    printed = capsys.readouterr().out
    document = json.loads((out / "result.json").read_text())
    assert [pick["rank"] for pick in document["picks"]] == [1, 2, 3]
    task = Table.read().task("digits", "autoformer-micro")
    micro, snip = autoprox.space("autoformer-micro"), autoprox.load("snip")
    for pick in document["picks"]:
        arch = micro.parse(json.dumps(pick["arch"]))
        assert arch == micro.arch(pick["arch"])
        assert arch.arch_id == pick["arch_id"]
        assert arch.json in "".join(printed.split())
        model = micro.build(arch, task.num_classes, task.img_size, task.in_chans, seed=0)
        assert pick["score"] == pytest.approx(snip.score(model, task.images, task.labels), rel=1e-9)
        assert pick["params"] == sum(each.numel() for each in model.parameters()) <= 3000
    record = json.loads((out / "run.json").read_text())
    assert {"command", "seed", "versions", "digests", "seconds"} <= set(record)
    assert record["seed"] == 4
    frame = pd.read_csv(out / "candidates.csv")
    assert len(frame) == document["evaluated"] == 20
    assert frame["score"].max() == pytest.approx(document["picks"][0]["score"])
    assert "</svg>" in (out / "figure.svg").read_text()


def test_json_is_one_object_and_that_of_the_file(tmp_path, capsys):
    assert small(tmp_path / "run", "--budget", 5, "--json", scorer=("--proxy", "autoformer_micro")) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "run" / "result.json").read_text())


def test_a_latency_bound_is_kept_and_its_price_said(tmp_path, capsys):
    bounds = ["--max", "latency=10s", "--max", "params=1k", "--min", "params=501"]
    options = ["--space", TWELVE, "--dataset", "digits", "--budget", "4", "--jobs", "1", "--top", "2", "--json"]
    assert search("--proxy", "snip", *options, *bounds, "--out", tmp_path / "run") == 0
    printed = capsys.readouterr()
    assert re.search(
        r"latency is measured for each architecture .* [1-4] of 4 draws .* 4 candidates need about", printed.err
    )
    document = json.loads(printed.out)
    assert document["constraints"] == {"min_params": 501, "max_latency": 10.0, "max_params": 1000}
    assert document["allowed_architectures"] is None
    assert 1 <= document["acceptance"]["kept"] <= document["acceptance"]["tried"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())["latency"]
    assert (record["threads"], record["batch_size"]) == (1, 1)
    for pick in document["picks"]:
        assert 500 < pick["params"] <= 1000
        assert record["picks"][pick["arch_id"]]["seconds"] == pick["latency"] <= 10
    assert search("--proxy", "snip", *options, *bounds, "--out", tmp_path / "again") == 0
    assert (tmp_path / "again" / "result.json").read_bytes() == (tmp_path / "run" / "result.json").read_bytes()


def test_a_front_of_measured_latency_is_trained_at_three_points(tmp_path, monkeypatch, capsys):
    """Latency is computed from the network's sizes here, since measurements on a busy machine do not repeat a front."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        latency, "time_forward", lambda model, *_: latency.Timing(1e-6 * len(list(model.modules())), 0.0, 10)
    )
    bounds = ["--max", "params=9k", "--pareto", "params", "latency", "--budget", "16", "--jobs", "1"]
    check = ["--verify", "digits", "--epochs", "1", "--seeds", "1", "--randoms", "1"]
    out = tmp_path / "run"
    assert search("--proxy", "snip", "--space", "pit-micro", *bounds, *check, "--out", out) == 0
    printed = capsys.readouterr()
    assert re.search(r"latency is measured for each architecture that is scored, .* 16 candidates need", printed.err)
    front = json.loads((out / "result.json").read_text())["front"]
    assert front["costs"] == ["params", "latency"]
    points = [(-point["score"], point["params"], point["latency"]) for point in front["points"]]
    assert all(
        point == other or any(a < b for a, b in zip(point, other, strict=True)) for point in points for other in points
    )
    frame = pd.read_csv(out / "candidates.csv")
    for cheap, small_, quick in frame[["score", "params", "latency"]].itertuples(index=False):
        assert any(a <= -cheap and b <= small_ and c <= quick for a, b, c in points)
    verified = front["verified"]
    assert 1 <= len(verified) <= 3
    for number, each in verified.items():
        point = front["points"][int(number) - 1]
        (pick, other, largest) = each["trained"]
        assert (pick["role"], pick["arch_id"]) == ("pick", point["arch_id"])
        assert max(other["params"], largest["params"]) <= point["params"]
        assert f"point {number}, with random architectures that cost no more" in printed.out
    assert "</svg>" in (out / "front.svg").read_text()


def test_the_table_shows_latency_and_ties(tmp_path, capsys):
    assert small(tmp_path / "run", "--budget", 12, "--top", 3, scorer=("--proxy", "depth")) == 0
    printed = capsys.readouterr().out
    header = next(line for line in printed.splitlines() if line.startswith("rank")).split()
    assert header == ["rank", "arch_id", "score", "params", "macs", "latency", "ties"]
    assert re.search(
        r"latency: median of a forward pass of 1 image with 1 thread.* cores, torch", " ".join(printed.split())
    )
    assert "the same score" in printed
    ranks = pd.read_csv(tmp_path / "run" / "candidates.csv")["rank"]
    document = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [pick["ties"] + 1 for pick in document["picks"]] == list(ranks.value_counts().sort_index()[:3])


def test_nothing_is_replaced_unasked(tmp_path, capsys):
    out = tmp_path / "run"
    assert small(out, "--budget", 5) == 0
    before = (out / "result.json").read_bytes()
    capsys.readouterr()
    assert small(out, "--budget", 5) == 2
    one_line(capsys, "--resume")
    assert (out / "result.json").read_bytes() == before
    assert small(out, "--budget", 8, "--resume") == 0
    assert small(tmp_path / "whole", "--budget", 8) == 0
    for name in ("result.json", "candidates.csv", "figure.svg"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    longer = (out / "result.json").read_bytes()
    capsys.readouterr()
    assert small(out, "--budget", 5, "--resume") == 2
    one_line(capsys, "at least as many")
    assert (out / "result.json").read_bytes() == longer
    assert small(out, "--budget", 5, "--force") == 0
    assert (out / "result.json").read_bytes() == before


def test_what_scores_nothing_chooses_nothing(tmp_path, capsys):
    endless = Proxy("endless", parse("square(" * 10 + "nodes_sum(params)" + ")" * 10), 1)
    endless.save(tmp_path / "endless.json")
    assert small(tmp_path / "run", "--budget", 5, scorer=("--proxy", tmp_path / "endless.json")) == 2
    one_line(capsys, "no finite score")
    assert not (tmp_path / "run" / "result.json").exists()


def test_the_learned_aggregator_searches(tmp_path, capsys):
    table = Table.read()
    data = features(table, ["params", "fan_in"], blocks=table.blocks(["pit-micro"], ["digits"])).rows(range(12))
    model = MABNRegressor(node_shape=data.node_shape, n_estimators=1, max_iter=5, random_state=0)
    path = tmp_path / "model.pt"
    LearnedProxy.of("sizes", model.fit(data.values, data.targets), data).save(path)
    options = ["--space", "pit-micro", "--dataset", "digits", "--max-params", "12k", "--budget", "6", "--jobs", "2"]
    assert search("--proxy", path, *options, "--out", tmp_path / "run", "--method", "random", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["evaluated"] == 6
    proxy, owner, task = LearnedProxy.load(path), autoprox.space("pit-micro"), table.task("digits", "pit-micro")
    best = document["picks"][0]
    network = owner.build(owner.arch(best["arch"]), task.num_classes, task.img_size, task.in_chans, seed=0)
    assert best["score"] == pytest.approx(proxy.score(network, task.images, task.labels), rel=1e-6)


def test_noise_at_a_size_of_ones_own(tmp_path, capsys):
    options = ["--img-size", "10", "--num-classes", "7", "--max-params", "3k", "--budget", "2", "--jobs", "1", "--json"]
    assert search("--proxy", "params", *options, "--out", tmp_path / "run") == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert images == {"dataset": "noise", "source": "noise", "img_size": 10, "in_chans": 3, "num_classes": 7}


def test_published_spaces_default_to_noise_of_their_size(tmp_path, capsys):
    assert search("--proxy", "depth", "--space", "pit-ti", "--budget", "1", "--out", tmp_path / "run", "--json") == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert (images["source"], images["img_size"]) == ("noise", 224)


def test_verification(tmp_path, capsys):
    options = ["--verify", "digits", "--seeds", "2", "--epochs", "1", "--randoms", "2", "--budget", "3"]
    assert small(tmp_path / "run", *options) == 0
    printed = capsys.readouterr().out
    assert "the median random architecture" in printed
    assert "the largest allowed architecture" in printed
    found = json.loads((tmp_path / "run" / "result.json").read_text())["verification"]
    assert [each["role"] for each in found["trained"]] == ["pick", "random 1", "random 2", "largest"]
    assert all(len(each["top1_pct"]) == 2 for each in found["trained"])
    middle = sorted(np.mean(each["top1_pct"]) for each in found["trained"][1:3])[1]
    pick = np.mean(found["trained"][0]["top1_pct"])
    assert found["comparisons"][0]["beats"] == bool(pick > middle)
    assert found["comparisons"][0]["points"] == pytest.approx(pick - middle)


def one_line(capsys, word):
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if line.startswith("autoprox: error:")]
    assert len(lines) == 1
    assert word in lines[0]
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--proxy", "snipp"], "Did you mean 'snip'?"),
        (["--proxy", "no-such-proxy"], "no-such-proxy"),
        (["--proxy", "missing.pt"], "missing.pt"),
        (["--proxy", "snip", "--space", "pit-mikro"], "pit-micro"),
        (["--proxy", "snip", "--max-params", "10"], "--max-params 10 "),
        (["--proxy", "snip", "--min-params", "5G"], "--min-params"),
        (["--proxy", "snip", "--max-macs", "1"], "--max-macs 1 "),
        (["--proxy", "snip", "--max", "params=10"], "--max params 10 "),
        (["--proxy", "snip", "--max", "latency=20"], "--max latency: '20'"),
        (["--proxy", "snip", "--max", "latncy=20ms"], "'latency'"),
        (["--proxy", "snip", "--max", "latency"], "--max latency=20ms"),
        (["--proxy", "snip", "--max", "params=5k", "--max-params", "5k"], "twice"),
        (
            ["--proxy", "snip", "--space", TWELVE, "--dataset", "digits", "--max", "latency=1ns"],
            "--max latency 1.00 ns",
        ),
        (["--proxy", "snip", "--max-params", "lots"], "--max-params: 'lots'"),
        (["--proxy", "snip", "--max-params", "5k", "--min-params", "6k"], "swap"),
        (["--proxy", "snip", "--budget", "0"], "--budget"),
        (["--proxy", "snip", "--top", "0"], "--top"),
        (["--proxy", "snip", "--jobs", "0"], "--jobs"),
        (["--proxy", "snip", "--seed", "-1"], "--seed"),
        (["--proxy", "snip", "--seeds", "0"], "--seeds"),
        (["--proxy", "snip", "--init-seeds", "0"], "--init-seeds"),
        (["--proxy", "snip", "--tournament", "99"], "population of 50"),
        (["--proxy", "snip", "--dataset", "digit"], "digits"),
        (["--proxy", "snip", "--verify", "digit"], "digits"),
        (["--proxy", "snip", "--space", "pit-ti", "--verify", "digits"], "8 px"),
        (["--proxy", "snip", "--dataset", "digits", "--img-size", "16"], "--img-size"),
        (["--proxy", "snip", "--dataset", "digits", "--num-classes", "7"], "--num-classes"),
        (["--proxy", "snip", "--img-size", "7"], "8 to 32 px"),
        (["--proxy", "snip", "--img-size", "0"], "--img-size: 0 is too small"),
        (["--proxy", "snip", "--img-size", "100000"], "at most 4096"),
        (["--proxy", "snip", "--num-classes", "1"], "at least 2"),
        (["--proxy", "snip", "--images", "digits=missing", "--dataset", "digits"], "missing"),
        (["--proxy", "snip", "--method", "exhaustive"], "86,231,578,947,360"),
        (["--proxy", "snip", "--resume", "--force"], "one of them"),
        (["--proxy", "snip", "--backend", "dusk"], "dask"),
    ],
)
def test_wrong_use_is_one_line(arguments, word, tmp_path, capsys):
    assert search(*arguments, "--out", tmp_path / "run") == 2
    one_line(capsys, word)
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("arguments", [[], ["--proxy"], ["--proxy", "snip", "--method", "best"]])
def test_wrong_use_that_argparse_finds(arguments, capsys):
    assert search(*arguments) == 2
    one_line(capsys, "See autoprox search --help.")


def test_out_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert small(tmp_path / "file") == 2
    one_line(capsys, "is a file")
    assert (tmp_path / "file").read_text() == "mine"


def test_ctrl_c_leaves_a_search_that_goes_on_to_the_same_bytes(python, tmp_path):
    """Stopped in one process, and resumed in a fresh one with another hash seed."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    budget = ["--budget", "30"]
    command = ["-m", "autoprox.search", "--proxy", "snip", *SMALL, "--out", str(stopped), *budget]
    running = python.start(command)
    deadline = time.monotonic() + 60
    while not (stopped / "candidates.sqlite").exists() or recorded(stopped / "candidates.sqlite") < 8:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    printed, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert printed == ""
    assert re.search(r"Resume with: python -m autoprox\.search .*--resume", told)
    assert "Traceback" not in told
    assert not (stopped / "result.json").exists()
    kept = recorded(stopped / "candidates.sqlite")
    assert kept >= 8
    going_on = subprocess.run(
        [sys.executable, *command, "--resume"], env=os.environ | {"PYTHONHASHSEED": "2"}, capture_output=True, text=True
    )
    assert going_on.returncode == 0, going_on.stderr
    # Output into a file or a pipe has no control characters: no bar, no colours.
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", going_on.stdout + going_on.stderr)
    assert small(whole, *budget) == 0
    for name in ("result.json", "candidates.csv", "figure.svg"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()
