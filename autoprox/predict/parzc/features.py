"""Node statistics as an array: architectures x nodes x statistics, NaN for missing nodes."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError, FitError, SpecError
from autoprox.bench.block import Block
from autoprox.bench.problem import statistics_of
from autoprox.bench.table import Table
from autoprox.graph import Expression, Leaves, collect_leaves, is_node_leaf, parse
from autoprox.inspect.nodes import Role, Site
from autoprox.inspect.nodes import nodes as located_nodes
from autoprox.networks import Fresh, Network
from autoprox.predict.parzc.scaling import Booleans
from autoprox.statistics import StatisticsCache

DEFAULT_STATISTICS = (
    "l1(mul(weight, weight_grad))",
    "frobenius(weight_grad)",
    "l1(mul(weight, synflow_weight_grad))",
    "params",
    "macs",
    "fan_in",
    "fan_out",
)
"""snip, grad_norm, synflow, and four counts of a linear layer."""

FRAME_COLUMNS = ("arch_id", "node", "statistic", "value")


@dataclass(frozen=True, eq=False)
class NodeFeatures:
    """Statistics of the nodes of `n` architectures.

    Nodes with the same name have the same place in the array for all architectures. In features of a table, the name of
    a node consists of its role and its number among the nodes of that role, in forward order: `attention.0`, `mlp.3`.
    The heads of deep and shallow networks thus share a place.

    Attributes:
        values: `(n, L, S)`; NaN for missing nodes.
        arch_ids: `(n,)`.
        nodes: `(L,)`, names.
        statistics: `(S,)`, names; in features of a table, expressions of the proxy language.
        targets: `(n,)`, labels, higher is better; None without labels.
        groups: `(n,)`, names of the labels' blocks; None without labels.
    """

    values: Floats
    arch_ids: tuple[str, ...]
    nodes: tuple[str, ...]
    statistics: tuple[str, ...]
    targets: Floats | None = None
    groups: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.arch_ids)

    @property
    def mask(self) -> Booleans:
        """`(n, L)`, True for present nodes."""
        return np.asarray(~np.isnan(self.values).all(axis=2))

    @property
    def node_shape(self) -> tuple[int, int]:
        """`(L, S)`, for `MABNRegressor`."""
        return len(self.nodes), len(self.statistics)

    @property
    def labels(self) -> tuple[Floats, npt.NDArray[np.str_]]:
        """Targets and groups.

        Raises:
            FitError: If there are no labels.
        """
        if self.targets is None or self.groups is None:
            raise FitError("These features have no labels. Use features of a table, or give targets to `fit`.")
        return self.targets, self.groups

    def rows(self, index: npt.ArrayLike) -> "NodeFeatures":
        """Some of the architectures, by number or by a boolean mask."""
        chosen = np.arange(len(self))[np.asarray(index)]
        return replace(
            self,
            values=self.values[chosen],
            arch_ids=tuple(self.arch_ids[row] for row in chosen),
            targets=None if self.targets is None else self.targets[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )

    def aligned(self, nodes: Sequence[str], statistics: Sequence[str]) -> "NodeFeatures":
        """The same architectures with the nodes and statistics of a fitted model, in its order.

        Raises:
            FitError: If a statistic is missing, or an architecture has another node.
        """
        for name in statistics:
            if name not in self.statistics:
                raise FitError(f"The statistic '{name}' of the fitted model is missing. Add it.")
        unknown = [name for name in self.nodes if name not in set(nodes)]
        for name in unknown:
            column = self.values[:, self.nodes.index(name)]
            having = np.flatnonzero(~np.isnan(column).all(axis=1))
            if len(having):
                raise FitError(
                    f"The architecture {self.arch_ids[having[0]]} has a node '{name}', which no architecture of the fit"
                    f" had; the model has {_summary(nodes)}. Fit on architectures that are at least as deep."
                )
        values = np.full((len(self), len(nodes), len(statistics)), np.nan)
        order = [self.statistics.index(name) for name in statistics]
        for place, name in enumerate(nodes):
            if name in self.nodes:
                values[:, place] = self.values[:, self.nodes.index(name)][:, order]
        return replace(self, values=values, nodes=tuple(nodes), statistics=tuple(statistics))


def features(
    table: Table,
    statistics: Sequence[str] = DEFAULT_STATISTICS,
    *,
    blocks: Sequence[Block] | None = None,
    init_seeds: int = 1,
    cache: StatisticsCache | None = None,
    jobs: int = 1,
    progress: Callable[[Iterable[Leaves], int], Iterable[Leaves]] | None = None,
) -> NodeFeatures:
    """Statistics of the linear nodes of a table's architectures, cached or collected.

    Args:
        table: The table.
        statistics: Expressions that give one float per linear node: reductions of statistics, such as
            `l1(mul(weight, weight_grad))`, and counts, such as `params`.
        blocks: Blocks of the table, which may be restricted to some architectures; `table.blocks()` if None.
        init_seeds: Number of initialisations to average over, with the seeds 0, 1, ...
        cache: Cache of statistics; by default the user's, with the precomputed statistics of the table.
        jobs: Number of processes.
        progress: Wraps the iterable of collected networks, given with its length.

    Returns:
        One row per architecture of each block, with label and block. The nodes cover all architectures of these spaces
        in the table, so that features of different parts of a table are compatible.

    Raises:
        SpecError: If an expression does not give one float per linear node.
        CollectionError: If a statistic cannot be collected or is not finite.

    Example:
        >>> counts = features(Table.read(), ["params", "fan_in"])
        >>> counts.nodes[0], counts.nodes[-1], counts.statistics
        ('embed.0', 'head.0', ('params', 'fan_in'))
    """
    expressions = linear_leaves(statistics)
    chosen = table.blocks() if blocks is None else list(blocks)
    networks: list[Network] = []
    arch_ids: list[str] = []
    groups: list[str] = []
    for block in chosen:
        task = table.task(block.dataset, block.space)
        space = table.spaces[block.space]
        networks += [Network(space, table.archs[arch_id], task) for arch_id in block.arch_ids]
        arch_ids += block.arch_ids
        groups += [block.name] * len(block)
    seeded = [replace(network, weights=Fresh(seed)) for seed in range(init_seeds) for network in networks]
    leaves = collect_leaves(seeded, expressions, cache or statistics_of(table), jobs=jobs, progress=progress)
    found = features_of(leaves, expressions, arch_ids * init_seeds)
    found = found.aligned(_in_order({*found.nodes, *_deepest(table, networks)}), found.statistics)
    return replace(
        found,
        values=found.values.reshape(init_seeds, len(networks), *found.node_shape).mean(axis=0),
        arch_ids=tuple(arch_ids),
        targets=np.concatenate([block.goodness for block in chosen]),
        groups=np.array(groups),
    )


def features_of(leaves: Sequence[Leaves], expressions: Sequence[Expression], arch_ids: Sequence[str]) -> NodeFeatures:
    """Statistics of the linear nodes of networks, from collected leaves.

    Raises:
        CollectionError: If a statistic is not finite.
    """
    names = [_names(each.roles.get(Site.LINEAR, ())) for each in leaves]
    nodes = _in_order({name for own in names for name in own})
    places = {name: place for place, name in enumerate(nodes)}
    values = np.full((len(leaves), len(nodes), len(expressions)), np.nan)
    for row, (own, each) in enumerate(zip(names, leaves, strict=True)):
        collected = np.stack([each.values[expression.digest] for expression in expressions], axis=1)
        bad = np.argwhere(~np.isfinite(collected))
        if len(bad):
            node, statistic = bad[0].tolist()
            raise CollectionError(
                f"The statistic '{expressions[statistic]}' of the node {own[node]} of the architecture {arch_ids[row]}"
                f" is {collected[node, statistic]}. Drop the statistic or the architecture."
            )
        values[row, [places[name] for name in own]] = collected
    return NodeFeatures(values, tuple(arch_ids), tuple(nodes), tuple(str(each) for each in expressions))


def linear_leaves(statistics: Sequence[str]) -> list[Expression]:
    """Parses expressions that give one float per linear node.

    Raises:
        SpecError: If an expression gives something else, or is given twice.
        SpecError: If no expression is given.
        KindError: If an expression cannot be parsed.
        RegistryError: If an expression contains an unknown name.

    Example:
        >>> [str(each.kind) for each in linear_leaves(["params"])]
        ['NODE[linear, all roles]']
    """
    expressions = [parse(text) for text in statistics]
    for text, each in zip(statistics, expressions, strict=True):
        if not is_node_leaf(each) or each.kind.site is not Site.LINEAR:
            raise SpecError(
                f"'{text}' does not give one float per linear node: it is {each.kind}. Give reductions of statistics of"
                " linear layers, such as l1(mul(weight, weight_grad)), or their counts, such as params."
            )
    twice = [str(each) for each, count in Counter(expressions).items() if count > 1]
    if twice or not expressions:
        raise SpecError(
            f"The statistic '{twice[0]}' is given twice. Give it once."
            if twice
            else "No statistic is given. Give at least one."
        )
    return expressions


def from_frame(frame: pd.DataFrame) -> NodeFeatures:
    """Features from a user's frame, such as node statistics of NAS-Bench.

    Args:
        frame: Long form with the columns arch_id, node, statistic and value; one row per number. Architectures, nodes
            and statistics are ordered by first appearance. Missing nodes have no rows.

    Raises:
        FitError: If a column or a value is missing.
        FitError: If a value is not finite, or occurs twice.

    Example:
        >>> rows = [("a", "0", "snip", 1.0), ("a", "1", "snip", 2.0), ("b", "0", "snip", 3.0)]
        >>> from_frame(pd.DataFrame(rows, columns=["arch_id", "node", "statistic", "value"])).values[:, :, 0].tolist()
        [[1.0, 2.0], [3.0, nan]]
    """
    missing = [name for name in FRAME_COLUMNS if name not in frame]
    if missing:
        raise FitError(f"The frame has no column '{missing[0]}'. Required: {', '.join(FRAME_COLUMNS)}.")
    keys = list(FRAME_COLUMNS[:3])
    twice = frame[frame.duplicated(keys)]
    if len(twice):
        raise FitError(f"{_place(twice.iloc[0])} occurs more than once in the frame. Keep one value.")
    numbers = pd.to_numeric(frame["value"], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        row = frame.iloc[bad[0]]
        raise FitError(f"{_place(row)} is {row['value']}, not a finite number. Replace it, or drop the architecture.")
    codes, names = zip(*(pd.factorize(frame[key].astype(str)) for key in keys), strict=True)
    values = np.full([len(each) for each in names], np.nan)
    values[codes] = numbers
    holes = np.argwhere(np.isnan(values) & ~np.isnan(values).all(axis=2, keepdims=True))
    if len(holes):
        arch, node, statistic = (each[at] for each, at in zip(names, holes[0].tolist(), strict=True))
        raise FitError(
            f"The frame has no '{statistic}' of node '{node}' of the architecture '{arch}', but other statistics of the"
            " node. Add it; a missing node must have no rows."
        )
    arch_ids, nodes, statistics = (tuple(map(str, each)) for each in names)
    return NodeFeatures(values, arch_ids, nodes, statistics)


def _place(row: "pd.Series[Any]") -> str:
    return f"The value of '{row['statistic']}' of node '{row['node']}' of the architecture '{row['arch_id']}'"


def _names(roles: Sequence[Role]) -> list[str]:
    """Names of nodes: the role, and the number among the nodes of that role."""
    seen: Counter[Role] = Counter()
    names = []
    for role in roles:
        names.append(f"{role}.{seen[role]}")
        seen[role] += 1
    return names


def _in_order(names: Iterable[str]) -> list[str]:
    """Sorts nodes by role, and by number within a role."""
    roles = list(Role)

    def place(name: str) -> tuple[int, int]:
        role, _, number = name.rpartition(".")
        return roles.index(Role(role)), int(number)

    return sorted(names, key=place)


def _deepest(table: Table, networks: Sequence[Network]) -> list[str]:
    """Nodes of all architectures of the table in the spaces of the networks.

    In a space with a depth, the deepest architecture has all nodes; in other spaces each network is built.
    """
    found = []
    for name in sorted({network.space.name for network in networks}):
        first = next(network for network in networks if network.space.name == name)
        archs = [arch for arch in table.archs.values() if arch.space == name]
        depths = {arch: first.space.features(arch).get("depth", math.nan) for arch in archs}
        if not any(map(math.isnan, depths.values())):
            archs = [max(archs, key=depths.__getitem__)]
        for arch in archs:
            model = replace(first, arch=arch).build()
            found += _names([node.role for node in located_nodes(model) if node.site is Site.LINEAR])
    return found


def _summary(nodes: Sequence[str]) -> str:
    """Number of nodes of each role, in words."""
    counted = Counter(name.rpartition(".")[0] for name in nodes)
    return ", ".join(f"{count} {role}" for role, count in counted.items()) + " nodes"
