"""Labels of the kind kd: guidance against its definition, and a teacher that is trained once."""

from dataclasses import replace
from math import isqrt

import numpy as np
import pytest
import torch

from autoprox.base.errors import AutoproxError
from autoprox.bench.labels import KD, SCRATCH
from autoprox.datasets import dataset
from autoprox.spaces import space
from autoprox.training._guidance import Guidance
from autoprox.training._teacher import ResNet, Teaching, teaching
from autoprox.training.recipe import Distillation, Recipe
from autoprox.training.train import Training, train
from tests.bench.tiny import tiny_archs

RECIPE = Recipe(epochs=2, distillation=Distillation(teacher_epochs=1, teacher_width=4))
ARCHS = {
    "autoformer-micro": {"hidden_dim": 12, "depth": 4, "num_heads": [1] * 4, "mlp_ratio": [1.0] * 4},
    "pit-micro": {"base_dim": 4, "mlp_ratio": 1, "depth": [1, 2, 1], "num_heads": [2, 2, 4]},
}
MIDDLE = {"autoformer-micro": "blocks.2", "pit-micro": "body.3"}
ENDS = {"autoformer-micro": ("blocks.0", "blocks.3"), "pit-micro": ("body.0", "body.5")}


def made_teaching(images: int) -> Teaching:
    generator = torch.Generator().manual_seed(0)
    shapes = ((8, 8, 8), (16, 4, 4), (32, 2, 2))
    maps = tuple(torch.rand(images, *shape, generator=generator) for shape in shapes)
    return Teaching(maps, torch.rand(images, 10, generator=generator), 50.0)


def on_grid(target: torch.Tensor, grid: int) -> torch.Tensor:
    """Means over each cell of the grid, computed one by one; interpolation for a smaller map."""
    edge = target.shape[-1]
    if edge < grid:
        return torch.nn.functional.interpolate(target, size=grid, mode="bilinear")
    spans = [slice(cell * edge // grid, -(-(cell + 1) * edge // grid)) for cell in range(grid)]
    rows = [torch.stack([target[..., rows, columns].mean(dim=(2, 3)) for columns in spans], -1) for rows in spans]
    return torch.stack(rows, -2)


@pytest.mark.parametrize("name", list(ARCHS))
def test_guidance_is_the_distance_of_maps_at_first_middle_and_last_block(name: str) -> None:
    taught, batch = made_teaching(6), torch.tensor([4, 1, 3])
    student = space(name).build(space(name).arch(ARCHS[name]), 10, 8, 1, seed=0)
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    weights = Distillation(guidance_weight=2.0, logit_weight=0.5, temperature=3.0)
    guide = Guidance(student, taught, images[:2], weights, seed=0)
    logits = student(images[batch])
    found = guide.loss(batch, logits)

    tokens: dict[str, torch.Tensor] = {}
    for block in (ENDS[name][0], MIDDLE[name], ENDS[name][1]):
        student.get_submodule(block).register_forward_hook(
            lambda _module, _inputs, output, block=block: tokens.update({block: output.detach()})
        )
    student(images[batch])
    parameters, total = [each.detach() for each in guide.parameters()], 0.0
    for stage, output in enumerate(tokens.values()):
        target = on_grid(taught.maps[stage], isqrt(output.shape[1] - 1))
        weight, bias = parameters[2 * stage][:, :, 0, 0], parameters[2 * stage + 1]
        imitated = output[:, 1:] @ weight.T + bias  # (B, grid^2, channels)
        total += float((imitated - target[batch].flatten(2).transpose(1, 2)).square().mean()) / 3
    theirs = (taught.logits[batch] / 3.0).softmax(dim=1)
    logits = logits.detach()
    divergence = (theirs * (theirs.log() - (logits / 3.0).softmax(dim=1).log())).sum(dim=1).mean() * 9.0
    assert float(found.detach()) == pytest.approx(2.0 * total + 0.5 * float(divergence), rel=1e-5)


def test_guidance_reaches_students_and_projections() -> None:
    student = space("autoformer-micro").build(tiny_archs(1)[0].arch, 10, 8, 1, seed=0)
    images = torch.rand(4, 1, 8, 8)
    guide = Guidance(student, made_teaching(4), images, Distillation(), seed=0)
    guide.loss(torch.arange(4), student(images)).backward()
    assert all(parameter.grad is not None for parameter in guide.parameters())
    assert student.patch_embed.weight.grad is not None  # type: ignore[union-attr]


def test_kd_labels_repeat_and_differ_from_scratch() -> None:
    arch = tiny_archs(1)[0].arch
    labelled = {
        kind: train(Training(space("autoformer-micro"), arch, "digits", kind, 0), RECIPE) for kind in (SCRATCH, KD)
    }
    state = torch.get_rng_state()
    again = train(Training(space("autoformer-micro"), arch, "digits", KD, 0), RECIPE)
    assert torch.equal(state, torch.get_rng_state())
    assert again.values == labelled[KD].values != labelled[SCRATCH].values
    other = replace(RECIPE, distillation=replace(RECIPE.distillation, guidance_weight=0.5))
    assert train(Training(space("autoformer-micro"), arch, "digits", KD, 0), other).values != again.values


def test_a_teacher_is_trained_once_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    teaching.cache_clear()
    first = teaching(dataset("digits"), RECIPE)
    (file,) = folder.rglob("*.pt")
    teaching.cache_clear()
    second = teaching(dataset("digits"), RECIPE)
    assert all(torch.equal(a, b) for a, b in zip(first.maps, second.maps, strict=True))
    assert torch.equal(first.logits, second.logits)
    assert first.top1_pct == second.top1_pct
    file.write_bytes(b"no teacher")
    teaching.cache_clear()
    with pytest.raises(AutoproxError, match="Delete the file to train"):
        teaching(dataset("digits"), RECIPE)
    teaching.cache_clear()


def test_teacher_has_the_stated_maps_and_learns() -> None:
    images = torch.zeros(2, 3, 28, 28)
    teacher = ResNet(3, 16, 5)
    assert [tuple(found.shape) for found in teacher.maps(images)] == [(2, 16, 28, 28), (2, 32, 14, 14), (2, 64, 7, 7)]
    assert teacher(images).shape == (2, 5)
    taught = teaching(dataset("digits"), Recipe(distillation=Distillation(teacher_epochs=3)))
    assert taught.top1_pct > 60
    correct = (taught.logits.argmax(dim=1).numpy() == dataset("digits").train_labels).mean()
    assert np.isfinite(taught.logits.numpy()).all()
    assert correct > 0.6
