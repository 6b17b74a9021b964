"""Ranks as a supernet (FLORA): laws on networks of any origin, local supernets, search with inherited accuracy."""

import json
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from autoprox.commands import main
from autoprox.compress import LocalSupernets, LocalValue, filter_candidates, lowrank_space, quantised_space
from autoprox.datasets import dataset
from autoprox.errors import SpecError
from autoprox.networks.factorised import FactorisedLinear, Factors
from autoprox.spaces import load_space
from autoprox.supernet import HeldOutImages, Inherited, Subnets, Supernet, SupernetPlan, SupernetTrainer, covering
from autoprox.supernet.samplers import LowRankAware
from tests.compress import trained

RATIOS = (0.25, 0.5, 1.0)
OURS = lowrank_space(trained.ours(), trained.images(), ratios=RATIOS)


def uneven(arch) -> float:
    return float(np.sin(9 * np.array(arch.genes["ranks"])).sum())


def supernet_of(space) -> Supernet:
    classes, size, channels = space.own_task
    return Supernet(space, num_classes=classes, img_size=size, in_chans=channels).eval()


@pytest.mark.parametrize("name", list(trained.ALL))
def test_a_supernet_of_ranks_begins_as_the_truncated_networks(name):
    space = lowrank_space(trained.ALL[name](), trained.images(), ratios=RATIOS)
    supernet, images, rng = supernet_of(space), trained.images(), np.random.default_rng(0)
    for arch in [space.arch({"ranks": [1.0] * len(space.groups)}), *(space.sample(rng) for _ in range(3))]:
        expected, alone = trained.logits(space.build(arch), images), supernet.extract(arch)
        with torch.no_grad():
            torch.testing.assert_close(supernet.select(arch)(images), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(trained.logits(alone, images), expected, atol=1e-5, rtol=1e-5)
        assert sum(each.numel() for each in alone.parameters()) == space.counts(arch).params


def test_trained_factors_are_what_an_extracted_network_has_whether_dense_or_thin():
    supernet, images, rng = supernet_of(OURS), trained.images(), np.random.default_rng(1)
    with torch.no_grad():
        for value in supernet.shared.values():
            value.add_(0.01 * torch.randn(value.shape, generator=torch.Generator().manual_seed(value.numel())))
    for arch in [OURS.arch({"ranks": [1.0] * len(OURS.groups)}), OURS.sample(rng)]:
        with torch.no_grad():
            own = supernet.select(arch)(images)
        torch.testing.assert_close(trained.logits(supernet.extract(arch), images), own, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(own, trained.logits(OURS.build(arch), images), atol=1e-3)


def test_in_a_supernet_ranks_nest_and_the_full_rank_is_two_factors():
    low, high = (OURS.elastic.build({"ranks": [ratio] * len(OURS.groups)}) for ratio in (0.25, 1.0))
    found = [group.maps[0] for group in OURS.groups]
    for each in found:
        small, large = low.get_submodule(each.name), high.get_submodule(each.name)
        assert isinstance(large, FactorisedLinear)
        rank = len(small.first.weight)
        assert len(large.first.weight) == len(Factors.of(each.parameter(OURS.source)).values) > rank
        assert torch.equal(small.first.weight, large.first.weight[:rank])
        assert torch.equal(small.second.weight, large.second.weight[:, :rank])
    assert OURS.elastic.counts({"ranks": [1.0] * len(OURS.groups)}) == OURS.given.counts


class Recorded(LocalValue):
    """Values of the block, and a record of local spaces."""

    def __init__(self):
        self.spaces = []

    def within(self, local):
        self.spaces.append(local)
        number = len(self.spaces) - 1
        return lambda arch: float(np.sin(9 * np.array(arch.genes[f"ranks{number}"])).sum())


def test_a_local_space_lets_one_block_choose_and_no_other():
    value = Recorded()
    kept = filter_candidates(OURS, value, keep=0.1)
    assert len(value.spaces) == len(kept.blocks) == 2
    for number, local in enumerate(value.spaces):
        choices = [set(gene.choices) for gene in local.layout.genes]
        assert choices.pop(number) == set(product(RATIOS, repeat=4))
        assert choices == [{(1.0,) * 4}]
        best = sorted(product(RATIOS, repeat=4), key=lambda each: -np.sin(9 * np.array(each)).sum())[:8]
        assert set(kept.layout.genes[number].choices) == set(best)


def perceptron_of_digits() -> nn.Module:
    """Trained until it recognises most digits, so that ranks matter."""
    data = dataset("digits")
    images, labels = torch.from_numpy(data.normalised(data.train_images[:])), torch.tensor(data.train_labels)
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(64, 16), nn.GELU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 16), nn.GELU()]
    network = nn.Sequential(*layers, nn.Linear(16, 10))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return network


