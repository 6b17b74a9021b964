"""Differences from a teacher against loops, what a network is to itself as a teacher, and the keys of stored values."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.graph import Proxy, collect_leaves, parse
from autoprox.networks import Fresh, Network, Teacher
from autoprox.spaces.task import noise_task
from autoprox.statistics import StatisticsCache, collect
from tests.statistics.networks import batch, tiny

NAMES = ("teacher_attention", "teacher_relation")
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 1, 8, 8)).astype("float32")
SPACES = ("autoformer-micro", "pit-micro", "mixer-micro")


class Convolutional(nn.Module):
    """Three blocks on grids of 8, 4 and 2."""

    def __init__(self, seed=0, channels=1):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            widths = (channels, 3, 4, 6)
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Conv2d(before, width, 3, stride, padding=1), nn.BatchNorm2d(width), nn.ReLU())
                for before, width, stride in zip(widths, widths[1:], (1, 2, 2), strict=False)
            )
            self.head = nn.Linear(6, 10)

    def features(self, images):
        found = []
        for block in self.blocks:
            images = block(images)
            found.append(images)
        return found

    def forward(self, images):
        return self.head(self.features(images)[-1].mean(dim=(2, 3)))


@cache
def student(space, seed=0):
    owner = autoprox.space(space)
    arch = min((owner.sample(np.random.default_rng(each)) for each in range(9)), key=owner.backbone_params)
    return owner.build(arch, 10, 8, 1, seed=seed)


def norm_inputs(model):
    """Inputs of every LayerNorm in the order of calls, as maps; one position where they are not a square grid."""
    kept = []
    norms = [each for each in model.modules() if isinstance(each, nn.LayerNorm)]
    hooks = [each.register_forward_pre_hook(lambda _module, given: kept.append(given[0].detach())) for each in norms]
    model.eval()(torch.tensor(IMAGES))
    for hook in hooks:
        hook.remove()
    maps = []
    for tokens in kept:
        side = math.isqrt(tokens.shape[1])
        if tokens.ndim == 2 or tokens.shape[1] - side**2 > 2:
            maps.append(tokens.reshape(len(tokens), -1, 1, 1))
        else:
            maps.append(tokens[:, tokens.shape[1] - side**2 :].transpose(1, 2).reshape(len(tokens), -1, side, side))
    return maps


def attention(features, grid):
    found = []
    if len(features[0, 0]) != grid:
        features = functional.interpolate(features, size=grid, mode="bilinear")
    for image in features:
        energy = np.array([float((image[:, row, column] ** 2).mean()) for row in range(grid) for column in range(grid)])
        found.append(energy / math.sqrt((energy**2).sum()))
    return np.array(found)


def relations(features):
    rows = features.flatten(1).double().numpy()
    products = np.array([[np.dot(a, b) for b in rows] for a in rows])
    return np.array([row / np.linalg.norm(row) for row in products])


def stage_at(depth, stages):
    """The first stage that ends at this relative depth or after it."""
    return next(stage for stage in range(stages) if (stage + 1) / stages >= depth - 1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_differences_are_those_of_the_maps_at_one_relative_depth(space):
    model, teacher = student(space), Convolutional().eval()
    found = collect(model, IMAGES, None, NAMES, teacher=Teacher.of(teacher))
    with torch.no_grad():
        for block in teacher.blocks:  # it is untrained, and takes the statistics of the batch
            block[1].train()
        theirs = [each.detach() for each in teacher.features(torch.tensor(IMAGES))]
        ours = norm_inputs(model)
    assert [len(found.tensors[name]) for name in NAMES] == [len(ours)] * 2
    for place, features in enumerate(ours):
        other = theirs[stage_at(place / (len(ours) - 1), 3)]
        grid = max(features.shape[-1], other.shape[-1])
        expected = attention(features, grid) - attention(other, grid)
        np.testing.assert_allclose(found.tensors[NAMES[0]][place], expected, rtol=1e-4, atol=2e-6)
        expected = relations(features) - relations(other)
        np.testing.assert_allclose(found.tensors[NAMES[1]][place], expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("space", ["autoformer-micro", "mixer-micro"])
def test_a_network_is_nearest_to_itself(space):
    """Every second normalisation reads the output of a block, and there the difference is exactly 0."""
    model, other = student(space), student(space, seed=1)
    own = collect(model, IMAGES, None, NAMES, teacher=Teacher.of(model)).tensors
    for name in NAMES:
        assert not own[name][-1].any(), name
        assert collect(other, IMAGES, None, NAMES, teacher=Teacher.of(model)).tensors[name][-1].any(), name
    if space == "autoformer-micro":
        assert not any(each.any() for name in NAMES for each in own[name][2::2])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("tvt-teacher", "neg(nodes_last(mean(square(teacher_attention))))"),
        ("diswot-relation", "neg(nodes_last(mean(square(teacher_relation))))"),
    ],
)
def test_published_proxies_are_graphs_over_them(name, formula):
    model, teacher, proxy = student("autoformer-micro"), Convolutional(), Proxy("mine", parse(formula))
    assert proxy.needs.teacher
    assert "a teacher" in str(proxy.needs)
    found = proxy.score(model, IMAGES, teacher=teacher)
    assert found == pytest.approx(autoprox.load(name).score(model, IMAGES, teacher=teacher), rel=1e-5)
    taught = proxy.taught_by(teacher)
    assert found == taught(model, IMAGES) == taught.score_many([model], IMAGES)
    assert len(taught.per_node(model, IMAGES)) == len(norm_inputs(model))


def test_neither_network_is_changed_and_other_statistics_are_the_same():
    model, teacher = student("pit-micro"), Convolutional().train()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    alone = collect(model, IMAGES, None, ["norm_output"]).tensors["norm_output"]
    beside = collect(model, IMAGES, None, ["norm_output", *NAMES], teacher=Teacher.of(teacher)).tensors["norm_output"]
    assert all(torch.equal(*pair) for pair in zip(alone, beside, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (None, "'teacher_attention' compares a network with a teacher; give one"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "'Sequential' has no feature maps"),
        (Convolutional(channels=3), r"Convolutional failed on images .*\(forward pass of the teacher\)"),
    ],
)
def test_a_teacher_that_is_missing_or_does_not_fit_is_named(teacher, message):
    with pytest.raises(CollectionError, match=message):
        Proxy("mine", parse("nodes_sum(l1(teacher_attention))")).score(student("pit-micro"), IMAGES, teacher=teacher)


class Again(nn.Module):
    """One normalisation that is called twice."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm, self.head = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.norm(self.norm(self.embed(images.flatten(1, 2)))).mean(dim=1))


