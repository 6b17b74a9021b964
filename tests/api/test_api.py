"""`import autoprox`: its names, and one function per task."""

import itertools
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import nn

import autoprox
from autoprox.base.errors import SpecError
from autoprox.bench import Table
from autoprox.commands import COMMANDS
from autoprox.compress import lowrank_space, quantised_space
from autoprox.graph import Proxy, parse
from autoprox.metrics import kendall_tau_b

BLOCK = {"spaces": ["pit-micro"], "datasets": ["digits"], "progress": False}
IMAGES = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype("float32")
LABELS = np.array([0, 1, 2, 3])


def mlp(width: int, depth: int = 1) -> nn.Module:
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), *hidden, nn.Linear(width, 4))


@pytest.fixture(scope="module")
def discovery() -> object:
    return autoprox.discover(**BLOCK, budget=40)


def test_public_names_and_nothing_else() -> None:
    assert dir(autoprox) == sorted(autoprox.__all__) == autoprox.__all__
    for name in autoprox.__all__:
        assert getattr(autoprox, name) is not None
    functions = {name for name in autoprox.__all__ if isinstance(getattr(autoprox, name), types.FunctionType)}
    modules = {name for name in COMMANDS if find_spec(f"autoprox.{name}") is not None}
    assert {"discover", "judge", "rank", "find", "allocate"} <= functions
    assert functions & modules == set()


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, autoprox; autoprox.list_spaces(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_discovery_leaves_sealed_alone_and_fits_a_line(discovery) -> None:
    assert discovery.judged_on == "select"
    assert discovery.sealed_scorings is None
    assert set(discovery.verdicts) == {"fit", "select"}
    assert discovery.proxy.results["splits"].keys() == {"fit", "select"}
    text = repr(discovery)
    assert len(text) <= 120
    assert "\n" not in text
    html = discovery._repr_html_()
    assert "<svg" in html
    assert "select" in html


def test_judging_gives_the_taus_of_the_table() -> None:
    def by_params(model, _images, _labels):
        return sum(each.numel() for each in model.parameters())

    frame = autoprox.judge(by_params, **BLOCK)
    own = frame[frame["scorer"] == "by_params"].set_index("block")["kendall"]
    (block,) = Table.read().blocks(["pit-micro"], ["digits"])
    table = Table.read()
    kept = [place for place, each in enumerate(block.arch_ids) if table.splits()[each] == "select"]
    space, shape = table.spaces["pit-micro"], table.task("digits", "pit-micro").shape
    params = np.array([space.params(table.archs[block.arch_ids[place]], *shape) for place in kept], dtype=float)
    expected = kendall_tau_b(params[None], block.goodness[kept])[0]
    assert own["joint"] == pytest.approx(expected)
    assert frame[(frame["scorer"] == "params") & (frame["block"] == "joint")]["kendall"].item() == pytest.approx(
        expected
    )


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(SpecError, match="no split 'test'; give one of fit, select, sealed, all"):
        autoprox.judge("params", split="test", **BLOCK)


def test_ranking_of_models_follows_the_score() -> None:
    models = {"narrow": mlp(8), "wide": mlp(32), "middle": mlp(16)}
    training = {name: model.training for name, model in models.items()}
    frame = autoprox.rank(models, IMAGES, scorer="params", progress=False)
    assert list(frame.index) == ["wide", "middle", "narrow"]
    assert frame["rank"].tolist() == [1, 2, 3]
    expected = [sum(each.numel() for each in models[name].parameters()) for name in frame.index]
    assert frame["score"].tolist() == frame["params"].tolist() == expected
    assert (frame["latency"] > 0).all()
    assert (frame["latency_spread"] >= 0).all()
    scores = autoprox.rank(models, IMAGES, scorer=["params", "macs"], progress=False)
    assert list(scores)[:3] == ["rank", "params score", "macs score"]
    assert {name: model.training for name, model in models.items()} == training


def test_what_is_above_a_bound_has_no_rank_and_stands_last() -> None:
    frame = autoprox.rank([mlp(8), mlp(32), mlp(16)], IMAGES, scorer="params", max={"params": 2000}, progress=False)
    assert frame["rank"].tolist()[:2] == [1, 2]
    assert frame["rank"].iloc[2] is pd.NA
    assert frame["params"].iloc[2] > 2000


def test_architectures_are_ranked_with_their_space() -> None:
    space, rng = autoprox.space("pit-micro"), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(2)]
    frame = autoprox.rank(archs, IMAGES, LABELS, scorer="snip", space=space, progress=False)
    model = space.build(archs[0], 4, 8, 1, seed=0)
    assert frame.loc[f"architecture {archs[0].arch_id} 1", "score"] == autoprox.load("snip")(model, IMAGES, LABELS)
    with pytest.raises(SpecError, match="is an architecture; name its space with `space`"):
        autoprox.rank(archs, IMAGES, scorer="params", progress=False)


