"""Alternatives to locality guidance: each loss against loops, the identities of their labels, and a table of them."""

import numpy as np
import pandas as pd
import pytest
import torch

from autoprox.base.errors import SpecError
from autoprox.bench.labels import KD, LABEL_KINDS
from autoprox.commands import main
from autoprox.spaces import space
from autoprox.training import DISTILLERS, DistilledBy
from autoprox.training._distillers import relation_loss, semantic_loss
from autoprox.training._guidance import divergence
from autoprox.training.label_makers import maker_of
from autoprox.training.recipe import Distillation, Recipe
from autoprox.training.train import Training, train

RECIPE = Recipe(epochs=1, distillation=Distillation(teacher_epochs=1, teacher_width=4))
GENERATOR = torch.Generator().manual_seed(0)
STUDENT, TEACHER = (torch.randn(3, 4, 2, 2, generator=GENERATOR) for _ in range(2))
PIT = space("pit-micro")
SMALL = PIT.arch({"base_dim": 4, "mlp_ratio": 1, "depth": [1, 2, 1], "num_heads": [2, 2, 4]})


def unit(rows):
    return np.array([row / np.linalg.norm(row) for row in np.asarray(rows, dtype=np.float64)])


def test_relations_are_of_pairs_of_images():
    ours, theirs = (unit([[float((a * b).sum()) for b in maps] for a in maps]) for maps in (STUDENT, TEACHER))
    assert float(relation_loss(STUDENT, TEACHER)) == pytest.approx(np.mean((ours - theirs) ** 2), rel=1e-5)


def test_semantics_are_of_pairs_of_channels_of_each_image():
    differences = []
    for ours, theirs in zip(STUDENT, TEACHER, strict=True):
        a, b = (unit(each.flatten(1)) for each in (ours, theirs))
        differences += [(a[i] @ a[j] - b[i] @ b[j]) ** 2 for i in range(4) for j in range(4)]
    assert float(semantic_loss(STUDENT, TEACHER)) == pytest.approx(np.mean(differences), rel=1e-5)


def test_softened_predictions_diverge_as_they_are_defined_to():
    ours, theirs = (torch.randn(5, 3, generator=GENERATOR).double() for _ in range(2))
    p, q = (np.exp(each.numpy() / 2) / np.exp(each.numpy() / 2).sum(axis=1, keepdims=True) for each in (theirs, ours))
    expected = 4 * np.mean(np.sum(p * np.log(p / q), axis=1))
    assert float(divergence(ours, theirs, 2.0)) == pytest.approx(expected)
    assert float(divergence(ours, ours, 2.0)) == pytest.approx(0, abs=1e-12)


def test_each_distiller_has_labels_of_its_own():
    kinds = [KD, *(LABEL_KINDS[f"kd-{name}"] for name in DISTILLERS)]
    assert len({maker_of(kind).definition(RECIPE) for kind in kinds}) == len(kinds)
    heavier = DistilledBy("logits", weight=2.0)
    assert heavier.definition(RECIPE) != maker_of(LABEL_KINDS["kd-logits"]).definition(RECIPE)
    with pytest.raises(SpecError, match="There is no distiller 'logit'; allowed: logits, relation, semantic"):
        DistilledBy("logit")


def test_a_student_learns_from_each_and_labels_repeat(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = {}
    for name in ("kd", *(f"kd-{each}" for each in DISTILLERS)):
        training = Training(PIT, SMALL, "digits", LABEL_KINDS[name], 0)
        first = train(training, RECIPE)
        assert not first.failure
        found[name] = first.values["nll"]
        if name == "kd-relation":
            assert train(training, RECIPE).values == first.values
    assert len(set(found.values())) == len(found)


def test_a_table_is_built_with_a_distiller(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = tmp_path / "t.parquet"
    words = "bench build --space pit-micro --archs 2 --iso 0 --datasets digits --epochs 1 --labels kd --kd-seeds 1"
    assert main([*words.split(), "--distiller", "logits", "--jobs", "1", "--out", str(out)]) == 0
    assert set(pd.read_parquet(out)["label_kind"]) == {"kd-logits"}
