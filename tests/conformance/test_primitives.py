"""What every registered primitive must hold, whoever adds it."""

import inspect

import numpy as np
import pytest
import torch

from autoprox.errors import KindError, RegistryError
from autoprox.graph import PRIMITIVES, Form, Kind, Level, Primitive, find_primitive, register
from autoprox.graph.operations import FLOAT64_EPS, TENSOR_EPS
from autoprox.graph.segments import Segments
from autoprox.graph.tensors import Moments
from autoprox.models.nodes import Site
from tests.graph.interpreter import AGGREGATORS, ELEMENTWISE, TENSOR, WITHIN

ALL = [primitive for registry in PRIMITIVES.values() for primitive in registry.values()]
IDS = [f"{each.level}-{each.name}" for each in ALL]
INPUTS = {
    "zeros": np.zeros((3, 4)),
    "ones": np.ones((3, 4)),
    "negatives": -np.arange(1.0, 13).reshape(3, 4),
    "mixed": np.linspace(-2, 3, 12).reshape(3, 4),
    "huge": np.full((3, 4), 1e12),
    "tiny": np.full((3, 4), 1e-20),
    "one element": np.array([[0.5]]),
}
SEGMENTS = Segments.of_lengths(np.array([5, 7]))


def apply(primitive: Primitive, array: np.ndarray, other: np.ndarray | None = None):
    values = [array, array if other is None else other][: primitive.arity]
    if primitive.level is Level.TENSOR:
        tensors = [torch.tensor(value, dtype=torch.float32) for value in values]
        if primitive.form is Form.REDUCE:
            return primitive.function(Moments(tensors[0])).numpy()
        return primitive.function(*tensors, torch, TENSOR_EPS).numpy()
    flat = [value.ravel() for value in values]
    if primitive.segmental:
        segments = SEGMENTS if flat[0].size == 12 else Segments.of_lengths(np.array([1]))
        return primitive.function(*flat, segments)
    return primitive.function(*flat, np, FLOAT64_EPS)


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
@pytest.mark.parametrize("case", INPUTS)
def test_defined_everywhere(primitive, case):
    assert np.isfinite(apply(primitive, INPUTS[case])).all()


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_arguments_are_left_alone(primitive):
    array = INPUTS["mixed"].copy()
    apply(primitive, array)
    np.testing.assert_array_equal(array, INPUTS["mixed"])


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_has_an_independent_reference(primitive):
    if primitive.level is Level.TENSOR:
        assert primitive.name in TENSOR
    elif primitive.form is Form.AGGREGATE:
        assert primitive.name in AGGREGATORS
    elif primitive.form is not Form.SELECT:
        assert primitive.name in {**ELEMENTWISE, **WITHIN}


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_is_documented(primitive):
    assert inspect.getdoc(primitive.function)
    assert primitive.weight >= 0
    assert primitive.version >= 1


@pytest.mark.parametrize("primitive", [each for each in ALL if each.arity == 2], ids=lambda p: f"{p.level}-{p.name}")
def test_commutative_as_declared(primitive):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    same = apply(primitive, first, second).tobytes() == apply(primitive, second, first).tobytes()
    assert same == primitive.commutative


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_kinds(primitive):
    given = {
        Level.TENSOR: Kind.tensor(Site.LINEAR, "weight"),
        Level.NODE: Kind.node(Site.LINEAR),
        Level.SCALAR: Kind.scalar(),
    }
    kind = primitive.result_kind((given[primitive.level],) * primitive.arity)
    expected = {Form.REDUCE: Level.NODE, Form.AGGREGATE: Level.SCALAR}.get(primitive.form, primitive.level)
    assert kind.level is expected
    for level, wrong in given.items():
        if level is not primitive.level:
            with pytest.raises(KindError, match=primitive.name):
                primitive.result_kind((wrong,) * primitive.arity)
    with pytest.raises(KindError, match="argument"):
        primitive.result_kind((given[primitive.level],) * (primitive.arity + 1))


def test_published_operations_are_all_there():
    """The authors' 20 unary and 4 binary operations (facts of Wei 2024 and the released code), by our names."""
    unary = (
        "log logabs abs square exp zscore relu reciprocal frobenius mean mean_abs softmax sigmoid log_softmax sqrt neg"
    )
    for name in [*unary.split(), "minmax", "mean", "std", "identity", "add", "sub", "mul", "matmul"]:
        assert name in PRIMITIVES[Level.TENSOR]


def test_name_is_taken_once():
    with pytest.raises(RegistryError, match="registered already"):
        register(find_primitive("log", Level.NODE))


def test_pairs_need_the_same_nodes_and_shapes():
    add = find_primitive("add", Level.TENSOR)
    with pytest.raises(KindError, match="cannot pair"):
        add.result_kind((Kind.tensor(Site.LINEAR, "weight"), Kind.tensor(Site.LINEAR, "input")))
    with pytest.raises(KindError, match="cannot pair"):
        find_primitive("add", Level.NODE).result_kind((Kind.node(Site.LINEAR), Kind.node(Site.NORM)))
