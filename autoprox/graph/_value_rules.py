"""Value rules: replace a part of a graph by a smaller one with bit-identical values.

They hold anywhere in a graph, except for the sign of a zero, and follow from the declared `Laws` of primitives, so they
apply to newly registered primitives.
"""

from collections.abc import Callable, Iterable, Sequence

from autoprox.graph._constants import folded
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._laws import Parity, Positivity
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Form, Primitive, find_primitive
from autoprox.statistics import Statistic, StatisticKind

_Arguments = tuple[Expression, ...]
_Rule = Callable[[Primitive, _Arguments], Expression | None]


def rewritten(expression: Expression, arguments: Sequence[Expression]) -> Expression:
    """Returns the expression with simplified arguments; the same object if no rule applies."""
    operation = expression.operation
    if not isinstance(operation, Primitive):
        return expression
    given = tuple(arguments)
    for rule in _VALUE_RULES:
        found = rule(operation, given)
        if found is not None:
            return found
    if all(new is old for new, old in zip(given, expression.arguments, strict=True)):
        return expression
    return Expression(operation, given)


def built(primitive: Primitive, *arguments: Expression) -> Expression:
    """Applies a primitive to simplified arguments and simplifies the result."""
    for rule in _VALUE_RULES:
        found = rule(primitive, arguments)
        if found is not None:
            return found
    return Expression(primitive, arguments)


def is_nonnegative(expression: Expression) -> bool:
    """Returns True if an expression is known to have no negative values.

    Example:
        >>> from autoprox.graph import parse
        >>> is_nonnegative(parse("nodes_sum(l1(weight))")), is_nonnegative(parse("nodes_sum(mean(weight))"))
        (True, False)
    """
    operation = expression.operation
    if isinstance(operation, Literal):
        return operation.value >= 0
    if isinstance(operation, Statistic):
        return operation.kind is StatisticKind.COUNT
    if operation.laws.positivity is Positivity.KEPT:
        return all(map(is_nonnegative, expression.arguments))
    return operation.laws.positivity is Positivity.ALWAYS


def _is(expression: Expression, name: str) -> bool:
    return expression.operation.name == name


def through(expression: Expression, name: str) -> Expression | None:
    """Returns the argument of an operation, also under a selection of roles, which is kept; None otherwise."""
    if _is(expression, name):
        return expression.arguments[0]
    selection = _selection(expression)
    inner = None if selection is None else through(expression.arguments[0], name)
    return None if selection is None or inner is None else built(selection, inner)


def _selection(expression: Expression) -> Primitive | None:
    """Returns the selector of an expression, or None."""
    operation = expression.operation
    return operation if isinstance(operation, Primitive) and operation.form is Form.SELECT else None


def _is_zero(expression: Expression) -> bool:
    """True for a NODE or SCALAR that is zero wherever it is defined.

    False for TENSOR: the share of positive elements counts a NaN as not positive.
    """
    if expression.kind.level is Level.TENSOR or not _is(expression, "sub"):
        return False
    return expression.arguments[0] == expression.arguments[1]


def _at(primitive: Primitive, name: str) -> Primitive:
    return find_primitive(name, primitive.level)


