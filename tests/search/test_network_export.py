"""Exported networks: the same function as the network of the space, built in a process without autoprox."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.networks import define_space
from autoprox.search.network_export import network_files, to_network
from autoprox.spaces import SPACES, Gene, TaskShape, load_space
from tests.spaces.conv_mixer import space as mixers

ALONE = """
import pathlib, runpy, sys, torch
sys.modules["autoprox"] = None  # importing it fails
for folder in map(pathlib.Path, sys.argv[1:]):
    build = runpy.run_path(str(folder / "network.py"))["build_network"]
    torch.manual_seed(3)
    model = build()
    logits = model(torch.load(folder / "images.pt")).detach()
    torch.save([model.training, model.state_dict(), logits], folder / "out.pt")
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """For each space an architecture, its task, images, and the folder of a network that was built alone."""
    exported = {}
    for space in map(load_space, [*SPACES, mixers]):
        folder = tmp_path_factory.mktemp(space.name)
        size = 32 if space.name.endswith("-ti") else 8
        task = TaskShape(5, size, 3)
        arch = space.sample(np.random.default_rng(0))
        files = network_files(space, arch, task)
        assert list(files) == ["network.py"]
        (folder / "network.py").write_text(files["network.py"])
        images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
        torch.save(images, folder / "images.pt")
        exported[space.name] = (space, arch, task, images, folder)
    subprocess.run([sys.executable, "-c", ALONE, *(str(folder) for *_, folder in exported.values())], check=True)
    return exported


@pytest.mark.parametrize("name", [*SPACES, mixers.name])
def test_the_file_builds_the_same_network_with_torch_alone(written, name):
    space, arch, task, images, folder = written[name]
    training, parameters, logits = torch.load(folder / "out.pt")
    model = space.build(arch, *task, seed=3)
    assert not training
    assert list(parameters) == list(model.state_dict())
    assert all(torch.equal(value, parameters[name]) for name, value in model.state_dict().items())
    torch.testing.assert_close(logits, model(images))


def vit(genes, task):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": genes["width"], "intermediate_size": 2 * genes["width"], "num_hidden_layers": 1}
    images = {
        "image_size": task.img_size,
        "num_channels": task.in_chans,
        "patch_size": 4,
        "num_labels": task.num_classes,
    }

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            config = transformers.ViTConfig(num_attention_heads=2, **sizes, **images)
            self.inner = transformers.ViTForImageClassification(config)

        def forward(self, pixels):
            return self.inner(pixels).logits

    return Logits()


def test_a_space_of_hugging_face_models_gives_their_configuration(tmp_path):
    transformers = pytest.importorskip("transformers")
    space = define_space("hf", [Gene("width", (8, 16))], vit, img_sizes=[8])
    files = network_files(space, space.arch({"width": 16}), TaskShape(3, 8, 1))
    assert list(files) == ["config.json"]
    (tmp_path / "config.json").write_text(files["config.json"])
    config = transformers.ViTConfig.from_pretrained(tmp_path)
    own = space.build({"width": 16}, 3, 8, 1).inner
    shapes = {name: value.shape for name, value in own.state_dict().items()}
    again = transformers.ViTForImageClassification(config)
    assert {name: value.shape for name, value in again.state_dict().items()} == shapes


def outside(genes, task):
    return nn.Linear(int(np.sqrt(genes["width"] ** 2)), task.num_classes)


def test_what_needs_more_than_torch_is_refused_in_one_line():
    genes = [Gene("width", (8, 16))]
    needing = define_space("needing", genes, outside, img_sizes=[8])
    with pytest.raises(SpecError, match="cannot be written as Python that needs torch alone"):
        to_network(needing, needing.arch({"width": 8}), TaskShape(3, 8, 1))
    inner = define_space("inner", genes, lambda genes, task: nn.Linear(genes["width"], task.num_classes), img_sizes=[8])
    with pytest.raises(SpecError, match="cannot be written as Python that needs torch alone"):
        to_network(inner, inner.arch({"width": 8}), TaskShape(3, 8, 1))
