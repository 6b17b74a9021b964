"""The loop: exact budgets, resumed runs with the results of uninterrupted ones, growth of the bank."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from scipy import stats

from autoprox.base.errors import SpecError, StoreMismatchError
from autoprox.evolve import engine as engine_module
from autoprox.evolve.engine import Ending
from autoprox.evolve.evolution_journal import EvolutionJournal
from autoprox.evolve.fitness import Fitness, Status
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.strategies._elites import ElitesSettings
from autoprox.graph import Evaluator, LeafTable, parse
from tests.evolve.world import World, leaves, search

SMALL = ElitesSettings(population=32, parents=16)


def small(**more) -> EvolutionPlan:
    return EvolutionPlan(strategy="elitism-preserve", settings=SMALL, **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def rows(path) -> list[tuple]:
    """All evaluations of a journal."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select * from evaluations order by id").fetchall()


def hall(outcome) -> list:
    return [(each.text, each.evaluation.to_document()) for each in outcome.hall]


@pytest.mark.parametrize("budget", [1, 33, 500])
def test_budget_is_met_exactly(budget, path):
    outcome = search(small(), Stop(budget), path).outcome
    assert outcome.evaluated == budget
    assert outcome.ending is Ending.BUDGET
    found = rows(path)
    assert sum(row[8] == "valid" for row in found) == budget
    assert len(found) == budget + sum(outcome.rejected.get(each, 0) for each in ("constant", "undefined"))


def test_another_seed_is_another_search(path, tmp_path):
    first, same, other = (
        search(small(seed=seed), Stop(60), place).outcome
        for seed, place in ((1, path), (1, tmp_path / "same.sqlite"), (2, tmp_path / "other.sqlite"))
    )
    assert hall(first) == hall(same) != hall(other)


def test_hall_holds_what_scipy_confirms(path):
    found = search(small(), Stop(600), path)
    for member in found.outcome.hall:
        score = member.evaluation.sign * Evaluator(found.bank.fit).scores([member.graph])[0]
        expected = [stats.kendalltau(score, target).statistic for target in found.world.targets]
        assert member.evaluation.taus == pytest.approx(expected, abs=1e-12)
        assert member.value == member.evaluation.joint == pytest.approx(np.mean(expected))
        assert member.value > 0
    best = [value for _, value in found.seen]
    assert best == sorted(best)
    assert best[-1] == found.outcome.hall[0].value


@pytest.mark.parametrize("islands", [1, 3])
def test_a_run_that_is_extended_is_the_run_at_once(islands, tmp_path, monkeypatch):
    """Cut anywhere, also in the middle of an epoch and after the bank has grown."""
    monkeypatch.setattr(engine_module, "FIRST_GROWTH", 300)
    plan = small(islands=islands, growths=2)
    whole = search(plan, Stop(1200), tmp_path / "whole.sqlite")
    parts = tmp_path / "parts.sqlite"
    for budget in (1, 350, 700, 1200):
        last = search(plan, Stop(budget), parts)
    assert hall(last.outcome) == hall(whole.outcome)
    assert last.outcome.rejected == whole.outcome.rejected
    assert [str(each) for each in last.bank.leaves] == [str(each) for each in whole.bank.leaves]
    assert rows(parts) == rows(tmp_path / "whole.sqlite")


def test_islands_exchange_their_best(path):
    """After a meeting an island breeds from migrants: its children have parents that another island evaluated."""
    search(small(islands=2), Stop(1500), path)
    found = rows(path)
    assert {row[2] for row in found} == {0, 1}
    island_of = {row[3]: row[2] for row in found}
    foreign = [row for row in found for parent in row[7].split() if island_of[parent] != row[2]]
    assert foreign


def test_pedigree_leads_back_to_fresh_candidates(path):
    search(small(), Stop(400), path)
    seen: set[str] = set()
    for row in rows(path):
        parents = row[7].split()
        assert set(parents) <= seen
        assert bool(parents) == (row[6] == "mutant")
        seen.add(row[3])


def test_seeds_come_first_and_only_once(path):
    seeds = [parse("nodes_sum(l1(weight))"), parse("nodes_max(log(params))"), parse("nodes_sum(l1(exp(exp(weight))))")]
    search(small(), Stop(100), path, seeds=seeds)
    origins = [(row[4], row[6]) for row in rows(path)]
    assert origins[:2] == [("nodes_sum(l1(weight))", "zoo"), ("nodes_max(log(params))", "zoo")]
    assert [origin for _, origin in origins].count("zoo") == 2  # the third has a leaf without available values


def test_a_budget_that_is_spent_already_is_refused(path):
    search(small(), Stop(800), path)
    with pytest.raises(SpecError, match="larger"):
        search(small(), Stop(300), path)


def test_another_plan_is_refused_by_name(path):
    search(small(), Stop(50), path)
    with pytest.raises(StoreMismatchError, match="seed"):
        search(small(seed=1), Stop(80), path)
    with pytest.raises(StoreMismatchError, match="islands"):
        search(small(islands=2), Stop(80), path)


