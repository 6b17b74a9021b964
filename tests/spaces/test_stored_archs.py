"""Architectures of files of results: read in their order, and refused in one line."""

import json
from pathlib import Path

import pytest

from autoprox.base.errors import SpecError
from autoprox.networks import named_models
from autoprox.networks.measuring import parameters
from autoprox.spaces import TaskShape, load_space, read_archs

SPACE = load_space("pit-micro")
GENES = [{"base_dim": dim, "mlp_ratio": 2, "depth": [1, 1, 1], "num_heads": [2, 2, 2]} for dim in (8, 4)]
TASK = {"num_classes": 10, "img_size": 8, "in_chans": 1}
ONE = {"space": "pit-micro", "arch": GENES[0], "task": TASK}
SEVERAL = {
    "space": "pit-micro",
    "picks": [{"rank": place, "arch": genes} for place, genes in enumerate(GENES)],
    "images": {"dataset": "digits", "source": "images", **TASK},
}


def stored(folder: Path, document: object) -> Path:
    path = folder / "found" / "result.json"
    path.parent.mkdir()
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_one_and_several_architectures(tmp_path: Path) -> None:
    for document, expected in ((ONE, GENES[:1]), (SEVERAL, GENES)):
        folder = tmp_path / str(len(expected))
        folder.mkdir()
        found = read_archs(stored(folder, document))
        assert [each.arch for each in found] == [SPACE.arch(genes) for genes in expected]
        assert {each.task for each in found} == {TaskShape(10, 8, 1)}
        assert {each.space for each in found} == {SPACE}


def test_they_are_models_by_reference(tmp_path: Path) -> None:
    models = named_models([f"arch:{stored(tmp_path, SEVERAL)}"], seed=3)
    assert [each.name for each in models] == ["found/result 1", "found/result 2"]
    assert {(each.img_size, each.in_chans) for each in models} == {(8, 1)}
    for model, genes in zip(models, GENES, strict=True):
        expected = SPACE.build(genes, 5, 8, 1, seed=3)
        built = model.build(5)
        assert parameters(built) == SPACE.params(genes, 5, 8, 1)
        for own, other in zip(built.parameters(), expected.parameters(), strict=True):
            assert own.equal(other)


def test_a_space_of_the_user_is_not_imported_but_given(tmp_path: Path) -> None:
    path = stored(tmp_path, {**ONE, "space": "mine.py:space"})
    with pytest.raises(SpecError, match=r"space 'mine\.py:space', which is not built in. Give the space"):
        read_archs(path)
    with pytest.raises(SpecError, match=r"space 'mine\.py:space', not of 'pit-micro'"):
        read_archs(path, SPACE)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("[" * 100_000, "nested too deep"),
        ("{}", "it has no 'space'"),
        ([ONE], "it has no 'space'"),
        ({**ONE, "arch": "{}"}, "it has no 'arch'"),
        ({"space": "pit-micro", "arch": GENES[0]}, "it has no 'task'"),
        ({**ONE, "task": {**TASK, "img_size": "8"}}, "it has no 'img_size'"),
        ({**SEVERAL, "picks": []}, "it has no picks"),
        ({**SEVERAL, "picks": [3]}, "it has no 'arch'"),
        ({**ONE, "arch": {**GENES[0], "base_dim": 5}}, "The gene 'base_dim' is 5"),
        ({**ONE, "task": {**TASK, "img_size": 7}}, "takes images of"),
    ],
)
def test_what_holds_no_architecture_is_one_line(document: object, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        read_archs(stored(tmp_path, document))
    assert "\n" not in str(caught.value)
