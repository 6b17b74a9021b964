"""TVT and DisWOT against loops, the teacher in every identity, and the errors without a teacher."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import CollectionError, SpecError
from autoprox.commands import main
from autoprox.datasets import dataset
from autoprox.graph import Proxy, parse
from autoprox.networks import Network, Teacher
from autoprox.scorers import TEACHER_PROXIES, Ensemble, score_networks
from autoprox.statistics import StatisticsCache
from autoprox.training import named_teacher
from tests.search.worlds import MICRO

SPACE = autoprox.space("pit-micro")
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.normal(size=(6, 1, 8, 8)).astype("float32"), np.array([0, 1, 2, 3, 4, 0])
ARCHS = [SPACE.sample(RNG) for _ in range(4)]
STUDENTS = [SPACE.build(arch, 10, 8, 1, seed=0) for arch in ARCHS]


class Teaching(nn.Module):
    """Two convolutions in blocks, on grids of 8 and 4."""

    def __init__(self, width=6, classes=10):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, width, 3, stride, padding=1), nn.ReLU())
            for before, stride in ((1, 1), (width, 2))
        )
        self.head = nn.Linear(width, classes)

    def features(self, images):
        found = []
        for block in self.blocks:
            images = block(images)
            found.append(images)
        return found

    def forward(self, images):
        return self.head(self.features(images)[-1].mean(dim=(2, 3)))


TEACHER = Teaching()


def last_of_student(student):
    """The last block's tokens without the class token, as a map."""
    kept = {}
    blocks = [each for each in student.modules() if type(each).__name__ == "TransformerBlock"]
    handle = blocks[-1].register_forward_hook(lambda _m, _g, output: kept.update(tokens=output))
    student.eval()(torch.tensor(IMAGES))
    handle.remove()
    tokens = kept["tokens"].detach()[:, 1:]
    side = math.isqrt(tokens.shape[1])
    return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)


def attention(features, grid):
    """An attention map by loops over images and places."""
    found = []
    for image in (
        functional.interpolate(features, size=grid, mode="bilinear") if features.shape[-1] != grid else features
    ):
        energy = [float((image[:, row, column] ** 2).mean()) for row in range(grid) for column in range(grid)]
        found.append(np.array(energy) / math.sqrt(sum(value**2 for value in energy)))
    return np.array(found)


def unit_rows(matrix):
    return np.array([row / (np.linalg.norm(row) or 1.0) for row in np.asarray(matrix)])


def relations(rows):
    return unit_rows([[float(np.dot(a, b)) for b in rows] for a in rows])


def gradient(model):
    model.zero_grad()
    functional.cross_entropy(model.eval()(torch.tensor(IMAGES)), torch.tensor(LABELS)).backward()
    return model.head.weight.grad.double().numpy()


@pytest.mark.parametrize("student", STUDENTS)
def test_the_teacher_aware_term_is_the_distance_of_attention_maps(student):
    ours, theirs = last_of_student(student), TEACHER.features(torch.tensor(IMAGES))[-1].detach()
    grid = max(ours.shape[-1], theirs.shape[-1])
    expected = -((attention(ours, grid) - attention(theirs, grid)) ** 2).mean()
    found = autoprox.load("tvt-teacher").score(student, IMAGES, LABELS, teacher=TEACHER)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("student", STUDENTS)
