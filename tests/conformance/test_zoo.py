"""What every zoo proxy and every shipped proxy must hold."""

import copy

import numpy as np
import pytest
import torch

import autoprox
from autoprox.graph import Proxy, parse
from autoprox.zoo import ZOO

NAMES = [*ZOO, *autoprox.shipped_names()]


@pytest.fixture(scope="module")
def network():
    owner, rng = autoprox.space("pit-micro"), np.random.default_rng(0)
    model = owner.build(owner.sample(rng), num_classes=10, img_size=8, in_chans=1, seed=0)
    return model, rng.normal(size=(8, 1, 8, 8)).astype(np.float32), rng.integers(0, 10, size=8)


@pytest.mark.parametrize("name", NAMES)
def test_scores_and_leaves_the_model_alone(name, network):
    model, images, labels = network
    before = copy.deepcopy(model.state_dict())
    proxy = autoprox.load(name)
    first, again = proxy.score(model, images, labels), proxy.score(model, torch.tensor(images), torch.tensor(labels))
    assert np.isfinite(first)
    assert first == again
    assert list(proxy.score_many([model, model], images, labels)) == [first, first]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    proxy = autoprox.load(name)
    assert proxy.sign in (1, -1)
    assert proxy.statistics
    assert proxy.provenance
    assert parse(str(proxy.graph)) == proxy.graph
    assert Proxy.from_document(proxy.to_document(), "here") == proxy


def test_names_are_distinct():
    assert len(set(NAMES)) == len(NAMES)
