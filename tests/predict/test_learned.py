"""A learned proxy is a scorer: live, over cached leaves, from a file, and by the commands."""

import json

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.errors import StoreMismatchError
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.commands import main
from autoprox.networks.network import Network
from autoprox.predict.parzc import LearnedProxy, MABNRegressor, features
from autoprox.scorers import LeafPart, Scorer, score_networks
from autoprox.statistics import StatisticsCache

STATISTICS = ["params", "frobenius(weight)"]


@pytest.fixture(scope="module")
def table():
    return Table.read()


@pytest.fixture(scope="module")
def proxy(table):
    fitted_on = table.blocks(["pit-micro"], ["digits"])
    data = features(table, STATISTICS, blocks=fitted_on)
    model = MABNRegressor(node_shape=data.node_shape, n_estimators=1, max_iter=10, n_draws=2, random_state=0)
    model.fit(data.values, data.targets, data.groups)
    return LearnedProxy.of("learned", model, data, {"table": table.name, "table_digest": table.digest})


@pytest.fixture(scope="module")
def networks(table):
    task = table.task("digits", "pit-micro")
    return [
        Network(table.spaces["pit-micro"], table.archs[arch_id], task)
        for arch_id in table.blocks(["pit-micro"], ["digits"])[0].arch_ids[:4]
    ]


def test_it_is_a_scorer(proxy):
    assert isinstance(proxy, Scorer)
    assert isinstance(proxy, LeafPart)
    assert str(proxy.needs) == "module alone"
    assert proxy.source == "Dong 2025, ParZC, https://arxiv.org/abs/2402.02105; learned on 'vitbench101'."


def test_live_networks_score_as_cached_leaves_do(proxy, networks, tmp_path):
    task = networks[0].task
    live = proxy.score_many((network.build() for network in networks), task.images, task.labels)
    cache = StatisticsCache(tmp_path / "statistics.sqlite")
    cached = score_networks([proxy, autoprox.load("params")], networks, cache).required()
    assert np.allclose(live, cached[0], rtol=1e-6)
    assert proxy.score(networks[0].build(), task.images, task.labels) == pytest.approx(live[0])


def test_another_model_under_the_same_name_is_scored_anew(proxy, networks, table, tmp_path):
    """Scores of a learned proxy are not cached under its name, which does not identify its weights."""
    cache = StatisticsCache(tmp_path / "statistics.sqlite")
    first = score_networks([proxy], networks, cache).values
    data = features(table, STATISTICS, blocks=table.blocks(["pit-micro"], ["digits"]))
    other = MABNRegressor(node_shape=data.node_shape, n_estimators=1, max_iter=10, n_draws=2, random_state=1)
    again = LearnedProxy.of("learned", other.fit(data.values, data.targets), data)
    assert not np.allclose(score_networks([again], networks, cache).values, first)


def test_saved_and_loaded(proxy, networks, tmp_path):
    proxy.save(tmp_path / "learned.pt")
    loaded = autoprox.load(tmp_path / "learned.pt")
    assert isinstance(loaded, LearnedProxy)
    task = networks[0].task
    live = networks[0].build()
    assert loaded.score(live, task.images, task.labels) == proxy.score(live, task.images, task.labels)
    assert (loaded.name, loaded.nodes, loaded.provenance["table"]) == ("learned", proxy.nodes, "vitbench101")


def test_files_that_are_refused(proxy, tmp_path):
    path = tmp_path / "model.pt"
    proxy.model.save(path)
    with pytest.raises(StoreMismatchError, match="does not record the statistics"):
        LearnedProxy.load(path)
    entry = {"name": "a", "statistics": STATISTICS, "nodes": proxy.nodes, "digests": ["of", "others"]}
    proxy.model.save(path, {"features": entry})
    with pytest.raises(StoreMismatchError, match="other versions of its statistics"):
        autoprox.load(path)


