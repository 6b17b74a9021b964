"""A network that statistics are taken of: an architecture, built for a task, from one initialisation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from autoprox.base.digest import digest
from autoprox.spaces import Arch, space
from autoprox.spaces.task import Task

DTYPE = "float32"
"""What networks are built in; part of the key under which their statistics are stored."""


@dataclass(frozen=True, eq=False)
class Network:
    """One architecture, built for one task, from one initialisation.

    Args:
        arch: The architecture.
        task: Number of classes, image size, and the batch that statistics are computed on.
        init_seed: Seed of the initialisation.
    """

    arch: Arch
    task: Task
    init_seed: int = 0

    @cached_property
    def key(self) -> str:
        """Digest of everything that its statistics depend on, but for the statistics' own versions.

        Of torch it is the release, not the build: builds for a CPU and for a GPU compute alike on a CPU.
        """
        version, release = space(self.arch.space).version, str(torch.__version__).partition("+")[0]
        return digest([self.arch.arch_id, version, self.task.digest, self.init_seed, DTYPE, release])

    def build(self) -> nn.Module:
        """Builds the untrained network."""
        task = self.task
        return space(self.arch.space).build(
            self.arch, num_classes=task.num_classes, img_size=task.img_size, in_chans=task.in_chans, seed=self.init_seed
        )


def alike(networks: Sequence[Network]) -> list[list[int]]:
    """Which networks are ranked among each other: those of one space, one task and one initialisation.

    Returns:
        Their places, group by group, in the order in which groups first appear.
    """
    groups: dict[tuple[str, str, int], list[int]] = {}
    for index, network in enumerate(networks):
        groups.setdefault((network.arch.space, network.task.digest, network.init_seed), []).append(index)
    return list(groups.values())


def count_scores(networks: Iterable[Network]) -> dict[str, list[float]]:
    """What an architecture scores by counting alone: the baselines that a proxy has to beat.

    Returns:
        For each of params, macs, depth, mean_width and sum_dim_depth, one value a network.
    """
    rows = []
    for network in networks:
        owner = space(network.arch.space)
        task = network.task
        counts = owner.counts(network.arch, task.num_classes, task.img_size, task.in_chans)
        features = owner.features(network.arch)
        shape = {name: float(features[name]) for name in ("depth", "mean_width", "sum_dim_depth")}
        rows.append({"params": float(counts.params), "macs": float(counts.macs), **shape})
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
