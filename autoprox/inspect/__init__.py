"""Structure of any module: nodes, their roles, the flow between them, and preservation of the module.

nodes.py         nodes, with their sites and roles
calls.py         nodes that a forward pass calls, in order
_flow.py         the inputs of each node
functions.py     attention, activations and linear maps in functional form
roles.py         roles of undeclared nodes, derived from the flow
batch.py         checks of images and labels
_support.py      networks that are refused because a part cannot be inspected
_snapshot.py     all state of modules and their hooks
preservation.py  bit-exact restoration of a model
finding.py       the nodes of any `nn.Module`
"""

from autoprox.inspect.finding import describe, find_nodes
from autoprox.inspect.nodes import Node, Role, Site, declare

__all__ = ["Node", "Role", "Site", "declare", "describe", "find_nodes"]
