"""What every registered primitive must hold, whoever adds it."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from autoprox.base.errors import KindError, RegistryError
from autoprox.graph import PRIMITIVES, Form, Kind, Level, Primitive, find_primitive, register
from autoprox.graph.laws import Parity, Positivity
from autoprox.graph.moments import Moments
from autoprox.graph.operations import FLOAT64_EPS, TENSOR_EPS
from autoprox.graph.registration import why_unfit
from autoprox.graph.segments import Layout, Segments
from autoprox.inspect.nodes import Role, Site
from tests.graph.interpreter import AGGREGATORS, ELEMENTWISE, TENSOR, WITHIN

ALL = [primitive for registry in PRIMITIVES.values() for primitive in registry.values()]
IDS = [f"{each.level}-{each.name}" for each in ALL]
AT_TWO = Segments.of_lengths(np.array([5, 7]))


def values_of(primitive: Primitive, *arrays: np.ndarray, dtype=torch.float32):
    """The primitive applied to as many of these `(3, 4)` arrays as it takes."""
    given = arrays[: primitive.arity]
    if primitive.level is Level.TENSOR:
        tensors = [torch.tensor(each, dtype=dtype) for each in given]
        if primitive.form.reduces:
            return primitive.function(*(Moments(each, channels_first=True) for each in tensors)).numpy()
        return primitive.function(*tensors, torch, TENSOR_EPS).numpy()
    flat = [each.ravel() for each in given]
    return primitive.function(*flat, AT_TWO) if primitive.segmental else primitive.function(*flat, np, FLOAT64_EPS)


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_passes_the_probe(primitive):
    """Finite, of the right shape, on zeros, ones, negatives, huge, tiny and mixed values, and one element."""
    assert why_unfit(primitive) == []


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_says_what_its_guard_is(primitive):
    """Where the plain formula has no finite value on a probe and the primitive has one, the guard must say which."""
    name, plain = primitive.name, {"log": np.log, "sqrt": np.sqrt, "reciprocal": lambda x: 1 / x}
    if name in plain:
        with np.errstate(all="ignore"):
            assert not np.isfinite(plain[name](np.array([0.0, -1.0]))).all()
        assert primitive.guard
    if primitive.form is Form.AGGREGATE:
        empty = Segments.of_lengths(np.array([2, 0]))
        assert np.isnan(primitive.function(np.ones(2), empty)[1])
        assert "NaN" in primitive.guard


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
    same = values_of(primitive, first, second).tobytes() == values_of(primitive, second, first).tobytes()
    assert same == primitive.commutative


# Of several scales, with equal elements and zeros.
SAMPLES = [
    np.random.default_rng(seed).integers(-3, 4, size=(2, 3, 4)) * 10.0 ** (seed - 4)
    + (seed % 2) * np.random.default_rng(seed).normal(size=(2, 3, 4))
    for seed in range(8)
]


def _negation(primitive, of, first, second):
    value, laws = of(first, second), primitive.laws
    if laws.parity in (Parity.EVEN, Parity.ABSOLUTE):
        np.testing.assert_array_equal(of(-first, -second), value)
    if laws.parity is Parity.ABSOLUTE:
        np.testing.assert_array_equal(of(np.abs(first)), value)
    if laws.parity is Parity.ODD:
        np.testing.assert_array_equal(of(-first, -second), -value)
    if laws.odd_in_each:
        np.testing.assert_array_equal(of(-first, second), -value)
        np.testing.assert_array_equal(of(first, -second), -value)


def _positivity(primitive, of, first, second):
    if primitive.laws.positivity is Positivity.ALWAYS:
        assert (of(first, second) >= 0).all()
    if primitive.laws.positivity is Positivity.KEPT:
        assert (of(np.abs(first), np.abs(second)) >= 0).all()


def _repetition(primitive, of, first, second):
    value = of(first, second)
    if primitive.laws.idempotent and primitive.form is not Form.SELECT:
        np.testing.assert_array_equal(of(value.reshape(first.shape)), value)
    if primitive.laws.lattice:
        assert primitive.commutative
        np.testing.assert_array_equal(of(first, first).ravel(), first.ravel().astype(value.dtype))
        third = first[::-1].copy()
        left, right = of(value.reshape(3, 4), third), of(first, of(second, third).reshape(3, 4))
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_laws(primitive, dtype):
    """Each declared law holds to the last bit, but for the sign of a zero."""

    def of(*arrays):
        return values_of(primitive, *arrays, dtype=dtype)

    for first, second in SAMPLES:
        for law in (_negation, _positivity, _repetition):
            law(primitive, of, first, second)


MIRRORED = [each for each in ALL if each.laws.parity is Parity.MIRRORED]


@pytest.mark.parametrize("primitive", MIRRORED, ids=lambda each: f"{each.level}-{each.name}")
def test_mirrors(primitive):
    mirror = find_primitive(primitive.laws.mirror, primitive.level)
    assert find_primitive(mirror.laws.mirror, mirror.level) is primitive
    for first, second in SAMPLES:
        np.testing.assert_array_equal(values_of(primitive, -first, -second), -values_of(mirror, first, second))


@pytest.mark.parametrize("primitive", [each for each in ALL if each.laws.pointwise], ids=lambda each: each.name)
def test_pointwise(primitive):
    """What is kept of the values is what is made of the values that are kept."""
    layout = Layout([(Role.MLP, Role.HEAD, Role.MLP), (Role.MLP, Role.ATTENTION)])
    everything, mlp = frozenset(Role), frozenset({Role.MLP})
    values = np.random.default_rng(0).normal(size=5)
    inside = primitive.function(layout.restrict(values, everything, mlp), layout.segments(mlp))
    outside = layout.restrict(primitive.function(values, layout.whole), everything, mlp)
    np.testing.assert_array_equal(inside, outside)


@pytest.mark.parametrize("primitive", ALL, ids=IDS)
def test_kinds(primitive):
    given = {
        Level.TENSOR: Kind.tensor(Site.LINEAR, "weight"),
        Level.NODE: Kind.node(Site.LINEAR),
        Level.SCALAR: Kind.scalar(),
    }
    kind = primitive.result_kind((given[primitive.level],) * primitive.arity)
    lower = {Form.REDUCE: Level.NODE, Form.COMPARE: Level.NODE, Form.AGGREGATE: Level.SCALAR}
    expected = lower.get(primitive.form, primitive.level)
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


@pytest.mark.parametrize("level", Level)
def test_what_fails_the_probe_is_not_registered(level):
    def inverse(x, _xp, _eps):
        """1 / x, without a guard."""
        return 1 / x

    def total(x, _xp, _eps):
        """A map that sums."""
        return x.sum()

    def in_place(x, _xp, _eps):
        """Adds 1 to its argument."""
        x += 1
        return x

    def of_one(x):
        """Takes neither the module nor the guard."""
        return x

    before = list(PRIMITIVES[level])
    for function, message in [
        (inverse, "for 'zeros' is not finite"),
        (total, "has the shape"),
        (in_place, "changes its arguments"),
        (of_one, "fails for 'zeros'.*takes 1 positional"),
        (lambda x, _xp, _eps: x, "no docstring"),
    ]:
        with pytest.raises(RegistryError, match=rf"'mine' cannot be registered: .*{message}"):
            register(Primitive("mine", level, Form.MAP, function))
    assert list(PRIMITIVES[level]) == before
    declared = Primitive("mine", level, Form.MAP, inverse, undefined=frozenset({"zeros"}))
    assert why_unfit(declared) == []
    with pytest.raises(RegistryError, match="unknown cases as undefined: nonsense"):
        register(replace(declared, undefined=frozenset({"nonsense"})))


def test_name_is_taken_once():
    with pytest.raises(RegistryError, match="registered already"):
        register(find_primitive("log", Level.NODE))


def test_pairs_need_the_same_nodes_and_shapes():
    add = find_primitive("add", Level.TENSOR)
    with pytest.raises(KindError, match="cannot pair"):
        add.result_kind((Kind.tensor(Site.LINEAR, "weight"), Kind.tensor(Site.LINEAR, "input")))
    with pytest.raises(KindError, match="cannot pair"):
        find_primitive("add", Level.NODE).result_kind((Kind.node(Site.LINEAR), Kind.node(Site.NORM)))
