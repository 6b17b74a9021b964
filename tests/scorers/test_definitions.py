"""Branches of proxies that the three networks of test_values.py do not reach."""

import numpy as np
import pytest
import torch
from scipy import stats

import autoprox
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.scorers import RankedProxy
from autoprox.scorers.zoo._jacobian import epe_nas


@pytest.fixture
def network():
    owner, rng = autoprox.space("autoformer-micro"), np.random.default_rng(0)
    model = owner.build(owner.sample(rng), num_classes=120, img_size=8, in_chans=1, seed=0).double()
    return model, rng.normal(size=(6, 1, 8, 8)), np.arange(6)


def test_epe_nas_refuses_classes_of_one_image(network):
    with pytest.raises(CollectionError, match=r"'epe_nas'.*two images of one class"):
        autoprox.load("epe_nas").score(*network)


def test_epe_nas_compares_classes_where_there_are_many():
    """More than 100 classes in the batch: the other published form, on given Jacobians."""
    rng = np.random.default_rng(0)
    jacobian, labels = rng.normal(size=(204, 5)), np.repeat(np.arange(102), 2)

    class Given:
        def __init__(self):
            self.classes = torch.tensor(labels)

        def once(self, _function):
            return torch.tensor(jacobian)

    entropies = [np.log(np.abs(np.corrcoef(jacobian[labels == label])) + 1e-5).sum() / 2 for label in range(102)]
    expected = sum(abs(one - other) for one in entropies for other in entropies) / 102
    assert epe_nas(Given()) == pytest.approx(expected)


def test_two_equal_images_have_no_nwot_score(network):
    model, images, labels = network
    images[1] = images[0]
    with pytest.raises(UndefinedScoreError, match="nwot"):
        autoprox.load("nwot").score(model, images, labels)
    assert np.isnan(autoprox.load("nwot").score_many([model], images, labels)).all()


def test_meco_refuses_fewer_tokens_than_channels(network):
    model, images, labels = network
    with pytest.raises(CollectionError, match=r"'meco'.*17 tokens.*more images"):
        autoprox.load("meco").score(model, images[:1], labels[:1])


def test_a_model_that_branches_on_values_has_the_same_tangent_kernel(network):
    """torch.func does not support it, so that gradients are computed image by image."""
    model, images, labels = network

    class Branching(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, given):
            return self.inner(given) if given.sum().item() < 1e9 else self.inner(-given)

    for name in ("ntk_trace", "ntk_cond"):
        proxy = autoprox.load(name)
        found, expected = (proxy.score(each, images, labels) for each in (Branching(), model))
        assert found == pytest.approx(expected, rel=1e-6)


def test_noise_is_the_same_for_every_network_and_draw(network):
    model, images, labels = network
    torch.manual_seed(1)
    first = autoprox.load("zen").score(model, images, labels)
    torch.manual_seed(2)
    assert autoprox.load("zen").score(model, images + 1, labels) == first


def test_az_nas_joins_logarithms_of_ranks():
    proxy = autoprox.load("az_nas")
    parts = np.random.default_rng(0).integers(0, 6, size=(4, 9)).astype(float)
    expected = [sum(np.log(stats.rankdata(row)[network] / 9) for row in parts) for network in range(9)]
    assert proxy.join(parts) == pytest.approx(expected)
    assert proxy.join(np.exp(parts)) == pytest.approx(expected)  # ranks alone count


def test_az_nas_leaves_out_what_is_undefined():
    parts = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    found = RankedProxy("two", (), "Here.").join(parts)
    assert found[[0, 2]] == pytest.approx([2 * np.log(0.5), 0.0])
    assert np.isnan(found[1])
    assert np.isnan(RankedProxy("two", (), "Here.").join(np.full((2, 3), np.nan))).all()
