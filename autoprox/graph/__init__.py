"""The proxy language: kinds, primitives, graphs, their text, and their evaluation over many networks.

- `kinds`: TENSOR, NODE, SCALAR
- `operations`, `moments`, `tensors`, `spectra`, `nodes`, `segments`: the arithmetic
- `primitives`, `laws`, `registration`, `catalogue`: the arithmetic with names, kinds, guards and costs
- `expression`, `text`: the graph, `parse` and `formula`
- `networks`, `collect`: TENSOR to NODE over many networks, cached
- `evaluate`: NODE to SCALAR, array arithmetic
- `simplify`, `fingerprints`: graphs, and score vectors, that rank alike
- `judging`, `problem`: scores against the blocks of a table
- `scorer`: what everything that scores networks has in common
- `proxy`: a graph with a sign and a provenance, as it leaves the laboratory
- `export`: a proxy as a Python file, a formula, a drawing
"""

from autoprox.graph import catalogue as _catalogue  # noqa: F401 - registers the primitives
from autoprox.graph.collect import Leaves, collect_leaves, evaluate_leaves, leaves_of
from autoprox.graph.evaluate import Evaluator, LeafTable
from autoprox.graph.expression import Expression, is_node_leaf, merge
from autoprox.graph.fingerprints import rank_fingerprints
from autoprox.graph.judging import BlockVerdict, Judge, Verdict, finite_or_none
from autoprox.graph.kinds import Kind, Level
from autoprox.graph.networks import Network, alike, count_scores
from autoprox.graph.primitives import PRIMITIVES, Cost, Form, Primitive, find_primitive
from autoprox.graph.problem import Problem, statistics_of
from autoprox.graph.proxy import Proxy
from autoprox.graph.registration import register
from autoprox.graph.scorer import LeafScorer, Requirements, Scorer
from autoprox.graph.simplify import Simplified, is_nonnegative, simplify
from autoprox.graph.text import formula, parse

__all__ = [
    "PRIMITIVES",
    "BlockVerdict",
    "Cost",
    "Evaluator",
    "Expression",
    "Form",
    "Judge",
    "Kind",
    "LeafScorer",
    "LeafTable",
    "Leaves",
    "Level",
    "Network",
    "Primitive",
    "Problem",
    "Proxy",
    "Requirements",
    "Scorer",
    "Simplified",
    "Verdict",
    "alike",
    "collect_leaves",
    "count_scores",
    "evaluate_leaves",
    "find_primitive",
    "finite_or_none",
    "formula",
    "is_node_leaf",
    "is_nonnegative",
    "leaves_of",
    "merge",
    "parse",
    "rank_fingerprints",
    "register",
    "simplify",
    "statistics_of",
]
