"""`autoprox rank` on models that state their image size, and on models that do not."""

import pytest

from autoprox.commands import main

FILE = """
from torch import nn

def sized(width, size=None):
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, 3))
    if size is not None:
        model.config = type("Config", (), {"image_size": size})()
    return model

models = {"small": sized(4, 8), "wide": sized(9, 8)}
sizes = {"small": sized(4, 8), "large": sized(4, 16)}
silent = sized(4)
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "models.py").write_text(FILE)
    return tmp_path / "models.py"


def ranked(place, capsys, name, *words):
    status = main(["rank", "--models", f"{place}:{name}", "--scorer", "params", "--num-classes", "3", *words])
    return status, *capsys.readouterr()


def test_the_image_size_is_the_one_that_the_models_state(place, capsys):
    status, out, err = ranked(place, capsys, "models", "--max", "params=1k")
    assert status == 0
    assert "8 px" in out
    assert all("such differences are noise" in line for line in err.splitlines())  # of two tiny models
    rows = {line.split()[1]: line.split()[0] for line in out.splitlines() if "px" not in line}
    assert (rows["small"], rows["wide"]) == ("1", "-")  # 787 and 1,767 parameters
    assert "-: not ranked, since the model exceeds a bound of --max" in out
    assert "score: params, higher is better" in out


def test_models_of_several_image_sizes_are_named(place, capsys):
    status, _, err = ranked(place, capsys, "sizes")
    assert status == 2
    assert "image size (small: 8, large: 16). Rank models of one image size at a time." in err


def test_an_image_size_that_is_not_stated_is_said(place, capsys):
    status, _, err = ranked(place, capsys, "silent")
    assert status == 2
    assert "silent: no image size is stated, so 224 px is used; give another with --img-size" in err
    assert ranked(place, capsys, "silent", "--img-size", "8")[0] == 0
