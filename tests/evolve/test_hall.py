"""The hall of fame against a plain greedy choice."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from autoprox.evolve._hall import Contender, Hall
from autoprox.evolve.fitness import Evaluation, Status

NETWORKS = 12


def candidate(value: float, size: int, scores: np.ndarray, text: str = "nodes_sum(params)") -> Contender:
    return Contender(text, size, Evaluation(Status.VALID, 1, (value,), value, np.nan, value), scores)


def halves(scores: np.ndarray) -> list[np.ndarray]:
    return [scores[:, :6], scores[:, 6:]]


def similarity(one: Contender, other: Contender) -> float:
    pairs = ((one.scores[:6], other.scores[:6]), (one.scores[6:], other.scores[6:]))
    return float(np.mean([stats.spearmanr(*pair).statistic for pair in pairs]))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25)
def test_hall_is_the_greedy_choice(seed):
    """Fittest first, smaller first among equals, without near-copies of members."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(4, NETWORKS))
    everyone = [
        candidate(float(rng.integers(5)), int(rng.integers(1, 9)), base[index % 4] + 0.1 * rng.normal(size=NETWORKS))
        for index in range(24)
    ]
    hall = Hall(halves, size=5, near_copy=0.9)
    hall.update(everyone)
    hall.update(everyone[::2])  # repeated candidates change nothing
    expected: list[Contender] = []
    for each in sorted(everyone, key=lambda one: (-one.value, one.size)):
        if len(expected) < 5 and all(similarity(each, other) < 0.9 for other in expected):
            expected.append(each)
    assert list(hall) == expected
    assert hall.bound == (expected[-1].rank if len(expected) == 5 else None)


def test_a_smaller_graph_of_the_same_ranking_takes_the_place():
    scores = np.arange(NETWORKS, dtype=float)
    large, small = candidate(0.5, 9, scores), candidate(0.5, 3, scores)
    hall = Hall(halves)
    hall.update([large])
    hall.update([small])
    assert list(hall) == [small]
    hall.update([large])
    assert list(hall) == [small]


def test_opposite_rankings_are_no_copies():
    scores = np.arange(NETWORKS, dtype=float)
    hall = Hall(halves)
    hall.update([candidate(0.5, 3, scores), candidate(0.4, 3, -scores)])
    assert len(hall) == 2


def test_stored_and_restored():
    rng = np.random.default_rng(0)
    members = {f"nodes_sum({name})": rng.normal(size=NETWORKS) for name in ("params", "macs", "l1(weight)")}
    hall, again = Hall(halves), Hall(halves)
    hall.update(candidate(value, 2, members[text], text) for value, text in enumerate(members))
    again.restore(hall.to_document(), lambda graphs, _: np.array([members[str(each)] for each in graphs]))
    assert again.to_document() == hall.to_document()
    assert [each.rank for each in again] == [each.rank for each in hall]
