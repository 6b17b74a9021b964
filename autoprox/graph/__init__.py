"""The proxy language: kinds, primitives, graphs, their text, and their evaluation over many networks.

- `kinds`: TENSOR, NODE, SCALAR
- `operations`, `_tensor_operations`, `_spectral_operations`, `_node_operations`, `_moments`, `_segments`: arithmetic
- `_primitives`, `_laws`, `_registration`, `_catalogue`: operations with names, kinds, guards and complexities
- `_expression`, `_text`: the graph, `parse` and `formula`
- `collect`: TENSOR to NODE over many networks, cached
- `_evaluation`: NODE to SCALAR, array arithmetic
- `_literal`, `_weighted`: constants and weighted sums
- `simplify`, `_value_rules`, `_fingerprints`: equivalent graphs, and score vectors with the same ranking
- `_proxy`: a graph with a sign and a provenance
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
