"""TENSOR to NODE: one streaming pass over networks that caches results and discards tensors."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import networkx as nx
import numpy as np
import torch
from joblib import delayed
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError
from autoprox.base.isolation import isolated
from autoprox.base.parallel import explained_loss
from autoprox.base.progress import Progress
from autoprox.base.threads import single_threaded
from autoprox.base.workers import processes
from autoprox.graph._expression import Expression, merge
from autoprox.graph._kinds import Level
from autoprox.graph._moments import Moments
from autoprox.graph._primitives import Primitive
from autoprox.graph._text import parse
from autoprox.graph.operations import TENSOR_EPS
from autoprox.inspect.nodes import Role, Site
from autoprox.networks import Teacher
from autoprox.networks.network import Network
from autoprox.statistics import Collection, StatisticsCache, collect


@dataclass(frozen=True)
class Leaves:
    """NODE values of one network.

    Args:
        roles: Roles of the nodes in forward order, by site.
        values: One float per node of the site, by digest of the leaf expression.
    """

    roles: dict[Site, tuple[Role, ...]]
    values: dict[str, Floats]


def leaves_of(
    model: nn.Module,
    images: Any,
    labels: Any,
    expressions: Sequence[Expression],
    loss: Callable[..., Tensor] | None = None,
    *,
    told: Container[Site] = (),
    teacher: Teacher | None = None,
) -> Leaves:
    """Evaluates leaf expressions on a live model.

    Args:
        model: Any module for `autoprox.statistics.collect`; it is restored.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`.
        expressions: Leaf expressions (`is_node_leaf`).
        loss: Loss for the backward pass; the mean cross entropy by default.
        told: Sites where the role of every node must be known (`Expression.selected_sites`).
        teacher: The network that paired statistics compare with.

    Raises:
        CollectionError: If the statistics cannot be collected.
    """
    names = sorted({name for each in expressions for name in each.statistics})
    collection = collect(model, images, labels, names, loss=loss, told=told, teacher=teacher)
    roles = {site: tuple(node.role for node in nodes) for site, nodes in collection.nodes.items()}
    with isolated():
        return Leaves(roles, evaluate_leaves(collection, expressions))


def node_values(
    model: nn.Module,
    images: Any,
    labels: Any,
    expressions: Sequence[Expression],
    loss: Callable[..., Tensor] | None = None,
    *,
    teacher: Teacher | None = None,
) -> dict[str, tuple[Site, list[tuple[str, Role, float]]]]:
    """Returns the values of leaf expressions on a live model, node by node.

    Args:
        model: Any module for `autoprox.statistics.collect`; it is restored.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`.
        expressions: Leaf expressions (`is_node_leaf`).
        loss: Loss for the backward pass; the mean cross entropy by default.
        teacher: The network that paired statistics compare with.

    Returns:
        For each expression by digest: its site, and name, role and value of each node.

    Raises:
        CollectionError: If the statistics cannot be collected.
    """
    names = sorted({name for each in expressions for name in each.statistics})
    collection = collect(model, images, labels, names, loss=loss, teacher=teacher)
    with isolated():
        values = evaluate_leaves(collection, expressions)
    found = {}
    for each in expressions:
        site = each.kind.site
        assert site is not None
        pairs = zip(collection.nodes[site], values[each.digest].tolist(), strict=True)
        found[each.digest] = site, [(node.name, node.role, value) for node, value in pairs]
    return found


def evaluate_leaves(collection: Collection, expressions: Sequence[Expression]) -> dict[str, Floats]:
    """Evaluates leaf expressions on collected tensors, node by node, with shared sub-expressions.

    Args:
        collection: Tensors and counts of one network.
        expressions: Leaf expressions.

    Returns:
        Values by digest, float64 of shape `(nodes of the site,)`; empty if the network has none.
    """
    values: dict[str, Floats] = {}
    reductions: dict[Site, list[Expression]] = {}
    for each in expressions:
        site = each.kind.site
        assert site is not None
        if each.arguments:
            reductions.setdefault(site, []).append(each)
        else:
            values[each.digest] = collection.counts[each.operation.name]
    for site, roots in reductions.items():
        plan = _ReductionOrder(roots)
        rows = [plan.run(collection, index) for index in range(len(collection.nodes[site]))]
        columns = torch.stack(rows).cpu().numpy().T if rows else np.empty((len(roots), 0))
        values.update({root.digest: np.ascontiguousarray(column) for root, column in zip(roots, columns, strict=True)})
    return values


class _ReductionOrder:
    """Order of evaluation of many reductions at one site, with the number of uses of each intermediate."""

    def __init__(self, roots: Sequence[Expression]) -> None:
        graph = merge(roots)
        self._steps: list[Expression] = [graph.nodes[key]["expression"] for key in nx.topological_sort(graph)]
        self._uses = Counter(argument.digest for step in self._steps for argument in step.arguments)
        self._roots = [root.digest for root in roots]

    def run(self, collection: Collection, index: int) -> Tensor:
        """Returns the values of all roots at one node, shape `(roots,)`, float64."""
        held: dict[str, Tensor] = {}
        moments: dict[str, Moments] = {}
        results: dict[str, Tensor] = {}
        uses = dict(self._uses)
        for step in self._steps:
            arguments = [each.digest for each in step.arguments]
            if not isinstance(step.operation, Primitive):
                tensor = collection.tensors[step.operation.name][index]
                held[step.digest] = tensor if tensor.dtype is torch.float64 else tensor.float()
            elif step.operation.form.reduces:
                for key, each in zip(arguments, step.arguments, strict=True):
                    if key not in moments:
                        moments[key] = Moments(held[key], channels_first=each.kind.channels_first)
                results[step.digest] = step.operation.function(*(moments[key] for key in arguments))
            else:
                held[step.digest] = step.operation.function(*(held[key] for key in arguments), torch, TENSOR_EPS)
            for key in arguments:
                uses[key] -= 1
                if not uses[key]:
                    del held[key]
                    moments.pop(key, None)
        return torch.stack([results[key] for key in self._roots])


def collect_leaves(
    networks: Sequence[Network],
    expressions: Sequence[Expression],
    cache: StatisticsCache,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Leaves]:
    """Collects leaf values of many networks; cached values are reused, and new ones are stored.

    Results are stored network by network, so a killed process loses only unfinished networks.

    Args:
        networks: The networks.
        expressions: Leaf expressions.
        cache: The cache of results.
        jobs: Number of processes; the result does not depend on it.
        progress: Wraps the iterable of computed networks, with its length, to report progress.

    Returns:
        The values of all expressions per network.

    Raises:
        CollectionError: If the statistics of a network cannot be collected.
    """

    def strict(found: Iterable[Leaves | str], total: int) -> Iterator[Leaves | str]:
        for each in found if progress is None else progress(found, total):
            if isinstance(each, str):
                raise CollectionError(each)
            yield each

    found = collect_leaves_or_reasons(networks, expressions, cache, jobs=jobs, progress=strict)
    return [each for each in found if isinstance(each, Leaves)]


def collect_leaves_or_reasons(
    networks: Sequence[Network],
    expressions: Sequence[Expression],
    cache: StatisticsCache,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Leaves | str]:
    """`collect_leaves` that skips networks without the necessary statistics.

    Values that depend on a teacher have a key of their own (`Network.paired_key`), so that all others are shared with
    collections without a teacher.

    Returns:
        Per network, the values of all expressions, or the reason why they cannot be collected.
    """
    assert all(each.kind.level is Level.NODE for each in expressions)
    paired = [each for each in expressions if each.needs_teacher]
    compute = partial(_kept_leaves, networks=networks, cache=cache, jobs=jobs, progress=progress)
    if not paired:
        return compute([network.key for network in networks], expressions)
    compared = compute([network.paired_key for network in networks], paired)
    if len(paired) == len(expressions):
        return compared
    alone = compute([network.key for network in networks], [each for each in expressions if not each.needs_teacher])
    return [_joined(*each) for each in zip(alone, compared, strict=True)]


def _joined(alone: Leaves | str, compared: Leaves | str) -> Leaves | str:
    """Values of one network that need no teacher and those that do; the reason if either is missing."""
    if isinstance(alone, str) or isinstance(compared, str):
        return alone if isinstance(alone, str) else compared
    return Leaves(alone.roles, alone.values | compared.values)


def _kept_leaves(
    keys: Sequence[str],
    expressions: Sequence[Expression],
    networks: Sequence[Network],
    cache: StatisticsCache,
    jobs: int,
    progress: Progress | None,
) -> list[Leaves | str]:
    """Values of expressions from the cache, where a network has the given key, or computed and stored there."""
    wanted = {each.digest: each for each in expressions}
    stored = cache.get_many(keys, list(wanted))
    gaps = [tuple(each for each in wanted if each not in stored[key]) for key in keys]
    # Data sets with the same noise batch share networks; each is built once.
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    pending = [index for index, gap in enumerate(gaps) if gap and first[keys[index]] == index]
    reasons: dict[str, str] = {}
    if pending:
        texts = {key: str(each) for key, each in wanted.items()}
        tasks = (delayed(_network_leaves)(networks[index], [texts[key] for key in gaps[index]]) for index in pending)
        computed: Iterable[Leaves | str] = processes(min(jobs, len(pending)), return_as="generator")(tasks)
        if progress is not None:
            computed = progress(computed, len(pending))
        with explained_loss():
            for index, leaves in zip(pending, computed, strict=True):
                key = keys[index]
                if isinstance(leaves, str):
                    reasons[key] = leaves
                    continue
                cache.put(key, leaves.values, leaves.roles)
                stored[key].update(leaves.values)
    roles = cache.roles(keys)
    return [reasons[key] if key in reasons else Leaves(roles[key], stored[key]) for key in keys]


def _network_leaves(network: Network, texts: list[str]) -> Leaves | str:
    """Runs in a worker process with expressions as text. Returns the reason if values cannot be collected."""
    with single_threaded():
        task = network.task
        # Stored values also serve later graphs, so the role of every node must be known.
        expressions = [parse(text) for text in texts]
        try:
            return leaves_of(
                network.build(), task.images, task.labels, expressions, told=tuple(Site), teacher=network.teacher
            )
        except CollectionError as error:
            return str(error)
