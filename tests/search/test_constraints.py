"""Bounds of costs: their forms, and the costs that they allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.search import Constraints
from autoprox.spaces.costs import Computed
from autoprox.spaces.units import BYTES


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 100))
def test_both_ends_are_allowed(first, second, value):
    low, high = sorted((first, second))
    bounds = Constraints(min_params=low, max_params=high)
    assert bounds.allow({"params": value, "macs": 10**9}) == (low <= value <= high)


def test_values_as_people_write_them():
    bounds = Constraints(max_params="5.5M", min_latency="2ms", max_latency=0.02, max_macs=None)
    assert bounds.to_document() == {"max_params": 5_500_000, "min_latency": 0.002, "max_latency": 0.02}
    assert [cost.name for cost in bounds.costs] == ["params", "latency"]
    assert bounds == Constraints(max_params=5_500_000, min_latency="2000us", max_latency="20ms")


def test_a_cost_of_ones_own():
    size = Computed("size", "bytes", BYTES, lambda *_: 1)
    bounds = Constraints({"size": size}, max_size="4KB")
    assert bounds.allow({"size": 4000})
    assert not bounds.allow({"size": 4001})


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"min_params": 5, "max_params": 4}, "swap"),
        ({"min_latency": "2ms", "max_latency": "1ms"}, "swap"),
        ({"max_macs": 0}, "at least 1"),
        ({"max_params": 2.5}, "whole number"),
        ({"max_params": True}, "whole number"),
        ({"max_params": "2.5"}, "max_params: '2.5'"),
        ({"max_latency": 0}, "above 0"),
        ({"max_latency": float("nan")}, "above 0"),
        ({"max_latency": "20"}, "max_latency: '20'"),
        ({"max_latncy": 1}, "'max_latency'"),
        ({"most_params": 1}, "max_params"),
        ({"max": 1}, "max_params"),
    ],
)
def test_bounds_out_of_range(given, word):
    with pytest.raises(SpecError, match=word):
        Constraints(**given)