def test_a_journal_in_use_is_refused(path):
    with EvolutionJournal(path, {}), pytest.raises(StoreMismatchError, match="in use by another process"):
        EvolutionJournal(path, {})


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 500])
def test_a_damaged_journal_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreMismatchError, match="delete it"):
        EvolutionJournal(path, {})


def test_known_graphs_keep_every_bit(path):
    plan = small(beyond_size=0.3)
    evaluations = {each.graph.digest: each.evaluation for each in search(plan, Stop(600), path).outcome.hall}
    with EvolutionJournal(path, plan.to_document()) as journal:
        kept = {text for text, *_ in journal.resume()["hall"]}
        for digest, evaluation in evaluations.items():
            found = journal.lookup(digest)
            assert found in (evaluation, None)  # bit-identical floats; None after the last whole epoch
        assert sum(journal.lookup(parse(text).digest) is not None for text in kept) == len(kept) > 0
        assert journal.lookup("f" * 32) is None


def test_bank_grows_at_fixed_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "FIRST_GROWTH", 100)
    before = len(World().table._values)
    grown = {
        (growths, budget): len(search(small(growths=growths), Stop(budget), path).bank.leaves) - before
        for growths, budget, path in (
            (3, 99, tmp_path / "none.sqlite"),
            (3, 390, tmp_path / "two.sqlite"),
            (3, 1_000, tmp_path / "three.sqlite"),
            (1, 1_000, tmp_path / "one.sqlite"),
            (0, 1_000, tmp_path / "never.sqlite"),
        )
    }
    assert [each / engine_module.GROWTH for each in grown.values()] == [0, 2, 3, 1, 0]


def test_seconds_end_a_run(path):
    assert search(small(), Stop(seconds=0.2), path).outcome.ending is Ending.SECONDS


@pytest.mark.parametrize("text", ["nodes_sum(share(abs(l1(weight))))", "nodes_max(minmax(l1(weight)))"])
def test_rankings_of_rounding_noise_are_constant(text):
    """Sums of shares are 1 and a few last bits; maxima of a min-max are 1: nothing to rank."""
    ((evaluation, _),) = World().fitness().evaluate([parse(text)])
    assert evaluation.status is Status.CONSTANT


def test_constant_and_undefined_candidates_are_told_apart():
    world = World()
    graphs = [parse(text) for text in ("nodes_sum(sub(l1(weight), l1(weight)))", "nodes_sum(l1(weight))")]
    constant, valid = world.fitness().evaluate(graphs)
    assert constant.evaluation.status is Status.CONSTANT
    assert valid.evaluation.status is Status.VALID
    broken = leaves([parse("l1(weight)")], world.networks)
    broken[3].values[parse("l1(weight)").digest][0] = np.nan
    (undefined,) = Fitness(world, LeafTable(broken)).evaluate(graphs[1:])
    assert undefined.evaluation.status is Status.UNDEFINED


def test_sign_is_fixed_on_fit():
    graph = parse("nodes_sum(l1(weight_grad))")
    upward, downward = World().fitness().evaluate([graph, parse(f"neg({graph})")])
    assert (upward.evaluation.sign, downward.evaluation.sign) == (1, -1)
    assert upward.evaluation.taus == downward.evaluation.taus
    np.testing.assert_array_equal(upward.scores, downward.scores)


def test_beyond_size_is_added_by_its_weight():
    """Against SciPy on the networks of one size; the sign gives the higher sum."""
    world = World()
    graphs = [parse(f"nodes_{name}(l1(weight))") for name in ("sum", "max", "std")]
    scores = Evaluator(world.table).scores(graphs)
    for (evaluation, _), row in zip(world.fitness(0.7).evaluate(graphs), scores, strict=True):
        joint = np.mean([stats.kendalltau(row, target).statistic for target in world.targets])
        half = len(row) // 2
        beyond = np.mean([stats.kendalltau(row[:half], target[:half]).statistic for target in world.targets])
        assert evaluation.value == pytest.approx(abs(joint + 0.7 * beyond))
        assert evaluation.beyond == pytest.approx(evaluation.sign * beyond)


def test_what_is_constant_at_one_size_is_size_alone():
    world = World()
    broken = leaves([parse("params")], world.networks)
    for index, each in enumerate(broken):
        each.values[parse("params").digest][:] = max(index, len(broken) // 2)
    graph = parse("nodes_sum(params)")
    table = LeafTable(broken)
    assert Fitness(world, table, 0.5).evaluate([graph])[0].evaluation.status is Status.SIZE_ALONE
    assert Fitness(world, table).evaluate([graph])[0].evaluation.status is Status.VALID


@pytest.mark.parametrize(("wrong", "word"), [({}, "budget"), ({"budget": 0}, "budget"), ({"seconds": 0.0}, "seconds")])
def test_bad_stop(wrong, word):
    with pytest.raises(SpecError, match=word):
        Stop(**wrong)


@pytest.mark.parametrize(
    ("wrong", "word"), [({"seed": -1}, "seed"), ({"islands": 0}, "islands"), ({"beyond_size": -0.1}, "beyond size")]
)
def test_bad_plan(wrong, word):
    with pytest.raises(SpecError, match=word):
        EvolutionPlan(**wrong)