def test_a_search_keeps_its_bound_and_fits_a_line() -> None:
    found = autoprox.find("pit-micro", "params", max={"params": "20k"}, budget=10, progress=False)
    assert found.pick.params == max(each.params for each in found.candidates) <= 20_000
    assert len(repr(found)) <= 120
    assert "<svg" in found._repr_html_()


def test_an_allocation_keeps_its_budget_and_is_the_best_of_all() -> None:
    model = nn.Sequential(nn.Flatten(), *(nn.Linear(64, 64) for _ in range(4)))
    found = autoprox.allocate(model, IMAGES, LABELS, max={"weight_bytes": 14000}, progress=False)
    assert found.value <= 14000
    assert found.exact
    space = quantised_space(model, IMAGES)
    inside = [score for cost, score in found.front if cost <= 14000]
    assert found.score == pytest.approx(max(inside))
    assert list(found.choices) == [group.name for group in space.groups]
    assert len(repr(found)) <= 120
    assert "<svg" in found._repr_html_()
    with pytest.raises(SpecError, match="The budget names 2 costs"):
        autoprox.allocate(model, IMAGES, LABELS, max={"weight_bytes": 14000, "bitops": 9}, progress=False)


@pytest.mark.parametrize("kind", ["bits", "ranks"])
def test_a_discovered_proxy_allocates_by_search(kind: str, tmp_path: Path) -> None:
    """Its score does not add up over maps: it is a product of two sums."""
    model = nn.Sequential(nn.Flatten(), *(nn.Linear(64, 64) for _ in range(4)))
    own = "bits" if kind == "bits" else "rank"
    proxy = Proxy("found", parse(f"mul(nodes_logsum({own}), nodes_mean(l1(weight_grad)))"), -1)
    proxy.save(tmp_path / "best.json")
    bound = {"weight_bytes": 14000} if kind == "bits" else {"macs": 13000}
    given = {"kind": kind, "max": bound, "budget": 49, "progress": False}
    found = autoprox.allocate(model, IMAGES, LABELS, scorer=tmp_path / "best.json", **given)
    space = (quantised_space if kind == "bits" else lowrank_space)(model, IMAGES)
    scores = {}
    for choices in itertools.product(space.choices, repeat=2):
        arch = space.arch({space.gene: list(choices)})
        if found.cost.of(space, arch, space.own_task) <= found.most:
            scores[choices] = proxy(space.build(arch), IMAGES, LABELS)
    assert 1 < len(scores) < len(space.choices) ** 2
    assert not found.exact
    assert found.score == pytest.approx(max(scores.values()), rel=1e-6)
    assert scores[tuple(found.choices.values())] == pytest.approx(found.score, rel=1e-6)


def test_a_proxy_that_bits_do_not_change_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), *(nn.Linear(64, 64) for _ in range(4)))
    with pytest.raises(SpecError, match="'params' gives all 3 choices of bits that were tried the same score"):
        autoprox.allocate(model, IMAGES, max={"weight_bytes": 14000}, scorer="params", budget=3, progress=False)


def test_a_proxy_with_a_teacher_compares_with_the_model_that_is_compressed() -> None:
    space = autoprox.space("pit-micro")
    model = space.build(space.sample(np.random.default_rng(0)), 4, 8, 1)
    given = {"kind": "ranks", "max": {"params": "60k"}, "scorer": "diswot-relation", "budget": 2, "progress": False}
    found = autoprox.allocate(model, IMAGES, LABELS, **given)
    proxy = autoprox.load("diswot-relation").taught_by(model)
    assert found.score == pytest.approx(proxy.score(found.network(), IMAGES, LABELS), rel=1e-6)


@pytest.mark.parametrize("name", autoprox.list_scorers())
def test_every_scorer_fits_a_line(name: str) -> None:
    scorer = autoprox.load(name)
    assert len(repr(scorer)) <= 120
    assert name in scorer._repr_html_()


def test_a_proxy_is_callable_and_needs_labels_only_where_it_reads_them() -> None:
    model = mlp(8)
    proxy = autoprox.load("synflow")
    assert proxy(model, IMAGES) == proxy.score(model, IMAGES, None) == proxy.score(model, IMAGES, LABELS)
    with pytest.raises(ValueError, match="labels are missing; give one class index for each of the 4 images"):
        autoprox.load("snip")(model, IMAGES)


def test_what_is_no_model_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^The model is a str; give a torch.nn.Module.$"):
        autoprox.load("snip")("x", IMAGES, LABELS)


def test_values_per_node_are_what_the_score_is_made_of() -> None:
    model = mlp(8)
    frame = autoprox.load("l2_norm").per_node(model, IMAGES)
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    assert frame["node"].tolist() == list(linear)
    norms = [float(module.weight.detach().norm()) for module in linear.values()]
    assert frame["value"].tolist() == pytest.approx(norms, rel=1e-5)
    assert autoprox.load("l2_norm")(model, IMAGES) == pytest.approx(sum(norms), rel=1e-5)
