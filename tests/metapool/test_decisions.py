"""The rules of PMPL, against cases worked by hand and a search over all pairs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.metapool import MetaPoolPlan, decide
from autoprox.spaces.mixer import ENHANCERS


@pytest.mark.parametrize(
    ("values", "epoch", "kept", "reason"),
    [
        ((0.5, 0.3, 0.2), 1, ("skip",), "lead"),  # a lead of exactly the threshold
        ((0.25, 0.25, 0.5), 1, ("max3",), "lead"),
        ((0.45, 0.3, 0.25), 3, None, None),
        ((0.3, 0.3, 0.4), 4, ("skip", "max3"), "late"),  # of equals the earlier
        ((0.45, 0.2, 0.35), 5, ("skip", "max3"), "late"),
        ((0.3, 0.3, 0.4), 6, ("max3",), "end"),
        ((0.9, 0.05, 0.05), 6, ("skip",), "lead"),
    ],
)
def test_a_case_worked_by_hand(values, epoch: int, kept, reason) -> None:
    ops = ("skip", "strip", "max3")
    found = decide(dict(zip(ops, values, strict=True)), epoch, MetaPoolPlan(epochs=6, threshold=0.2))
    assert (kept, reason) == ((None, None) if found is None else (found.kept, found.reason))


def test_the_released_fault_takes_the_second_of_the_operations_that_are_left() -> None:
    plan = MetaPoolPlan(epochs=9, mode="released")
    found = decide({"max3": 0.7, "max5": 0.3}, 7, plan)
    assert found is not None
    assert (found.kept, found.reason) == (("max5",), "lead")


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    epoch=st.integers(1, 9),
    threshold=st.sampled_from([0.05, 0.2, 0.5]),
    mode=st.sampled_from(["argmax", "released"]),
)
def test_the_rules_for_any_probabilities(weights: list[int], epoch: int, threshold: float, mode: str) -> None:
    ops = ENHANCERS[: len(weights)]
    probabilities = {op: weight / sum(weights) for op, weight in zip(ops, weights, strict=True)}
    found = decide(probabilities, epoch, MetaPoolPlan(epochs=9, threshold=threshold, mode=mode))
    ahead = {op for op in ops if all(probabilities[op] - probabilities[o] >= threshold for o in ops if o != op)}
    if ahead:
        assert (found.kept, found.reason) == ((("strip",) if mode == "released" else tuple(ahead)), "lead")
    elif epoch == 9:
        assert found.reason == "end"
        assert probabilities[found.kept[0]] == max(probabilities.values())
    elif epoch >= 6 and len(ops) > 2:
        assert len(found.kept) == 2
        assert min(probabilities[op] for op in found.kept) >= max(probabilities[op] for op in set(ops) - {*found.kept})
    else:
        assert found is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1, not 0"),
        ({"threshold": 0.0}, "`threshold` must lie above 0 and be at most 1, not 0.0"),
        ({"arch_learning_rate": float("nan")}, "`arch_learning_rate` must be at least 0, not nan"),
        ({"mode": "release"}, "`mode` is 'release'. Did you mean 'released'"),
        ({"ops": ("skip", "max7")}, "Unknown pooling 'max7' in `ops`"),
        ({"ops": ("skip", "skip")}, "at least two different operations, not skip, skip"),
        ({"clip": 0.0}, "`clip` must be above 0"),
    ],
)
def test_a_wrong_plan_is_refused(settings: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        MetaPoolPlan(**settings)
