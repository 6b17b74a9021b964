"""The reference: evaluates a graph on one network, recursively, without sharing, caching, batching or torch.

Formulas are written down again here, from their definition, in NumPy float64. A primitive without an entry fails the
suite.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from autoprox.graph import Expression, Form, Level, Literal, Primitive
from autoprox.inspect.nodes import Role

TENSOR_EPS, NODE_EPS = 1e-9, 1e-30


@dataclass
class PlainNetwork:
    """Statistics of one network as plain arrays: for each name, one array (or float) a node, and the nodes' roles."""

    tensors: dict[str, list[np.ndarray]]
    counts: dict[str, list[float]]
    roles: dict[str, list[Role]]  # by site


def interpret(expression: Expression, network: PlainNetwork, jitter: np.random.Generator | None = None):
    """Value of an expression: a list of arrays, a list of (index, float) of the kept nodes, or a float.

    With `jitter`, every intermediate value is changed in its twelfth digit: what that does to the result tells how much
    of it is rounding.
    """
    if isinstance(expression.operation, Literal):
        return expression.operation.value
    value = _value(expression, network, jitter)
    if jitter is None:
        return value
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [(index, x * (1 + 1e-12 * jitter.standard_normal())) for index, x in value]
    if isinstance(value, list):
        return [each * (1 + 1e-12 * jitter.standard_normal(each.shape)) for each in value]
    return value * (1 + 1e-12 * jitter.standard_normal())


def _value(expression: Expression, network: PlainNetwork, jitter: np.random.Generator | None):
    operation = expression.operation
    if not isinstance(operation, Primitive):
        if operation.kind == "count":
            return list(enumerate(network.counts[operation.name]))
        return [np.asarray(each, dtype=np.float64) for each in network.tensors[operation.name]]
    values = [interpret(each, network, jitter) for each in expression.arguments]
    if operation.level is Level.TENSOR:
        function = TENSOR[operation.name]
        if operation.name in OF_MATRICES:
            # The channels of a weight come first, those of anything else last.
            first = expression.arguments[0].kind.shape == "weight"
            values = [[_matrix(each, first) for each in values[0]]]
        results = [function(*each) for each in zip(*values, strict=True)]
        return list(enumerate(map(float, results))) if operation.form.reduces else results
    if operation.level is Level.SCALAR:
        return ELEMENTWISE[operation.name](*values, NODE_EPS)
    site = str(expression.arguments[0].kind.site)
    if operation.form is Form.SELECT:
        return [(index, x) for index, x in values[0] if network.roles[site][index] in operation.roles]
    if operation.form is Form.PAIR:
        left, right = dict(values[0]), dict(values[1])
        both = [index for index in left if index in right]
        return [(index, ELEMENTWISE[operation.name](left[index], right[index], NODE_EPS)) for index in both]
    indices, numbers = [index for index, _ in values[0]], [x for _, x in values[0]]
    depth = len(network.roles[site])
    if operation.form is Form.AGGREGATE:
        return AGGREGATORS[operation.name](numbers) if numbers else math.nan
    if operation.name in WITHIN:
        return list(zip(indices, WITHIN[operation.name](numbers, indices, depth), strict=True))
    return [(index, ELEMENTWISE[operation.name](x, NODE_EPS)) for index, x in values[0]]


def _propagating(function):
    """NaN stays NaN, whatever Python's own min, max and comparisons make of it."""

    def guarded(*arguments):
        values = arguments[0] if isinstance(arguments[0], list) else arguments
        return math.nan if any(math.isnan(x) for x in values) else function(*arguments)

    return guarded


ELEMENTWISE = {
    "identity": lambda x, _e: x,
    "log": lambda x, e: math.log((x if x > 0 else 0.0) + e),
    "logabs": lambda x, e: math.log(abs(x) + e),
    "abs": lambda x, _e: abs(x),
    "square": lambda x, _e: x * x,
    "exp": lambda x, _e: math.exp(x if x < 30 else 30.0),
    "relu": lambda x, _e: x if x > 0 else 0.0,
    "reciprocal": lambda x, e: x / (x * x + e * e),
    # special.expit is 0 below -709, where the value is denormal, and so its sign is lost.
    "sigmoid": lambda x, _e: math.exp(-np.logaddexp(0.0, -x)),
    "tanh": lambda x, _e: math.tanh(x),
    "sqrt": lambda x, _e: math.sqrt(x) if x > 0 else 0.0,
    "neg": lambda x, _e: -x,
    "sign": lambda x, _e: (x > 0) - (x < 0),
    "heaviside": lambda x, _e: 1.0 if x > 0 else 0.0,
    "add": lambda a, b, _e: a + b,
    "sub": lambda a, b, _e: a - b,
    "mul": lambda a, b, _e: a * b,
    "div": lambda a, b, e: a * (b / (b * b + e * e)),
    "maximum": lambda a, b, _e: max(a, b),
    "minimum": lambda a, b, _e: min(a, b),
}
ELEMENTWISE = {name: _propagating(function) for name, function in ELEMENTWISE.items()}


def _every(function):
    """An element-wise operation on arrays, element by element."""

    def applied(*arrays):
        pairs = zip(*(array.ravel() for array in arrays), strict=True)
        return np.array([function(*map(float, pair), TENSOR_EPS) for pair in pairs]).reshape(arrays[0].shape)

    return applied


def _two_dimensional(x):
    return np.array([row.ravel() for row in x])


