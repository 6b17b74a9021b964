"""Laws of every registered primitive, whoever adds it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autoprox.base.errors import KindError, RegistryError
from autoprox.graph import (
    PRIMITIVES,
    Evaluator,
    Form,
    Kind,
    LeafTable,
    Leaves,
    Level,
    Primitive,
    find_primitive,
    parse,
    register,
)
from autoprox.graph._laws import NO_LAWS, Parity, Positivity
from autoprox.graph._moments import Moments
from autoprox.graph._registration import why_unfit
from autoprox.graph._segments import Segments, SiteNodes
from autoprox.graph.operations import FLOAT64_EPS, TENSOR_EPS
from autoprox.inspect.nodes import Role, Site
from tests.graph.interpreter import AGGREGATORS, ELEMENTWISE, TENSOR, WITHIN

ALL = [primitive for registry in PRIMITIVES.values() for primitive in registry.values()]


def label(primitive):
    return f"{primitive.level}-{primitive.name}"


AT_TWO = Segments.of_lengths(np.array([5, 7]))


# Of several scales, with equal elements and zeros.
SAMPLES = [
    np.random.default_rng(seed).integers(-3, 4, size=(2, 3, 4)) * 10.0 ** (seed - 4)
    + (seed % 2) * np.random.default_rng(seed).normal(size=(2, 3, 4))
    for seed in range(8)
]


def values_of(primitive: Primitive, *arrays: np.ndarray, dtype=torch.float32):
    """The primitive applied to as many of these `(3, 4)` arrays as it takes."""
    given = arrays[: primitive.arity]
    if primitive.level is Level.TENSOR:
        tensors = [torch.tensor(each, dtype=dtype) for each in given]
        if primitive.form.reduces:
            return primitive.function(*(Moments(each, channels_first=True) for each in tensors)).numpy()
        return primitive.function(*tensors, torch, TENSOR_EPS).numpy()
    flat = [each.ravel() for each in given]
    return primitive.function(*flat, *[AT_TWO] * primitive.segmental, np, FLOAT64_EPS)


# For each guard, an argument where the plain formula is undefined, and the value that is stated instead.
GUARDS = {
    "log": ([-1.0, 0.0], np.log),
    "logabs": ([0.0], np.log),
    "exp": ([31.0, 1e12], lambda _: np.exp(30.0)),
    "reciprocal": ([0.0], 0.0),
    "sqrt": ([-1.0], 0.0),
    "sign": ([0.0], 0.0),
    "heaviside": ([0.0], 0.0),
    "div": ([0.0, 0.0], 0.0),
    "zscore": ([2.0, 2.0], 0.0),
    "minmax": ([2.0, 2.0], 0.0),
    "share": ([0.0, 0.0], 0.0),
    "std": ([2.0], 0.0),
    "mean_log": ([0.0], np.log),
    "entropy": ([0.0, 0.0], 0.0),
    "skewness": ([2.0, 2.0], 0.0),
    "kurtosis": ([2.0, 2.0], 0.0),
    "effective_rank": ([0.0, 0.0], 0.0),
    "stable_rank": ([0.0, 0.0], 0.0),
    "condition": ([0.0, 0.0], 1e6),
    "logdet": ([0.0], lambda eps: np.log(eps**2)),
    "cosine": ([0.0, 0.0], 0.0),
    "nodes_logsum": ([0.0], np.log),
}
GUARDED = [each for each in ALL if (each.guard and not each.name.startswith("nodes_")) or each.name == "nodes_logsum"]


@pytest.mark.parametrize(("divisor", "share"), [(1e-9, 1 / 2), (1e-8, 100 / 101), (1e-7, 1e4 / 10001), (3e-6, 1.0)])
def test_a_reciprocal_of_a_tensor_is_less_near_zero_by_the_stated_share(divisor, share):
    found = values_of(PRIMITIVES[Level.TENSOR]["reciprocal"], np.full((3, 4), divisor))
    np.testing.assert_allclose(found, share / divisor, rtol=3e-7)


@pytest.mark.parametrize("primitive", GUARDED, ids=label)
def test_where_its_plain_formula_is_undefined_it_has_the_stated_value(primitive):
    elements, stated = GUARDS[primitive.name]
    arguments = [np.array(elements)] * primitive.arity
    if primitive.level is Level.TENSOR:
        found, eps = values_of(primitive, *arguments, dtype=torch.float64), TENSOR_EPS
    else:
        segments = [Segments.of_lengths(np.array([len(elements)]))] * primitive.segmental
        found, eps = primitive.function(*arguments, *segments, np, FLOAT64_EPS), FLOAT64_EPS
    expected = stated(eps) if callable(stated) else stated
    np.testing.assert_allclose(found, np.full(np.shape(found), expected), rtol=1e-12)


def test_every_guard_is_one_of_those():
    assert {each.name for each in GUARDED} == set(GUARDS)


# Where all elements, or nodes, are one number: what comes of it must not be its rounding. 0.1 has no exact mean.
OF_EQUAL = {
    **dict.fromkeys(["zscore", "minmax", "std", "skewness", "kurtosis", "nodes_std"], 0.0),
    **dict.fromkeys(["entropy", "effective_rank", "stable_rank"], None),
}
# Where they differ in the last digit as well: a ratio by their differences says nothing.
OF_ALIKE = {"zscore": 0.0, "minmax": 0.0, "nodes_std": 0.0}

# What has a value everywhere that no rounding turns into another one, and why.
CONTINUOUS = {
    "a polynomial, an extreme, or a bounded function": """
        abs square relu sigmoid tanh neg identity add sub mul maximum minimum matmul gram softmax log_softmax sum mean
        mean_abs l1 frobenius max min nuclear spectral deep shallow sine nodes_sum nodes_mean nodes_max nodes_min
        nodes_norm nodes_first nodes_last only_attention only_mlp only_body only_ends""",
    "a step, where the sign of a zero that rounding made is what it is": "sign heaviside positive_share sign_agreement",
    "an order, in which what differs by rounding has places of its own": "rank",
    "a guard that is declared: the stated value is the limit of what is near it": """
        log logabs exp sqrt mean_log logdet nodes_logsum condition""",
    "a guard at exactly zero, beside which the value is as large as it is": "reciprocal div share cosine",
}


@pytest.mark.parametrize("size", [3, 7, 10, 13, 1000])
@pytest.mark.parametrize("primitive", [each for each in ALL if each.name in OF_EQUAL], ids=label)
def test_equal_values_do_not_leave_their_rounding(primitive, size):
    alike = primitive.name in OF_ALIKE
    for number in (0.1, -0.7, 1e-7, 3e8):
        for last_digit in (0, 1) if alike else (0,):
            found = of_row(primitive, np.full(size, number), last_digit)
            expected = OF_EQUAL[primitive.name]
            if primitive.name == "entropy":
                np.testing.assert_allclose(found, np.log(size), rtol=1e-6)
            elif expected is None:
                np.testing.assert_allclose(found, 1.0, rtol=1e-6)
            else:
                np.testing.assert_array_equal(found, np.full(np.shape(found), expected))


def of_row(primitive, values, last_digit):
    """The primitive on one row; on request, the first value is moved in its last digit."""
    if primitive.level is Level.TENSOR:
        row = torch.tensor(values[None], dtype=torch.float32)
        if last_digit:
            row[0, 0] = torch.nextafter(row[0, 0], torch.tensor(torch.inf))
        if primitive.form.reduces:
            return primitive.function(Moments(row, channels_first=True)).numpy()
        return primitive.function(row, torch, TENSOR_EPS).numpy()
    row = values.copy()
    if last_digit:
        row[0] = np.nextafter(row[0], np.inf)
    return primitive.function(row, Segments.of_lengths(np.array([len(row)])), np, FLOAT64_EPS)


@pytest.mark.parametrize("primitive", [each for each in ALL if each.name in OF_ALIKE], ids=label)
def test_a_difference_that_counts_is_kept(primitive):
    """As small as single precision, or sums in double precision, tell apart."""
    apart = 1e-6 if primitive.level is Level.TENSOR else 1e-11
    found = of_row(primitive, np.array([1.0, 1.0, 1.0, 1 + apart]), 0)
    assert np.abs(found).max() > (0.4 * apart if primitive.name == "nodes_std" else 0.9)


def test_every_primitive_says_what_rounding_does_to_it():
    """A new primitive is put into one of the tables above."""
    continuous = {name for names in CONTINUOUS.values() for name in names.split()}
    assert {each.name for each in ALL} == continuous | set(OF_EQUAL)
    assert not continuous & set(OF_EQUAL)


AGGREGATES = [each for each in ALL if each.form is Form.AGGREGATE]


@pytest.mark.parametrize("primitive", AGGREGATES, ids=lambda each: each.name)
def test_an_architecture_without_nodes_has_no_value(primitive):
    segments = Segments.of_lengths(np.array([2, 0]))
    found = primitive.function(np.ones(2), segments, np, FLOAT64_EPS)
    assert np.isfinite(found[0])
    assert np.isnan(found[1])
    assert "NaN" in primitive.guard


@pytest.mark.parametrize("primitive", [each for each in ALL if each.form is not Form.SELECT], ids=label)
def test_has_the_value_of_an_independent_reference(primitive):
    for first, second in SAMPLES:
        found = values_of(primitive, first, second, dtype=torch.float64)
        given = [first, second][: primitive.arity]
        if primitive.level is Level.TENSOR:
            expected = TENSOR[primitive.name](*given)
        elif primitive.form is Form.AGGREGATE:
            expected = [AGGREGATORS[primitive.name](each.tolist()) for each in np.split(first.ravel(), [5])]
        elif primitive.segmental:
            within = WITHIN[primitive.name]
            parts = [(each.tolist(), range(len(each)), len(each)) for each in np.split(first.ravel(), [5])]
            expected = [value for part in parts for value in within(*part)]
        else:
            pairs = zip(*(each.ravel().tolist() for each in given), strict=True)
            expected = [ELEMENTWISE[primitive.name](*pair, FLOAT64_EPS) for pair in pairs]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("only_attention", {Role.ATTENTION}),
        ("only_mlp", {Role.MLP}),
        ("only_body", {Role.ATTENTION, Role.MIXER, Role.MLP, Role.POOL}),
        ("only_ends", {Role.EMBED, Role.HEAD}),
    ],
)
def test_a_selector_keeps_the_nodes_of_its_roles(name, kept):
    roles = tuple(Role)
    graph = parse(f"nodes_sum({name}(params))")
    (leaf,) = graph.node_leaves
    powers = 2.0 ** np.arange(len(roles))
    table = LeafTable([Leaves({Site.LINEAR: roles}, {leaf.digest: powers})])
    expected = sum(power for role, power in zip(roles, powers, strict=True) if role in kept)
    assert Evaluator(table).scores([graph]).item() == expected
    selectors = {each.name for each in ALL if each.form is Form.SELECT}
    assert selectors == {"only_attention", "only_mlp", "only_body", "only_ends"}


@pytest.mark.parametrize("primitive", [each for each in ALL if each.arity == 2], ids=label)
def test_commutative_as_declared(primitive):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    same = values_of(primitive, first, second).tobytes() == values_of(primitive, second, first).tobytes()
    assert same == primitive.commutative


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


@pytest.mark.parametrize("primitive", [each for each in ALL if each.laws != NO_LAWS], ids=label)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_laws(primitive, dtype):
    """Each declared law holds bit by bit, except for the sign of a zero."""

    def of(*arrays):
        return values_of(primitive, *arrays, dtype=dtype)

    for first, second in SAMPLES:
        for law in (_negation, _positivity, _repetition):
            law(primitive, of, first, second)


MIRRORED = [each for each in ALL if each.laws.parity is Parity.MIRRORED]


@pytest.mark.parametrize("primitive", MIRRORED, ids=label)
def test_mirrors(primitive):
    mirror = find_primitive(primitive.laws.mirror, primitive.level)
    assert find_primitive(mirror.laws.mirror, mirror.level) is primitive
    for first, second in SAMPLES:
        np.testing.assert_array_equal(values_of(primitive, -first, -second), -values_of(mirror, first, second))


@pytest.mark.parametrize("primitive", [each for each in ALL if each.laws.pointwise], ids=lambda each: each.name)
def test_pointwise(primitive):
    """Selecting commutes with element-wise operations."""
    layout = SiteNodes([(Role.MLP, Role.HEAD, Role.MLP), (Role.MLP, Role.ATTENTION)])
    everything, mlp = frozenset(Role), frozenset({Role.MLP})
    values = np.random.default_rng(0).normal(size=5)
    inside = primitive.function(layout.restrict(values, everything, mlp), layout.segments(mlp), np, FLOAT64_EPS)
    outside = layout.restrict(primitive.function(values, layout.whole, np, FLOAT64_EPS), everything, mlp)
    np.testing.assert_array_equal(inside, outside)


@pytest.mark.parametrize("primitive", ALL, ids=label)
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
