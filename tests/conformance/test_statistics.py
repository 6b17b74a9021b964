"""What every registered statistic promises, on a network of every registered space.

A new statistic and a new space are taken up by their registration; nothing has to be added here.
"""

from functools import cache

import numpy as np
import pytest
import torch

from autoprox.inspect.nodes import Site
from autoprox.spaces import SPACES, space
from autoprox.statistics import STATISTICS, Stage, StatisticKind, collect

IMAGES = 2
CLASSES = 7
TENSORS = [name for name, each in STATISTICS.items() if each.kind is StatisticKind.TENSOR]
COUNTS = [name for name, each in STATISTICS.items() if each.kind is StatisticKind.COUNT]
PASSES = list(dict.fromkeys(each.pass_ for each in STATISTICS.values()))
MICRO = [name for name in SPACES if space(name).default_img_size <= 32]
on_every_space = pytest.mark.parametrize("space_name", SPACES)


@cache
def network(space_name):
    """A network of the space, and a batch; of large spaces with smaller images, for the time that it takes."""
    owner = space(space_name)
    arch = owner.sample(np.random.default_rng(3))
    size = min(owner.default_img_size, 64)
    model = owner.build(arch, num_classes=CLASSES, img_size=size, in_chans=3, seed=0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, 3, size, size, generator=generator)
    return arch, model, images, torch.tensor([0, CLASSES - 1])


@cache
def everything(space_name):
    _, model, images, labels = network(space_name)
    return collect(model, images, labels, STATISTICS)


@on_every_space
@pytest.mark.parametrize("pass_", PASSES, ids=lambda each: each.name)
def test_its_pass_alone_gives_the_same_to_the_bit_and_leaves_the_model(space_name, pass_):
    unchanged_when_alone(space_name, [name for name, each in STATISTICS.items() if each.pass_ == pass_])


@pytest.mark.parametrize("space_name", MICRO)
@pytest.mark.parametrize("name", STATISTICS)
def test_asked_for_alone_it_is_the_same_to_the_bit_and_the_model_too(space_name, name):
    unchanged_when_alone(space_name, [name])


def unchanged_when_alone(space_name, names):
    _, model, images, labels = network(space_name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    alone = collect(model, images, labels, names)
    assert {*alone.tensors, *alone.counts} == set(names)
    for name, tensors in alone.tensors.items():
        assert all(torch.equal(a, b) for a, b in zip(tensors, everything(space_name).tensors[name], strict=True))
    for name, counts in alone.counts.items():
        assert (counts == everything(space_name).counts[name]).all()
    assert alone.nodes == everything(space_name).nodes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@on_every_space
@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_is_one_for_each_node_finite_detached_and_not_constant(space_name, name):
    found = everything(space_name)
    tensors = found.tensors[name]
    assert len(tensors) == len(found.nodes[STATISTICS[name].site]) > 0
    for node, tensor in zip(found.nodes[STATISTICS[name].site], tensors, strict=True):
        assert tensor.dtype == (STATISTICS[name].pass_.dtype or torch.float32)
        assert not tensor.requires_grad
        assert tensor.numel() > 0
        assert torch.isfinite(tensor).all(), node
        assert tensor.any(), node


@on_every_space
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_a_positive_whole_number_for_each_node(space_name, name):
    found = everything(space_name)
    counts = found.counts[name]
    assert counts.dtype == np.float64
    assert counts.shape == (len(found.nodes[STATISTICS[name].site]),)
    assert (counts > 0).all()
    assert (counts == np.round(counts)).all()


@on_every_space
def test_one_shape_class_is_one_shape_node_by_node(space_name):
    found = everything(space_name)
    classes = {}
    for name in TENSORS:
        shapes = [tensor.shape for tensor in found.tensors[name]]
        classes.setdefault((STATISTICS[name].site, STATISTICS[name].shape), []).append(shapes)
    assert all(shapes == same[0] for same in classes.values() for shapes in same)


@on_every_space
def test_every_site_has_nodes_with_roles(space_name):
    found = everything(space_name)
    assert set(found.nodes) == set(Site)
    assert all(found.nodes.values())
    names = [node.name for at in found.nodes.values() for node in at]
    assert len(set(names)) == len(names)


@on_every_space
def test_counts_agree_with_the_closed_form_of_the_space(space_name):
    arch, model, images, _ = network(space_name)
    found = everything(space_name)
    closed = space(space_name).counts(arch, CLASSES, images.shape[-1], 3)
    norms = sum(2 * width for width in found.counts["norm_width"])
    tokens = sum(
        parameter.numel() for name, parameter in model.named_parameters() if name in ("cls_token", "pos_embed")
    )
    assert found.counts["params"].sum() + norms + tokens == closed.params
    widths = [
        model.get_submodule(node.name.replace("softmax", "proj")).in_features for node in found.nodes[Site.ATTENTION]
    ]
    products = sum(2 * n * n * width for n, width in zip(found.counts["attention_tokens"], widths, strict=True))
    assert found.counts["macs"].sum() + products == closed.macs


@on_every_space
def test_attention_is_a_distribution_over_keys(space_name):
    found = everything(space_name)
    for tensor, heads, keys in zip(
        found.tensors["attention"], found.counts["attention_heads"], found.counts["attention_tokens"], strict=True
    ):
        assert tensor.shape == (IMAGES, heads, keys, keys)
        torch.testing.assert_close(tensor.sum(-1), torch.ones(tensor.shape[:-1]))


@pytest.mark.parametrize("name", STATISTICS)
def test_its_declaration_is_complete(name):
    statistic = STATISTICS[name]
    assert statistic.name == name
    assert name.isidentifier()
    assert statistic.version >= 1
    assert statistic.source
    assert (statistic.tap is None) == (statistic.kind is StatisticKind.COUNT) == (statistic.count is not None)
    assert bool(statistic.shape) == (statistic.kind is StatisticKind.TENSOR)
    assert (statistic.stage is Stage.STATIC) == (statistic.pass_.least_images == 0)
    assert statistic.stage is Stage.BACKWARD or not name.endswith("_grad")
    assert statistic.pass_.name.isidentifier()
    assert statistic.pass_.source
