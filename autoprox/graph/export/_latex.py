"""`to_latex`: a proxy as a formula to be read."""

import re
from enum import IntEnum

from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Form, Primitive
from autoprox.graph._proxy import Proxy
from autoprox.graph._weighted import weighted_terms, written_sum


class _Bond(IntEnum):
    """Binding strength of a formula: one that binds less than its place requires is put into brackets."""

    SUM = 0
    PRODUCT = 1
    ATOM = 2


_SYMBOLS = {
    "weight": "W_{l}",
    "input": "X_{l}",
    "output": "Y_{l}",
    "attention": "A_{l}",
    "norm_output": "N_{l}",
    "activation": "Z_{l}",
}
_GRADIENT = "_grad"

# Template, bond that it asks of its arguments, its own bond.
_Template = tuple[str, _Bond, _Bond]
_TEMPLATES: dict[str, _Template] = {
    "identity": ("#1", _Bond.ATOM, _Bond.ATOM),
    "log": (r"\ln\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "logabs": (r"\ln\left|#1\right|", _Bond.SUM, _Bond.ATOM),
    "abs": (r"\left|#1\right|", _Bond.SUM, _Bond.ATOM),
    "square": ("{#1}^{2}", _Bond.ATOM, _Bond.PRODUCT),
    "exp": ("e^{#1}", _Bond.SUM, _Bond.PRODUCT),
    "relu": (r"\left[#1\right]_{+}", _Bond.SUM, _Bond.ATOM),
    "reciprocal": (r"\frac{1}{#1}", _Bond.SUM, _Bond.PRODUCT),
    "sigmoid": (r"\sigma\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "tanh": (r"\tanh\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "sqrt": (r"\sqrt{#1}", _Bond.SUM, _Bond.ATOM),
    "neg": ("-#1", _Bond.PRODUCT, _Bond.SUM),
    "add": ("#1 + #2", _Bond.PRODUCT, _Bond.SUM),
    "sub": ("#1 - #2", _Bond.PRODUCT, _Bond.SUM),
    "mul": (r"#1 \cdot #2", _Bond.PRODUCT, _Bond.PRODUCT),
    "div": (r"\frac{#1}{#2}", _Bond.SUM, _Bond.PRODUCT),
    "maximum": (r"\max\left(#1, #2\right)", _Bond.SUM, _Bond.ATOM),
    "minimum": (r"\min\left(#1, #2\right)", _Bond.SUM, _Bond.ATOM),
}
_OF_TENSORS: dict[str, _Template] = {
    "mul": (r"#1 \odot #2", _Bond.PRODUCT, _Bond.PRODUCT),
    "matmul": (r"#1 {#2}^{\top}", _Bond.ATOM, _Bond.PRODUCT),
    "gram": (r"#1 {#1}^{\top}", _Bond.ATOM, _Bond.PRODUCT),
    "heaviside": (r"\left[#1 > 0\right]", _Bond.SUM, _Bond.ATOM),
    "nuclear": (r"\left\Vert #1 \right\Vert_{*}", _Bond.SUM, _Bond.ATOM),
    "spectral": (r"\left\Vert #1 \right\Vert_{2}", _Bond.SUM, _Bond.ATOM),
    "effective_rank": (r"\operatorname{erank}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "stable_rank": (r"\operatorname{srank}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "condition": (r"\kappa\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "logdet": (r"\ln\det\left(#1 {#1}^{\top}\right)", _Bond.ATOM, _Bond.ATOM),
    "entropy": (r"H\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "cosine": (r"\cos\left(#1, #2\right)", _Bond.SUM, _Bond.ATOM),
    "l1": (r"\left\Vert #1 \right\Vert_{1}", _Bond.SUM, _Bond.ATOM),
    "frobenius": (r"\left\Vert #1 \right\Vert_{F}", _Bond.SUM, _Bond.ATOM),
    "mean_abs": (r"\operatorname{mean}\left|#1\right|", _Bond.SUM, _Bond.ATOM),
    "mean_log": (r"\operatorname{mean}\,\ln\left|#1\right|", _Bond.SUM, _Bond.ATOM),
}
_OF_NODES: dict[str, _Template] = {
    "nodes_sum": (r"\sum_{l} #1", _Bond.PRODUCT, _Bond.SUM),
    "nodes_mean": (r"\operatorname{mean}_{l}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "nodes_max": (r"\max_{l}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "nodes_min": (r"\min_{l}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "nodes_std": (r"\operatorname{std}_{l}\left(#1\right)", _Bond.SUM, _Bond.ATOM),
    "nodes_logsum": (r"\sum_{l} \ln\left|#1\right|", _Bond.SUM, _Bond.SUM),
    "nodes_norm": (r"\sqrt{\sum_{l} {#1}^{2}}", _Bond.ATOM, _Bond.ATOM),
    "nodes_first": (r"\left(#1\right)_{l=1}", _Bond.SUM, _Bond.ATOM),
    "nodes_last": (r"\left(#1\right)_{l=L}", _Bond.SUM, _Bond.ATOM),
}
_BY_LEVEL = {Level.TENSOR: _OF_TENSORS, Level.NODE: _OF_NODES, Level.SCALAR: dict[str, _Template]()}


def to_latex(proxy: Proxy) -> str:
    r"""Writes a proxy as a formula in LaTeX's mathematics, without dollar signs, sign included.

    W, X, Y, A, N, Z are weight, input, output, attention, output of a normalisation and of an activation of the node l;
    a nabla before one of them is the gradient of the loss there. The guards of logarithms, roots and divisions
    (`autoprox.graph.operations`) are left out, and names that have no sign of their own are written as functions.

    Example:
        >>> from autoprox.graph import parse
        >>> print(to_latex(Proxy("snip", parse("nodes_sum(l1(mul(weight, weight_grad)))"))))
        \sum_{l} \left\Vert W_{l} \odot \nabla W_{l} \right\Vert_{1}
    """
    text, bond = _formula(proxy.graph)
    return text if proxy.sign == 1 else f"-{_bracketed(text, bond, _Bond.PRODUCT)}"


def _formula(expression: Expression) -> tuple[str, _Bond]:
    primitive = expression.operation
    if isinstance(primitive, Literal):
        return _number(primitive.value), _Bond.SUM if primitive.value < 0 else _Bond.PRODUCT
    if not isinstance(primitive, Primitive):
        return _symbol(primitive.name)
    if (terms := weighted_terms(expression)) is not None:
        return written_sum([(_number(abs(weight)), _times(each), weight < 0) for weight, each in terms]), _Bond.SUM
    template, asked, own = _template(primitive)
    inner = [_bracketed(*_formula(each), asked) for each in expression.arguments]
    return re.sub(r"#(\d)", lambda found: inner[int(found.group(1)) - 1], template), own


def _times(expression: Expression | None) -> str:
    return "" if expression is None else rf" \cdot {_bracketed(*_formula(expression), _Bond.PRODUCT)}"


def _number(value: float) -> str:
    """A constant in four digits, for reading."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _template(primitive: Primitive) -> _Template:
    name = primitive.name
    if primitive.form is Form.SELECT:
        return rf"\left(#1\right)_{{\mathrm{{{_upright(name.removeprefix('only_'))}}}}}", _Bond.SUM, _Bond.ATOM
    places = ", ".join(f"#{index}" for index in range(1, primitive.arity + 1))
    plain = rf"\operatorname{{{_upright(name)}}}\left({places}\right)", _Bond.SUM, _Bond.ATOM
    return _BY_LEVEL[primitive.level].get(name) or _TEMPLATES.get(name) or plain


def _symbol(name: str) -> tuple[str, _Bond]:
    if name.removesuffix(_GRADIENT) not in _SYMBOLS:
        return rf"\mathrm{{{_upright(name)}}}_{{l}}", _Bond.ATOM
    symbol = _SYMBOLS[name.removesuffix(_GRADIENT)]
    return (rf"\nabla {symbol}", _Bond.PRODUCT) if name.endswith(_GRADIENT) else (symbol, _Bond.ATOM)


def _upright(name: str) -> str:
    return name.replace("_", r"\ ")


def _bracketed(text: str, bond: _Bond, asked: _Bond) -> str:
    return text if bond >= asked else rf"\left({text}\right)"
