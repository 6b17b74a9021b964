"""Models by reference: a Hugging Face configuration, or what a user's file holds."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.networks import named_models

CONFIG = {
    "model_type": "vit",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 8,
    "patch_size": 4,
    "num_channels": 1,
}
FILE = """
from torch import nn
one = nn.Linear(2, 3)
several = {"a": nn.Linear(2, 3), "b": lambda: nn.Linear(2, 4)}
def made():
    return [nn.Linear(2, 5), nn.Linear(2, 6)]
number = 3
"""


def test_a_configuration_of_hugging_face(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "tiny.json").write_text(json.dumps(CONFIG))
    (model,) = named_models([f"hf:{tmp_path / 'tiny.json'}"], seed=1)
    assert (model.name, model.img_size, model.in_chans) == ("tiny", 8, 1)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "config.json").write_text(json.dumps(CONFIG | {"image_size": 16}))
    (saved,) = named_models([f"hf:{tmp_path / 'saved'}"])
    assert (saved.name, saved.img_size) == ("saved", 16)
    first, again = model.build(5), model.build(5)
    assert first(torch.zeros(2, 1, 8, 8)).logits.shape == (2, 5)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    (tmp_path / "other.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(SpecError, match="is not a configuration of an image classifier"):
        named_models([f"hf:{tmp_path / 'other.json'}"])


def test_models_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    found = named_models([f"{tmp_path / 'mine.py'}:{name}" for name in ("one", "several", "made")])
    assert [each.name for each in found] == ["one", "a", "b", "made 1", "made 2"]
    built = [each.build(10) for each in found]
    assert [each.out_features for each in built if isinstance(each, nn.Linear)] == [3, 3, 4, 5, 6]
    with pytest.raises(SpecError, match=r"is a int; name a torch\.nn\.Module"):
        named_models([f"{tmp_path / 'mine.py'}:number"])


@pytest.mark.parametrize("reference", ["vit", "hf:nothing.json"])
def test_what_names_no_model_is_refused(reference: str) -> None:
    with pytest.raises(SpecError, match=r"names no model|There is no file"):
        named_models([reference])
