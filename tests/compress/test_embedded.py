"""The spaces around the embedded trained networks, and the labels of their networks."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from autoprox.base.errors import RegistryError, SpecError
from autoprox.bench.labels import COMPRESSED, TUNED
from autoprox.bench.owners import known_spaces
from autoprox.compress import Compressed, CompressedSpace, FineTuned
from autoprox.compress.embedded import NETWORKS, trained_networks
from autoprox.datasets import dataset
from autoprox.spaces import load_space
from autoprox.spaces.trained_spaces import EMBEDDED_SPACES
from autoprox.statistics import collect
from autoprox.training import BuildPlan, Recipe, Training, sample
from autoprox.training.loop import measure
from autoprox.training.sample import ISO_TOLERANCE, iso_archs, iso_budget
from autoprox.training.train import train

BITS, RANKS = load_space("mq-pit-digits"), load_space("lr-pit-digits")
NETWORK = trained_networks()["pit-digits"]


@pytest.fixture
def few_drawn(monkeypatch):
    """A smaller pool of architectures, which is faster."""
    sample.pool.cache_clear()
    monkeypatch.setattr(sample, "POOL_SIZE", 1_000)
    yield
    sample.pool.cache_clear()


def drawn(space: CompressedSpace, seed: int = 0):
    return space.sample(np.random.default_rng(seed))


def test_each_name_is_a_space_around_the_network_that_it_names():
    assert len(EMBEDDED_SPACES) == 8
    for space, gene in ((BITS, "bits"), (RANKS, "ranks")):
        assert isinstance(space, CompressedSpace)
        assert (space.gene, space.reference, space.own_task) == (
            gene,
            space.name,
            NETWORK.task,
        )
        assert load_space(space.name) is space is pickle.loads(pickle.dumps(space))


def test_the_network_is_the_trained_one():
    given = NETWORK.build()
    held = dict(BITS.source.named_parameters())
    assert all(torch.equal(value, held[name]) for name, value in given.named_parameters())
    images = NETWORK.images()
    dense = RANKS.build({"ranks": [1.0] * len(RANKS.groups)})
    torch.testing.assert_close(dense(images), given(images), rtol=0, atol=1e-5)


def test_the_stated_accuracy_is_that_of_the_checkpoint():
    stated = json.loads(NETWORKS.read_text())["pit-digits"]
    found = measure(NETWORK.build(), dataset("digits"))
    assert found["top1_pct"] == pytest.approx(stated["top1_pct"], abs=0.1)
    assert found["nll"] == pytest.approx(stated["nll"], abs=1e-3)


def test_the_identity_is_that_of_checkpoint_images_and_choices():
    assert NETWORK.digest == BITS.given.digest == RANKS.given.digest
    assert BITS.identity != RANKS.identity
    assert replace(NETWORK, name="pit-patches").digest != NETWORK.digest


def test_a_table_knows_them_and_imports_nothing_that_it_names_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    known = known_spaces()
    assert known["mq-pit-digits"] is BITS
    assert "evil.py:space" not in known
    assert "evil:space" not in known
    with pytest.raises(KeyError):
        known["evil.py:space"]
    assert {"pit-micro", *EMBEDDED_SPACES} <= set(known)
    assert len(known) == len(set(known))


def test_an_unknown_name_is_answered_with_the_nearest_of_them():
    with pytest.raises(RegistryError, match="Did you mean 'mq-pit-patches'"):
        load_space("mq-pit-patch")


@pytest.mark.parametrize(("space", "size"), [(BITS, "weight_bytes"), (RANKS, "params")])
@pytest.mark.usefixtures("few_drawn")
def test_networks_of_one_size_have_as_many_bytes_or_parameters(space, size):
    budget = iso_budget(space)
    for arch in iso_archs(space, 12):
        cost = space.storage(arch).weight_bytes if size == "weight_bytes" else space.counts(arch).params
        assert abs(cost / budget - 1) <= ISO_TOLERANCE


def test_choices_are_spread_over_the_thirds_of_the_network():
    arch = drawn(BITS)
    chosen = np.array(arch.genes["bits"])
    first = chosen[: -(-len(chosen) // 3)]
    assert BITS.spread(arch)[0] == pytest.approx(first.mean())
    assert len(BITS.spread(arch)) == 3


def test_two_halves_of_the_test_images_are_the_whole():
    arch = drawn(BITS)
    halves = [train(Training(BITS, arch, "digits", COMPRESSED, seed), Recipe()).values for seed in (0, 1)]
    whole = measure(BITS.build(arch), dataset("digits"))
    sizes = [-(-len(dataset("digits").test_labels) // 2), len(dataset("digits").test_labels) // 2]
    for metric, value in whole.items():
        assert np.average([half[metric] for half in halves], weights=sizes) == pytest.approx(value, abs=1e-9)
    assert halves[0] != halves[1]


def test_there_are_no_more_repetitions_than_parts():
    with pytest.raises(SpecError, match="at most 2 repetitions"):
        Compressed().tested(Training(BITS, drawn(BITS), "digits", COMPRESSED, 2))


@pytest.mark.parametrize("kind", [COMPRESSED, TUNED], ids=str)
def test_networks_that_are_not_made_of_a_trained_one_have_no_such_labels(kind):
    micro = load_space("pit-micro")
    arch = micro.sample(np.random.default_rng(0))
    with pytest.raises(SpecError, match="which 'pit-micro' is not"):
        train(Training(micro, arch, "digits", kind, 0), Recipe())


def test_tuning_is_reproducible_and_leaves_the_space_alone():
    arch, maker = drawn(RANKS), FineTuned(passes=1)
    training = Training(RANKS, arch, "digits", TUNED, 0)
    before = measure(RANKS.build(arch), dataset("digits"))
    first, again = (maker.network(training, Recipe(), torch.device("cpu")) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), again.parameters(), strict=True))
    assert measure(first, dataset("digits"))["nll"] < before["nll"]
    assert measure(RANKS.build(arch), dataset("digits")) == before


@pytest.mark.usefixtures("few_drawn")
def test_a_plan_labels_a_trained_network_on_data_of_its_task():
    plan = BuildPlan(
        ("mq-pit-digits", "mq-pit-patches"),
        archs=4,
        iso=2,
        datasets=("digits", "patches"),
        seeds=1,
        iso_seeds=1,
        label_kinds=("compressed", "tuned"),
        label_archs=(("tuned", 1),),
    )
    found = [(each.space.name, each.dataset, each.label_kind.name) for each in plan.trainings()]
    for data in ("digits", "patches"):
        assert found.count((f"mq-pit-{data}", data, "compressed")) == 8
        assert found.count((f"mq-pit-{data}", data, "tuned")) == 1
    assert len(found) == 18
    with pytest.raises(SpecError, match="'mq-pit-digits', which take 10 classes, 8 px and 1 channels"):
        BuildPlan(("mq-pit-digits",), archs=4, iso=2, datasets=("patches",), seeds=1, iso_seeds=1)


def test_each_compressed_space_names_counts_that_tell_its_networks_apart():
    for space in (BITS, RANKS):
        built = [space.build(drawn(space, seed)) for seed in (0, 1)]
        first, second = (collect(each, NETWORK.images(), None, space.own_statistics).counts for each in built)
        assert all((first[name] != second[name]).any() for name in space.own_statistics)