def _matrix(x, channels_first):
    """Rows of channels, or columns of them: singular values are the same."""
    return x.reshape(len(x), -1) if channels_first else x.reshape(-1, x.shape[-1])


def _singular(matrix):
    return np.linalg.svd(matrix, compute_uv=False)


def _shannon(weights):
    return float(stats.entropy(weights))


def _standardised(x, power):
    """A central moment over the standard deviation to its power; rounding of equal numbers is not a deviation."""
    deviation = float(np.std(x))
    if deviation <= 1e-7 * math.sqrt(np.mean(x.ravel() ** 2)):
        return 0.0
    return float(np.mean((x - np.mean(x)) ** power)) / deviation**power


def _condition(matrix):
    values = _singular(matrix)
    return min(values[0] / values[-1], 1e6) if values[-1] > 0 else 1e6


def _logdet(matrix):
    squares = _singular(matrix) ** 2
    ridge = 1e-6 * np.mean(squares) + 1e-18
    return math.fsum(math.log(square + ridge) for square in squares)


def _cosine(a, b):
    sizes = math.sqrt(math.fsum(a.ravel() ** 2)) * math.sqrt(math.fsum(b.ravel() ** 2))
    return math.fsum((a * b).ravel()) / sizes if sizes > 0 else 0.0


def _gram(a, b):
    left, right = _two_dimensional(a), _two_dimensional(b)
    return np.array([[np.dot(u, v) for v in right] for u in left])


TENSOR = {name: _every(function) for name, function in ELEMENTWISE.items()} | {
    "zscore": lambda x: (x - np.mean(x)) / (np.std(x) + TENSOR_EPS),
    "minmax": lambda x: (x - np.min(x)) / (np.max(x) - np.min(x) + TENSOR_EPS),
    "softmax": lambda x: special.softmax(x, axis=0),
    "log_softmax": lambda x: special.log_softmax(x, axis=0),
    "matmul": _gram,
    "gram": lambda x: _gram(x, x),
    "sum": lambda x: math.fsum(x.ravel()),
    "mean": lambda x: math.fsum(x.ravel()) / x.size,
    "mean_abs": lambda x: math.fsum(abs(v) for v in x.ravel()) / x.size,
    "l1": lambda x: math.fsum(abs(v) for v in x.ravel()),
    "frobenius": lambda x: math.sqrt(math.fsum(v * v for v in x.ravel())),
    "std": lambda x: float(np.std(x)),
    "max": lambda x: max(x.ravel()),
    "min": lambda x: min(x.ravel()),
    "positive_share": lambda x: sum(1 for v in x.ravel() if v > 0) / x.size,
    "mean_log": lambda x: math.fsum(math.log(abs(v) + TENSOR_EPS) for v in x.ravel()) / x.size,
    "entropy": lambda x: _shannon(np.abs(x).ravel()) if np.any(x) else 0.0,
    "skewness": lambda x: _standardised(x, 3),
    "kurtosis": lambda x: _standardised(x, 4),
    "sign_agreement": lambda a, b: sum(np.sign(u) == np.sign(v) for u, v in zip(a.flat, b.flat, strict=True)) / a.size,
    "cosine": _cosine,
    "nuclear": lambda m: math.fsum(_singular(m)),
    "spectral": lambda m: np.linalg.norm(m, 2),
    "effective_rank": lambda m: math.exp(_shannon(_singular(m))) if np.any(m) else 0.0,
    "stable_rank": lambda m: np.sum(m**2) / np.linalg.norm(m, 2) ** 2 if np.any(m) else 0.0,
    "condition": _condition,
    "logdet": _logdet,
}
OF_MATRICES = {"nuclear", "spectral", "effective_rank", "stable_rank", "condition", "logdet"}
"""What sees a tensor as a matrix of its channels."""

WITHIN = {
    "zscore": lambda xs, _i, _n: [(x - np.mean(xs)) / (np.std(xs) + NODE_EPS) for x in xs],
    "minmax": lambda xs, _i, _n: [(x - min(xs)) / (max(xs) - min(xs) + NODE_EPS) for x in xs],
    "share": lambda xs, _i, _n: [x / (sum(abs(y) for y in xs) + NODE_EPS) for x in xs],
    "rank": lambda xs, _i, _n: list(stats.rankdata(xs) / len(xs)),
    "deep": lambda xs, indices, n: [x * (i + 1) / n for x, i in zip(xs, indices, strict=True)],
    "shallow": lambda xs, indices, n: [x * (1 - (i + 1) / n) for x, i in zip(xs, indices, strict=True)],
    "sine": lambda xs, _i, _n: [x * (math.sin(0.1 * place) + 1) / 2 for place, x in enumerate(xs)],
}

AGGREGATORS = {
    "nodes_sum": math.fsum,
    "nodes_mean": lambda xs: math.fsum(xs) / len(xs),
    "nodes_max": max,
    "nodes_min": min,
    "nodes_std": lambda xs: float(np.std(xs)),
    "nodes_logsum": lambda xs: math.fsum(math.log(abs(x) + NODE_EPS) for x in xs),
    "nodes_norm": lambda xs: math.sqrt(math.fsum(x * x for x in xs)),
}
AGGREGATORS = {name: _propagating(function) for name, function in AGGREGATORS.items()} | {
    "nodes_first": lambda xs: xs[0],
    "nodes_last": lambda xs: xs[-1],
}
