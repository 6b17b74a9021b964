"""A network that statistics are taken of: an architecture, built for a task, with its weights."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from autoprox.base.digest import digest
from autoprox.networks._weights import Fresh, Weights
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task

DTYPE = "float32"
"""What networks are built in; part of the key under which their statistics are stored."""


@dataclass(frozen=True, eq=False)
class Network:
    """One architecture, built for one task.

    Args:
        space: The space of the architecture.
        arch: The architecture.
        task: Number of classes, image size, and the batch that statistics are computed on.
        weights: Where its parameters come from.
    """

    space: Space
    arch: Arch
    task: Task
    weights: Weights = Fresh()  # noqa: RUF009 - it is immutable

    @cached_property
    def key(self) -> str:
        """Digest of everything that its statistics depend on, but for the statistics' own versions.

        Of torch it is the release, not the build: builds for a CPU and for a GPU compute alike on a CPU.
        """
        release = str(torch.__version__).partition("+")[0]
        parts = [self.arch.arch_id, self.space.identity, self.task.digest, self.weights.identity, DTYPE, release]
        return digest(parts)

    def build(self) -> nn.Module:
        """Builds the network."""
        return self.weights.network(self.space, self.arch, self.task.shape)


def alike(networks: Sequence[Network]) -> list[list[int]]:
    """Which networks are ranked among each other: those of one space, one task and one group of weights.

    Returns:
        Their places, group by group, in the order in which groups first appear.
    """
    groups: dict[tuple[str, str, Hashable], list[int]] = {}
    for index, network in enumerate(networks):
        groups.setdefault((network.space.name, network.task.digest, network.weights.group), []).append(index)
    return list(groups.values())


def count_scores(networks: Iterable[Network]) -> dict[str, list[float]]:
    """Scores of architectures by counting alone: the baselines that a proxy has to beat.

    Returns:
        For each of params, macs and the features that all the spaces have and compare, one value per network.
    """
    rows = []
    for network in networks:
        counts = network.space.counts(network.arch, *network.task.shape)
        rows.append({"params": float(counts.params), "macs": float(counts.macs), **network.space.rivals(network.arch)})
    return {name: [row[name] for row in rows] for name in rows[0] if all(name in row for row in rows)} if rows else {}
