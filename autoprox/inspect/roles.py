"""Roles of nodes that no one declared, told from what the network does and how it is built."""

import re
from collections.abc import Iterable
from functools import cache

from torch import nn

from autoprox.inspect._flow import marked, reads_images, touches_images
from autoprox.inspect.calls import Flow, Step
from autoprox.inspect.nodes import Role, Site, declared_roles

_ATTENTION_NAME = re.compile(r"\w*(Attention|Attn)")
_POOL_NAME = re.compile(r"\w*(Merging|Downsample|Downsampling|Downsampler|Pool|Pooling)(Layer|2d)?")


def found_roles(network: nn.Module, flow: Flow) -> dict[str, Role | None]:
    """The role of every node that a forward pass met; None where no rule tells it.

    A declared role (`autoprox.inspect.nodes.declare`) always counts. For other **linear** nodes, the first rule that
    applies:

    1. HEAD: the classifier, that is the linear node behind which nothing linear comes before the output (there may be
       several, as in DeiT), and what lies in the largest module around it that holds neither attention nor the patch
       embedding.
    2. EMBED: the linear node that the images enter, and what lies in the largest module around it that holds neither
       attention nor classifier. Networks without attention have none such larger modules, here and in rule 1.
    3. ATTENTION: what lies in a module whose class is called `...Attention` or `...Attn`, or in the module whose
       forward pass computes the attention, if that holds no activation function; and, wherever they lie, projections:
       linear nodes behind which nothing linear comes before queries, keys or values, and those that read nothing but
       the result of an attention.
    4. POOL: what lies in a module without attention whose class is called `...Merging`, `...Downsample` or
       `...Pool(ing)`, and a convolution with a stride.
    5. OTHER: what depends on no image: it reads constants and parameters alone, such as the coordinates of which a
       position bias is made, or other such nodes.
    6. MLP: any other.

    A **normalisation** inside the modules of rules 1 to 4 has their role; any other has that of the first linear node
    that reads what it gives, so that the norm before an attention belongs to the attention, and is HEAD if only the
    output does. An **activation** likewise, but first of all it belongs to the linear nodes that it is applied to, if
    these agree. **Attention** probabilities are ATTENTION.

    No rule tells the role of a linear node that reads what came out of a function of which torch does not say what went
    in (a custom kernel), nor that of another node whose result no linear node and not the output reads. A graph
    that selects by role has to have it declared.

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
    """Name of the first module that is called an attention, holds weights, and shows no probabilities.

    Args:
        network: The network.
        paths: Where attention probabilities were found: modules, or those whose forward pass computes them.

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
        # The part of a network by which its attention is known: the module itself, or the one that calls the function.
        self._attention = [_caller(step) for step in steps if step.site is Site.ATTENTION]
        self._attention += _attention_modules(network)
        entries = [step.name for step in self._linear if reads_images(step)]
        classifiers = marked(flow.gives, Site.LINEAR)
        if len(classifiers) > 1 and classifiers & set(entries):
            classifiers = frozenset()  # The output is a sum of everything: there is no classifier.
        self._embedding = [name for name in entries if name not in classifiers]
        self._areas = self._all_areas(sorted(classifiers))
        self._ends = dict.fromkeys(self._embedding, Role.EMBED) | dict.fromkeys(classifiers, Role.HEAD)
        self._found: dict[str, Role | None] = {}

    def all(self) -> dict[str, Role | None]:
        """The role of every node, in the order of the flow."""
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
        """Modules of which everything has one role, the stronger rule first."""
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
        """The largest module around a node that holds neither attention nor any of the others; empty without one.

        It is no larger than the node where the network has no attention.
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
        """Whether it gives queries, keys or values, or reads the result of an attention and nothing else."""
        stream = set(self._embedding) | {name for name, role in self._found.items() if role is Role.POOL}
        for each in self._flow.steps.values():
            for operand in each.operands:
                # Where the embedding is in it too, it is the sum of all that came before, without a projection.
                linear = marked(operand, Site.LINEAR)
                if step.name in linear and not linear & stream:
                    return True
        before = marked(step.reads, Site.LINEAR)
        return bool(marked(step.reads, Site.ATTENTION)) and all(
            self._found.get(name) is Role.ATTENTION for name in before
        )

    def _neighbour(self, step: Step) -> Role | None:
        """The role of the linear nodes that an activation is applied to, or of the first one that reads the node."""
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
    """The module that computes an attention: of a softmax module, the one that holds it."""
    return step.path if step.call is not None else step.path.rpartition(".")[0]


def _attention_modules(network: nn.Module) -> list[str]:
    """Names of modules that are called an attention and lie in none such; the network itself was not."""
    found: list[str] = []
    for name, module in network.named_modules():
        if name and _is_attention(type(module).__name__) and not any(_within(name, other) for other in found):
            found.append(name)
    return found


@cache
def _is_attention(class_name: str) -> bool:
    return _ATTENTION_NAME.fullmatch(class_name) is not None


def _holds(area: str, paths: Iterable[str]) -> bool:
    """Whether any of the modules lies in another or is it."""
    return any(_within(path, area) for path in paths)


def _within(path: str, area: str) -> bool:
    """Whether a module lies in another or is it."""
    return not area or path == area or path.startswith(f"{area}.")