def test_the_student_s_term_is_the_sum_of_the_norms_of_its_layers(student):
    norms = [m.weight.norm().item() for m in student.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert autoprox.load("tvt-student").score(student, IMAGES, LABELS) == pytest.approx(sum(norms), rel=1e-6)


@pytest.mark.parametrize("student", STUDENTS)
def test_relations_are_those_of_all_pairs_of_images(student):
    ours = last_of_student(student).flatten(1).double().numpy()
    theirs = TEACHER.features(torch.tensor(IMAGES))[-1].detach().flatten(1).double().numpy()
    expected = -np.sum((relations(ours) - relations(theirs)) ** 2) / len(IMAGES) ** 2
    found = autoprox.load("diswot-relation").score(student, IMAGES, LABELS, teacher=TEACHER)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("student", STUDENTS)
def test_semantics_are_those_of_all_pairs_of_classes(student):
    expected = -np.mean((relations(gradient(student)) - relations(gradient(TEACHER))) ** 2)
    found = autoprox.load("diswot-semantic").score(student, IMAGES, LABELS, teacher=TEACHER)
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_published_semantics_are_of_features_and_need_equal_widths():
    published = autoprox.load("diswot-semantic-features")
    student = STUDENTS[0]
    with pytest.raises(CollectionError, match="features, the teacher's 6; take diswot-semantic"):
        published.score(student, IMAGES, LABELS, teacher=TEACHER)
    teacher = Teaching(width=student.head.in_features)
    ours, theirs = gradient(student), gradient(teacher)
    total = sum(
        np.sum((unit_rows(np.outer(a, a)) - unit_rows(np.outer(b, b))) ** 2) for a, b in zip(ours, theirs, strict=True)
    )
    found = published.score(student, IMAGES, LABELS, teacher=teacher)
    assert found == pytest.approx(-total / ours.size, rel=1e-4)


@pytest.mark.parametrize("name", ["tvt", "diswot"])
def test_sums_are_of_z_scores_among_the_candidates_and_of_values_alone(name):
    whole = autoprox.load(name)
    members = [each.taught_by(TEACHER) for each in whole.members]
    values = np.array([[each.score(student, IMAGES, LABELS) for student in STUDENTS] for each in members])
    z = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
    np.testing.assert_allclose(whole.taught_by(TEACHER).score_many(STUDENTS, IMAGES, LABELS), z.sum(axis=0), rtol=1e-6)
    assert whole.score(STUDENTS[0], IMAGES, LABELS, teacher=TEACHER) == pytest.approx(values[:, 0].sum())
    with pytest.raises(CollectionError, match=r"has no teacher: give one by proxy.taught_by"):
        whole.score(STUDENTS[0], IMAGES, LABELS)


@pytest.mark.parametrize("name", [name for name, each in TEACHER_PROXIES.items() if each.needs.teacher])
def test_the_teacher_is_part_of_the_identity(name):
    proxy = autoprox.load(name)
    again, changed = Teaching(), Teaching()
    with torch.no_grad():
        changed.head.weight[0, 0] += 1
    found = {proxy.identity, *(proxy.taught_by(each).identity for each in (TEACHER, again, changed))}
    assert len(found) == 3
    assert None not in found


def test_scores_that_are_kept_belong_to_a_teacher():
    networks = [Network(SPACE, arch, MICRO) for arch in ARCHS]
    cache, relation = StatisticsCache(None), autoprox.load("diswot-relation")
    pair = [relation.taught_by(TEACHER), relation.taught_by(Teaching(width=9)).renamed("other")]
    first = score_networks(pair, networks, cache).required()
    assert not np.isclose(first[0], first[1]).any()
    np.testing.assert_array_equal(score_networks(pair, networks, cache).required(), first)


def test_parameters_may_be_drawn_from_the_normal_distribution():
    relation = autoprox.load("diswot-relation").taught_by(TEACHER)
    before = [each.clone() for each in TEACHER.parameters()]
    once, twice = (replace(relation, normal=True, repeats=count) for count in (1, 2))
    values = [each.score(STUDENTS[0], IMAGES, LABELS) for each in (relation, once, twice)]
    assert len(set(values)) == 3
    assert once.score(STUDENTS[0], IMAGES, LABELS) == values[1]
    assert all(torch.equal(a, b) for a, b in zip(before, TEACHER.parameters(), strict=True))
    with pytest.raises(SpecError, match="`repeats` is 2"):
        replace(relation, repeats=2)


def test_teachers_by_name():
    with pytest.raises(SpecError, match=r"There is no teacher 'resnett'\. Did you mean 'resnet'\?"):
        named_teacher("resnett", dataset("digits"))
    with pytest.raises(SpecError, match="needs a data set"):
        named_teacher("resnet")
    untrained = named_teacher("resnet-untrained", dataset("digits"))
    assert untrained.identity == named_teacher("resnet-untrained", dataset("digits")).identity
    assert Teacher.of(untrained) is untrained
    with pytest.raises(SpecError, match="not a str"):
        Teacher.of("resnet")


def test_a_search_finds_the_student_of_a_teacher(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom torch import nn\ntorch.manual_seed(0)\n"
        "model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()), nn.AdaptiveAvgPool2d(1),"
        " nn.Flatten(), nn.Linear(4, 10))\n"
    )
    words = [
        "search",
        "--space",
        "pit-micro",
        "--dataset",
        "digits",
        "--max-params",
        "9k",
        "--budget",
        "4",
        "--jobs",
        "1",
    ]
    teacher = ["--teacher", f"{tmp_path / 'mine.py'}:model"]
    assert main([*words, "--proxy", "diswot", *teacher, "--json", "--out", str(tmp_path / "run")]) == 0
    picks = json.loads(capsys.readouterr().out)["picks"]
    assert picks[0]["score"] >= picks[-1]["score"]
    for wrong, said in (
        (["--proxy", "diswot"], "name one with --teacher"),
        (["--proxy", "snip", *teacher], "no comparison with a teacher in 'snip'"),
        (["--proxy", "tvt", "--teacher", "resnett"], "There is no teacher 'resnett'"),
    ):
        assert main([*words, *wrong, "--out", str(tmp_path / "wrong")]) == 2
        assert said in capsys.readouterr().err


def test_a_graph_that_compares_takes_a_teacher_like_the_others(tmp_path):
    graph = Proxy("mine", parse("neg(nodes_mean(mean(square(teacher_relation))))"))
    taught = graph.taught_by(TEACHER)
    expected = [graph.score(each, IMAGES, LABELS, teacher=TEACHER) for each in STUDENTS]
    assert taught.score_many(STUDENTS, IMAGES, LABELS).tolist() == expected
    other = graph.taught_by(STUDENTS[0])
    assert len({each.identity for each in (taught, other, graph)}) == 3
    assert (graph.needs.teacher, taught.needs.teacher) == (True, False)
    frame = autoprox.rank(dict(zip("abcd", STUDENTS, strict=True)), IMAGES, LABELS, scorer=graph, teacher=TEACHER)
    assert frame["score"].to_dict() == pytest.approx(dict(zip("abcd", expected, strict=True)))
    with pytest.raises(SpecError, match="'mine' compares networks with a teacher; give one"):
        autoprox.rank(STUDENTS, IMAGES, LABELS, scorer=graph)
    with pytest.raises(CollectionError, match="'teacher_relation' compares a network with a teacher; give one"):
        graph.score(STUDENTS[0], IMAGES, LABELS)
    graph.save(tmp_path / "best.json")
    assert autoprox.load(tmp_path / "best.json").score(STUDENTS[0], IMAGES, LABELS, teacher=TEACHER) == expected[0]


@pytest.mark.parametrize("name", ["tvt", "diswot"])
def test_a_teacher_keeps_its_mode(name):
    """Comparisons run it in evaluation mode, whatever mode the caller left it in."""
    teacher = nn.Sequential(Teaching(), nn.Dropout(0.5)).train()
    before = [each.training for each in teacher.modules()]
    found = autoprox.load(name).score(STUDENTS[0], IMAGES, LABELS, teacher=teacher)
    assert [each.training for each in teacher.modules()] == before
    assert found == autoprox.load(name).score(STUDENTS[0], IMAGES, LABELS, teacher=teacher.eval())


def test_ensembles_take_a_teacher_for_the_members_that_compare():
    """Its ranks are those of the members alone; a teacher of its own counts more than that of a network."""
    graph = Proxy("mine", parse("neg(nodes_mean(mean(square(teacher_relation))))"))
    other = Teaching(width=9)
    members = [graph, autoprox.load("diswot-relation"), autoprox.load("snip"), graph.taught_by(other).renamed("other")]
    alone = [*(each.taught_by(TEACHER) for each in members[:3]), members[3]]
    expected = [[each.score(student, IMAGES, LABELS) for student in STUDENTS] for each in alone]
    ranks = np.mean([stats.rankdata(row) / len(row) for row in expected], axis=0)
    ensemble = Ensemble([*members[:3]], "whole")
    assert (ensemble.needs.teacher, ensemble.taught_by(TEACHER).needs.teacher) == (True, False)
    np.testing.assert_allclose(Ensemble(alone).score_many(STUDENTS, IMAGES, LABELS), ranks)
    first = np.mean([stats.rankdata(row) / len(row) for row in expected[:3]], axis=0)
    np.testing.assert_allclose(ensemble.taught_by(TEACHER).score_many(STUDENTS, IMAGES, LABELS), first)


def test_scorers_without_a_teacher_compare_with_that_of_each_network():
    """Their scores are cached for each teacher; a teacher of the scorer's own counts more."""
    graph = Proxy("mine", parse("neg(nodes_mean(mean(square(teacher_relation))))"))
    relation, cache = autoprox.load("diswot-relation"), StatisticsCache(None)
    teachers = [Teacher.of(TEACHER), Teacher.of(Teaching(width=9))]
    found = []
    for teacher in teachers:
        networks = [Network(SPACE, arch, MICRO, teacher=teacher) for arch in ARCHS[:2]]
        own = graph.taught_by(teachers[0]).renamed("own")
        values = score_networks([graph, relation, own, autoprox.load("snip")], networks, cache).required()
        for row, scorer in zip(values, (graph.taught_by(teacher), relation.taught_by(teacher), own), strict=False):
            expected = [scorer.score(each.build(), MICRO.images, MICRO.labels) for each in networks]
            np.testing.assert_allclose(row, expected, rtol=1e-6)
        found.append(values)
    assert not np.isclose(found[0][:2], found[1][:2]).any()
    np.testing.assert_array_equal(found[0][2:], found[1][2:])
    ensemble = Ensemble([graph, relation])
    assert np.isfinite(score_networks([ensemble], networks, cache).required()).all()
    with pytest.raises(CollectionError, match="has no teacher"):
        score_networks([relation], [Network(SPACE, ARCHS[0], MICRO)], cache).required()
