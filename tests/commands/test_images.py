"""--images: statistics on images of the user, and one-line errors for faults."""

import json
from pathlib import Path

import pandas as pd
import pytest

from autoprox.commands import main
from tests.commands.test_command_line import random_architectures, user_frame
from tests.datasets.image_folders import write_image_folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "leaves.parquet"
    user_frame(dataset="leaves", chosen=random_architectures).to_parquet(path)
    return path


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "images" / "leaves", {"ash": 20, "elm": 20})


def evaluate(table: Path, *arguments: object) -> int:
    return main(["evaluate", "--jobs", "1", "--proxy", "snip", "--json", "--bench", str(table), *map(str, arguments)])


def test_statistics_are_those_of_the_images(table, leaves, capsys, tmp_path):
    said = {}
    for images in (
        [],
        ["--images", f"leaves={leaves}"],
        ["--images", leaves.parent],
        ["--images", tmp_path / "odd=name"],
    ):
        if images and "odd" in str(images[1]):
            leaves.parent.rename(tmp_path / "odd=name")
        assert evaluate(table, *images) == 0
        printed = capsys.readouterr()
        said[tuple(map(str, images))] = (json.loads(printed.out)["proxies"]["snip"]["joint"], printed.err)
    (noise, noise_said), *real = said.values()
    assert "Gaussian noise" in noise_said
    assert "assuming 10" in noise_said
    for joint, remark in real:
        assert joint == real[0][0] != noise
        assert "Images of leaves are read from" in remark
        assert "noise" not in remark


def test_evolve_takes_them_too(table, tmp_path, capsys):
    arguments = ["evolve", "--bench", str(table), "--out", str(tmp_path / "run"), "--images", "leaves=nowhere"]
    assert main(arguments) == 2
    assert "There is no folder nowhere" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (["leafs={leaves}"], "names 'leafs', which is not a data set here. Did you mean 'leaves'?"),
        (["leaves={leaves}", "leaves={leaves}"], "names the data set 'leaves' twice"),
        (["leaves={leaves}", "{leaves}"], "is not NAME=PATH"),
        (["leaves="], "is not NAME=PATH"),
        (["nowhere"], "no folder nowhere"),
        (["{leaves}"], "is named like a data set (leaves)"),
        (["leaves=nowhere"], "There is no folder nowhere"),
        (["leaves={table}"], "is a file"),
        (["leaves={empty}"], "no known format of images"),
        (["leaves={broken}"], "ash/2.png cannot be read"),
    ],
)
def test_what_is_wrong_with_images_is_one_line(table, leaves, tmp_path, capsys, images, words):
    broken = write_image_folder(tmp_path / "broken", {"ash": 5, "elm": 5})
    for image in (broken / "ash").iterdir():
        image.write_bytes(b"GIF89a" if image.name == "2.png" else image.read_bytes())
    (tmp_path / "empty").mkdir()
    places = {"leaves": leaves, "table": table, "empty": tmp_path / "empty", "broken": broken}
    before = pd.read_parquet(table)
    assert evaluate(table, "--images", *(each.format(**places) for each in images)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if "error" in line]
    assert len(lines) == 1
    assert words in lines[0]
    pd.testing.assert_frame_equal(pd.read_parquet(table), before)
