"""Spaces of users: how they are found, what tells them apart, and what they cost."""

import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch
from torch import nn

import autoprox
from autoprox.base.errors import RegistryError, SpecError
from autoprox.base.references import resolved
from autoprox.networks.measuring import measured, parameters_and_macs
from autoprox.spaces import SPACES, Counts, Gene, TaskShape, load_space
from tests.spaces import conv_mixer

CODE = """
from torch import nn
import autoprox
from autoprox.spaces import Gene

WIDTH, OTHER = 8, 9

class Net(nn.Sequential):
    def __init__(self, depth, task):
        hidden = [nn.Linear(WIDTH, WIDTH) for _ in range(depth)]
        layers = nn.Flatten(), nn.Linear(task.img_size**2, WIDTH), *hidden, nn.Linear(WIDTH, task.num_classes)
        super().__init__(*layers, nn.Dropout(OTHER / 100))

def build(genes, task):
    return Net(genes["depth"], task)

space = autoprox.define_space("mine", [Gene("depth", (1, 2))], build, img_sizes=[8])
"""


def written(folder: Path, code: str = CODE, name: str = "spaces_of_mine.py") -> str:
    (folder / name).write_text(textwrap.dedent(code))
    return f"{folder / name}:space"


def test_a_space_is_found_by_file_and_by_module(tmp_path, monkeypatch):
    by_file = load_space(written(tmp_path))
    monkeypatch.chdir(tmp_path)
    by_module = load_space("spaces_of_mine:space")
    assert by_file.name == by_module.name == "mine"
    assert by_file.identity == by_module.identity
    assert by_module.reference == "spaces_of_mine:space"
    assert load_space(by_file) is by_file
    assert load_space(by_file.reference) is by_file
    monkeypatch.delitem(sys.modules, "spaces_of_mine")


def test_a_found_space_travels_as_what_it_was_found_by(tmp_path, monkeypatch):
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = load_space("spaces_of_mine.py:space")
    monkeypatch.chdir("/")
    assert len(pickle.dumps(found)) < 300
    again = pickle.loads(pickle.dumps(found))
    assert again.sample(np.random.default_rng(0)) == found.sample(np.random.default_rng(0))
    assert pickle.loads(pickle.dumps(SPACES["pit-micro"])) is SPACES["pit-micro"]


def test_a_space_in_code_travels_with_all_that_it_holds():
    factor = 3

    def build(genes, _task):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, genes["width"] * factor), nn.Linear(genes["width"] * factor, 2)
        )

    space = autoprox.define_space("local", [Gene("width", (1, 2))], build, img_sizes=[8])
    again = pickle.loads(cloudpickle.dumps(space))
    assert again.identity == space.identity
    assert again.counts({"width": 2}, 2, 8, 1).params == 64 * 6 + 6 + 6 * 2 + 2


@pytest.mark.parametrize(
    ("reference", "error", "words"),
    [
        ("pit-mikro", RegistryError, "Did you mean 'pit-micro'"),
        ("nowhere.py:space", SpecError, "There is no file .*nowhere"),
        ("no_such_module_at_all:space", SpecError, "No module named"),
        ("math:space", SpecError, "math has no 'space'"),
        ("math:pi", SpecError, "is a float, not a space"),
    ],
)
def test_what_is_no_space_is_one_line(reference, error, words):
    with pytest.raises(error, match=words) as caught:
        load_space(reference)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError: .*"),
    ],
)
def test_a_file_that_fails_is_one_line(tmp_path, code, reason):
    with pytest.raises(SpecError, match=rf"broken\.py cannot be imported: {reason}\."):
        load_space(written(tmp_path, code, "broken.py"))


def test_a_file_imports_from_its_own_folder(tmp_path):
    (tmp_path / "neighbouring_widths.py").write_text("WIDTHS = [3, 5]")
    before = list(sys.path)
    reference = written(tmp_path, "from neighbouring_widths import WIDTHS as space", "importing.py")
    assert resolved(reference) == [3, 5]
    assert sys.path == before


