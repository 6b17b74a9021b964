"""The laws of a supernet, for each elastic space: subnets equal stand-alone networks, and share parameters."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.networks import define_space
from autoprox.spaces import Gene, Space, load_space
from autoprox.supernet import Supernet, covering, recalibrate, slots_of
from tests.spaces.conv_mixer import space as conv_mixer

SPACES = {name: (load_space(name), 8, 1) for name in ("autoformer-micro", "pit-micro")}


def perceptron(genes, task):
    class Perceptron(nn.Module):
        def __init__(self):
            super().__init__()
            pixels, width = task.in_chans * task.img_size**2, genes["width"]
            self.first = nn.Linear(pixels, width)
            self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(genes["depth"]))
            self.head = nn.Linear(width, task.num_classes)

        def forward(self, images):
            x = self.first(images.flatten(1))
            for layer in self.hidden:
                x = torch.relu(layer(x))
            return self.head(x)

    return Perceptron()


SPACES["of a user"] = (
    define_space("perceptrons", [Gene("width", (8, 12)), Gene("depth", (1, 2, 3))], perceptron, img_sizes=[8]),
    8,
    1,
)

every_space = pytest.mark.parametrize("name", list(SPACES))


def supernet_of(name: str, seed: int = 0) -> tuple[Space, Supernet]:
    space, size, channels = SPACES[name]
    return space, Supernet(space, num_classes=5, img_size=size, in_chans=channels, seed=seed)


def drawn(space: Space, count: int) -> list:
    rng = np.random.default_rng(7)
    return [space.sample(rng) for _ in range(count)]


@every_space
def test_an_extracted_network_is_the_subnet_and_has_its_parameter_count(name: str) -> None:
    space, supernet = supernet_of(name)
    supernet.eval()
    images = torch.randn(3, 1, 8, 8)
    for arch in drawn(space, 50):
        alone = supernet.extract(arch)
        torch.testing.assert_close(alone(images), supernet.select(arch)(images), atol=1e-5, rtol=1e-5)
        assert sum(each.numel() for each in alone.parameters()) == space.counts(arch, 5, 8, 1).params
        assert not {each.data_ptr() for each in alone.parameters()} & {
            each.data_ptr() for each in supernet.parameters()
        }


@every_space
def test_a_gradient_step_touches_the_slices_of_the_subnet_alone(name: str) -> None:
    space, supernet = supernet_of(name)
    for arch in drawn(space, 50):
        supernet.zero_grad()
        supernet.select(arch)(torch.randn(3, 1, 8, 8)).square().sum().backward()
        marks = {key: torch.zeros_like(value) for key, value in supernet.shared.items()}
        for slot in slots_of(space.build(arch, 5, 8, 1)).values():
            key = slot.shared.replace(".", "/")
            places = torch.arange(marks[key].numel()).view(marks[key].shape)
            marks[key].view(-1)[slot.cut(places).flatten()] = 1
        for key, value in supernet.shared.items():
            touched = torch.zeros_like(value) if value.grad is None else (value.grad != 0).float()
            assert (touched <= marks[key]).all(), key


@every_space
def test_gradients_are_those_of_the_network_alone(name: str) -> None:
    space, supernet = supernet_of(name)
    images = torch.randn(3, 1, 8, 8)
    for arch in drawn(space, 5):
        supernet.zero_grad()
        supernet.select(arch)(images).square().sum().backward()
        alone = supernet.extract(arch).train()
        alone(images).square().sum().backward()
        for parameter, slot in zip(alone.named_parameters(), slots_of(alone).values(), strict=True):
            shared = supernet.shared[slot.shared.replace(".", "/")].grad
            torch.testing.assert_close(slot.cut(shared), parameter[1].grad, atol=1e-5, rtol=1e-4)


@every_space
def test_same_seed_same_parameters_and_all_are_finite(name: str) -> None:
    first, second, other = supernet_of(name)[1], supernet_of(name)[1], supernet_of(name, seed=1)[1]
    state, again = first.state_dict(), second.state_dict()
    assert all(torch.equal(state[key], again[key]) for key in state)
    assert any(not torch.equal(state[key], value) for key, value in other.state_dict().items())
    assert all(value.isfinite().all() for value in state.values())


@every_space
def test_the_covering_architectures_hold_all_others(name: str) -> None:
    space, supernet = supernet_of(name)
    for arch in [*covering(space), *drawn(space, 20)]:
        for slot in slots_of(space.build(arch, 5, 8, 1)).values():
            assert slot.fits(tuple(supernet.shared[slot.shared.replace(".", "/")].shape))


def test_parts_of_a_fused_map_are_cut_part_by_part() -> None:
    space, supernet = supernet_of("autoformer-micro")
    narrow = space.arch({"hidden_dim": 12, "depth": 1, "mlp_ratio": [1.0], "num_heads": [2]})
    shared = supernet.shared["blocks/0/attn/qkv/weight"]
    query, key, value = supernet.extract(narrow).blocks[0].attn.qkv.weight.split(12)
    for place, part in enumerate((query, key, value)):
        assert torch.equal(part, shared[96 * place : 96 * place + 12, :12])


def test_a_small_kernel_is_the_middle_of_a_large_one() -> None:
    def build(genes, task):
        kernel = genes["kernel"]
        return nn.Sequential(
            nn.Conv2d(task.in_chans, 4, kernel, padding=kernel // 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, task.num_classes),
        )

    space = define_space("kernels", [Gene("kernel", (3, 5))], build, img_sizes=[8])
    supernet = Supernet(space, num_classes=2, img_size=8, in_chans=1)
    small = supernet.extract({"kernel": 3})[0].weight
    assert torch.equal(small, supernet.shared["0/weight"][:, :, 1:4, 1:4])


def test_layers_that_are_not_elastic_are_one_line() -> None:
    def named(genes, task):
        class Named(nn.Module):
            def __init__(self):
                super().__init__()
                setattr(self, f"layer{genes['size']}", nn.Linear(64, task.num_classes))

            def forward(self, images):
                return getattr(self, f"layer{genes['size']}")(images.flatten(1))

        return Named()

    space = define_space("named", [Gene("size", (1, 2, 3))], named, img_sizes=[8])
    with pytest.raises(SpecError, match=r"not elastic: a parameter 'layer\d.weight' of shape .* is missing"):
        Supernet(space, num_classes=2, img_size=8, in_chans=1)


class Stages(nn.Module):
    """Two stages of a user's space with batch normalisation and common names of blocks."""

    def __init__(self, genes, task):
        super().__init__()
        self.body, self.elastic_names, before = nn.Sequential(), {}, task.in_chans
        for stage, (depth, width) in enumerate(zip(genes["depth"], genes["width"], strict=True)):
            for block in range(depth):
                self.elastic_names[f"body.{len(self.body)}"] = f"stage{stage}.block{block}"
                convolution = nn.Conv2d(before, width, 3, padding=1)
                self.body.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
                before = width
        self.head = nn.Linear(before, task.num_classes)

    def forward(self, images):
        return self.head(self.body(images).mean((2, 3)))


