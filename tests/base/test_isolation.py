"""Surroundings do not change a computation; threads that build, score and fit do not disturb each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

import autoprox
from autoprox.base.isolation import isolated
from autoprox.predict.parzc import MABNRegressor
from autoprox.training._guidance import Guidance
from autoprox.training._teacher import ResNet, Teaching
from autoprox.training.recipe import Distillation
from tests.predict.test_estimator import CHEAP, node_data

SPACE = autoprox.space("autoformer-micro")
ARCH = SPACE.parse('{"depth": 2, "hidden_dim": 12, "mlp_ratio": [1, 1], "num_heads": [1, 1]}')
IMAGES, LABELS = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6)


def surroundings():
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_autocast_enabled("cpu"),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
    )


PLAIN = (torch.float32, torch.device("cpu"), False, False, True)


@pytest.mark.parametrize(
    "context",
    [torch.device("meta"), torch.autocast("cpu", torch.bfloat16), torch.inference_mode(), torch.no_grad()],
    ids=["device", "autocast", "inference mode", "no gradients"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_that_surrounds_is_settled_inside_and_restored_outside(context, dtype):
    torch.set_default_dtype(dtype)
    try:
        with context:
            before = surroundings()
            torch.default_generator.manual_seed(5)
            with isolated(seed=3):
                assert surroundings() == PLAIN
                inside = torch.rand(2)
            assert surroundings() == before
            after = torch.rand(1, device="cpu")
    finally:
        torch.set_default_dtype(torch.float32)
    expected = torch.rand(2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(inside, expected)
    assert torch.equal(after, torch.rand(1, generator=torch.Generator().manual_seed(5), dtype=dtype))


def test_it_ends_as_well_where_the_computation_fails():
    state = torch.get_rng_state()

    def failing():
        with isolated():
            torch.set_default_dtype(torch.float64)
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert surroundings() == PLAIN
    assert torch.equal(torch.get_rng_state(), state)


def built(seed):
    return [each.detach().numpy().tobytes() for each in SPACE.build(ARCH, 6, 8, 1, seed=seed).parameters()]


def projected(seed):
    generator = torch.Generator().manual_seed(0)
    maps = tuple(torch.rand(6, *shape, generator=generator) for shape in ((8, 8, 8), (16, 4, 4), (32, 2, 2)))
    taught = Teaching(maps, torch.rand(6, 6, generator=generator), 50.0)
    guide = Guidance(SPACE.build(ARCH, 6, 8, 1, seed=0), taught, IMAGES, Distillation(), seed)
    return [each.detach().numpy().tobytes() for each in guide.parameters()]


def predicted(seed):
    X, y = node_data(20)
    fitted = MABNRegressor(**{**CHEAP, "node_shape": (6, 2), "max_iter": 3, "random_state": seed}).fit(X, y)
    return fitted.predict(X).tobytes()


def taught(seed):
    with isolated(seed=seed):
        return [each.detach().numpy().tobytes() for each in ResNet(1, 4, 6).parameters()]


class Drawing(nn.Module):
    """Draws noise in its forward pass."""

    def forward(self, tokens):
        return tokens + torch.rand(tokens.shape)


def drawing():
    model = SPACE.build(ARCH, 6, 8, 1, seed=0)
    model.blocks[0].mlp = nn.Sequential(Drawing(), model.blocks[0].mlp)
    return model.train()


def test_four_threads_that_score_one_model_build_and_fit_give_what_one_gives():
    model = drawing()
    state = {key: held.clone() for key, held in model.state_dict().items()}

    def scored(_seed):
        return [autoprox.load(name).score(model, IMAGES, LABELS) for name in ("snip", "nwot", "zico")]

    work = [(each, seed) for seed in range(3) for each in (scored, built, projected, predicted, taught)] * 2
    alone = [each(seed) for each, seed in work]
    generator = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda task: task[0](task[1]), work))
    assert together == alone
    assert torch.equal(torch.get_rng_state(), generator)
    assert surroundings() == PLAIN
    assert model.training
    assert all(torch.equal(held, state[key]) for key, held in model.state_dict().items())
    assert all(each.grad is None and each.requires_grad for each in model.parameters())


@pytest.mark.parametrize("work", [built, projected, predicted], ids=lambda each: each.__name__)
def test_what_the_caller_set_changes_neither_networks_nor_fits(work):
    expected = work(1)
    torch.set_default_dtype(torch.float64)
    try:
        assert work(1) == expected
    finally:
        torch.set_default_dtype(torch.float32)
    for context in (torch.autocast("cpu", torch.bfloat16), torch.inference_mode(), torch.no_grad()):
        with context:
            assert work(1) == expected
