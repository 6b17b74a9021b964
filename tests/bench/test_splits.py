"""Splits: shares, balance, growth, and dependence on architectures only."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from scipy.stats import energy_distance

from autoprox.base.errors import StoreMismatchError
from autoprox.bench.splits import Split, deal, from_document, to_document
from autoprox.spaces import SPACES, Arch, space

NAMES = ("autoformer-micro", "pit-micro")
Member = tuple[Arch, str]


@cache
def members_of(space_name: str, count: int = 160) -> tuple[Member, ...]:
    """Random architectures of a space, every second one declared iso."""
    rng = np.random.default_rng(5)
    archs = dict.fromkeys(space(space_name).sample(rng) for _ in range(2 * count))
    return tuple((arch, ("free", "iso")[index % 2]) for index, arch in enumerate(list(archs)[:count]))


@pytest.mark.parametrize("count", [40, 80, 160])
def test_shares_hold_in_every_space_and_stratum(count: int) -> None:
    members = [member for name in NAMES for member in members_of(name)[:count]]
    parts = deal(members, SPACES)
    for name in NAMES:
        for stratum in ("free", "iso"):
            counts = Counter(parts[a.arch_id] for a, s in members if (a.space, s) == (name, stratum))
            assert counts == {Split.FIT: count // 5, Split.SELECT: count // 10, Split.SEALED: count // 5}


@pytest.mark.parametrize("name", NAMES)
def test_growth_changes_the_split_of_no_architecture(name: str) -> None:
    whole = deal(members_of(name), SPACES)
    for count in (2, 7, 40, 81):
        assert deal(members_of(name)[:count], SPACES).items() <= whole.items()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stratum", ["free", "iso"])
def test_parts_are_nearer_to_the_whole_than_those_of_chance(name: str, stratum: str) -> None:
    """Energy distances in size, depth and width, by SciPy, against 200 random deals of the same shares."""
    owner = space(name)
    archs = [arch for arch, found in members_of(name) if found == stratum]
    shapes = np.log(
        [(owner.backbone_params(a), owner.features(a)["depth"], owner.features(a)["mean_width"]) for a in archs]
    )
    parts = deal(((arch, stratum) for arch in archs), SPACES)
    labels = np.array([parts[arch.arch_id] for arch in archs])

    def distance(labels: np.ndarray) -> float:
        return sum(energy_distance(values[labels == part], values) for part in Split for values in shapes.T)

    rng = np.random.default_rng(0)
    by_chance = [distance(rng.permutation(labels)) for _ in range(200)]
    assert distance(labels) < np.quantile(by_chance, 0.1)


@pytest.mark.parametrize("count", [12, 16, 33])
def test_foreign_tables_reach_all_parts_in_their_shares(count: int) -> None:
    counts = Counter(deal(((arch, "free") for arch, _ in members_of("pit-micro", count)), SPACES).values())
    assert sum(counts.values()) == count
    for part, share in ((Split.FIT, 0.4), (Split.SELECT, 0.2), (Split.SEALED, 0.4)):
        assert abs(counts[part] - share * count) < 1.2 + 1e-9


def test_document_holds_the_splits_and_refuses_those_of_others() -> None:
    parts = deal(members_of("pit-micro", 12), SPACES)
    document = to_document(parts)
    assert from_document(document, parts) == parts
    ids = list(parts)
    for broken, message in [
        ([], "not lists"),
        ({"fit": "abc"}, "not lists"),
        ({**document, "test": []}, "a split 'test'"),
        ({**document, "fit": document["fit"][1:]}, "11 of the table's 12"),
        ({**document, "select": [*document["select"], document["fit"][0]]}, "exactly once"),
    ]:
        with pytest.raises(StoreMismatchError, match=message):
            from_document(broken, ids)
