"""Splits: shares, balance, and dependence on nothing but the architectures."""

from collections import Counter

import numpy as np

from autoprox.bench.splits import Split, split


def members(count: int, seed: int = 0) -> list[tuple[str, str, str, float]]:
    rng = np.random.default_rng(seed)
    return [
        (
            f"{rng.integers(2**60):016x}",
            f"space{index % 2}",
            ("free", "iso")[index // 2 % 2],
            float(rng.integers(1, 10**6)),
        )
        for index in range(count)
    ]


def test_shares_hold_in_every_space_and_stratum() -> None:
    people = members(200)
    parts = split(people)
    for space in ("space0", "space1"):
        for stratum in ("free", "iso"):
            counts = Counter(parts[m[0]] for m in people if m[1:3] == (space, stratum))
            assert counts == {Split.FIT: 20, Split.SELECT: 10, Split.SEALED: 20}


def test_sizes_are_alike_in_all_parts() -> None:
    people = [m for m in members(400) if m[1:3] == ("space0", "free")]
    parts = split(people)
    means = [np.mean([m[3] for m in people if parts[m[0]] == part]) for part in Split]
    assert np.ptp(means) < 0.05 * np.mean(means)


def test_order_does_not_matter_but_identity_does() -> None:
    people = members(60)
    assert split(reversed(people)) == split(people)
    renamed = [(m[0][::-1], *m[1:]) for m in people]
    before, after = split(people), split(renamed)
    assert any(before[m[0]] != after[m[0][::-1]] for m in people)


def test_small_groups_still_reach_all_parts() -> None:
    parts = split(members(16))
    assert set(parts.values()) == set(Split)
    assert len(parts) == 16
