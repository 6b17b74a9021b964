"""Roles of undeclared nodes, derived from the computation and the structure of a network."""

import re
from collections.abc import Iterable
from functools import cache

from torch import nn

from autoprox.inspect._flow import Flow, Step, marked, reads_images, touches_images
from autoprox.inspect.nodes import Role, Site, declared_roles

_ATTENTION_NAME = re.compile(r"\w*(Attention|Attn)")
_POOL_NAME = re.compile(r"\w*(Merging|Downsample|Downsampling|Downsampler|Pool|Pooling)(Layer|2d)?")


def found_roles(network: nn.Module, flow: Flow) -> dict[str, Role | None]:
    """Returns the role of every node in a forward pass; None if no rule applies.

    A declared role (`autoprox.inspect.nodes.declare`) takes precedence. For other **linear** nodes, the first rule that
    applies is used:

    1. HEAD: the classifier, that is the last linear node before the output (there may be several, as in DeiT), and all
       nodes in the largest module around it that contains neither attention nor the patch embedding.
    2. EMBED: the linear node that reads the images, and all nodes in the largest module around it that contains neither
       attention nor classifier. Networks without attention have no such larger modules, here and in rule 1.
    3. ATTENTION: nodes in a module with a class name `...Attention` or `...Attn`, or in the module that computes
       attention in its forward pass, if it contains no activation function. Also projections in any place: the last
       linear node before queries, keys or values, and linear nodes that read only the result of attention.
    4. POOL: nodes in a module without attention with a class name `...Merging`, `...Downsample` or `...Pool(ing)`, and
       a convolution with a stride.
    5. OTHER: nodes that do not depend on images: they read only constants and parameters, such as the coordinates for a
       position bias, or other such nodes.
    6. MLP: any other node.

    A **normalisation** inside the modules of rules 1 to 4 has their role. Any other has the role of the first linear
    node that reads its output, so that the norm before attention belongs to attention; it is HEAD if only the output of
    the network reads it. An **activation** first takes the role of the linear nodes that it is applied to, if they
    agree, and otherwise follows the same rules. **Attention** probabilities are ATTENTION.

    No rule applies to a linear node that reads the output of a function with inputs unknown to torch (a custom kernel),
    or to another node with an output that neither a linear node nor the output of the network reads. A graph that
    selects by role requires that such roles are declared.

    Example:
        >>> import torch
        >>> from autoprox.inspect._flow import trace
        >>> network = nn.Sequential(
        ...     nn.Flatten(), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 2)
        ... )
        >>> flow = trace(network, torch.ones(1, 1, 2, 2), lambda output: output)
        >>> {name: role.value for name, role in found_roles(network, flow).items()}
        {'1': 'embed', '2': 'mlp', '3': 'mlp', '4': 'mlp', '5': 'head'}
    """
    return _Roles(network, flow).all()


def hidden_attention(network: nn.Module, paths: Iterable[str]) -> str | None:
    """Returns the first module that is named attention, has weights, and shows no probabilities; or None.

    Args:
        network: The network.
        paths: Names of modules that are, or compute, attention probabilities.

    Example:
        >>> hidden_attention(nn.Sequential(nn.MultiheadAttention(4, 2)), []), hidden_attention(nn.Linear(2, 2), [])
        ('0', None)
    """
    seen = list(paths)
    unseen = [name for name in _attention_modules(network) if not _holds(name, seen)]
    roles = declared_roles(network) if unseen else {}
    for name in unseen:
        weights = any(True for _ in network.get_submodule(name).parameters())
        if weights and roles[name] in (None, Role.ATTENTION):
            return name
    return None


