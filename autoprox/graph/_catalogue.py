"""Catalogue of primitives.

To add one, write its function in `operations` (element-wise, at every level), `_tensor_operations`,
`_spectral_operations` (the tensor of one node) or `_node_operations` (all nodes of an architecture), and register it
here with its guard, its complexity and its laws; tests/conformance/test_primitives.py covers it automatically.
"""

from collections.abc import Callable
from typing import Any

from autoprox.graph import _node_operations as nodes
from autoprox.graph import _spectral_operations as spectra
from autoprox.graph import _tensor_operations as tensors
from autoprox.graph import operations
from autoprox.graph._kinds import Level
from autoprox.graph._laws import NO_LAWS, Laws, Parity, Positivity
from autoprox.graph._primitives import Complexity, Form, Primitive
from autoprox.graph._registration import register
from autoprox.inspect.nodes import Role

_Entry = tuple[str, Callable[..., Any], str, Laws]

_ODD, _EVEN, _ABSOLUTE, _MIRRORED = Parity.ODD, Parity.EVEN, Parity.ABSOLUTE, Parity.MIRRORED
_KEPT, _ALWAYS = Positivity.KEPT, Positivity.ALWAYS

_EVERYWHERE = frozenset(Level)
# Levels of primitives that are meaningful only at some of them.
_LEVELS = {
    "div": frozenset({Level.NODE, Level.SCALAR}),
    "sign": frozenset({Level.TENSOR}),
    "heaviside": frozenset({Level.TENSOR}),
    "relu": frozenset({Level.TENSOR, Level.NODE}),
}
# Sampling weights. The published list draws identity twice as often as the rest; it changes nothing, so here it exists
# only for genotypes (weight 0).
_WEIGHTS = {
    "identity": 0.0,
    "heaviside": 0.5,
    "matmul": 0.5,
    "gram": 0.25,
    "sign_agreement": 0.5,
    "cosine": 0.5,
    "nuclear": 0.25,
    "spectral": 0.25,
    "effective_rank": 0.25,
    "stable_rank": 0.25,
    "condition": 0.25,
    "logdet": 0.25,
}

# For tensors eps is 1e-9: a divisor of 1e-9 gives half of the quotient, 1e-8 gives 99 %, and 3e-6 all of it in float32.
_SMOOTH = "0 where the divisor is 0; near it less than the quotient, by a share of 1 / (1 + (divisor / eps)**2)"

_MAPS: tuple[_Entry, ...] = (
    ("log", operations.log, "ln(eps) at 0 and below", NO_LAWS),
    ("logabs", operations.logabs, "ln(eps) at 0", Laws(_ABSOLUTE)),
    ("abs", operations.absolute, "", Laws(_ABSOLUTE, positivity=_ALWAYS, idempotent=True)),
    ("square", operations.square, "", Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("exp", operations.exp, "e**30 above 30", Laws(positivity=_ALWAYS)),
    ("relu", operations.relu, "", Laws(positivity=_ALWAYS, idempotent=True)),
    ("reciprocal", operations.reciprocal, _SMOOTH, Laws(_ODD, positivity=_KEPT)),
    ("sigmoid", operations.sigmoid, "", Laws(positivity=_ALWAYS)),
    ("tanh", operations.tanh, "", Laws(_ODD, positivity=_KEPT)),
    ("sqrt", operations.sqrt, "0 below 0", Laws(positivity=_ALWAYS)),
    ("neg", operations.negative, "", Laws(_ODD)),
    ("sign", operations.sign, "0 at 0", Laws(_ODD, positivity=_KEPT, idempotent=True)),
    ("identity", operations.identity, "", Laws(_ODD, positivity=_KEPT, idempotent=True)),
    ("heaviside", operations.heaviside, "0 at 0", Laws(positivity=_ALWAYS, idempotent=True)),
)
_PAIRS: tuple[_Entry, ...] = (
    ("add", operations.add, "", Laws(_ODD, positivity=_KEPT)),
    ("sub", operations.subtract, "", Laws(_ODD)),
    ("mul", operations.multiply, "", Laws(_EVEN, odd_in_each=True, positivity=_KEPT)),
    ("div", operations.divide, _SMOOTH, Laws(_EVEN, odd_in_each=True, positivity=_KEPT)),
    ("maximum", operations.maximum, "", Laws(_MIRRORED, "minimum", positivity=_KEPT, lattice=True)),
    ("minimum", operations.minimum, "", Laws(_MIRRORED, "maximum", positivity=_KEPT, lattice=True)),
)
_COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "sign_agreement", "cosine"})

