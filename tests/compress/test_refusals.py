"""Networks and arguments from which no compressed space can be made, each with one sentence."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_model
from torch import nn

import autoprox
from autoprox.base.errors import AutoproxError, SpecError, StoreMismatchError
from autoprox.base.references import made
from autoprox.compress import lowrank_space, pareto_allocations, quantised_space
from autoprox.networks import load_checkpoint
from autoprox.spaces.costs import COSTS

IMAGES = torch.randn(4, 1, 4, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0])
SPACES = pytest.mark.parametrize("space_of", [quantised_space, lowrank_space])


def network() -> nn.Sequential:
    torch.manual_seed(0)
    inner = [nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)]
    return nn.Sequential(nn.Flatten(), *inner).eval()


@SPACES
def test_a_frozen_network_costs_what_it_costs_otherwise(space_of) -> None:
    frozen, trained = space_of(network().requires_grad_(requires_grad=False), IMAGES), space_of(network(), IMAGES)
    assert frozen.given.counts == trained.given.counts
    assert frozen.given.counts.params == sum(each.numel() for each in network().parameters())
    genes = {frozen.gene: [frozen.choices[0]] * len(frozen.groups)}
    assert frozen.storage(genes) == trained.storage(genes)


@SPACES
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite(space_of, value: float) -> None:
    broken = network()
    with torch.no_grad():
        broken[3].weight[0, 0] = value
    with pytest.raises(SpecError, match=r"The parameter '3\.weight' of the Sequential contains NaN or infinity"):
        space_of(broken, IMAGES)


@SPACES
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, "cannot be converted to a tensor"),
        ("images", "are the text 'images'"),
        (IMAGES.bfloat16(), "are torch.bfloat16; give float32"),
        (IMAGES[0], r"have the shape \(1, 4, 4\)"),
    ],
)
def test_images(space_of, images: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        space_of(network(), images)
    with pytest.raises(SpecError, match=message):
        autoprox.allocate(network(), images, max={"weight_bytes": 700}, progress=False)


@SPACES
def test_a_network_that_cannot_be_copied(space_of) -> None:
    model = network()
    model[3] = nn.utils.spectral_norm(model[3])
    model(IMAGES)
    with pytest.raises(SpecError, match="The Sequential cannot be copied: Only Tensors created explicitly"):
        space_of(model, IMAGES)


@pytest.mark.parametrize("ratios", [0.5, None])
def test_ratios(ratios: object) -> None:
    with pytest.raises(SpecError, match="The ratios are "):
        lowrank_space(network(), IMAGES, ratios=ratios)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max": "weight_bytes=700"}, "The budget is 'weight_bytes=700'; give one cost"),
        ({"max": {"weight_bytes": None}}, "The bound of 'weight_bytes' is None"),
        ({"labels": ["a"] * 4}, "The labels cannot be converted"),
        ({"labels": [0, 1]}, "labels"),
    ],
)
def test_allocate(options: dict, message: str) -> None:
    given = {"labels": LABELS, "max": {"weight_bytes": 700}, "progress": False} | options
    with pytest.raises(AutoproxError, match=message):
        autoprox.allocate(network(), IMAGES, **given)


def test_images_with_a_gradient_are_images() -> None:
    given = {"max": {"weight_bytes": 700}, "progress": False}
    found = autoprox.allocate(network(), IMAGES.clone().requires_grad_(), LABELS, **given)
    assert found.choices == autoprox.allocate(network(), IMAGES, LABELS, **given).choices


@pytest.mark.parametrize("table", [np.full((2, 4), np.nan), np.zeros((1, 4)), np.zeros((2, 3)), np.zeros(2)])
def test_a_table_of_another_shape(table: np.ndarray) -> None:
    space = quantised_space(network(), IMAGES)
    assert (len(space.groups), len(space.choices)) == (2, 4)
    with pytest.raises(SpecError, match=r"give \(2, 4\) numbers"):
        pareto_allocations(space, table, COSTS["weight_bytes"])


def test_a_checkpoint_of_another_network_names_what_differs(tmp_path) -> None:
    save_model(nn.Sequential(nn.Linear(2, 2)), str(tmp_path / "other.safetensors"))
    with pytest.raises(StoreMismatchError, match=r"(?s)Missing key.*1\.weight"):
        load_checkpoint(network(), tmp_path / "other.safetensors")


def test_a_function_that_fails_is_one_line(tmp_path) -> None:
    (tmp_path / "my_file.py").write_text("def model():\n    raise ValueError('no weights here')\n")
    with pytest.raises(SpecError, match="fails when it is called: no weights here"):
        made(f"{tmp_path}/my_file.py:model", nn.Module)