class _Roles:
    """Applies the rules to one forward pass.

    Args:
        network: The network.
        flow: Its forward pass.
    """

    def __init__(self, network: nn.Module, flow: Flow) -> None:
        self._network = network
        self._flow = flow
        self._declared = declared_roles(network)
        steps = flow.steps.values()
        self._linear = [step for step in steps if step.site is Site.LINEAR]
        # Modules that contain attention: the attention module itself, or the module that calls the function.
        self._attention = [_caller(step) for step in steps if step.site is Site.ATTENTION]
        self._attention += _attention_modules(network)
        entries = [step.name for step in self._linear if reads_images(step)]
        classifiers = marked(flow.gives, Site.LINEAR)
        if len(classifiers) > 1 and classifiers & set(entries):
            classifiers = frozenset()  # The output is a sum of all layers, so there is no classifier.
        self._embedding = [name for name in entries if name not in classifiers]
        self._areas = self._all_areas(sorted(classifiers))
        self._ends = dict.fromkeys(self._embedding, Role.EMBED) | dict.fromkeys(classifiers, Role.HEAD)
        self._found: dict[str, Role | None] = {}

    def all(self) -> dict[str, Role | None]:
        """Returns the role of every node, in the order of the flow."""
        for step in self._linear:
            self._found[step.name] = self._declared_role(step) or self._linear_role(step)
        return {step.name: self._role(step) for step in self._flow.steps.values()}

    def _role(self, step: Step) -> Role | None:
        if step.name in self._found:
            return self._found[step.name]
        declared = self._declared_role(step)
        if declared is not None or step.site is Site.ATTENTION:
            return declared or Role.ATTENTION
        return self._area(step) or self._neighbour(step)

    def _declared_role(self, step: Step) -> Role | None:
        return self._declared[step.path]

    def _all_areas(self, classifiers: list[str]) -> list[tuple[str, Role]]:
        """Returns modules with a single role, in the order of the rules."""
        areas = [(self._widened(name, self._embedding), Role.HEAD) for name in classifiers]
        areas += [(self._widened(name, classifiers), Role.EMBED) for name in self._embedding]
        activations = [step.path for step in self._flow.steps.values() if step.site is Site.ACTIVATION]
        ends = [self._flow.steps[name].path for name in (*classifiers, *self._embedding)]
        areas += [(name, Role.ATTENTION) for name in _attention_modules(self._network)]
        areas += [(name, Role.ATTENTION) for name in self._attention if not _holds(name, [*activations, *ends])]
        areas += [
            (name, Role.POOL)
            for name, module in self._network.named_modules()
            if _POOL_NAME.fullmatch(type(module).__name__) and not _holds(name, self._attention)
        ]
        return [(name, role) for name, role in areas if name]

    def _widened(self, name: str, others: Iterable[str]) -> str:
        """Returns the largest module around a node that contains neither attention nor any of the others.

        It is empty if there is no such module. In a network without attention it is the node itself.
        """
        stops = [*self._attention, *(self._flow.steps[other].path for other in others)]
        path = self._flow.steps[name].path
        if _holds(path, stops):
            return ""
        while self._attention and (above := path.rpartition(".")[0]) and not _holds(above, stops):
            path = above
        return path

    def _area(self, step: Step) -> Role | None:
        return next((role for name, role in self._areas if _within(step.path, name)), None)

    def _linear_role(self, step: Step) -> Role | None:
        area = self._ends.get(step.name) or self._area(step)
        if area in (Role.HEAD, Role.EMBED, Role.ATTENTION):
            return area
        if self._is_projection(step):
            return Role.ATTENTION
        stride = getattr(step.module, "stride", ())
        if area is Role.POOL or (isinstance(stride, tuple) and any(each > 1 for each in stride)):
            return Role.POOL
        if step.unseen:
            return None
        before = marked(step.reads, Site.LINEAR)
        varies = any(self._found.get(name) is not Role.OTHER for name in before)
        if varies or touches_images(step) or marked(step.reads, Site.ATTENTION):
            return Role.MLP
        return Role.OTHER

    def _is_projection(self, step: Step) -> bool:
        """True if a node gives queries, keys or values, or reads only the result of attention."""
        stream = set(self._embedding) | {name for name, role in self._found.items() if role is Role.POOL}
        for each in self._flow.steps.values():
            for operand in each.operands:
                # An operand that includes the embedding is the residual stream itself, without a projection.
                linear = marked(operand, Site.LINEAR)
                if step.name in linear and not linear & stream:
                    return True
        before = marked(step.reads, Site.LINEAR)
        return bool(marked(step.reads, Site.ATTENTION)) and all(
            self._found.get(name) is Role.ATTENTION for name in before
        )

    def _neighbour(self, step: Step) -> Role | None:
        """Returns the role of the linear nodes before an activation, or of the first linear node that reads a node."""
        if step.site is Site.ACTIVATION:
            applied = {self._found.get(name) for name in marked(step.reads, Site.LINEAR)}
            if len(applied) == 1:
                return applied.pop()
        mark = (step.site, step.name)
        for each in self._linear:
            if mark in each.reads:
                return self._found[each.name]
        return Role.HEAD if mark in self._flow.gives else None


def _caller(step: Step) -> str:
    """Returns the module that computes attention; for a softmax module, its parent."""
    return step.path.rpartition(".")[0] if step.whole else step.path


def _attention_modules(network: nn.Module) -> list[str]:
    """Returns names of modules that are named attention and not inside another one; the network itself is excluded."""
    found: list[str] = []
    for name, module in network.named_modules():
        if name and _is_attention(type(module).__name__) and not any(_within(name, other) for other in found):
            found.append(name)
    return found


@cache
def _is_attention(class_name: str) -> bool:
    return _ATTENTION_NAME.fullmatch(class_name) is not None


def _holds(area: str, paths: Iterable[str]) -> bool:
    """True if any of the modules is inside a module or is that module."""
    return any(_within(path, area) for path in paths)


def _within(path: str, area: str) -> bool:
    """True if a module is inside another or is the same."""
    return not area or path == area or path.startswith(f"{area}.")
