"""The forms of a discovery: their scores, the choice among them, and their entries in best.json."""

import json
from dataclasses import replace

import numpy as np
import pytest

from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve import Discoverer, EvolutionPlan, ProxyForm, Statement, Stop, as_judged, count_terms
from autoprox.evolve._blending import MOST_TERMS, READABLE_SIZE, best_form
from autoprox.evolve._terms import member_terms
from autoprox.evolve.selection import Standing, highest, winner
from autoprox.graph import Evaluator, Proxy, parse, weighted_terms


@pytest.fixture(scope="module")
def problem():
    table = Table.read()
    return Problem(table, tuple(table.blocks(["pit-micro"], ["digits"])))


@pytest.fixture(scope="module")
def finding(problem):
    return Discoverer(problem).search(EvolutionPlan(seed=4), Stop(budget=80))


@pytest.fixture(scope="module")
def discovery(problem, finding):
    return Discoverer(problem).judge(finding)


def test_all_forms_are_there_and_are_what_they_are_called(finding):
    assert [each.form for each in finding.forms] == list(ProxyForm)
    plain, short, blend = finding.forms
    assert plain.on_fit == plain.proxy
    assert 2 <= len(weighted_terms(short.proxy.graph)) <= MOST_TERMS
    assert all(each.size <= READABLE_SIZE for _, each in weighted_terms(short.proxy.graph))
    assert len(weighted_terms(blend.proxy.graph)) > MOST_TERMS
    assert {each for _, each in weighted_terms(finding.counts.proxy.graph)} <= set(count_terms())


def test_select_is_judged_by_weights_that_never_saw_it(finding):
    select = finding.judges[Split.SELECT]
    for each in finding.forms[1:]:
        assert each.on_fit.graph != each.proxy.graph
        scores = Evaluator(finding.bank.select).scores([each.on_fit.graph])
        assert each.joint == select.joint(select.taus(scores))[0]


def test_weights_are_written_with_few_digits_and_read_back_exactly(finding):
    for each in finding.forms[1:]:
        for weight, _ in weighted_terms(each.proxy.graph):
            assert weight == float(f"{weight:.6g}")
        assert parse(str(each.proxy.graph)) == each.proxy.graph


def test_the_same_search_states_the_same(problem, finding):
    again = Discoverer(problem).search(EvolutionPlan(seed=4), Stop(budget=80))
    assert [each.to_document() for each in again.forms] == [each.to_document() for each in finding.forms]


def test_what_a_reader_finds(discovery, tmp_path):
    discovery.proxy.save(tmp_path / "best.json")
    read = Proxy.read(tmp_path / "best.json")
    results = json.loads(json.dumps(read.results))
    assert results["form"] in set(ProxyForm)
    chosen = next(each for each in discovery.forms if each.form == results["form"])
    assert read.graph == chosen.proxy.graph
    assert as_judged(read).graph == chosen.on_fit.graph
    assert results["margin"] == results["margins"][0]
    assert {each["rival"] for each in results["margins"]} > {"fitted counts"}
    assert results["effects"]
    assert read.provenance["made_for"]["spaces"] == ["pit-micro"]
    low, high = read.provenance["made_for"]["params"]
    assert 0 < low < high


def test_golden_scores_are_those_of_the_published_weights(discovery, finding):
    networks = finding.judges[Split.FIT].networks
    scores = discovery.proxy.sign * Evaluator(finding.bank.fit).scores([discovery.proxy.graph])[0]
    known = {(each.arch.json, each.task.dataset): score for each, score in zip(networks, scores, strict=True)}
    for each in discovery.proxy.results["golden"]:
        assert each["score"] == known[each["arch_json"], each["dataset"]]


def test_only_members_of_one_sign_are_terms(finding):
    members = [each.member for each in finding.hall]
    terms = member_terms(members, (finding.bank.fit, finding.bank.select))
    for term in terms:
        scores = np.concatenate(
            [Evaluator(t).scores([term.arguments[0]])[0] for t in (finding.bank.fit, finding.bank.select)]
        )
        assert (scores > 0).all() or (scores < 0).all()


def made(form, joint, *, steady=True, blind=False):
    proxy = Proxy(form.value, parse("nodes_sum(params)"))
    effects = [{"where": "plain ViT", "varied": "depth", "fixed": "", "values": [1], "effect": "ties"}] if blind else []
    return Statement(form, proxy, proxy, joint, steady, effects)


@pytest.mark.parametrize(
    ("statements", "chosen"),
    [
        ((made(ProxyForm.PLAIN, 0.5), made(ProxyForm.SHORT, 0.6), made(ProxyForm.BLEND, 0.55)), ProxyForm.SHORT),
        ((made(ProxyForm.PLAIN, 0.6), made(ProxyForm.SHORT, 0.6)), ProxyForm.PLAIN),
        ((made(ProxyForm.PLAIN, 0.5), made(ProxyForm.SHORT, 0.6, steady=False)), ProxyForm.PLAIN),
        ((made(ProxyForm.PLAIN, 0.5), made(ProxyForm.SHORT, float("nan"))), ProxyForm.PLAIN),
        ((made(ProxyForm.PLAIN, 0.9, blind=True), made(ProxyForm.SHORT, 0.6)), ProxyForm.SHORT),
        ((made(ProxyForm.PLAIN, 0.9, blind=True), made(ProxyForm.SHORT, 0.6, blind=True)), ProxyForm.PLAIN),
    ],
)
def test_the_best_form(statements, chosen):
    assert best_form(statements).form is chosen


def test_the_plain_form_is_the_smallest_within_a_standard_error(finding):
    select, bank = finding.judges[Split.SELECT], finding.bank
    best, chosen = highest(finding.hall), winner(finding.hall, select, bank)
    assert chosen == finding.best

    def error(standing):
        graphs = [best.member.graph, standing.member.graph]
        signs = np.array([[best.member.evaluation.sign], [standing.member.evaluation.sign]])
        one, other = select.sampled_joints(signs * Evaluator(bank.select).scores(graphs))
        return np.nanstd(one - other)

    assert best.value - chosen.value <= error(chosen)
    for each in finding.hall:
        if each.eligible and each.member.graph.size < chosen.member.graph.size:
            rivals = [o for o in finding.hall if o.eligible and o.member.graph.size <= each.member.graph.size]
            front = max(rivals, key=lambda standing: standing.value)
            assert best.value - front.value > error(front)


def test_one_that_ranks_by_rounding_cannot_win(finding):
    unsteady: list[Standing] = [replace(each, steady=False) for each in finding.hall[:1]]
    rest = list(finding.hall[1:])
    assert winner([*unsteady, *rest], finding.judges[Split.SELECT], finding.bank) in rest