def test_stages_with_batch_normalisation_share_by_their_common_names() -> None:
    genes = [Gene("depth", (1, 2), along=2), Gene("width", (4, 6), along=2)]
    space = define_space("stages", genes, Stages, img_sizes=[8])
    supernet, images = Supernet(space, num_classes=2, img_size=8, in_chans=1), torch.randn(200, 1, 8, 8)
    short, long = ({"depth": [depth, 1], "width": [4, 6]} for depth in (1, 2))
    first, second = supernet.extract(short), supernet.extract(long)
    assert torch.equal(first.body[1][0].weight, supernet.shared["stage1/block0/0/weight"][:, :4])
    assert torch.equal(second.body[2][0].weight, first.body[1][0].weight)
    supernet.train()
    training = supernet.select(short)(images)
    torch.testing.assert_close(supernet.extract(short).train()(images), training)
    training.sum().backward()  # what the step noted in the running statistics is gone, and the graph is whole
    assert supernet.shared["stage1/block0/0/weight"].grad is not None
    calm = recalibrate(supernet.extract(short), images)
    mapped = calm.body[0][0](images)
    means = torch.stack([half.mean((0, 2, 3)) for half in mapped.split(100)])
    torch.testing.assert_close(calm.body[0][1].running_mean, means.mean(0))
    assert calm.body[0][1].momentum == 0.1


def test_stages_without_common_names_are_not_elastic() -> None:
    with pytest.raises(SpecError, match="not elastic"):
        Supernet(conv_mixer, num_classes=2, img_size=8, in_chans=1)


_SHAPES = {("wide", "x"): (8, 4), ("narrow", "x"): (4, 8), ("wide", "y"): (8, 4), ("narrow", "y"): (8, 8)}