def _drop(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Removes operations without effect on their argument."""
    (first, *rest) = arguments
    if rest:
        return None
    if primitive.form is Form.SELECT:
        return first if first.kind.roles <= primitive.roles else None
    if primitive.name == "identity" or (primitive.laws.idempotent and first.operation is primitive):
        return first
    if primitive.name in {"abs", "relu"} and is_nonnegative(first):
        return first
    if primitive.name == "neg" and _is(first, "neg"):
        return first.arguments[0]
    return None


def _negated(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Moves negations outward through odd operations, and removes negations and magnitudes inside even ones."""
    if primitive.name == "neg":
        return built(_at(primitive, "sub"), *reversed(arguments[0].arguments)) if _is(arguments[0], "sub") else None
    if len(arguments) > 1:
        return None
    (first,) = arguments
    parity = primitive.laws.parity
    if _is_zero(first) and parity is Parity.ODD and primitive.form is Form.MAP:
        return first
    if _is(first, "neg"):
        inner = first.arguments[0]
        if parity in (Parity.EVEN, Parity.ABSOLUTE):
            return built(primitive, inner)
        if parity in (Parity.ODD, Parity.MIRRORED):
            return _negative(
                built(_at(primitive, primitive.laws.mirror) if primitive.laws.mirror else primitive, inner)
            )
    if parity is Parity.ABSOLUTE and (signed := through(first, "abs")) is not None:
        return built(primitive, signed)
    if parity in (Parity.EVEN, Parity.ABSOLUTE) and _is(first, "sub"):
        before, after = sorted(first.arguments, key=lambda each: each.digest)
        return None if before is first.arguments[0] else built(primitive, Expression(first.operation, (before, after)))
    return None


def _negative(expression: Expression) -> Expression:
    """Returns the negative of a simplified expression."""
    return built(find_primitive("neg", expression.kind.level), expression)


def _selected(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Moves selections of roles outward through pointwise operations, and merges nested selections."""
    if primitive.form is Form.SELECT:
        (first,) = arguments
        outer = _selection(first)
        if outer is None:
            return None
        inner = first.arguments[0]
        if inner.kind.roles & primitive.roles <= outer.roles:
            return built(primitive, inner)
        return built(outer, built(primitive, inner)) if primitive.name < outer.name else None
    if primitive.level is not Level.NODE or not _looks_at_one_node(primitive):
        return None
    for index, each in enumerate(arguments):
        selection = _selection(each)
        if selection is not None:
            inside = (*arguments[:index], each.arguments[0], *arguments[index + 1 :])
            return built(selection, built(primitive, *inside))
    return None


def _looks_at_one_node(primitive: Primitive) -> bool:
    """True if selections can move outward through a primitive; negations stay outside selections."""
    if primitive.form not in (Form.MAP, Form.PAIR) or primitive.name == "neg":
        return False
    return primitive.laws.pointwise or not primitive.segmental


def _logarithm(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Simplifies logarithms and roots, which are guarded below zero, of magnitudes and rectified values."""
    (first, *_) = arguments
    if primitive.name == "log" and _is(first, "abs"):
        return built(_at(primitive, "logabs"), first.arguments[0])
    if primitive.name == "logabs" and is_nonnegative(first):
        return built(_at(primitive, "log"), first)
    if primitive.name in {"log", "sqrt"} and _is(first, "relu"):
        return built(primitive, first.arguments[0])
    return None


def _fused(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Fuses two operations into a single one."""
    (first, *_) = arguments
    if primitive.name == "mul" and first == arguments[1]:
        return built(_at(primitive, "square"), first)
    if primitive.name == "matmul" and first == arguments[1]:
        return built(_at(primitive, "gram"), first)
    if primitive.name == "nodes_sum":
        return _sum_of_logarithms(primitive, first)
    if primitive.name == "sqrt" and _is(first, "nodes_sum"):
        squared = through(first.arguments[0], "square")
        return None if squared is None else built(find_primitive("nodes_norm", Level.NODE), squared)
    return None


def _sum_of_logarithms(primitive: Primitive, summand: Expression) -> Expression | None:
    inner = through(summand, "logabs")
    if inner is None:
        inner = through(summand, "log")
        if inner is None or not is_nonnegative(inner):
            return None
    return built(_at(primitive, "nodes_logsum"), inner)


def _summed(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Simplifies sums and differences with negatives and zeros."""
    if primitive.name not in {"add", "sub"}:
        return None
    first, second = arguments
    if primitive.name == "sub" and first == second:
        return None
    add, sub = _at(primitive, "add"), _at(primitive, "sub")
    zero = _without_zero(primitive, first, second)
    if zero is not None:
        return zero
    if _is(second, "neg"):
        return built(sub if primitive is add else add, first, second.arguments[0])
    if _is(first, "neg"):
        inner = first.arguments[0]
        return built(sub, second, inner) if primitive is add else _negative(built(add, inner, second))
    return None


def _without_zero(primitive: Primitive, first: Expression, second: Expression) -> Expression | None:
    """Returns the remainder of a sum or difference with a zero, if it covers the same nodes."""
    roles = first.kind.roles & second.kind.roles
    if _is_zero(second) and first.kind.roles == roles:
        return first
    if _is_zero(first) and second.kind.roles == roles:
        return second if primitive.name == "add" else _negative(second)
    return None


def _multiplied(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Simplifies products with negatives and zeros."""
    if not primitive.laws.odd_in_each or len(arguments) != 2:
        return None
    first, second = arguments
    for zero, other in ((first, second), (second, first)):
        if _is_zero(zero) and zero.kind.roles <= other.kind.roles:
            return zero
    if _is(first, "neg"):
        return _negative(built(primitive, first.arguments[0], second))
    if _is(second, "neg"):
        return _negative(built(primitive, first, second.arguments[0]))
    return None


def _extreme(primitive: Primitive, arguments: _Arguments) -> Expression | None:
    """Flattens nested maxima and minima: each argument appears once, in the order of digests."""
    if not primitive.laws.lattice:
        return None
    members = list({each.digest: each for each in _members(primitive, arguments)}.values())
    for rule in (_one_constant, _magnitudes, _negated_together):
        if (found := rule(primitive, members)) is not None:
            return found
    chain = _chain(primitive, members)
    return None if chain == Expression(primitive, arguments) else chain


def _one_constant(primitive: Primitive, members: list[Expression]) -> Expression | None:
    """The extreme of all constants is one of them."""
    constants = [each for each in members if isinstance(each.operation, Literal)]
    if len(constants) < 2:
        return None
    return _folded(primitive, [_folded(primitive, constants), *(each for each in members if each not in constants)])


def _magnitudes(primitive: Primitive, members: list[Expression]) -> Expression | None:
    """The maximum of x and -x is |x|, and their minimum is -|x|."""
    kept, negated = _by_sign(members)
    both = [each for each in negated if each in kept]
    if not both:
        return None
    magnitudes = [built(_at(primitive, "abs"), each) for each in both]
    signed = magnitudes if primitive.name == "maximum" else [_negative(each) for each in magnitudes]
    alone = [each for each in kept if each not in both]
    alone += [_negative(each) for each in negated if each not in both]
    return _folded(primitive, [*alone, *signed])


def _negated_together(primitive: Primitive, members: list[Expression]) -> Expression | None:
    """The maximum of -x and -y is the negative of the minimum of x and y."""
    kept, negated = _by_sign(members)
    if len(negated) < 2:
        return None
    turned = _negative(_folded(_at(primitive, primitive.laws.mirror), negated))
    return built(primitive, _chain(primitive, kept), turned) if kept else turned


def _by_sign(members: list[Expression]) -> tuple[list[Expression], list[Expression]]:
    """The members that are not negated, and the arguments of those that are."""
    kept = [each for each in members if not _is(each, "neg")]
    return kept, [each.arguments[0] for each in members if _is(each, "neg")]


def _members(primitive: Primitive, arguments: _Arguments) -> Iterable[Expression]:
    for each in arguments:
        if each.operation is primitive:
            yield from _members(primitive, each.arguments)
        else:
            yield each


def _folded(primitive: Primitive, members: Iterable[Expression]) -> Expression:
    (value, *others) = members
    for each in others:
        value = built(primitive, value, each)
    return value


def _chain(primitive: Primitive, members: Iterable[Expression]) -> Expression:
    (value, *others) = sorted(members, key=lambda each: each.digest)
    for each in others:
        value = Expression(primitive, (value, each))
    return value


_VALUE_RULES: tuple[_Rule, ...] = (
    folded,
    _drop,
    _negated,
    _selected,
    _logarithm,
    _fused,
    _summed,
    _multiplied,
    _extreme,
)
