"""One varied quantity: effects against scores of live networks, and the blind spots of shipped proxies."""

import numpy as np
import pytest
import torch

import autoprox
from autoprox.bench.table import Table
from autoprox.graph import Proxy, collect_leaves, parse
from autoprox.scorers import FOREIGN, blind_to, effects, foreign_series, gene_series
from autoprox.scorers._one_gene import DEPTHS, WIDTHS, effect_of
from autoprox.scorers._plain_vit import plain_batch, plain_vit
from autoprox.spaces import load_space
from autoprox.statistics import StatisticsCache

BY_HAND = {
    "params": "nodes_sum(params)",
    "width": "nodes_max(norm_width)",
    "shallow": "neg(nodes_sum(params))",
    "constant": "mul(0.0, nodes_sum(params))",
}


@pytest.fixture(scope="module")
def found():
    proxies = [Proxy(name, parse(text)) for name, text in BY_HAND.items()]
    return dict(zip(BY_HAND, effects(proxies, foreign_series()), strict=True))


def effects_of(rows, varied):
    return {each["effect"] for each in rows if each["varied"] == varied}


def test_effects_are_those_of_counts(found):
    assert all(each["where"] == FOREIGN for each in found["params"])
    assert effects_of(found["params"], "depth") == effects_of(found["params"], "width") == {"rises"}
    assert effects_of(found["shallow"], "depth") == {"falls"}
    assert effects_of(found["width"], "width") == {"rises"}
    assert effects_of(found["width"], "depth") == {"ties"}
    assert blind_to(found["params"]) == blind_to(found["shallow"]) == []
    assert blind_to(found["width"]) == ["depth"]
    assert blind_to(found["constant"]) == ["depth", "width"]


def test_series_hold_what_they_say(found):
    assert [(each["varied"], each["values"]) for each in found["params"]] == [
        *[("depth", list(DEPTHS))] * len(WIDTHS),
        *[("width", list(WIDTHS))] * len(DEPTHS),
    ]
    proxy = Proxy("snip", parse("nodes_sum(l1(mul(weight, weight_grad)))"))
    scores = [proxy.score(plain_vit(WIDTHS[0], depth), *plain_batch()) for depth in DEPTHS]
    ((first, *_),) = effects([proxy], foreign_series()[:1])
    assert first["effect"] == effect_of(np.array(scores)).value


def test_genes_of_a_space_one_by_one(tmp_path):
    space, cache = load_space("autoformer-micro"), StatisticsCache(tmp_path / "cache.sqlite")
    seen = []

    def collect(networks, leaves):
        seen.extend(networks)
        return collect_leaves(networks, leaves, cache)

    series = gene_series(space, Table.read().task("digits", space), collect)
    (rows,) = effects([Proxy("params", parse("nodes_sum(params)"))], series)
    assert [each["varied"] for each in rows] == [gene.name for gene in space.layout.genes]
    ranges = [(gene.choices[0], gene.choices[len(gene.choices) // 2], gene.choices[-1]) for gene in space.layout.genes]
    assert [each["values"] for each in rows] == [list(each) for each in ranges]
    assert len(seen) == 3 * len(space.layout.genes)
    assert effects_of(rows, "hidden_dim") == effects_of(rows, "depth") == effects_of(rows, "mlp_ratio") == {"rises"}
    assert effects_of(rows, "num_heads") == {"ties"}
    assert blind_to(rows) == []
    assert blind_to(rows, foreign=False) == ["num_heads"]


@pytest.mark.parametrize(
    ("scores", "effect"),
    [
        ([1.0, 2.0, 4.0], "rises"),
        ([0.0, -2.0, -4.0], "falls"),
        ([1.0, 3.0, 2.0], "rises and falls"),
        ([1.0, 2.0, 1.0], "ties"),
        ([1.0, 1.0 + 1e-14, 2.0], "ties"),
        ([0.0, 0.0, 1.0], "ties"),
        ([1.0, np.inf, 2.0], "undefined"),
    ],
)
def test_effect(scores, effect):
    assert effect_of(np.array(scores)) == effect


def test_what_shipped_proxies_are_blind_to():
    names = ["joint_best", "beyond_size", "autoformer_micro", "joint_micro", "published_pit"]
    found = dict(zip(names, effects([autoprox.load(name) for name in names], foreign_series()), strict=True))
    assert {name: blind_to(rows) for name, rows in found.items() if blind_to(rows)} == {
        "joint_best": ["depth"],
        "beyond_size": ["depth"],
        "autoformer_micro": ["depth"],
    }
    assert effects_of(found["published_pit"], "depth") == {"falls"}


def test_networks_and_the_generator_are_left_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, second = plain_vit(32, 1), plain_vit(32, 1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