@pytest.fixture(scope="module")
def fitted_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("parzc") / "model.pt"
    where = ["--spaces", "pit-micro", "--datasets", "digits", "--jobs", "1", "--statistics", *STATISTICS]
    options = ["fit", *where, "--train", "8", "--out", str(path), "--figures", str(path.parent), "--json"]
    assert main(["parzc", *options]) == 0
    return path


WHERE = ["--spaces", "pit-micro", "--datasets", "digits", "--jobs", "1"]


def test_fit_learns_from_what_it_was_told(fitted_file, table):
    model = MABNRegressor.load(fitted_file)
    splits = table.splits()
    assert len(model.out_of_fold_mean_) == 8
    assert {splits[arch_id] for arch_id in model.provenance_["arch_ids"]} == {Split.FIT}
    names = {path.name for path in fitted_file.parent.iterdir()}
    assert {"fit-importance.png", "fit-predictions.png", "fit-calibration.png"} < names


def test_predict(fitted_file, capsys, table):
    assert main(["parzc", "predict", "--model", str(fitted_file), *WHERE, "--json"]) == 0
    predictions = json.loads(capsys.readouterr().out)["predictions"]
    assert {table.splits()[each["arch_id"]] for each in predictions} == {Split.SELECT}
    # In percent, since the block is known: somewhere among the labels.
    labels = table.blocks(["pit-micro"], ["digits"])[0].values
    assert all(labels.min() - 10 < each["predicted"] < labels.max() + 10 for each in predictions)


def test_predictions_for_blocks_that_the_model_does_not_know(fitted_file, capsys):
    options = ["--spaces", "pit-micro", "--datasets", "mnist5k", "--jobs", "1"]
    assert main(["parzc", "predict", "--model", str(fitted_file), *options]) == 0
    assert "in standard deviations" in capsys.readouterr().err


def test_evaluate_says_what_autoprox_evaluate_says_and_how_far_to_trust_it(fitted_file, capsys, tmp_path):
    arguments = ["--model", str(fitted_file), *WHERE, "--split", "all", "--figures", str(tmp_path)]
    assert main(["parzc", "evaluate", *arguments]) == 0
    said = capsys.readouterr()
    assert "share of labels inside the 90 % interval" in said.out
    assert "8 of the 160 architectures were in the fit" in said.err
    assert main(["evaluate", "--proxy", str(fitted_file), *WHERE, "--split", "all"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == said.out.splitlines()[:4]
    assert {"evaluate-calibration.png", "evaluate-predictions.png"} < {path.name for path in tmp_path.iterdir()}
    assert main(["parzc", "evaluate", *arguments]) == 2
    assert "evaluate-importance.png' exists; give another one, or --force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", *WHERE, "--train", "100"], "architectures to learn from, and 100 were requested"),
        (["fit", *WHERE, "--train", "2"], "at least 6 are needed"),
        (["fit", *WHERE, "--train", "0"], "--train: 0 is too small"),
        (["fit", *WHERE, "--learning-curve", "6", "999", "--report", "none.html"], "999; the fit split has 64 labels"),
        (["fit", *WHERE, "--statistics", "weight"], "does not give one float"),
        (["fit", *WHERE, "--out", "{file}"], "exists; give another one"),
        (["predict", "--model", "nothing.pt"], "There is no file"),
        (["evaluate", "--model", "{file}", "--bench", "nothing"], "There is no table"),
    ],
)
def test_mistakes_are_one_line(fitted_file, capsys, arguments, message):
    filled = [argument.replace("{file}", str(fitted_file)) for argument in arguments]
    assert main(["parzc", *filled]) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
    assert "Traceback" not in error


def test_a_model_whose_statistics_a_foreign_network_lacks(proxy):
    deeper = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(60)))
    from autoprox.base.errors import FitError
    from autoprox.inspect.nodes import Role, declare

    declare(deeper, Role.MLP)
    with pytest.raises(FitError, match=r"has a node 'mlp\.\d+', which no architecture of the fit"):
        proxy.score(deeper, np.zeros((1, 4), np.float32), [0])
