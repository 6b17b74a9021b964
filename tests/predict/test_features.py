"""Features against a collection by hand, and from a user's frame."""

import numpy as np
import pandas as pd
import pytest

from autoprox.base.errors import CollectionError, FitError, RegistryError, SpecError
from autoprox.bench.table import Table
from autoprox.graph import Leaves, parse
from autoprox.inspect.nodes import Role, Site
from autoprox.predict.parzc import features, from_frame
from autoprox.predict.parzc.features import features_of
from autoprox.spaces import space
from autoprox.statistics import StatisticsCache, collect

SPACE = space("pit-micro")


@pytest.fixture(scope="module")
def table():
    return Table.read()


@pytest.fixture(scope="module")
def some(table):
    """Two small blocks of one space."""
    blocks = table.blocks(["pit-micro"], ["digits", "mnist5k"])
    return [block.restricted(block.arch_ids[:3]) for block in blocks]


@pytest.fixture
def cache(tmp_path):
    return StatisticsCache(tmp_path / "statistics.sqlite")


def test_values_are_those_of_a_collection_by_hand(table, some, cache):
    data = features(table, ["l1(mul(weight, weight_grad))", "fan_in"], blocks=some[:1], cache=cache)
    task = table.task(some[0].dataset, "pit-micro")
    for row, arch_id in enumerate(data.arch_ids):
        model = SPACE.build(table.archs[arch_id], task.num_classes, task.img_size, task.in_chans, seed=0)
        found = collect(model, task.images, task.labels, ["weight", "weight_grad"])
        seen = dict.fromkeys(Role, 0)
        for node, weight, gradient in zip(
            found.nodes[Site.LINEAR], found.tensors["weight"], found.tensors["weight_grad"], strict=True
        ):
            place = data.nodes.index(f"{node.role}.{seen[node.role]}")
            seen[node.role] += 1
            inputs = weight[0].numel()
            assert data.values[row, place] == pytest.approx([float((weight * gradient).abs().sum()), inputs], rel=1e-5)
        assert data.mask[row].sum() == sum(seen.values())


def test_rows_carry_labels_and_blocks(table, some, cache):
    data = features(table, ["params"], blocks=some, cache=cache)
    assert data.arch_ids == some[0].arch_ids + some[1].arch_ids
    assert data.targets.tolist() == [*some[0].goodness, *some[1].goodness]
    assert data.groups.tolist() == [some[0].name] * 3 + [some[1].name] * 3
    assert data.node_shape == (len(data.nodes), 1)
    others = [block.restricted(block.arch_ids[3:5]) for block in table.blocks(["pit-micro"])]
    assert features(table, ["params"], blocks=others, cache=cache).nodes == data.nodes
    depths = [SPACE.features(arch)["depth"] for arch in table.archs.values() if arch.space == SPACE.name]
    assert sum(name.startswith("attention") for name in data.nodes) == 2 * max(depths)
    part = data.rows([0, 4])
    assert part.arch_ids == (data.arch_ids[0], data.arch_ids[4])
    assert np.array_equal(part.values, data.values[[0, 4]], equal_nan=True)
    assert data.rows(data.groups == some[1].name).targets.tolist() == some[1].goodness.tolist()


def test_initialisations_are_averaged(table, some, cache):
    one, two = (features(table, ["frobenius(weight)"], blocks=some[:1], init_seeds=k, cache=cache) for k in (1, 2))
    assert one.arch_ids == two.arch_ids
    assert not np.allclose(one.values, two.values, equal_nan=True, rtol=1e-9)
    assert np.allclose(one.values, two.values, equal_nan=True, rtol=0.5)


@pytest.mark.parametrize(
    ("statistics", "error", "message"),
    [
        (["weight"], SpecError, "'weight' does not give one float per linear node"),
        (["attention_heads"], SpecError, "it is NODE"),
        (["nodes_sum(params)"], SpecError, "it is SCALAR"),
        (["params", "params"], SpecError, "'params' is given twice"),
        ([], SpecError, "No statistic"),
        (["parms"], RegistryError, "params"),
    ],
)
def test_statistics_that_are_refused(table, statistics, error, message):
    with pytest.raises(error, match=message):
        features(table, statistics)


