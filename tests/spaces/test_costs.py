"""Costs and their units: values as people write them, and one registry for all of them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import RegistryError, SpecError
from autoprox.spaces import SPACES, TaskShape, load_space
from autoprox.spaces.costs import COSTS, Computed
from autoprox.spaces.units import BYTES, COUNT, JOULES, SECONDS

PREFIXES = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 10**3), "": Fraction(1)}


@given(st.integers(1, 10**12), st.sampled_from([("", 1), ("k", 10**3), ("K", 10**3), ("M", 10**6), ("g", 10**9)]))
def test_counts_as_people_write_them(value, suffix):
    assert COUNT.parse(f"{value}{suffix[0]}") == value * suffix[1]
    assert COUNT.parse(f" {value}.5 M") == value * 10**6 + 500_000
    assert COUNT.parse(f"{value:_}") == COUNT.parse(COUNT.text(value).replace(",", "")) == value


@given(st.integers(0, 10**6), st.sampled_from("num"), st.sampled_from([(SECONDS, "s"), (JOULES, "J")]))
def test_seconds_and_joules(value, prefix, unit):
    kind, letter = unit
    assert kind.parse(f"{value}.25{prefix}{letter}") == float((value + Fraction(1, 4)) * PREFIXES[prefix])


@pytest.mark.parametrize(
    ("text", "value"), [("400KB", 400_000), ("1.5 KiB", 1536), ("2MiB", 2 * 2**20), ("7", 7), ("7b", 7), ("1GB", 10**9)]
)
def test_bytes(text, value):
    assert BYTES.parse(text) == value


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (COUNT, 1234567, "1,234,567"),
        (SECONDS, 0.00234, "2.34 ms"),
        (SECONDS, 0.0234, "23.4 ms"),
        (SECONDS, 0.234, "234 ms"),
        (SECONDS, 61.0, "61.0 s"),
        (SECONDS, 0.0, "0.00 ns"),
        (JOULES, 5e-6, "5.00 uJ"),
    ],
)
def test_values_for_people(unit, value, text):
    assert unit.text(value) == text


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "5 M M", "0.0001k", "nan", "1e6", "5s", "٣x"])
def test_what_is_no_count(text):
    with pytest.raises(SpecError, match=r"such as 5\.5M"):
        COUNT.parse(text)


@pytest.mark.parametrize("text", ["20", "ms", "20 parsecs", "-1ms", "1e-3s", "inf s"])
def test_what_is_no_time(text):
    with pytest.raises(SpecError, match="such as 20ms"):
        SECONDS.parse(text)


@pytest.mark.parametrize("name", list(SPACES))
def test_params_and_macs_are_those_of_the_space(name):
    owner, rng = load_space(name), np.random.default_rng(0)
    task = TaskShape(7, owner.default_img_size, 3)
    for _ in range(5):
        arch = owner.sample(rng)
        counts = owner.counts(arch, *task)
        found = COSTS["params"].of(owner, arch, task), COSTS["macs"].of(owner, arch, task)
        assert found == (counts.params, counts.macs)
        assert COSTS["params"].spread(owner, arch, task) == 0


def test_an_identity_changes_with_the_version():
    first, second = (Computed("size", "bytes", BYTES, lambda *_: 1, version=version) for version in (1, 2))
    assert first.identity != second.identity


def test_an_unknown_cost_names_the_nearest():
    with pytest.raises(RegistryError, match="'latency'"):
        COSTS["latncy"]
