"""The proxy language: kinds, primitives, graphs, their text, and their evaluation over many networks.

- `kinds`: TENSOR, NODE, SCALAR
- `operations`, `tensor_operations`, `spectral_operations`, `node_operations`, `moments`, `segments`: the arithmetic
- `primitives`, `laws`, `registration`, `catalogue`: the arithmetic with names, kinds, guards and complexities
- `expression`, `text`: the graph, `parse` and `formula`
- `collect`: TENSOR to NODE over many networks, cached
- `evaluation`: NODE to SCALAR, array arithmetic
- `literal`, `weighted`: constants, and the weighted sums that are made of them
- `simplify`, `value_rules`, `fingerprints`: graphs, and score vectors, that rank alike
- `proxy`: a graph with a sign and a provenance, as it leaves the laboratory
- `export`: a proxy as a Python file, a formula, a drawing
"""

from autoprox.graph import _catalogue  # noqa: F401 - registers the primitives
from autoprox.graph._evaluation import Evaluator, LeafTable
from autoprox.graph._expression import Expression, is_node_leaf, merge
from autoprox.graph._fingerprints import rank_fingerprints
from autoprox.graph._kinds import Kind, Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import PRIMITIVES, Complexity, Form, Primitive, find_primitive
from autoprox.graph._proxy import Proxy
from autoprox.graph._registration import register
from autoprox.graph._text import formula, parse
from autoprox.graph._value_rules import is_nonnegative
from autoprox.graph._weighted import weighted_sum, weighted_terms
from autoprox.graph.collect import Leaves, collect_leaves, collect_leaves_or_reasons, evaluate_leaves, leaves_of
from autoprox.graph.simplify import Simplified, simplify

__all__ = [
    "PRIMITIVES",
    "Complexity",
    "Evaluator",
    "Expression",
    "Form",
    "Kind",
    "LeafTable",
    "Leaves",
    "Level",
    "Literal",
    "Primitive",
    "Proxy",
    "Simplified",
    "collect_leaves",
    "collect_leaves_or_reasons",
    "evaluate_leaves",
    "find_primitive",
    "formula",
    "is_node_leaf",
    "is_nonnegative",
    "leaves_of",
    "merge",
    "parse",
    "rank_fingerprints",
    "register",
    "simplify",
    "weighted_sum",
    "weighted_terms",
]
