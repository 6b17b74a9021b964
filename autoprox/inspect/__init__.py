"""Structure of any module: nodes, their roles, the flow between them, and leaving the module as it was.

nodes.py          what a node is, and which role it plays
calls.py          nodes that a forward pass calls, in their order
_flow.py          what each of them reads
functions.py      attention, activations and linear maps in functional form
roles.py          roles that no one declared, from the flow
batch.py          the checks of images and labels
_support.py       networks of which a part cannot be seen
_hidden.py        what modules hold beside parameters and buffers
preservation.py   the model afterwards is the model before, to the bit
finding.py        the nodes of any `nn.Module`
"""

from autoprox.inspect.finding import describe, find_nodes
from autoprox.inspect.nodes import Node, Role, Site, declare

__all__ = ["Node", "Role", "Site", "declare", "describe", "find_nodes"]
