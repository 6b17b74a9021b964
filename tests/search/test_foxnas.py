"""The released annealer of FOX-NAS: shifts of its moves, acceptance, and the equal start of each walk."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.search import Constraints, FoxnasAnnealing, Region, run
from autoprox.search._arch_scores import Measured
from autoprox.search.methods import History
from autoprox.spaces import load_space
from tests.search.worlds import MICRO, TASK, TINY, roughness

SPACE = load_space("autoformer-micro")
GENES = SPACE.layout.genes


def shifts(move, depth=10, seed=0):
    """Coordinates shifted by a move of a deep network, with the number of positions."""
    values = {"hidden_dim": 48, "depth": depth, "mlp_ratio": [2.0] * depth, "num_heads": [2] * depth}
    before = {name: list(each) if isinstance(each, list) else each for name, each in values.items()}
    after = FoxnasAnnealing()._shifted(GENES, values, move, np.random.default_rng(seed))
    found = {}
    for gene in GENES:
        pairs = zip(np.atleast_1d(before[gene.name]), np.atleast_1d(after[gene.name]), strict=True)
        for place, (old, new) in enumerate(pairs):
            if old != new:
                found[gene.name, place] = gene.choices.index(new) - gene.choices.index(old)
    return found


@pytest.mark.parametrize(("move", "count"), [(0, 7), (999, 7), (1000, 6), (1999, 6), (2000, 5), (3000, 4), (10**6, 4)])
def test_the_step_shrinks_from_8_to_5_of_25_coordinates(move, count):
    found = shifts(move)  # of 22 coordinates: 22 * 8 / 25 = 7.04, 22 * 5 / 25 = 4.4
    assert len(found) == count
    assert set(found.values()) <= {-1, 1}


def test_depth_comes_first_and_the_rest_after_two_hundred_moves():
    chosen = {move: Counter(name for seed in range(200) for name, _ in shifts(move, seed=seed)) for move in (199, 200)}
    assert chosen[199]["depth"] > 195  # one draw of seven of 22 takes it with a weight of 100 to 21 in the first place
    assert chosen[200]["depth"] < 5


def walked(scores, method, budget, seed=0):
    """The course of a walk over a region with scores by a function of the genes."""
    region = Region(TINY, TASK, Constraints())
    history = History(lambda values: values[0])
    for batch in method.proposals(region, history, np.random.default_rng(seed)):
        for arch in batch:
            history.add(arch, Measured((scores(arch),), ""))
        if len(history) >= budget:
            break
    return history


def test_it_climbs_and_ends_where_no_move_gains():
    def width(arch):
        return float(arch.genes["hidden_dim"] + arch.genes["depth"])

    history = walked(width, FoxnasAnnealing(stop=20), 60)
    assert history.scores.max() == 15


def depths_walked(monkeypatch, fall, patience):
    """The depths of a walk over scores with a peak at depth 2, slightly lower scores at 3, and much lower ones at 1."""
    depths = []
    neighbour = FoxnasAnnealing._neighbour

    def noted(self, region, arch, move, rng):
        depths.append((move, arch.genes["depth"]))
        return neighbour(self, region, arch, move, rng)

    monkeypatch.setattr(FoxnasAnnealing, "_neighbour", noted)
    levels = {1: 0.0, 2: 10.0, 3: 10.0 - fall}
    method = FoxnasAnnealing(stop=30, patience=patience, depth_moves=10**6)
    walked(lambda arch: levels[arch.genes["depth"]], method, 120)
    return {(before, after) for (_, before), (move, after) in pairwise(depths) if move > 0}


def test_a_loss_is_accepted_if_patience_is_at_its_end_and_it_is_small(monkeypatch):
    assert (2, 3) not in depths_walked(monkeypatch, 0.01, patience=1000)
    assert (2, 3) in depths_walked(monkeypatch, 0.01, patience=2)
    assert (2, 3) not in depths_walked(monkeypatch, 9.0, patience=2)


def test_each_walk_begins_with_the_first_weights(monkeypatch):
    moves = []
    neighbour = FoxnasAnnealing._neighbour

    def noted(self, region, arch, move, rng):
        moves.append(move)
        return neighbour(self, region, arch, move, rng)

    monkeypatch.setattr(FoxnasAnnealing, "_neighbour", noted)
    walked(lambda _: 0.0, FoxnasAnnealing(stop=5, tolerance=0.0), 60)
    starts = [place for place, move in enumerate(moves) if move == 0]
    assert len(starts) > 3
    assert all(moves[place + 1] == 1 for place in starts[:-1])


def test_every_candidate_keeps_the_bounds_and_a_search_goes_on_to_the_same_end(tmp_path):
    bounds = Constraints(min_params=20_000, max_params=30_000)
    region = Region(SPACE, MICRO, bounds)

    def found(journal, budget):
        rng = np.random.default_rng(1)
        return run(roughness, SPACE, bounds, rng, task=MICRO, method=FoxnasAnnealing(), budget=budget, journal=journal)

    whole = found(None, 60)
    assert len(whole.candidates) == 60
    assert all(region.allows(each.arch) for each in whole.candidates)
    found(tmp_path / "journal.sqlite", 25)
    assert found(tmp_path / "journal.sqlite", 60).frame().equals(whole.frame())


@pytest.mark.parametrize(
    "given", [{"stop": 0}, {"patience": -1}, {"first_share": 0.1}, {"last_share": 0.0}, {"weight": 0.5}]
)
def test_settings_out_of_range(given):
    with pytest.raises(SpecError, match=next(iter(given))):
        FoxnasAnnealing(**given)
