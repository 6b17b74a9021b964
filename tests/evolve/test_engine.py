"""The loop: budgets to the letter, every candidate counted once, the bank grown where it should be."""

import numpy as np
import pytest
from scipy import stats

from autoprox.errors import SpecError
from autoprox.evolve import engine as engine_module
from autoprox.evolve.bank import first_bank, grown
from autoprox.evolve.elitism import Settings
from autoprox.evolve.engine import Ending, Engine, Stop
from autoprox.evolve.fitness import Fitness, Status
from autoprox.evolve.grammar import proxy_grammar
from autoprox.graph import Evaluator, LeafTable, Leaves, parse
from autoprox.metrics import kendall_tau_b
from autoprox.models.nodes import Role, Site

COUNT = 24
ROLES = {
    Site.LINEAR: (Role.EMBED, Role.ATTENTION, Role.MLP, Role.HEAD),
    Site.NORM: (Role.ATTENTION, Role.MLP),
    Site.ACTIVATION: (Role.MLP,),
    Site.ATTENTION: (Role.ATTENTION,),
}


def leaves(expressions, seed: int) -> list[Leaves]:
    """Made-up leaf values of `COUNT` networks: the engine does not care where they come from."""
    networks = []
    for network in range(COUNT):
        values = {
            each.digest: np.random.default_rng([seed, network, int(each.digest[:8], 16)]).normal(
                size=len(ROLES[each.kind.site])
            )
            for each in expressions
        }
        networks.append(Leaves(ROLES, values))
    return networks


class TwoBlocks:
    """A judge of two blocks whose labels are those of known graphs, with noise."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        table = LeafTable(leaves(first_bank(), 0))
        signal = Evaluator(table).scores([parse("nodes_sum(l1(weight_grad))")])[0]
        self.targets = [signal + 0.5 * rng.normal(size=COUNT) for _ in range(2)]

    def taus(self, scores):
        return np.stack([kendall_tau_b(scores, target) for target in self.targets], axis=1)

    def joint(self, taus):
        return taus.mean(axis=1)

    def by_block(self, scores):
        return [scores, scores]


def run(stop: Stop, seed: int = 0, settings: Settings | None = None):
    judge, bank = TwoBlocks(), list(first_bank())
    table = LeafTable(leaves(bank, 0))
    rng = np.random.default_rng(seed)
    growths = []

    def grow(parents, number):
        new = grown(bank, parents, number, rng)
        bank.extend(new)
        table.extend(leaves(new, 0))
        growths.append(len(new))
        return new

    seen = []
    engine = Engine(
        Fitness(judge, table),
        proxy_grammar(bank),
        rng,
        settings or Settings(population=32, parents=16),
        grow,
        lambda evaluated, best: seen.append((evaluated, best)),
    )
    return engine.run(stop), judge, table, seen, growths


@pytest.mark.parametrize("budget", [1, 5, 33, 500])
def test_budget_is_met_exactly(budget):
    outcome, *_ = run(Stop(budget))
    assert outcome.evaluated == budget
    assert outcome.ending is Ending.BUDGET


def test_hall_holds_what_scipy_confirms():
    outcome, judge, table, seen, _ = run(Stop(800))
    for member in outcome.hall:
        score = member.evaluation.sign * Evaluator(table).scores([member.graph])[0]
        expected = [stats.kendalltau(score, target).statistic for target in judge.targets]
        assert member.evaluation.taus == pytest.approx(expected, abs=1e-12)
        assert member.joint == pytest.approx(np.mean(expected))
        assert member.joint > 0
    joints = [member.joint for member in outcome.hall]
    assert joints == sorted(joints, reverse=True)
    assert len({member.evaluation.taus for member in outcome.hall}) == len(outcome.hall)
    best = [value for _, value in seen if not np.isnan(value)]
    assert best == sorted(best)
    assert best[-1] == joints[0]


def test_same_seed_same_run_and_longer_runs_begin_alike():
    short, long = run(Stop(300))[0], run(Stop(600))[0]
    again = run(Stop(300))[0]
    assert [str(each.graph) for each in short.hall] == [str(each.graph) for each in again.hall]
    assert short.rejected == again.rejected
    shared = min(len(short.logbook), len(long.logbook)) - 1
    assert short.logbook[:shared] == long.logbook[:shared]
    assert run(Stop(300), seed=1)[0].hall[0].graph != short.hall[0].graph


def test_bank_grows_at_fixed_counts(monkeypatch):
    monkeypatch.setattr(engine_module, "GROWTH_AT", (100, 200, 10_000))
    assert run(Stop(400))[4] == [engine_module.GROWTH] * 2
    assert run(Stop(99))[4] == []


@pytest.mark.parametrize("text", ["nodes_sum(share(abs(l1(weight))))", "nodes_max(minmax(l1(weight)))"])
def test_rankings_of_rounding_noise_are_constant(text):
    """Sums of shares are 1 and a few last bits; maxima of a min-max are 1: nothing to rank."""
    table = LeafTable(leaves([parse("l1(weight)")], 0))
    (evaluation,) = Fitness(TwoBlocks(), table).evaluate([parse(text)])
    assert evaluation.status is Status.CONSTANT


def test_constant_and_undefined_candidates_are_told_apart():
    judge = TwoBlocks()
    graphs = [parse(text) for text in ("nodes_sum(sub(l1(weight), l1(weight)))", "nodes_sum(l1(weight))")]
    table = LeafTable(leaves([parse("l1(weight)")], 0))
    constant, valid = Fitness(judge, table).evaluate(graphs)
    assert constant.status is Status.CONSTANT
    assert valid.status is Status.VALID
    broken = leaves([parse("l1(weight)")], 0)
    broken[3].values[parse("l1(weight)").digest][0] = np.nan
    (undefined,) = Fitness(judge, LeafTable(broken)).evaluate(graphs[1:])
    assert undefined.status is Status.UNDEFINED


def test_sign_is_fixed_on_fit():
    judge = TwoBlocks()
    table = LeafTable(leaves([parse("l1(weight_grad)")], 0))
    graph = parse("nodes_sum(l1(weight_grad))")
    upward, downward = Fitness(judge, table).evaluate([graph, parse(f"neg({graph})")])
    assert (upward.sign, downward.sign) == (1, -1)
    assert upward.taus == downward.taus


def test_seconds_end_a_run():
    assert run(Stop(seconds=0.2))[0].ending is Ending.SECONDS


@pytest.mark.parametrize(("wrong", "word"), [({}, "budget"), ({"budget": 0}, "budget"), ({"seconds": 0.0}, "seconds")])
def test_bad_stop(wrong, word):
    with pytest.raises(SpecError, match=word):
        Stop(**wrong)
