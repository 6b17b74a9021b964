"""`autoprox supernet`: trained, killed and continued, evaluated, searched, extracted; and what is refused."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.bench.table import Table
from autoprox.commands import main, supernet
from autoprox.datasets import dataset
from autoprox.networks import Network, Trained
from autoprox.spaces import TaskShape, load_space
from autoprox.spaces.task import noise_task
from autoprox.supernet import PARAMETERS, SUPERNET, SUPERNET_JOURNAL, Inherited, SupernetTrainer

SPACE = """
from torch import nn
import autoprox
from autoprox.spaces import Gene

def build(genes, task):
    pixels, width = task.in_chans * task.img_size**2, genes["width"]
    first = nn.Linear(pixels, width)
    return nn.Sequential(nn.Flatten(), first, nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, task.num_classes))

space = autoprox.define_space("normed-perceptrons", [Gene("width", range(4, 17))], build, img_sizes=[8])
"""
GUIDED = ("--sampler", "sandwich", "--loss", "prior-guided", "--prior", "macs", "--passes", "40", "--quiet")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("space") / "mine.py"
    path.write_text(SPACE)
    return f"{path}:space"


@pytest.fixture(scope="module")
def trained(reference: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "supernet"
    assert main(["supernet", "train", "--space", reference, *GUIDED, "--out", str(out)]) == 0
    return out


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["supernet", *words]) == 2
    (line,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("autoprox: error:")]
    return line


def test_a_training_that_is_killed_goes_on_to_the_same_bytes(
    reference: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "killed"
    child = os.fork()
    if child == 0:
        step = SupernetTrainer._step

        def fatal(self: SupernetTrainer) -> None:
            if self.done >= 24:
                os.kill(os.getpid(), signal.SIGKILL)
            step(self)

        monkeypatch.setattr(SupernetTrainer, "_step", fatal)
        monkeypatch.setattr(supernet, "SUPERNET_JOURNAL", replace(SUPERNET_JOURNAL, kept_every_s=0.0))
        main(["supernet", "train", "--space", reference, *GUIDED, "--out", str(out)])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (out / SUPERNET).exists()
    assert main(["supernet", "train", "--space", reference, "--out", str(out), "--resume", "--quiet"]) == 0
    for name in (SUPERNET, PARAMETERS):
        assert (out / name).read_bytes() == (trained / name).read_bytes()


def test_a_finished_training_is_kept_and_another_does_not_go_on_from_it(
    reference: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds a finished supernet" in refusal(
        capsys, "train", "--space", reference, "--passes", "40", "--out", str(trained)
    )
    line = refusal(capsys, "train", "--space", reference, "--passes", "48", "--out", str(trained), "--resume")
    assert "was made with another passes: 40, now 48" in line
    assert main(["supernet", "train", "--space", reference, "--out", str(trained), "--resume"]) == 0


def naive(trained: Path, reference: str, width: int) -> tuple[float, float]:
    """Accuracy on test images and on held-out training images, from the definitions."""
    weights, digits = Inherited(trained), dataset("digits")
    network = weights.supernet(load_space(reference)).extract({"width": width})
    images = torch.from_numpy(digits.normalised(digits.train_images))
    kept = [place for place in range(len(images)) if place % 10 != 9]
    mapped = network[:2](images[kept]).detach()
    batches = mapped.split(100)
    network[2].running_mean[:] = torch.stack([batch.mean(0) for batch in batches]).mean(0)
    network[2].running_var[:] = torch.stack([batch.var(0) for batch in batches]).mean(0)
    held = [place for place in range(len(images)) if place % 10 == 9]
    labels = torch.tensor(digits.train_labels)[held]
    tested = torch.from_numpy(digits.normalised(digits.test_images))
    with torch.no_grad():
        right = (network(tested).argmax(1) == torch.tensor(digits.test_labels)).double().mean()
        own = (network(images[held]).argmax(1) == labels).double().mean()
    return 100 * float(right), 100 * float(own)


def test_evaluate_writes_test_accuracies_as_labels_of_their_own_kind(
    reference: str, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t.parquet"
    command = ["supernet", "evaluate", str(trained), "--space", reference, "--archs", "13", "--quiet"]
    command += ["--out", str(out)]
    assert main(command) == 0
    table = Table.read(out, spaces=[load_space(reference)])
    rows = table.frame[table.frame["metric"] == "top1_pct"]
    assert set(rows["label_kind"]) == {"supernet"}
    assert len(rows) == 13
    for row in rows.to_dict("records"):
        width = json.loads(row["arch_json"])["width"]
        assert row["value"] == pytest.approx(naive(trained, reference, width)[0])
    again = tmp_path / "again.parquet"
    assert main([*command[:6], str(out), "--out", str(again)]) == 0
    assert Table.read(again, spaces=[load_space(reference)]).archs == table.archs
    manifest = json.loads((tmp_path / "t.manifest.json").read_text())
    assert manifest["supernet"]["plan"]["sampler"] == "sandwich"
    assert "supernet evaluate" in manifest["command"] or "autoprox.supernet evaluate" in manifest["command"]


def test_a_supernet_is_a_scorer_by_held_out_images(reference: str, trained: Path, tmp_path: Path) -> None:
    space, scorer = load_space(reference), autoprox.load(trained)
    for width in (8, 16):
        expected = naive(trained, reference, width)[1]
        assert scorer.score_arch(space, space.arch({"width": width})) == pytest.approx(expected)
    options = ["--space", reference, "--dataset", "digits", "--budget", "13", "--method", "exhaustive", "--quiet"]
    assert main(["search", "--proxy", str(trained), *options, "--out", str(tmp_path / "search")]) == 0
    found = json.loads((tmp_path / "search" / "result.json").read_text())
    best = max(naive(trained, reference, width)[1] for width in range(4, 17))
    assert found["picks"][0]["score"] == pytest.approx(best)


def test_what_is_extracted_is_a_checkpoint(reference: str, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "pick.safetensors"
    arguments = [
        "supernet",
        "extract",
        str(trained),
        "--space",
        reference,
        "--arch",
        '{"width": 12}',
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    space, task = load_space(reference), TaskShape(10, 8, 1)
    network = Trained(out).network(space, space.arch({"width": 12}), task)
    whole = Inherited(trained).supernet(space)
    assert torch.equal(network[1].weight, whole.shared["1/weight"][:12])
    assert json.loads((tmp_path / "pick.json").read_text())["arch"] == {"width": 12}
    assert main(arguments) == 2  # nothing is replaced unasked


def test_inherited_weights_have_an_identity(reference: str, trained: Path, tmp_path: Path) -> None:
    space, task = load_space(reference), noise_task("noise", 10, 8, 1)
    weights = Inherited(trained)
    network = Network(space, space.arch({"width": 8}), task, weights)
    extracted = weights.supernet(space).extract({"width": 8})
    for own, other in zip(network.build().parameters(), extracted.parameters(), strict=True):
        assert torch.equal(own, other)
    moved = Inherited(Path(shutil.copytree(trained, tmp_path / "moved")))
    assert moved.identity == weights.identity
    assert Network(space, network.arch, task, moved).key == network.key
    assert network.key != Network(space, network.arch, task).key
    with pytest.raises(SpecError, match="10 classes and images of 1 x 8 x 8, not 5 classes"):
        weights.network(space, network.arch, TaskShape(5, 8, 1))
    with pytest.raises(SpecError, match="not built in"):
        weights.space()
    with pytest.raises(SpecError, match="not 'pit-micro'"):
        weights.space(load_space("pit-micro"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (PARAMETERS, lambda content: content[:-1]),
        (PARAMETERS, lambda _: b""),
        (SUPERNET, lambda content: content.replace(b'"format_version": 1', b'"format_version": 2')),
        (SUPERNET, lambda content: content.replace(b'"num_classes"', b'"classes"')),
        (SUPERNET, lambda _: b"[" * 100_000),
        (SUPERNET, lambda _: b"{}"),
    ],
)
def test_a_damaged_folder_is_one_line(trained: Path, tmp_path: Path, name: str, change) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "damaged"))
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(StoreMismatchError, match="holds no trained supernet") as caught:
        Inherited(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--loss", "margin-rank"], "ranks subnets by a prior: give --prior"),
        (["--prior", "macs"], "--prior applies to --loss"),
        (["--schedule", "sine"], "--schedule applies to --loss"),
        (["--coupling", "max"], "--coupling applies to --loss online"),
        (["--sampler", "sandwich", "--passes", "3"], "--passes is 3, but one step of the sampler 'sandwich'"),
        (["--loss", "margin-rank", "--prior", "macs"], "ranks pairs, but the sampler proposes 1 subnet"),
        (["--loss", "prior-guided", "--prior", "az_nas"], "ranks networks within a set"),
        (["--dataset", "patches", "--space", "pit-ti"], "takes images of 32 to 512 in steps of 8 px, not 16 px"),
        (["--dataset", "numbers"], "There is no data set 'numbers'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(words, message: str, tmp_path: Path, capsys) -> None:
    line = refusal(capsys, "train", "--space", "pit-micro", *words, "--out", str(tmp_path / "new"))
    assert message in line
    assert not (tmp_path / "new").exists()


def test_conflict_is_a_table(reference: str, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["supernet", "conflict", str(trained), "--space", reference, "--archs", "4", "--bins", "2", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["conflict"]
    assert [each["pairs"] for each in found] == [3, 3]
    assert np.all([-1 <= each["cosine"] <= 1 for each in found])
