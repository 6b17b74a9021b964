"""A table on a user's images: built, read without the images, and never trained on broken images."""

import pickle
from pathlib import Path

import pytest

from autoprox.base.errors import ImageError, SpecError
from autoprox.bench.labels import SCRATCH
from autoprox.bench.table import Table
from autoprox.bench.table_files import TableFiles, read_frame, read_manifest
from autoprox.commands import main
from autoprox.datasets import LocalImages
from autoprox.datasets.batches import draw_batch
from autoprox.spaces.task import ImageSource
from autoprox.training import build as building
from autoprox.training.build import build
from autoprox.training.build_plan import BuildPlan
from autoprox.training.recipe import Recipe
from autoprox.training.train import Training, train
from tests.bench.tiny import tiny_archs
from tests.datasets.image_folders import write_image_folder


def plan_of(folder: Path, name: str = "leaves", archs: int = 2) -> BuildPlan:
    return BuildPlan(
        spaces=("autoformer-micro",),
        archs=archs,
        iso=0,
        datasets=("leaves",),
        seeds=1,
        iso_seeds=1,
        recipe=Recipe(epochs=1),
        images=(LocalImages(name, folder, 8),),
        sampled=tiny_archs(archs),
    )


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "leaves", {"ash": 25, "elm": 25, "oak": 25})


def test_a_table_on_images_of_the_user(leaves: Path, tmp_path: Path) -> None:
    plan = plan_of(leaves, archs=12)
    out = build(plan, tmp_path / "t.parquet", jobs=1)
    frame = read_frame(out)
    assert len(frame) == 12 * 2
    data = LocalImages("leaves", leaves, 8).load()
    first = plan.architectures[0].arch
    training = Training(plan.owners[0], first, "leaves", SCRATCH, 0, plan.images[0])
    values = train(pickle.loads(pickle.dumps(training)), plan.recipe).values  # as another process gets it
    rows = frame[frame["arch_id"] == first.arch_id]
    assert dict(zip(rows["metric"], rows["value"], strict=True)) == values
    manifest = read_manifest(TableFiles(out).manifest)
    assert manifest["images"]["leaves"] == {"digest": data.digest, "licence": plan.source("leaves").licence}
    assert f"--images leaves={leaves} --img-size 8" in manifest["command"]
    leaves.rename(tmp_path / "away")
    table = Table.read(out)
    task = table.task("leaves", "autoformer-micro")
    assert task.source is ImageSource.IMAGES
    assert task.digest == draw_batch(data).task("leaves").digest


def test_broken_images_stop_a_build_before_it_trains(
    leaves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "train", lambda *_: pytest.fail("nothing may be trained"))
    (leaves / "elm" / "7.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(ImageError, match=r"leaves/elm/7\.png cannot be read"):
        build(plan_of(leaves), tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()


def test_names_that_do_not_fit(leaves: Path) -> None:
    with pytest.raises(SpecError, match="names 'digits', which is a built-in data set"):
        plan_of(leaves, name="digits")
    with pytest.raises(SpecError, match="names 'moss', which is not among `datasets`"):
        plan_of(leaves, name="moss")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--datasets", "leaves", "--images", "leafs={leaves}"], "names 'leafs', which is not a data set here"),
        (["--datasets", "leaves", "--images", "leaves={leaves}x"], "There is no folder"),
        (["--datasets", "leaves", "--images", "leaves={leaves}", "--img-size", "0"], "--img-size: 0 is too small"),
        (["--datasets", "leaves", "--images", "leaves={leaves}", "--img-size", "400"], "400"),
        (["--datasets", "leaves"], "Unknown data set 'leaves'"),
        (["--datasets", "leaves", "--images", "leaves={leaves}", "--space", "pit-ti", "pit-micro"], "--img-size"),
    ],
)
def test_the_command_says_what_is_wrong(leaves: Path, tmp_path: Path, capsys, arguments, words):
    given = [each.format(leaves=leaves) for each in arguments]
    fixed = [
        "bench",
        "build",
        "--space",
        "pit-micro",
        "--archs",
        "2",
        "--iso",
        "0",
        "--out",
        str(tmp_path / "t.parquet"),
    ]
    assert main([*fixed, *given]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "t.parquet").exists()
