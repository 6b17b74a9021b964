"""The genotypes in which the authors of Auto-Prox write proxies, translated into graphs.

A genotype consists of a list of inputs, a list of indices of operations, and a structure:

- tree: two inputs. Unary operations are applied to each, then the mean in each layer. One binary operation joins the
  two numbers of a layer, and the proxy is the mean over layers. `[[16, 8], [12, 14], 0]`
- linear: one input, its unary operations, the mean in each layer, the mean over layers. `[2, 0, 9, 4]`
- graph: two inputs and three states. Each state is the sum of a unary operation of every input and earlier state. The
  proxy is the mean over the three states. `[[2, 2], [0, 1, 4], [6, 6, 2, 14]]`

The indices refer to the published list (Wei 2024, https://arxiv.org/abs/2312.09059, and the code that the authors
published with it and later). The graph makes implicit steps explicit: `mean` for the reduction of a layer, `nodes_mean`
for the mean over layers.

Details that their code does not define, or defines by accident, are ours:

- Logarithms, roots and divisions have the guards of our primitives (`autoprox.graph.operations`), which are finite
  everywhere. The standard deviation is that of the population. No operation works in place.
- A reduction in the middle of a list leaves one number per layer, and later operations act on this number, as in their
  code. For one number, the Frobenius norm and the mean of |x| are |x|, and the mean is x. Operations that map any
  single number to the same constant (z-score, softmax, its logarithm, min-max, standard deviation) are refused.
- Inputs at different modules are never paired layer by layer (their code pairs lists of different length and
  direction). Their sum or difference is computed from the two means over layers, which gives the same number if the
  lists have equal length. Their product has no such form and is refused.
- The matrix product of two numbers fails in their code and is refused.
- The graph structure gives the sum over its states, three times their mean, which ranks identically.
"""

from collections.abc import Sequence
from typing import Any

from autoprox.base.errors import KindError, RegistryError, suggestion
from autoprox.graph import Expression, Level, find_primitive
from autoprox.statistics import STATISTICS

INPUTS = {
    f"{name}{suffix}": f"{statistic}{ours}"
    for name, statistic in (("t1", "activation"), ("t2", "weight"), ("t3", "input"), ("t4", "norm_output"))
    for suffix, ours in (("", ""), ("g", "_grad"))
}
"""Our statistics by the authors' names; the suffix g denotes the gradient."""

UNARY = (
    *("log", "logabs", "abs", "square", "exp", "zscore", "relu", "reciprocal", "frobenius", "mean"),
    *("mean_abs", "softmax", "sigmoid", "log_softmax", "sqrt", "neg", "minmax", "mean", "std", "identity"),
)
"""Our primitives in the order of the authors' list of unary operations."""

BINARY = ("add", "sub", "mul", "matmul")
"""Our primitives in the order of the authors' list of binary operations."""

_OF_ONE_NUMBER = {"frobenius": "abs", "mean_abs": "abs", "mean": "identity"}
_CONSTANT_OF_ONE_NUMBER = {"zscore", "softmax", "log_softmax", "minmax", "std"}


def from_genotype(inputs: Sequence[str], operations: Sequence[Any], structure: str = "tree") -> Expression:
    """Reads a genotype.

    Args:
        inputs: Names of `INPUTS`: one for a linear structure, two for the others.
        operations: Indices into `UNARY` (the last of a tree into `BINARY`), nested according to the structure.
        structure: "tree", "linear" or "graph".

    Returns:
        The proxy as a SCALAR graph.

    Raises:
        RegistryError: If an input or the structure is unknown.
        KindError: If the operations do not fit the structure, or are undefined on their arguments.

    Example:
        >>> str(from_genotype(["t3g", "t2"], [[5, 10], [14, 6], 0]))
        'nodes_mean(add(mean_abs(zscore(input_grad)), mean(relu(sqrt(weight)))))'
        >>> str(from_genotype(["t2g"], [2, 9, 0, 19], "linear"))
        'nodes_mean(identity(log(mean(abs(weight_grad)))))'
    """
    if structure not in _STRUCTURES:
        raise RegistryError(f"Unknown structure '{structure}'. {suggestion(structure, _STRUCTURES)}")
    count, build = _STRUCTURES[structure]
    if isinstance(inputs, str) or len(inputs) != count:
        raise KindError(f"A {structure} has {count} input(s), not {inputs!r}.")
    return build([_input(name) for name in inputs], operations)


