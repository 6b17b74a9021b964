"""Text of a graph: `nodes_sum(l1(mul(weight, weight_grad)))`. A printed graph can be parsed again."""

import re
from collections.abc import Iterator

from autoprox.base.errors import KindError, RegistryError, suggestion
from autoprox.base.foreign import excerpt
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import PRIMITIVES, find_primitive
from autoprox.graph._weighted import weighted_terms, written_sum
from autoprox.statistics import STATISTICS

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]*|[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[(),])")
_MAX_NESTING = 200
_MAX_LENGTH = 100_000

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def parse(text: str) -> Expression:
    """Parses an expression.

    Args:
        text: Statistics, constants and primitives in functional notation.

    Returns:
        The expression, with checked kinds.

    Raises:
        KindError: If the text is malformed, or kinds are incompatible.
        RegistryError: If a statistic or primitive is unknown.

    Example:
        >>> str(parse("nodes_sum( log(l1(weight_grad)) )"))
        'nodes_sum(log(l1(weight_grad)))'
        >>> str(parse("mul(.50, nodes_sum(params))"))
        'mul(0.5, nodes_sum(params))'
    """
    reader = _Reader(text)
    expression = reader.expression(0)
    reader.expect("end of text")
    return expression


def formula(expression: Expression, most_terms: int | None = None) -> str:
    """Formats an expression for readers, with infix arithmetic and constants of three digits.

    `parse` does not accept this form, only the plain text.

    Args:
        expression: Any expression.
        most_terms: Number of terms of a weighted sum to write, largest weights first; all terms, in order, if None.

    Example:
        >>> formula(parse("nodes_sum(l1(mul(weight, weight_grad)))"))
        'nodes_sum(l1(weight * weight_grad))'
        >>> formula(parse("nodes_sum(square(abs(mean(weight))))"))
        'nodes_sum(|mean(weight)|**2)'
        >>> formula(parse("add(mul(0.12345, log(nodes_sum(params))), mul(-2.0, nodes_max(fan_in)))"))
        '0.123 * log(nodes_sum(params)) - 2 * nodes_max(fan_in)'
    """
    if isinstance(expression.operation, Literal):
        return f"{expression.operation.value:.3g}"
    if (terms := weighted_terms(expression)) is not None:
        if most_terms is not None and len(terms) > most_terms:
            largest = sorted(terms, key=lambda each: -abs(each[0]))[:most_terms]
            written = written_sum([_written(*each) for each in largest])
            return f"{written} ... ({len(terms) - most_terms} more terms)"
        return written_sum([_written(*each) for each in terms])
    name = expression.operation.name
    inner = [formula(each) for each in expression.arguments]
    if name in _INFIX and len(inner) == 2:
        left, right = (_bracketed(each, text) for each, text in zip(expression.arguments, inner, strict=True))
        return f"{left} {_INFIX[name]} {right}"
    if name == "abs":
        return f"|{inner[0]}|"
    if name == "neg":
        return f"-{_bracketed(expression.arguments[0], inner[0])}"
    if name == "square":
        return f"{_bracketed(expression.arguments[0], inner[0])}**2"
    return f"{name}({', '.join(inner)})" if inner else name


def _written(weight: float, scalar: Expression | None) -> tuple[str, str, bool]:
    factor = "" if scalar is None else f" * {_bracketed(scalar, formula(scalar))}"
    return f"{abs(weight):.3g}", factor, weight < 0


def _bracketed(expression: Expression, text: str) -> str:
    return f"({text})" if expression.operation.name in {*_INFIX, "neg", "square"} else text


class _Reader:
    """One pass over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = 0

    def _split(self) -> Iterator[str]:
        if len(self._text) > _MAX_LENGTH:
            raise KindError(f"The graph text has {len(self._text)} characters; at most {_MAX_LENGTH} are allowed.")
        text, place = self._text.rstrip(), 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise KindError(f"Cannot read the graph text at character {place}: {text[place : place + 20]!r}.")
            yield found.group(1)
            place = found.end()
        yield "end of text"

    def take(self) -> str:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def expect(self, wanted: str) -> None:
        found = self.take()
        if found != wanted:
            shown = excerpt(self._text)
            raise KindError(f"Cannot read the graph text {shown!r}: expected {wanted!r}, found {found!r}.")

    def expression(self, nesting: int) -> Expression:
        if nesting > _MAX_NESTING:
            raise KindError(f"The graph text is nested more than {_MAX_NESTING} levels deep.")
        name = self.take()
        if name in {"(", ")", ",", "end of text"}:
            raise KindError(f"Cannot read the graph text {excerpt(self._text)!r}: expected a name, found {name!r}.")
        if not (name[0].isalpha() or name[0] == "_"):
            return Expression(Literal(float(name)))
        if self._tokens[self._next] != "(":
            return _statistic(name)
        self.expect("(")
        arguments = [self.expression(nesting + 1)]
        while self._tokens[self._next] == ",":
            self.expect(",")
            arguments.append(self.expression(nesting + 1))
        self.expect(")")
        return Expression(find_primitive(name, arguments[0].kind.level), arguments)


def _statistic(name: str) -> Expression:
    if name in STATISTICS:
        return Expression(STATISTICS[name])
    if any(name in PRIMITIVES[level] for level in Level):
        raise KindError(f"'{name}' is a primitive: it needs arguments in brackets.")
    raise RegistryError(f"Unknown statistic '{name}'. {suggestion(name, STATISTICS)}")