def _two_maps(genes, task):
    hidden, last = _SHAPES[genes["width"], genes["form"]]
    first = nn.Linear(task.in_chans * task.img_size**2, last)
    return nn.Sequential(nn.Flatten(), first, nn.Linear(last, hidden), nn.Linear(hidden, task.num_classes))


def test_values_that_no_covering_network_has_are_drawn_like_the_others() -> None:
    space = define_space(
        "holes", [Gene("width", ("wide", "narrow")), Gene("form", ("x", "y"))], _two_maps, img_sizes=[8]
    )
    shapes = [tuple(space.build(arch, 2, 8, 1)[2].weight.shape) for arch in covering(space)]
    assert sorted(set(shapes)) == [(4, 8), (8, 4)]  # of (8, 8), which the fourth architecture has, a quarter is nowhere
    first, again, other = (Supernet(space, num_classes=2, img_size=8, in_chans=1, seed=seed) for seed in (0, 0, 1))
    drawn = first.shared["2/weight"][4:, 4:]
    assert torch.equal(drawn, again.shared["2/weight"][4:, 4:])
    assert not torch.equal(drawn, other.shared["2/weight"][4:, 4:])
    known = torch.cat([first.shared["2/weight"][:, :4].flatten(), first.shared["2/weight"][:4, 4:].flatten()])
    assert known.std() / 2 < drawn.std() < 2 * known.std()
    assert torch.equal(first.extract({"width": "narrow", "form": "y"})[2].weight, first.shared["2/weight"])


@every_space
def test_gradients_of_several_subnets_add_up_and_reach_the_images(name: str) -> None:
    space, supernet = supernet_of(name)
    images = torch.randn(3, 1, 8, 8, requires_grad=True)
    first, second = drawn(space, 2)
    expected: dict[str, torch.Tensor] = {key: torch.zeros_like(value) for key, value in supernet.shared.items()}
    of_images = torch.zeros_like(images)
    for arch, factor in ((first, 1.0), (second, 2.0), (first, 3.0)):
        alone = supernet.extract(arch).train()
        (own,) = torch.autograd.grad(factor * alone(images).square().sum(), images, retain_graph=True)
        of_images += own
        (factor * alone(images).square().sum()).backward()
        for parameter, slot in zip(alone.parameters(), slots_of(alone).values(), strict=True):
            part = slot.window(expected[slot.shared.replace(".", "/")])
            part += parameter.grad.view(part.shape)
    images.grad = None
    losses = [f * supernet.select(arch)(images).square().sum() for arch, f in ((first, 1.0), (second, 2.0))]
    sum(losses).backward()
    (3 * supernet.select(first)(images).square().sum()).backward()
    torch.testing.assert_close(images.grad, of_images, atol=1e-4, rtol=1e-4)
    for key, value in supernet.shared.items():
        found = torch.zeros_like(value) if value.grad is None else value.grad
        torch.testing.assert_close(found, expected[key], atol=1e-4, rtol=1e-4)


def test_gradients_of_gradients_are_refused_and_not_lost() -> None:
    _, supernet = supernet_of("of a user")
    images = torch.randn(3, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(supernet(images).square().sum(), images, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()


def test_a_copy_and_a_supernet_that_moved_read_their_own_parameters() -> None:
    _, supernet = supernet_of("of a user")
    images = torch.randn(3, 1, 8, 8)
    before = supernet(images)
    copied = copy.deepcopy(supernet)
    with torch.no_grad():
        for value in copied.parameters():
            value.zero_()
    assert torch.equal(supernet(images), before)
    assert not copied(images).any()
    moved = supernet.double()
    torch.testing.assert_close(moved(images.double()), before.double(), atol=1e-5, rtol=1e-5)


def test_what_is_frozen_in_the_networks_stays_frozen() -> None:
    def build(genes, task):
        first, last = nn.Linear(64, genes["width"]), nn.Linear(genes["width"], task.num_classes)
        first.weight.requires_grad = False
        return nn.Sequential(nn.Flatten(), first, last)

    space = define_space("frozen", [Gene("width", (4, 8))], build, img_sizes=[8])
    supernet = Supernet(space, num_classes=2, img_size=8, in_chans=1)
    supernet(torch.randn(3, 1, 8, 8)).sum().backward()
    assert [key for key, value in supernet.shared.items() if not value.requires_grad] == ["1/weight"]
    assert supernet.shared["1/weight"].grad is None
