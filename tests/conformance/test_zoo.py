"""What every zoo proxy and every shipped proxy must hold; a new one is taken up by its registration."""

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.errors import AutoproxError, CollectionError
from autoprox.graph import Proxy, parse
from autoprox.scorers import ZOO, Scorer, score_together
from autoprox.statistics import collect
from tests.statistics import foreign

NAMES = [*ZOO, *autoprox.shipped_names()]


def built(space):
    owner, rng = autoprox.space(space), np.random.default_rng(0)
    arch = min((owner.sample(rng) for _ in range(10)), key=owner.backbone_params)
    model = owner.build(arch, num_classes=4, img_size=8, in_chans=1, seed=0)
    return model, rng.normal(size=(12, 1, 8, 8)).astype(np.float32), np.arange(12) % 4


@pytest.fixture(scope="module", params=["autoformer-micro", "pit-micro"])
def network(request):
    return built(request.param)


def together(model, images, labels):
    return score_together([autoprox.load(name) for name in NAMES], model, images, labels)


def state(model):
    """Everything of a model and of torch that a score must leave alone, as something that compares by bits."""
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    modules = list(model.modules())
    return {
        "tensors": {name: (id(each), each.detach().numpy().tobytes()) for name, each in held.items()},
        "gradients": {name: (id(each.grad), each.requires_grad) for name, each in model.named_parameters()},
        "modes": [module.training for module in modules],
        "hooks": [
            [list(getattr(module, name)) for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")]
            for module in modules
        ],
        "generator": torch.get_rng_state().numpy().tobytes(),
        "grad enabled": torch.is_grad_enabled(),
    }


@pytest.mark.parametrize("name", NAMES)
def test_scores_and_leaves_the_model_alone(name, network):
    model, images, labels = network
    model.train()
    weight = next(model.parameters())
    weight.grad, weight.requires_grad = torch.ones_like(weight), False
    before, given = state(model), images.copy()
    proxy = autoprox.load(name)
    first = proxy.score(model, images, labels)
    assert np.isfinite(first)
    assert state(model) == before
    assert np.array_equal(images, given)
    assert proxy.score(model, torch.tensor(images), torch.tensor(labels)) == first


@pytest.mark.parametrize("name", NAMES)
def test_many_are_each_by_itself_unless_ranked(name, network):
    model, images, labels = network
    proxy = autoprox.load(name)
    found = proxy.score_many(iter([model, model]), images, labels)
    assert found.shape == (2,)
    single = np.log(0.75) * len(proxy.parts) if len(proxy.parts) > 1 else proxy.score(model, images, labels)
    assert found == pytest.approx([single, single], rel=1e-12)


def test_all_in_one_go_are_each_by_itself(network):
    model, images, labels = network
    found = together(model, images, labels)
    assert list(found) == NAMES
    alone = {name: autoprox.load(name).score(model, images, labels) for name in NAMES}
    assert found == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in foreign.MAKERS if not name.endswith("-fused")])
def test_models_that_autoprox_did_not_build(name):
    """Every proxy gives a number, and the zoo's the same one where attention is computed by one fused function.

    A discovered graph may hang on an extreme, such as the least entry of a product, which rounding moves.
    """
    images, labels = foreign.batch(12)
    found = together(foreign.seeded(name), images, labels)
    assert np.isfinite(list(found.values())).all()
    if f"{name}-fused" in foreign.MAKERS:
        # Second derivatives and condition numbers magnify the rounding of single precision.
        fused = together(foreign.seeded(f"{name}-fused"), images, labels)
        assert {each: fused[each] for each in ZOO} == pytest.approx({each: found[each] for each in ZOO}, rel=2e-2)


@pytest.mark.parametrize("name", NAMES)
def test_one_image_is_enough_or_refused_by_name(name):
    model, images, labels = built("pit-micro")
    proxy = autoprox.load(name)
    if proxy.needs.images == 1 and name != "meco":  # meco refuses by the number of tokens
        assert np.isfinite(proxy.score(model, images[:1], labels[:1]))
        return
    with pytest.raises(CollectionError) as refused:
        proxy.score(model, images[:1], labels[:1])
    asked = proxy.needs.statistics or (name,)
    assert any(f"'{each}'" in str(refused.value) for each in asked)
    assert "image" in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_not_asked_for_without_need(name):
    model, images, _ = built("autoformer-micro")
    proxy = autoprox.load(name)
    if proxy.needs.labels:
        with pytest.raises(CollectionError, match="label"):
            proxy.score(model, images, None)
    else:
        assert np.isfinite(proxy.score(model, images, None))


@pytest.mark.parametrize("name", [name for name in NAMES if autoprox.load(name).needs.labels])
def test_a_loss_of_ones_own_is_what_counts(name):
    model, images, labels = built("autoformer-micro")
    proxy = autoprox.load(name)

    def loss(output, chosen):
        return output[:, 0].square().mean() + 0 * chosen.sum()

    own = proxy.score(model, images, labels, loss=loss)
    if name == "epe_nas":  # reads labels, but no loss
        assert own == proxy.score(model, images, labels)
    elif isinstance(proxy, Proxy):
        # In one network the part of a formula that reads gradients may decide nothing, as the smaller of a maximum.
        plain, other = (collect(model, images, labels, proxy.statistics, loss=each).tensors for each in (None, loss))
        assert any(not torch.equal(*pair) for key in plain for pair in zip(plain[key], other[key], strict=True))
    else:
        assert own != proxy.score(model, images, labels)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    proxy = autoprox.load(name)
    assert isinstance(proxy, Scorer)
    assert proxy.name == name or name in autoprox.shipped_names()
    assert proxy.sign in (1, -1)
    assert len(proxy.source) > 10
    assert str(proxy.needs)
    assert proxy.needs.images >= 1
    if isinstance(proxy, Proxy):
        assert proxy.needs.statistics == proxy.statistics
        assert parse(str(proxy.graph)) == proxy.graph
        assert Proxy.from_document(proxy.to_document(), "here") == proxy
    assert all(len(each.description) > 10 for each in proxy.parts)
    assert proxy.identity == autoprox.load(name).renamed("another").identity


@pytest.mark.parametrize("name", NAMES)
def test_bad_images_are_an_error_of_ours(name):
    model, images, labels = built("autoformer-micro")
    images[0, 0, 0, 0] = np.nan
    proxy = autoprox.load(name)
    if not proxy.needs.passes or proxy.needs.passes == ("synflow",):
        return  # it does not look at the images
    with pytest.raises(AutoproxError, match="NaN"):
        proxy.score(model, images, labels)


def test_names_are_distinct():
    assert len(set(NAMES)) == len(NAMES)