def test_local_supernets_train_each_block_and_test_what_it_inherits():
    data, plan = dataset("digits"), SupernetPlan(passes=6, loss="distilled", learning_rate=1e-3)
    ratios = tuple((np.arange(16) + 1) / 16)
    space = lowrank_space(perceptron_of_digits(), trained.images(), ratios=ratios)
    kept = filter_candidates(space, LocalSupernets(data, plan), keep=0.25)
    locals_ = Recorded()
    filter_candidates(space, locals_)
    assert len(kept.blocks) == len(locals_.spaces) == 2
    for number, local in enumerate(locals_.spaces):
        trainer = SupernetTrainer(local, data, plan)
        assert list(trainer.steps()) == [2, 4, 6]
        images = HeldOutImages(data)
        worth = []
        for ratio in ratios:
            ranks = [1.0, 1.0]
            ranks[number] = ratio
            arch = local.arch({f"ranks{place}": (each,) for place, each in enumerate(ranks)})
            worth.append(images.accuracy(trainer.supernet.extract(arch)))
        assert len(set(worth)) > 3
        best = sorted(ratios, key=lambda each: -worth[ratios.index(each)])[:4]
        assert set(kept.layout.genes[number].choices) == {(each,) for each in best}


def test_a_filtered_space_is_a_supernet_whose_ranks_are_drawn_in_inverse_proportion():
    kept = filter_candidates(OURS, uneven, keep=0.1, strata=2)
    supernet, images = supernet_of(kept), trained.images()
    assert 1 <= len(list(covering(kept))) < sum(len(gene.choices) for gene in kept.layout.genes)
    for _ in range(3):
        arch = kept.sample(np.random.default_rng(0))
        with torch.no_grad():
            own = supernet.select(arch)(images)
        torch.testing.assert_close(own, trained.logits(kept.build(arch), images), atol=1e-5, rtol=1e-5)
    sampler = LowRankAware(Subnets(kept, kept.own_task), np.random.default_rng(0))
    drawn = Counter(tuple(sampler.ask(0.0)[0].genes["ranks0"]) for _ in range(4_000))
    choices = kept.layout.genes[0].choices
    inverse = np.array([1 / np.prod(each) for each in choices])
    assert stats.chisquare([drawn[each] for each in choices], 4_000 * inverse / inverse.sum()).pvalue > 1e-3


def test_what_cannot_be_filtered_or_taught_is_one_line():
    halves = lowrank_space(trained.ours(), trained.images(), ratios=(0.25, 0.5))
    with pytest.raises(SpecError, match="has no ratio 1"):
        filter_candidates(halves, lambda _: 0.0)
    with pytest.raises(SpecError, match="not a number"):
        filter_candidates(OURS, lambda _: float("nan"))
    with pytest.raises(SpecError, match=r"'pit-micro' has no trained network\. Choose a space of ranks"):
        SupernetTrainer(load_space("pit-micro"), dataset("digits"), SupernetPlan(4, loss="distilled"))
    bits = quantised_space(trained.ours(), trained.images())
    with pytest.raises(SpecError, match="cannot share parameters"):
        supernet_of(bits)


def test_a_search_in_a_window_of_macs_takes_what_a_supernet_of_ranks_passes_on(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom autoprox.compress import lowrank_space\n"
        "from tests.compress.test_local_supernets import perceptron_of_digits\n"
        "space = lowrank_space(perceptron_of_digits(), torch.ones(2, 1, 8, 8))\n"
    )
    folder, out = tmp_path / "supernet", tmp_path / "search"
    words = ["--space", f"{tmp_path}/mine.py:space", "--dataset", "digits"]
    training = ["--sampler", "lowrank", "--loss", "distilled", "--learning-rate", "2e-4", "--passes", "8"]
    assert main(["supernet", "train", *words, *training, "--out", str(folder), "--quiet"]) == 0
    window = ["--min", "macs=1300", "--max", "macs=1500", "--budget", "12", "--top", "1", "--jobs", "1", "--quiet"]
    assert main(["search", "--proxy", str(folder), *words, *window, "--out", str(out)]) == 0
    pick = json.loads((out / "result.json").read_text())["picks"][0]
    weights, images = Inherited(folder), HeldOutImages(dataset("digits"))
    space = load_space(words[1])
    assert 1300 <= space.counts(pick["arch"]).macs <= 1500
    assert pick["score"] == images.accuracy(weights.supernet(space).extract(pick["arch"])) > 10