def test_a_normalisation_that_is_called_twice_counts_by_its_last_call():
    model, teacher = Again(), Convolutional().eval()
    (found,) = collect(model, IMAGES, None, NAMES, teacher=Teacher.of(teacher)).tensors["teacher_relation"]
    with torch.no_grad():
        for block in teacher.blocks:
            block[1].train()
        ours = relations(model.norm(model.embed(torch.tensor(IMAGES).flatten(1, 2))))
        theirs = relations(teacher.features(torch.tensor(IMAGES))[-1])
    np.testing.assert_allclose(found, ours - theirs, rtol=1e-4, atol=2e-6)


def test_one_image_has_no_relations():
    with pytest.raises(CollectionError, match="need at least 2"):
        collect(student("pit-micro"), IMAGES[:1], None, NAMES, teacher=Teacher.of(Convolutional()))


def test_a_network_without_normalisations_has_no_values():
    bare = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(98, 3))
    assert collect(bare, IMAGES, None, NAMES).tensors == dict.fromkeys(NAMES, ())


def test_in_double_precision_rounding_is_that_of_double():
    images, _ = batch(dtype=torch.float64)
    wide = collect(tiny(dtype=torch.float64), images, None, NAMES, teacher=Teacher.of(Convolutional())).tensors
    narrow = collect(tiny(), images.float(), None, NAMES, teacher=Teacher.of(Convolutional())).tensors
    for name in NAMES:
        assert wide[name][0].dtype is torch.float64
        assert narrow[name][0].dtype is torch.float32
        torch.testing.assert_close(narrow[name][0].double(), wide[name][0], rtol=1e-4, atol=1e-5)


def test_the_teacher_is_in_the_key_of_what_depends_on_it_and_of_nothing_else(tmp_path):
    space, task = autoprox.space("pit-micro"), noise_task("noise", 10, 8, 1)
    arch, cache = space.sample(np.random.default_rng(0)), StatisticsCache(tmp_path / "statistics.sqlite")
    alone = Network(space, arch, task, Fresh(0))
    first, second = (replace(alone, teacher=Teacher.of(Convolutional(seed))) for seed in (0, 1))
    leaves = [parse("l1(weight)"), parse("mean_abs(teacher_attention)")]
    assert alone.key == first.key == second.key == alone.paired_key
    assert len({alone.key, first.paired_key, second.paired_key}) == 3
    assert first.paired_key == replace(alone, teacher=Teacher.of(Convolutional(0))).paired_key
    one, two = collect_leaves([first, second], leaves, cache)
    assert (one.values[leaves[0].digest] == two.values[leaves[0].digest]).all()
    assert (one.values[leaves[1].digest] != two.values[leaves[1].digest]).all()
    assert set(cache.get(alone.key, [each.digest for each in leaves])) == {leaves[0].digest}
    assert set(cache.get(second.paired_key, [each.digest for each in leaves])) == {leaves[1].digest}
    again = collect_leaves([first, second], leaves[::-1], cache, progress=None)
    for before, after in zip((one, two), again, strict=True):
        assert all((before.values[each.digest] == after.values[each.digest]).all() for each in leaves)
    with pytest.raises(CollectionError, match="compares a network with a teacher"):
        collect_leaves([alone], leaves, cache)