def test_an_import_that_was_interrupted_leaves_no_half_module(tmp_path):
    code = "import pathlib; pathlib.Path(__file__).with_name('seen').touch(exist_ok=False)\nraise KeyboardInterrupt"
    reference = written(tmp_path, code, "interrupted.py")
    with pytest.raises(KeyboardInterrupt):
        load_space(reference)
    with pytest.raises(SpecError, match="FileExistsError"):  # it is run once more
        load_space(reference)


@pytest.mark.parametrize(
    "change",
    [
        ("WIDTH, OTHER", "OTHER, WIDTH"),  # a constant that the builder's class uses
        ("nn.Flatten(), ", "nn.Flatten(), nn.Identity(), "),  # the class that the builder uses
        ('Net(genes["depth"], task)', 'Net(1 + genes["depth"], task)'),
        ("(1, 2)", "(1, 2, 3)"),
        ("img_sizes=[8]", "img_sizes=[8], version=2"),
        ("img_sizes=[8]", "img_sizes=[8], valid=lambda genes: True"),
    ],
)
def test_the_identity_changes_with_the_networks(tmp_path, change):
    assert change[0] in CODE
    before = load_space(written(tmp_path, CODE, "before.py")).identity
    assert load_space(written(tmp_path, CODE, "same.py")).identity == before
    assert load_space(written(tmp_path, CODE.replace(*change), "after.py")).identity != before


def test_the_identity_stays_with_what_builds_no_network(tmp_path):
    before = load_space(written(tmp_path, CODE, "before.py")).identity
    more = CODE.replace("space = ", "def evaluate(model):\n    return 3\n\nspace = ")
    more = more.replace("sizes=[8]", "sizes=[8, 16]")
    assert load_space(written(tmp_path, more, "after.py")).identity == before


IN_CONTAINERS = """
import torch
from torch import nn
import autoprox
from autoprox.spaces import Gene

class Wide(nn.Linear):
    pass

KINDS = {"plain": nn.Linear, "wide": Wide}
ACTS = {"relu": torch.relu, "own": lambda x: x.tanh()}
NAMES = {"a", "b", "c", "d"}

class Acting(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = ACTS[act]

    def forward(self, x):
        return self.act(x)

def build(genes, task):
    assert "a" in NAMES
    layer = KINDS[genes["kind"]](task.in_chans * task.img_size**2, task.num_classes)
    return nn.Sequential(nn.Flatten(), layer, Acting(genes["act"]))

genes = [Gene("kind", ("plain", "wide")), Gene("act", ("relu", "own"))]
space = autoprox.define_space("containers", genes, build, img_sizes=[8])
"""


def test_functions_and_classes_in_dictionaries_are_part_of_the_identity(tmp_path):
    """The same in every process, whatever its addresses and hashes are, and another when one of them changes."""

    changes = [
        ("torch.relu", "torch.sigmoid"),
        ("x.tanh()", "x.sin()"),
        ("    pass", "    wide = True"),
        (', "d"}', "}"),
    ]
    assert all(before in IN_CONTAINERS for before, _ in changes)
    texts = [IN_CONTAINERS, *(IN_CONTAINERS.replace(*change) for change in changes)]
    spaces = [written(tmp_path, text, f"space_{number}.py") for number, text in enumerate(texts)]
    code = f"import autoprox\nfor each in {spaces!r}: print(autoprox.space(each).identity)"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True
        )
        for seed in ("1", "2022")
    ]
    assert runs[0].stdout == runs[1].stdout, runs[0].stderr
    assert len(set(runs[0].stdout.split())) == len(texts)


@pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)
def test_counts_in_the_network_are_the_closed_forms(space):
    arch, task = space.sample(np.random.default_rng(3)), TaskShape(5, space.img_sizes[0], 2)
    counts = space.counts(arch, *task)
    found = measured(lambda: space.build(arch, *task), lambda model: parameters_and_macs(model, task))
    assert found == (counts.params, counts.macs)


def test_counts_of_a_convolutional_mixer_by_hand():
    genes = {"depth": [1, 2], "width": [8, 12], "kernel": [3, 5], "mixer": "depthwise"}
    counts = conv_mixer.space.counts(genes, 10, 8, 1)
    first = (4 * 8 + 8) + (9 * 8 + 8) + 2 * 8 + (8 * 8 + 8)
    second = (4 * 8 * 12 + 12) + 2 * ((25 * 12 + 12) + 2 * 12 + (12 * 12 + 12))
    assert counts.params == first + second + 12 * 10 + 10
    assert counts.macs == 16 * (4 * 8 + 9 * 8 + 64) + 4 * (4 * 8 * 12 + 2 * (25 * 12 + 144)) + 120
    assert counts.backbone_params == conv_mixer.space.backbone_params(genes) == counts.params + 2 * 32 - 8 * 13


def test_fused_attention_is_counted():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, images):
            return self.layer(images.flatten(2).transpose(1, 2).expand(-1, -1, 8))[:, 0, :3]

    tokens = 16
    macs = tokens * (8 * 24 + 8 * 8 + 2 * 8 * 16) + 2 * tokens**2 * 8
    for device in ("cpu", "meta"):
        assert parameters_and_macs(Attends().eval().to(device), TaskShape(3, 4, 1))[1] == macs


def test_given_costs_and_features_are_taken():
    space = autoprox.define_space(
        "given",
        [Gene("width", (1, 2))],
        lambda *_: nn.Linear(1, 1),
        img_sizes=[8],
        costs=lambda genes, task: Counts(genes["width"], task.num_classes, 7),
        features=lambda genes: {"area": genes["width"] ** 2},
    )
    assert space.has_closed_form
    assert space.counts({"width": 2}, 5) == Counts(2, 5, 7)
    assert space.features({"width": 2}) == {"area": 4.0}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"name": "a/b"}, SpecError, "letters, digits"),
        ({"name": "pit-micro"}, RegistryError, "belongs to a space of autoprox"),
        ({"build": 3}, SpecError, "builder of 'mine' is a int"),
        ({"img_sizes": []}, SpecError, "img_sizes"),
        ({"img_sizes": [8], "default_img_size": 9}, SpecError, "default_img_size"),
        ({"version": "1"}, SpecError, "version"),
        ({"unsteadiness": 1.0}, SpecError, "must be between 0 and 1, not 1.0"),
        ({"features": lambda _: {"a": float("nan")}}, SpecError, "feature 'a'"),
        ({"valid": lambda _: False}, SpecError, "None of 10,000 draws"),
    ],
)
def test_bad_definitions_are_refused(change, error, words):
    given = {
        "name": "mine",
        "genes": [Gene("a", (1, 2))],
        "build": lambda *_: None,
        "img_sizes": [8],
        **change,
    }
    with pytest.raises(error, match=words):
        autoprox.define_space(**given)


def test_a_builder_that_gives_no_module_is_one_line():
    space = autoprox.define_space("none", [Gene("a", (1, 2))], lambda *_: None, img_sizes=[8])
    with pytest.raises(SpecError, match=r"The builder of 'none' returned a NoneType, not a torch\.nn\.Module"):
        space.build({"a": 1}, 10)


def test_the_default_type_of_numbers_does_not_matter():
    micro = load_space("pit-micro")
    arch = micro.sample(np.random.default_rng(0))
    before = [each.clone() for each in micro.build(arch, 10, 8, 1, seed=3).parameters()]
    torch.set_default_dtype(torch.float64)
    try:
        after = list(micro.build(arch, 10, 8, 1, seed=3).parameters())
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
