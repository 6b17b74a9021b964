"""Discovery with a teacher: its leaves, its identity in runs, and what it adds."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from autoprox import judge, load
from autoprox.api.judgement import judged
from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.bench import Judge, Problem, Split, Table
from autoprox.commands import main
from autoprox.evolve import PROXY_ROW, UNTAUGHT_ROW, Discoverer, EvolutionPlan, Stop, _discovery
from autoprox.evolve.evolution_journal import EvolutionJournal
from autoprox.evolve.grammar import proxy_grammar, type_key
from autoprox.evolve.leaves import first_bank, grown, own_leaves, paired_leaves
from autoprox.evolve.rivals import scores_of
from autoprox.graph import Proxy, parse
from autoprox.networks import Teacher
from autoprox.scorers import Ensemble
from autoprox.statistics import StatisticsCache
from autoprox.training import named_teacher, teachers_of
from tests.evolve.world import COUNT, World, leaves

FEW = 6
MODULE = """import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3, 2, padding=1), nn.ReLU()),
                      nn.Sequential(nn.Conv2d(2, 2, 3, 2, padding=1), nn.ReLU()), nn.Flatten(), nn.Linear(8, 10))
"""


class Convolutional(nn.Module):
    """Two blocks on grids of 8 and 4."""

    def __init__(self, seed):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(c, 2, 3, 2, padding=1), nn.ReLU()) for c in (1, 2))
            self.head = nn.Linear(2, 10)

    def forward(self, images):
        for block in self.blocks:
            images = block(images)
        return self.head(images.mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def problem():
    """A few architectures of each split of one block."""
    table = Table.read()
    (block,) = table.blocks(["pit-micro"], ["digits"], "kd")
    of_split = {split: [each for each in block.arch_ids if table.splits()[each] is split] for split in Split}
    kept = [each for held in of_split.values() for each in held[:FEW]]
    return Problem(table, (block.restricted(set(kept)),))


@pytest.fixture(scope="module")
def taught(problem):
    return replace(problem, teachers=teachers_of(Convolutional(0), problem.table, problem.blocks))


def paired_share(grammar):
    """Share of draws of a leaf at normalisations that compare with a teacher."""
    choice = grammar.terminals(grammar.type_of(type_key(paired_leaves()[0].kind)))
    chances = np.diff(choice.cumulated, prepend=0.0) / choice.cumulated[-1]
    return sum(
        chance for item, chance in zip(choice.items, chances, strict=True) if grammar.expression([item]).needs_teacher
    )


def test_only_a_problem_with_a_teacher_has_leaves_that_compare(problem, taught):
    assert not any(each.needs_teacher for each in first_bank())
    assert own_leaves(problem) == []
    assert own_leaves(taught) == paired_leaves()
    assert {name for each in paired_leaves() for name in each.statistics} == {"teacher_attention", "teacher_relation"}
    assert paired_share(proxy_grammar(first_bank(), EvolutionPlan().leaf_weights)) == 0
    assert 0 < paired_share(proxy_grammar([*first_bank(), *paired_leaves()], EvolutionPlan().leaf_weights)) < 1


@pytest.mark.parametrize("seed", range(3))
def test_a_bank_with_a_teacher_grows_with_it_and_another_one_does_not(seed):
    alone = grown(first_bank(), first_bank()[-8:], 16, np.random.default_rng(seed))
    assert not any(each.needs_teacher for each in alone)
    bank = [*first_bank(), *paired_leaves()]
    more = grown(bank, paired_leaves()[-8:], 16, np.random.default_rng(seed))
    assert any(each.needs_teacher for each in more)
    assert not set(more) & set(bank)


def test_candidates_with_such_leaves_are_evaluated():
    bank, world = [*first_bank(), *paired_leaves()], World()
    grammar = proxy_grammar(bank, EvolutionPlan().leaf_weights)
    made = leaves(paired_leaves(), range(COUNT))
    world.table.extend(made)
    assert all(grammar.can_draw(each) for each in bank)
    assert np.isfinite(world.table.leaf(paired_leaves()[0].digest)).all()


def test_the_teacher_is_part_of_the_definition_and_of_nothing_without_one(problem, taught, tmp_path):
    plan = EvolutionPlan()
    before, now = Discoverer(problem).definition(plan), Discoverer(taught).definition(plan)
    assert "teachers" not in before
    assert {name for name in now if now[name] != before.get(name)} == {"teachers", "bank"}
    other = replace(problem, teachers=teachers_of(Convolutional(1), problem.table, problem.blocks))
    path = tmp_path / "journal.sqlite"
    with EvolutionJournal(path, now):
        pass
    with EvolutionJournal(path, Discoverer(taught).definition(plan)):
        pass
    for definition in (before, Discoverer(other).definition(plan)):
        with pytest.raises(StoreMismatchError, match=r"made with another (teachers|bank)"):
            EvolutionJournal(path, definition)


def test_partial_correlation_is_that_of_kendall(problem):
    judge, rng = Judge(problem, Split.FIT), np.random.default_rng(0)
    scores, given = rng.normal(size=(2, len(judge.networks)))
    xy, xz, yz = (
        stats.kendalltau(*pair).statistic
        for pair in ((scores, judge.blocks[0].goodness), (scores, given), (judge.blocks[0].goodness, given))
    )
    value, (low, high) = judge.partial(scores, given, 50)
    assert value == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert low < value < high


def test_a_discovery_says_what_the_teacher_adds_and_resumes(problem, taught, tmp_path, monkeypatch):
    monkeypatch.setattr(_discovery, "foreign_series", list)
    monkeypatch.setattr(_discovery, "gene_series", lambda *_: [])
    plan, cache = EvolutionPlan(seed=3), StatisticsCache(tmp_path / "statistics.sqlite", beside=problem.table.bank)
    whole = Discoverer(taught, cache).run(plan, Stop(50), tmp_path / "whole.sqlite", sealed=False)
    rows, given = whole.verdicts[Split.SELECT], whole.proxy.results["given"]
    alone = Discoverer(problem, cache).search(plan, Stop(50))
    assert alone.proxy.graph.statistics
    assert not alone.proxy.needs.teacher
    untaught = alone.judges[Split.SELECT].joint(alone.judges[Split.SELECT].taus(_scores(alone)))
    assert rows[UNTAUGHT_ROW].joint == pytest.approx(float(untaught[0]))
    (margin,) = (each for each in whole.margins if each.rival == UNTAUGHT_ROW)
    assert margin.joint == pytest.approx(rows[PROXY_ROW].joint - rows[UNTAUGHT_ROW].joint)
    assert {each["row"] for each in given} == {PROXY_ROW, UNTAUGHT_ROW}
    params = next(each for each in given if each["row"] == PROXY_ROW and each["count"] == "params")
    assert params["partial"] == pytest.approx(rows[PROXY_ROW].blocks[0].partial)
    assert whole.proxy.provenance["teachers"]["digits"]["identity"] == taught.teachers["digits"].identity
    Discoverer(taught, cache).search(plan, Stop(20), tmp_path / "parts.sqlite")
    resumed = Discoverer(taught, cache).run(plan, Stop(50), tmp_path / "parts.sqlite", sealed=False)
    assert resumed.proxy.to_document() == whole.proxy.to_document()


def _scores(found):
    return scores_of({"": found.chosen.on_fit}, found.bank.select)


def test_one_network_teaches_all_data_sets_and_a_named_one_each_its_own():
    table = Table.read()
    blocks = table.blocks(["pit-micro"], ["digits", "patches"], "kd")
    one = teachers_of(Convolutional(0), table, blocks)
    assert set(one) == {"digits", "patches"}
    assert len({each.identity for each in one.values()}) == 1
    own = teachers_of("resnet-untrained", table, blocks)
    assert [own[name].name for name in one] == [f"resnet-untrained of {name}" for name in one]
    assert len({each.identity for each in own.values()}) == 2
    assert isinstance(own["digits"], Teacher)
    with pytest.raises(SpecError, match="There is no teacher 'resnt'"):
        teachers_of("resnt", table, blocks)


def test_an_unknown_teacher_is_one_line_on_the_command_line(capsys):
    assert main(["evolve", "--spaces", "pit-micro", "--datasets", "digits", "--teacher", "resnt"]) == 2
    assert "There is no teacher 'resnt'. Did you mean 'resnet'?" in capsys.readouterr().err


def test_proxies_are_judged_with_the_teacher_of_their_discovery(problem, taught):
    graph = Proxy("mine", parse("neg(nodes_mean(mean(square(teacher_relation))))"))
    scorers = {each.name: each for each in (graph, load("diswot-relation"))}
    found = judged(taught, scorers, "select")
    networks, teacher = found.judge.networks, taught.teachers["digits"]
    for name in ("mine", "diswot-relation"):
        own, task = scorers[name].taught_by(teacher), networks[0].task
        expected = [own.score(each.build(), task.images, task.labels) for each in networks]
        np.testing.assert_allclose(found.scores[name], expected, rtol=1e-6)
        tau = stats.kendalltau(expected, found.judge.blocks[0].goodness).statistic
        assert found.proxies[name].joint == pytest.approx(tau)
    with pytest.raises(SpecError, match="'mine' compares networks with a teacher; give one with `teacher`"):
        judged(problem, scorers, "select")
    other = replace(problem, teachers=teachers_of(Convolutional(1), problem.table, problem.blocks))
    known = {"digits": {"name": "conv", "identity": other.teachers["digits"].identity}}
    stated = replace(graph, provenance={"teachers": known})
    for scorer in (stated, Ensemble([stated, graph])):
        with pytest.raises(SpecError, match="was discovered with the teacher 'conv'"):
            judged(taught, {"mine": scorer}, "select")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["diswot"], "'diswot' compares networks with a teacher; name one with --teacher"),
        (["snip", "--teacher", "resnet"], "no comparison with a teacher in 'snip'"),
        (["diswot", "--teacher", "resnett"], "There is no teacher 'resnett'"),
    ],
)
def test_evaluate_asks_for_a_teacher_if_and_only_if_a_proxy_compares(words, said, capsys):
    assert main(["evaluate", "--spaces", "pit-micro", "--datasets", "digits", "--proxy", *words]) == 2
    assert said in capsys.readouterr().err


def test_evaluate_and_judge_take_a_teacher(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(MODULE)
    teacher = named_teacher(f"{tmp_path / 'mine.py'}:model")
    graph = Proxy("mine", parse("neg(nodes_mean(mean(square(teacher_relation))))"))
    known = {"teachers": {"digits": {"name": teacher.name, "identity": teacher.identity}}}
    replace(graph, provenance=known).save(tmp_path / "best.json")
    words = ["--spaces", "pit-micro", "--datasets", "digits", "--label-kind", "kd", "--jobs", "1", "--json"]
    found = [str(tmp_path / "best.json"), "--teacher", f"{tmp_path / 'mine.py'}:model"]
    assert main(["evaluate", *words, "--proxy", *found]) == 0
    told = json.loads(capsys.readouterr().out)["proxies"][found[0]]["joint"]
    given = {"spaces": ["pit-micro"], "datasets": ["digits"], "label_kind": "kd", "progress": False}
    frame = judge(graph, teacher=teacher.model, **given).set_index(["scorer", "block"])
    assert frame.loc[("mine", "joint"), "kendall"] == pytest.approx(told)
    with pytest.raises(SpecError, match="give the same teacher"):
        judge(str(tmp_path / "best.json"), teacher=Convolutional(1), **given)
