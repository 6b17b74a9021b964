"""The architecture: its canonical form and its identity."""

import dataclasses

import pytest

from autoprox.base.errors import SpecError
from autoprox.spaces import SPACES, Arch, space

PIT = {"base_dim": 16, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]}
AUTOFORMER = {"hidden_dim": 24, "depth": 2, "mlp_ratio": [0.5, 4], "num_heads": [1, 3]}


@pytest.mark.parametrize(
    ("name", "genes", "arch_id"),
    [
        ("pit-ti", PIT, "7624c2d7944d6e08"),
        ("autoformer-micro", AUTOFORMER, "d689c78156e778d9"),
    ],
)
def test_identities_never_change(name, genes, arch_id):
    # Tables, splits and caches are keyed by these. A change here breaks every table that exists.
    assert space(name).arch(genes).arch_id == arch_id


def test_the_space_is_part_of_the_identity():
    assert Arch("one", {"depth": 1}).arch_id != Arch("two", {"depth": 1}).arch_id
    assert Arch("one", {"depth": 1}) != Arch("two", {"depth": 1})


def test_an_architecture_is_frozen():
    arch = Arch("one", {"depth": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        arch.space = "other"


def test_what_an_architecture_gives_away_does_not_change_it():
    given = {"depth": [2, 3], "pair": ([1, "a"],)}
    arch = Arch("toy", given)
    given["depth"][0] = 7
    arch.genes["depth"].append(9)
    arch.genes["pair"][0][0] = 5
    assert arch.genes == {"depth": [2, 3], "pair": [[1, "a"]]}
    assert arch.json == '{"depth":[2,3],"pair":[[1,"a"]]}'


@pytest.mark.parametrize("genes", [{"a": float("nan")}, {"a": {1}}, {"a": float("inf")}])
def test_what_json_cannot_hold_is_refused(genes):
    with pytest.raises(SpecError, match="toy"):
        Arch("toy", genes)


def test_numbers_are_brought_to_the_declared_type():
    assert space("autoformer-micro").arch(AUTOFORMER).genes["mlp_ratio"] == [0.5, 4.0]
    assert type(space("autoformer-micro").arch(AUTOFORMER).genes["mlp_ratio"][1]) is float
    assert type(space("pit-ti").arch({**PIT, "mlp_ratio": 6.0}).genes["mlp_ratio"]) is int


def test_registered_names():
    assert sorted(SPACES) == ["autoformer-micro", "autoformer-ti", "mixer-micro", "pit-micro", "pit-ti"]
