"""A network to be scored: an architecture, built for a task, with its weights."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from autoprox.base.digest import digest
from autoprox.networks._teacher_network import Teacher
from autoprox.networks._weights import Fresh, Weights
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task

DTYPE = "float32"
"""Data type of networks; part of the key of their stored statistics."""


@dataclass(frozen=True, eq=False)
class Network:
    """One architecture, built for one task.

    Args:
        space: The space of the architecture.
        arch: The architecture.
        task: Number of classes, image size, and the batch for statistics.
        weights: Source of its parameters.
        teacher: The network that paired statistics compare it with; None without one.
    """

    space: Space
    arch: Arch
    task: Task
    weights: Weights = Fresh()  # noqa: RUF009 - it is immutable
    teacher: Teacher | None = None

    @cached_property
    def key(self) -> str:
        """Digest of everything that its unpaired statistics depend on, except the versions of the statistics.

        It includes the release of torch but not the build: builds for CPU and GPU give the same results on a CPU.
        """
        release = str(torch.__version__).partition("+")[0]
        parts = [self.arch.arch_id, self.space.identity, self.task.digest, self.weights.identity, DTYPE, release]
        return digest(parts)

    @cached_property
    def paired_key(self) -> str:
        """Digest of everything that its paired statistics depend on: its key, and the identity of the teacher."""
        return self.key if self.teacher is None else digest([self.key, "teacher", self.teacher.identity])

    def build(self) -> nn.Module:
        """Builds the network."""
        return self.weights.network(self.space, self.arch, self.task.shape)


def alike(networks: Sequence[Network]) -> list[list[int]]:
    """Groups networks that are ranked together: those of one space, one task and one group of weights.

    Returns:
        Indices of the networks per group, in the order of the first appearance of each group.
    """
    groups: dict[tuple[str, str, Hashable], list[int]] = {}
    for index, network in enumerate(networks):
        groups.setdefault((network.space.name, network.task.digest, network.weights.group), []).append(index)
    return list(groups.values())


def count_scores(networks: Iterable[Network]) -> dict[str, list[float]]:
    """Scores architectures by counts and features: the baselines of a proxy.

    Returns:
        One value per network for params, macs and each compared feature that all spaces have.
    """
    rows = []
    for network in networks:
        counts = network.space.counts(network.arch, *network.task.shape)
        rows.append({"params": float(counts.params), "macs": float(counts.macs), **network.space.rivals(network.arch)})
    return {name: [row[name] for row in rows] for name in rows[0] if all(name in row for row in rows)} if rows else {}