_TENSOR_MAPS: tuple[_Entry, ...] = (
    ("zscore", tensors.zscore, "0 for a constant tensor", Laws(_ODD)),
    ("minmax", tensors.minmax, "0 for a constant tensor", Laws(positivity=_ALWAYS)),
    ("softmax", tensors.softmax, "", Laws(positivity=_ALWAYS)),
    ("log_softmax", tensors.log_softmax, "", NO_LAWS),
)
_REDUCTIONS: tuple[_Entry, ...] = (
    ("sum", tensors.reduce_sum, "", Laws(_ODD, positivity=_KEPT)),
    ("mean", tensors.reduce_mean, "", Laws(_ODD, positivity=_KEPT)),
    ("mean_abs", tensors.reduce_mean_abs, "", Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("l1", tensors.reduce_l1, "", Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("frobenius", tensors.reduce_frobenius, "", Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("std", tensors.reduce_std, "0 for equal elements", Laws(_EVEN, positivity=_ALWAYS)),
    ("max", tensors.reduce_max, "", Laws(_MIRRORED, "min", positivity=_KEPT)),
    ("min", tensors.reduce_min, "", Laws(_MIRRORED, "max", positivity=_KEPT)),
    ("positive_share", tensors.reduce_positive_share, "", Laws(positivity=_ALWAYS)),
    ("mean_log", tensors.reduce_mean_log, "ln(eps) for an element that is 0", Laws(_ABSOLUTE)),
    ("entropy", tensors.reduce_entropy, "0 for a tensor of zeros", Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("skewness", tensors.reduce_skewness, "0 for a constant tensor", Laws(_ODD)),
    ("kurtosis", tensors.reduce_kurtosis, "0 for a constant tensor", Laws(_EVEN, positivity=_ALWAYS)),
)
_SPECTRA: tuple[_Entry, ...] = (
    ("nuclear", spectra.reduce_nuclear, "", Laws(_EVEN, positivity=_ALWAYS)),
    ("spectral", spectra.reduce_spectral, "", Laws(_EVEN, positivity=_ALWAYS)),
    ("effective_rank", spectra.reduce_effective_rank, "0 for a zero matrix", Laws(_EVEN, positivity=_ALWAYS)),
    ("stable_rank", spectra.reduce_stable_rank, "0 for a zero matrix", Laws(_EVEN, positivity=_ALWAYS)),
    ("condition", spectra.reduce_condition, "1e6 where it is larger", Laws(_EVEN, positivity=_ALWAYS)),
    ("logdet", spectra.reduce_logdet, "a ridge on the Gram matrix", Laws(_EVEN)),
)
_COMPARISONS: tuple[_Entry, ...] = (
    ("sign_agreement", tensors.compare_signs, "", Laws(_EVEN, positivity=_ALWAYS)),
    ("cosine", tensors.compare_cosine, "0 where a tensor is all zeros", Laws(_EVEN, odd_in_each=True)),
)
_NODE_MAPS: tuple[_Entry, ...] = (
    ("zscore", nodes.node_zscore, "0 where all nodes are alike", Laws(_ODD)),
    ("minmax", nodes.node_minmax, "0 where all nodes are alike", Laws(positivity=_ALWAYS)),
    ("share", nodes.node_share, "0 where all nodes are 0", Laws(_ODD, positivity=_KEPT)),
    ("rank", nodes.node_rank, "", Laws(positivity=_ALWAYS, idempotent=True)),
    ("deep", nodes.node_deep, "", Laws(_ODD, positivity=_KEPT, pointwise=True)),
    ("shallow", nodes.node_shallow, "", Laws(_ODD, positivity=_KEPT, pointwise=True)),
    ("sine", nodes.node_sine, "", Laws(_ODD, positivity=_KEPT)),
)
_NO_NODE = "NaN for an architecture without such a node"
_AGGREGATORS: tuple[_Entry, ...] = (
    ("nodes_sum", nodes.nodes_sum, _NO_NODE, Laws(_ODD, positivity=_KEPT)),
    ("nodes_mean", nodes.nodes_mean, _NO_NODE, Laws(_ODD, positivity=_KEPT)),
    ("nodes_max", nodes.nodes_max, _NO_NODE, Laws(_MIRRORED, "nodes_min", positivity=_KEPT)),
    ("nodes_min", nodes.nodes_min, _NO_NODE, Laws(_MIRRORED, "nodes_max", positivity=_KEPT)),
    ("nodes_std", nodes.nodes_std, _NO_NODE, Laws(_EVEN, positivity=_ALWAYS)),
    ("nodes_logsum", nodes.nodes_logsum, f"ln(eps) for a node that is 0; {_NO_NODE}", Laws(_ABSOLUTE)),
    ("nodes_norm", nodes.nodes_norm, _NO_NODE, Laws(_ABSOLUTE, positivity=_ALWAYS)),
    ("nodes_first", nodes.nodes_first, _NO_NODE, Laws(_ODD, positivity=_KEPT)),
    ("nodes_last", nodes.nodes_last, _NO_NODE, Laws(_ODD, positivity=_KEPT)),
)
_BODY = frozenset({Role.ATTENTION, Role.MIXER, Role.MLP, Role.POOL})
_SELECTORS = {
    "only_attention": frozenset({Role.ATTENTION}),
    "only_mlp": frozenset({Role.MLP}),
    "only_body": _BODY,
    "only_ends": frozenset({Role.EMBED, Role.HEAD}),
}


def _add(
    level: Level,
    form: Form,
    rows: tuple[_Entry, ...],
    complexity: Complexity = Complexity.LINEAR,
    *,
    segmental: bool = False,
) -> None:
    """Registers rows of one table at one level."""
    for name, function, guard, laws in rows:
        if level in _LEVELS.get(name, _EVERYWHERE):
            register(
                Primitive(
                    name,
                    level,
                    form,
                    function,
                    guard,
                    complexity,
                    laws,
                    commutative=name in _COMMUTATIVE,
                    segmental=segmental,
                    weight=_WEIGHTS.get(name, 1.0),
                )
            )


for _level in Level:
    _add(_level, Form.MAP, _MAPS)
    _add(_level, Form.PAIR, _PAIRS)
_add(Level.TENSOR, Form.MAP, _TENSOR_MAPS)
_add(
    Level.TENSOR,
    Form.PRODUCT,
    (("matmul", tensors.matrix_product, "", Laws(_EVEN, odd_in_each=True)),),
    Complexity.PRODUCT,
)
_add(Level.TENSOR, Form.GRAM, (("gram", tensors.gram, "", Laws(_EVEN)),), Complexity.PRODUCT)
_add(Level.TENSOR, Form.REDUCE, _REDUCTIONS)
_add(Level.TENSOR, Form.REDUCE, _SPECTRA, Complexity.SPECTRAL)
_add(Level.TENSOR, Form.COMPARE, _COMPARISONS)
_add(Level.NODE, Form.MAP, _NODE_MAPS, segmental=True)
for _name, _roles in _SELECTORS.items():
    register(
        Primitive(
            _name,
            Level.NODE,
            Form.SELECT,
            operations.identity,
            laws=Laws(_ODD, positivity=_KEPT, idempotent=True),
            roles=_roles,
        )
    )
_add(Level.NODE, Form.AGGREGATE, _AGGREGATORS, segmental=True)