def _tree(inputs: Sequence[Expression], operations: Sequence[Any]) -> Expression:
    if len(operations) != 3 or not isinstance(operations[2], int):
        raise KindError(f"The operations of a tree are [[unary, ...], [unary, ...], binary], not {operations!r}.")
    if operations[2] not in range(len(BINARY)):
        raise KindError(f"There is no binary operation {operations[2]}; allowed are 0 to {len(BINARY) - 1}.")
    left, right = (_layer_mean(_chain(*each)) for each in zip(inputs, operations[:2], strict=True))
    name = BINARY[operations[2]]
    if name == "matmul":
        raise KindError("The matrix product (binary operation 3) of two numbers is undefined; the product is 2.")
    if left.kind == right.kind:
        return _apply("nodes_mean", _apply(name, left, right))
    if name == "mul":
        raise KindError(
            f"The product of {inputs[0]} and {inputs[1]} is undefined: they belong to different modules, so that their"
            " layers cannot be paired. Choose inputs of the same modules, or the sum (0) or the difference (1)."
        )
    return _apply(name, _apply("nodes_mean", left), _apply("nodes_mean", right))


def _linear(inputs: Sequence[Expression], operations: Sequence[Any]) -> Expression:
    return _apply("nodes_mean", _layer_mean(_chain(inputs[0], operations)))


def _graph(inputs: Sequence[Expression], operations: Sequence[Any]) -> Expression:
    states = list(inputs)
    if not operations:
        raise KindError("A graph has no states; give at least one.")
    for number, edges in enumerate(operations, start=1):
        if not isinstance(edges, Sequence) or len(edges) != len(states):
            raise KindError(f"State {number} of a graph needs {len(states)} unary operations, not {edges!r}.")
        states.append(_sum([_unary(state, index) for state, index in zip(states, edges, strict=True)]))
    return _sum([_apply("nodes_mean", _layer_mean(state)) for state in states[2:]])


_STRUCTURES = {"tree": (2, _tree), "linear": (1, _linear), "graph": (2, _graph)}


def _input(name: str) -> Expression:
    if name not in INPUTS:
        raise RegistryError(f"Unknown input '{name}'. {suggestion(name, INPUTS)}")
    return Expression(STATISTICS[INPUTS[name]])


def _chain(value: Expression, indices: Any) -> Expression:
    if not isinstance(indices, Sequence) or not indices:
        raise KindError(f"A list of indices of unary operations is needed, not {indices!r}.")
    for index in indices:
        value = _unary(value, index)
    return value


def _unary(value: Expression, index: Any) -> Expression:
    if not isinstance(index, int) or index not in range(len(UNARY)):
        raise KindError(f"There is no unary operation {index!r}; allowed are 0 to {len(UNARY) - 1}.")
    name = UNARY[index]
    if value.kind.level is Level.NODE:
        if name in _CONSTANT_OF_ONE_NUMBER:
            raise KindError(
                f"'{name}' (unary operation {index}) of {value}, one number per layer, is constant. Choose another one."
            )
        name = _OF_ONE_NUMBER.get(name, name)
    return _apply(name, value)


def _layer_mean(value: Expression) -> Expression:
    return _apply("mean", value) if value.kind.level is Level.TENSOR else value


def _sum(terms: Sequence[Expression]) -> Expression:
    total = terms[0]
    for term in terms[1:]:
        total = _apply("add", total, term)
    return total


def _apply(name: str, *arguments: Expression) -> Expression:
    return Expression(find_primitive(name, arguments[0].kind.level), arguments)
