"""`autoprox compress` on images without labels, and with labels of other classes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from autoprox.commands import main
from autoprox.datasets import open_images
from autoprox.graph import Proxy, parse

NETWORK = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(192, 12), nn.GELU(), nn.Linear(12, 12), nn.Linear(12, 3)).eval()
"""


@pytest.fixture
def pictures(tmp_path):
    """Six images: in one folder, and in two folders of classes."""
    rng = np.random.default_rng(0)
    for place in range(6):
        picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        for folder in ("flat", f"classes/{'ab'[place % 2]}"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            picture.save(tmp_path / folder / f"{place}.png")
    (tmp_path / "network.py").write_text(NETWORK)
    return tmp_path


def run(folder, images, capsys, proxy="output_kl", kind="bits", *more):
    words = ["--model", f"{folder / 'network.py'}:model", "--images", folder / images, "--kind", kind]
    bound = "weight_bytes=2600" if kind == "bits" else "params=2500"
    words += ["--max", bound, "--img-size", 8, "--proxy", proxy, "--count", 6, "--out", folder / "out", *more]
    status = main(["compress", *map(str, words)])
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("flat", "the images have no labels"),
        ("classes", "the images have 2 classes and the network 3: their labels are not used"),
    ],
)
def test_images_without_labels_of_the_network_are_enough(pictures, capsys, images, said):
    status, told = run(pictures, images, capsys)
    assert status == 0
    assert said in told
    result = json.loads((pictures / "out" / "result.json").read_text())
    assert result["accuracy"] is None
    assert result["costs"]["weight_bytes"] <= 2600
    module = torch.export.load(pictures / "out" / "network.pt2").module()
    assert module(torch.zeros(3, 3, 8, 8)).shape == (3, 3)


def test_images_are_normalised_as_the_network_was_trained(pictures, capsys):
    _, told = run(pictures, "flat", capsys, "output_kl", "bits", "--mean", "0.5", "--std", "0.25", "0.25", "0.5")
    assert "normalised with their own" not in told
    data = open_images(pictures / "flat", 8, unlabelled=True)
    given = replace(data, normalisation=((0.5,) * 3, (0.25, 0.25, 0.5)))
    pixels = data.test_images[:1] if len(data.test_images) else data.train_images[:1]
    expected = (pixels / 255 - 0.5) / np.array([0.25, 0.25, 0.5])[:, None, None]
    np.testing.assert_allclose(given.normalised(pixels), expected, rtol=1e-6)


GREY = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 6, 4, stride=4), nn.Flatten(), nn.Linear(24, 12), nn.GELU(), nn.Linear(12, 2)).eval()
"""


def test_a_network_of_one_channel_reads_pictures_as_grey(pictures, capsys):
    (pictures / "network.py").write_text(GREY)
    status, told = run(pictures, "classes", capsys)
    assert status == 0, told
    luma = np.stack([np.asarray(Image.open(file).convert("L")) for file in sorted(pictures.glob("classes/*/*.png"))])
    data = open_images(pictures / "classes", 8, channels=1)
    read = np.concatenate([data.train_images[:], data.test_images[:]])
    assert read.shape == (6, 1, 8, 8)
    assert {each.tobytes() for each in read} == {each.tobytes() for each in luma}
    assert 0 <= json.loads((pictures / "out" / "result.json").read_text())["accuracy"]["compressed"] <= 100


@pytest.mark.parametrize("kind", ["bits", "ranks"])
def test_a_discovered_proxy_is_read_from_its_file_and_choices_are_searched(pictures, capsys, kind):
    own = "bits" if kind == "bits" else "rank"
    Proxy("found", parse(f"mul(nodes_logsum({own}), nodes_norm(l1(output)))"), 1).save(pictures / "best.json")
    status, told = run(pictures, "flat", capsys, pictures / "best.json", kind, "--budget", 5)
    assert status == 0, told
    result = json.loads((pictures / "out" / "result.json").read_text())
    assert not result["exact"]
    assert torch.export.load(pictures / "out" / "network.pt2").module()(torch.zeros(3, 3, 8, 8)).shape == (3, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--mean", "0.5"], "belong together"), (["--mean", "0.5", "0.5", "--std", "1"], "2 values for 3 channels")],
)
def test_half_a_normalisation_is_refused(pictures, capsys, words, said):
    status, told = run(pictures, "flat", capsys, "output_kl", "bits", *words)
    assert status == 2
    assert said in told


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("weight_bytes=0", "--max weight_bytes is 0; it must be a whole number of at least 1"),
        ("weight_bytes=much", "--max weight_bytes: 'much' cannot be read"),
        (
            "weight_bytes=9",
            "--max weight_bytes 9 allows no choice of 'sequential-bits': the smallest possible network has",
        ),
        ("weights=9", "--max weights=9: there is no cost 'weights'"),
        ("9", "--max 9: give a cost and its value"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_one_line(pictures, capsys, bound, said):
    status, told = run(pictures, "flat", capsys, "output_kl", "bits", "--max", bound)
    assert status == 2
    assert said in told
    assert not (pictures / "out").exists()


@pytest.mark.parametrize("images", ["flat", "classes"])
@pytest.mark.parametrize("kind", ["bits", "ranks"])
def test_a_proxy_that_needs_labels_is_refused_with_those_that_do_not(pictures, capsys, images, kind):
    status, told = run(pictures, images, capsys, proxy="hawq_v2", kind=kind)
    assert status == 2
    assert "'hawq_v2' needs labels of the network's own classes" in told
    assert told.rstrip().endswith("output_kl." if kind == "ranks" else "ompq.")
    assert not (pictures / "out").exists()