def leaves_of_roles(*roles, value=1.0):
    expression = parse("params")
    return Leaves({Site.LINEAR: roles}, {expression.digest: np.full(len(roles), value)}), expression


def test_nodes_of_one_role_stand_beside_each_other():
    short, expression = leaves_of_roles(Role.EMBED, Role.MLP, Role.HEAD)
    deep, _ = leaves_of_roles(Role.EMBED, Role.MLP, Role.MLP, Role.HEAD, value=2.0)
    data = features_of([short, deep], [expression], ["a", "b"])
    assert data.nodes == ("embed.0", "mlp.0", "mlp.1", "head.0")
    assert np.array_equal(data.values[:, :, 0], [[1, 1, np.nan, 1], [2, 2, 2, 2]], equal_nan=True)


def test_a_statistic_that_is_not_finite_is_refused():
    broken, expression = leaves_of_roles(Role.EMBED, Role.MLP, value=np.nan)
    with pytest.raises(CollectionError, match=r"'params' of the node embed\.0 of the architecture a is nan"):
        features_of([broken], [expression], ["a"])


def test_alignment_to_a_fitted_model():
    short, expression = leaves_of_roles(Role.EMBED, Role.HEAD)
    deep, _ = leaves_of_roles(Role.EMBED, Role.MLP, Role.HEAD, value=2.0)
    both = features_of([short, deep], [expression], ["a", "b"])
    nodes = ("head.0", "mlp.0", "mlp.1", "embed.0")
    aligned = both.aligned(nodes, ["params"]).values[:, :, 0]
    assert np.array_equal(aligned, [[1, np.nan, np.nan, 1], [2, 2, np.nan, 2]], equal_nan=True)
    with pytest.raises(FitError, match=r"architecture b has a node 'mlp\.0'.*the model has 1 embed, 1 head nodes"):
        both.aligned(("embed.0", "head.0"), ["params"])
    assert both.rows([0]).aligned(("embed.0", "head.0"), ["params"]).values.shape == (1, 2, 1)
    with pytest.raises(FitError, match="statistic 'macs'"):
        both.aligned(nodes, ["macs"])


def frame(**changes):
    rows = [
        {"arch_id": arch, "node": node, "statistic": statistic, "value": 10.0 * node + offset}
        for arch, nodes in (("x", 3), ("y", 2))
        for node in range(nodes)
        for offset, statistic in enumerate(("snip", "synflow"))
    ]
    return pd.DataFrame(rows).assign(**changes)


def test_a_frame_of_a_users_own():
    data = from_frame(frame())
    assert (data.arch_ids, data.nodes, data.statistics) == (("x", "y"), ("0", "1", "2"), ("snip", "synflow"))
    assert np.array_equal(data.values, [[[0, 1], [10, 11], [20, 21]], [[0, 1], [10, 11], [np.nan] * 2]], equal_nan=True)
    shuffled = from_frame(frame().iloc[[0, 2, 4, 1, 3, 5, 6, 7, 8, 9]])
    assert np.array_equal(shuffled.values, data.values, equal_nan=True)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (frame().drop(columns="node"), "no column 'node'"),
        (frame().iloc[[0, 0, 1]], "occurs more than once in the frame"),
        (frame(value=np.nan), "value of 'snip' of node '0' of the architecture 'x' is nan"),
        (frame(value="much"), "is much"),
        (frame(value=np.inf), "is inf"),
        (frame().iloc[:-1], "no 'synflow' of node '1' of the architecture 'y'"),
    ],
)
def test_frames_that_are_refused(broken, message):
    with pytest.raises(FitError, match=message):
        from_frame(broken)
