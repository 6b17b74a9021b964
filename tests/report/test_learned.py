"""The report of a learned aggregator: its numbers equal the predictions, and the command's JSON."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autoprox.commands import main
from autoprox.predict.parzc import LearnedProxy, MABNRegressor, NodeFeatures
from autoprox.report import LearningCurve, Predictions, learned_report
from tests.commands.test_command_line import user_frame
from tests.report.pages import Page, assert_self_contained

HOSTILE = "<script>alert(1)</script> \"'&amp; $x$ {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def learned():
    """A model of three nodes and two counts, fitted on labels that it can learn."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3, 2))
    names = tuple(f"arch{number}" for number in range(30))
    data = NodeFeatures(values, names, ("mlp.0", "mlp.1", "head.0"), ("params", "fan_in"))
    targets = values[:, 0, 0] + 0.1 * rng.normal(size=30)
    model = MABNRegressor(node_shape=data.node_shape, n_estimators=2, max_iter=30, random_state=0)
    return LearnedProxy.of(HOSTILE, model.fit(values, targets), data), values, targets


def test_numbers_are_those_of_the_predictions(learned):
    proxy, values, targets = learned
    mean, std = proxy.model.predict(values, return_std=True)
    groups = np.array(["one", HOSTILE] * 15)
    curve = LearningCurve([8, 16], np.array([[0.2, 0.4], [0.5, 0.6]]), "select")
    found = Predictions(groups, targets, mean, std)
    verdicts = {HOSTILE: {"joint": 0.5, "ci95": [0.25, None]}, "params": {"joint": None, "ci95": [None, None]}}
    facts = [("command", HOSTILE)]
    page = Page(learned_report(proxy, found, HOSTILE, facts, verdicts=verdicts, curve=curve, warning=HOSTILE))
    assert_self_contained(page)
    assert page.texts["h1"] == HOSTILE
    assert page.facts["command"] == HOSTILE
    assert page.tags.count("svg") == 5  # two blocks, calibration, learning curve, importance
    for name, (n, kendall, inside) in page.rows("blocks").items():
        own = groups == name
        assert n.text == "15"
        assert kendall.value == pytest.approx(stats.kendalltau(mean[own], targets[own]).statistic)
        low, high = stats.norm(mean[own], std[own]).interval(0.9)
        assert inside.value == pytest.approx(np.mean((targets[own] >= low) & (targets[own] <= high)))
    assert page.rows("comparison")[HOSTILE][0].value == 0.5
    assert page.rows("comparison")["params"][0].value is None
    importance = proxy.model.node_importance()
    shares = {name: cells[0].value for name, cells in page.rows("nodes").items()}
    assert shares == dict(zip(proxy.nodes, importance.tolist(), strict=True))
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_ranks_alone_make_no_claim_of_units(learned):
    proxy, values, targets = learned
    mean, std = proxy.model.predict(values, return_std=True)
    page = Page(learned_report(proxy, Predictions(np.full(30, "one"), targets, mean, std, in_units=False), "", []))
    assert page.tags.count("svg") == 1  # importance
    assert page.rows("blocks")["one"][2].value is None
    assert "standard deviations" in page.texts["predictions"]


def test_commands_write_it(tmp_path, capsys):
    table, model = tmp_path / "mine.parquet", tmp_path / "model.pt"
    pd.concat([user_frame(26)]).to_parquet(table)
    shared = ["--bench", str(table), "--jobs", "1"]
    given = ["parzc", "fit", *shared, "--statistics", "params", "fan_in", "--out", str(model)]
    assert main([*given, "--learning-curve", "6"]) == 2
    assert "--report" in capsys.readouterr().err
    assert main([*given, "--report", str(tmp_path / "new" / "fit.html"), "--learning-curve", "6", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    page = Page((tmp_path / "new" / "fit.html").read_text(encoding="utf-8"))
    assert_self_contained(page)
    ((block, (n, kendall, _)),) = page.rows("blocks").items()
    assert int(n.text) == told["architectures"][block]
    assert kendall.value == pytest.approx(told["held_out_kendall"][block])
    assert told["network_share"] in (0, 0.25, 0.5, 0.75, 1)
    assert "Learning curve" in page.texts["predictions"]
    assert "--learning-curve 6" in page.facts["command"]

    given = ["parzc", "evaluate", "--model", str(model), *shared, "--split", "select", "--json"]
    assert main([*given, "--report", str(tmp_path / "evaluate.html")]) == 0
    told = json.loads(capsys.readouterr().out)
    page = Page((tmp_path / "evaluate.html").read_text(encoding="utf-8"))
    assert_self_contained(page)
    rows = page.rows("comparison")
    assert rows[str(model)][0].value == told["proxies"][str(model)]["joint"]
    assert rows[str(model)][1].values == told["proxies"][str(model)]["ci95"]
    assert rows["params"][0].value == told["baselines"]["params"]["joint"]
