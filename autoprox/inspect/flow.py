"""Data flow of a forward pass: which nodes it calls, in which order, and what each of them reads.

Every tensor carries marks of the nodes that it comes from. Most functions hand on the marks of what they take; the
output of a linear node has the mark of that node alone, so the marks of a tensor name the linear nodes that are nearest
behind it. Attention is known by what it is: a product of two computed tensors, its softmax, and the product of that,
perhaps after dropout or a mixing of heads, with values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from autoprox.inspect.functions import FUNCTION_SITES, FUSED_ATTENTION, CallMode, Function
from autoprox.inspect.nodes import Call, Site, declared_roles, site_of

_PRODUCTS = frozenset({"matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "einsum"})
_PRODUCT = "product"
_SOFTMAX = "softmax"
_IMAGES = "images"

Mark = tuple[str, str]
"""A site and the name of a node of it, or one of the three marks above and a name."""

Marks = frozenset[Mark]
NO_MARKS: Marks = frozenset()


@dataclass(slots=True)
class Step:
    """A node as the forward pass met it.

    Args:
        name: As in `autoprox.inspect.nodes.Node`.
        path: Name of the module that it is, or whose forward pass calls it.
        module: As in `Node`.
        site: What kind of node it is.
        call: As in `Node`; also for a module whose weight was used by a function, not by its own forward pass.
        reads: Marks of what it was applied to, over all its calls.
        operands: Of an attention, the marks of queries, keys and values.
        unseen: Whether it was applied to what depends on the images by ways that the marks do not show.
    """

    name: str
    path: str
    module: nn.Module
    site: Site
    call: Call | None
    reads: Marks = NO_MARKS
    operands: list[Marks] = field(default_factory=list)
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """A forward pass.

    Args:
        steps: Under its name, every node that was called, in the order of first calls; of softmaxes that were not
            declared, those alone whose result is multiplied with values.
        gives: Marks of the network's output.
    """

    steps: dict[str, Step]
    gives: Marks


def marked(marks: Marks, site: Site) -> frozenset[str]:
    """Names of the nodes of a site among marks.

    Example:
        >>> sorted(marked(frozenset({("linear", "fc"), ("norm", "ln")}), Site.LINEAR))
        ['fc']
    """
    return frozenset(name for kind, name in marks if kind == site)


def touches_images(step: Step) -> bool:
    """Whether something comes to the node from the images with nothing linear between."""
    return (_IMAGES, "") in step.reads


def reads_images(step: Step) -> bool:
    """Whether all that comes to the node comes so."""
    return touches_images(step) and not marked(step.reads, Site.LINEAR)


def trace(network: nn.Module, images: Tensor, output_of: Callable[[Any], Any]) -> Flow:
    """Runs a network once and notes what it does. Nothing is restored: see `autoprox.inspect.find_nodes`.

    Args:
        network: The network.
        images: What it takes.
        output_of: What of its output matters, the logits for instance.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 2))
        >>> flow = trace(network, torch.ones(1, 1, 2, 2), lambda output: output)
        >>> [(step.name, sorted(name for _, name in step.reads)) for step in flow.steps.values()]
        [('1', ['']), ('2', ['1']), ('3', ['1', '2'])]
    """
    return _Tracer(network).run(images, output_of)


class _Tracer:
    """Follows marks through one forward pass.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._names = {id(module): name for name, module in network.named_modules()}
        self._weights: dict[int, tuple[nn.Module, str]] = {}
        for module in network.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    self._weights.setdefault(id(parameter), (module, name))
        # Weak, for intermediate tensors are many and large; by identity, for tensors compare element by element.
        self._marks: Any = WeakTensorKeyDictionary()
        self._steps: dict[str, Step] = {}
        self._products: list[tuple[Marks, Marks]] = []
        self._confirmed: set[str] = set()
        self._images: Tensor | None = None

    def run(self, images: Tensor, output_of: Callable[[Any], Any]) -> Flow:
        mode = CallMode(self._network, self._function)
        if images.is_floating_point():
            self._images = images.detach().requires_grad_()
            images = self._images.clone()  # into which the network may write
        self._marks[images] = frozenset({(_IMAGES, "")})
        hooks = [
            module.register_forward_hook(self._module, with_kwargs=True)
            for module in self._network.modules()
            if site_of(module) is not None
        ]
        try:
            with mode.attached():
                output = self._network(images)
        finally:
            for hook in hooks:
                hook.remove()
        declared = declared_roles(self._network)
        for name, step in list(self._steps.items()):
            known = name in self._confirmed or (step.call is None and declared[name] is not None)
            if step.site is Site.ATTENTION and not known:
                del self._steps[name]
        return Flow(self._steps, self._marks_of(output_of(output)))

    def _module(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """After a module that is a node."""
        site, name = site_of(module), self._names[id(module)]
        assert site is not None
        step = self._steps.setdefault(name, Step(name, name, module, site, None))
        self._note(step, (args, kwargs), output)

    def _function(
        self, mode: CallMode, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function, and marks what it gives."""
        step = None if mode.closed or name not in FUNCTION_SITES else self._step(mode, name, args, kwargs)
        given = self._marks_of((args, kwargs))
        output = function(*args, **kwargs)
        if not torch.is_grad_enabled():
            # What comes out of a custom kernel is not known to come from what goes in.
            return output
        if name in _PRODUCTS:
            self._mark(output, self._product(name, args, kwargs))
        elif name == FUSED_ATTENTION and step is not None:
            step.operands += [self._marks_of(each) for each in [*args, *kwargs.values()][:3]]
            self._confirmed.add(step.name)
            self._mark(output, frozenset({(Site.ATTENTION, step.name)}))
        elif step is not None:
            self._note(step, (args[:1], kwargs.get("input")), output)
        elif name == "__setitem__":
            self._mark(args[0], given)
        else:
            self._mark(output, given)
        return output

    def _step(self, mode: CallMode, function: str, args: Any, kwargs: Any) -> Step | None:
        """The node that a call of a function is, if it is one."""
        site, owner = FUNCTION_SITES[function], mode.owner
        if site is Site.LINEAR:
            given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
            return self._weighted_step(function, given["weight"], given.get("bias"))
        index = mode.count(function)
        path = self._names[id(owner)]
        name = f"{path}:{function}" if index == 0 else f"{path}:{function}:{index + 1}"
        call = Call(self._network, owner, function, index)
        return self._steps.setdefault(name, Step(name, path, nn.Module(), site, call))

    def _weighted_step(self, function: str, weight: Any, bias: Any) -> Step | None:
        """The node whose weight a function is called with: a layer that was passed by, or a parameter of its own."""
        weight = whole(weight)
        if id(weight) not in self._weights:
            return None
        holder, attribute = self._weights[id(weight)]
        path = self._names[id(holder)]
        if site_of(holder) is Site.LINEAR and attribute == "weight":
            step = self._steps.setdefault(path, Step(path, path, holder, Site.LINEAR, None))
            step.call = Call(self._network, holder, function, 0, attribute)
            return step
        name = f"{path}.{attribute}" if path else attribute
        call = Call(self._network, holder, function, 0, attribute)
        return self._steps.setdefault(name, Step(name, path, stand_in(weight, bias), Site.LINEAR, call))

    def _note(self, step: Step, given: Any, output: Any) -> None:
        reads = self._marks_of(given)
        step.reads |= reads
        if not reads and self._images is not None:
            step.unseen |= any(_reaches(tensor, self._images) for tensor in _tensors(given))
        own: Marks = frozenset({(step.site, step.name)})
        if step.site is Site.LINEAR:
            # The mixing of heads is linear and lies between product, softmax and values.
            self._mark(output, own | {mark for mark in reads if mark[0] in (_PRODUCT, _SOFTMAX)})
        elif step.site is Site.ATTENTION:
            products = [self._products[int(name)] for kind, name in reads if kind == _PRODUCT]
            step.operands += [marks for pair in products for marks in pair]
            self._mark(output, frozenset({(_SOFTMAX, step.name)}) if products else reads)
        else:
            self._mark(output, reads | own)

    def _product(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Marks:
        """Marks of a matrix product: scores of keys for queries, values weighed by attention, or neither."""
        operands = list(_tensors((args[1:] if name == "baddbmm" else args, kwargs)))
        marks = [self._marks_of(each) for each in operands]
        union = NO_MARKS.union(*marks)
        if len(operands) != len(("left", "right")):
            return union
        for probabilities, values in (marks, reversed(marks)):
            weighing = [node for kind, node in probabilities if kind == _SOFTMAX and (kind, node) not in values]
            if weighing:
                self._confirmed.update(weighing)
                for node in weighing:
                    self._steps[node].operands.append(values)
                return frozenset((Site.ATTENTION, node) for node in weighing)
        if all(marks):
            self._products.append((marks[0], marks[1]))
            return union | {(_PRODUCT, str(len(self._products) - 1))}
        return union

    def _mark(self, output: Any, marks: Marks) -> None:
        for tensor in _tensors(output):
            if not isinstance(tensor, nn.Parameter):
                self._marks[tensor] = marks

    def _marks_of(self, values: Any) -> Marks:
        return NO_MARKS.union(*(self._marks.get(tensor, NO_MARKS) for tensor in _tensors(values)))


def _reaches(tensor: Tensor, leaf: Tensor) -> bool:
    """Whether a gradient at a tensor flows on to a leaf, also through functions that torch does not override."""
    seen: set[Any] = {None}
    pending = [tensor.grad_fn]
    while pending:
        node: Any = pending.pop()
        if node not in seen:
            seen.add(node)
            if getattr(node, "variable", None) is leaf:
                return True
            pending.extend(before for before, _ in node.next_functions)
    return False


def whole(weight: Tensor) -> Tensor:
    """The parameter that a weight is, or is a part of: torch's cross-attention uses its one projection in parts.

    Example:
        >>> weight = nn.Linear(2, 6).weight
        >>> whole(weight.split(2)[0]) is whole(weight) is weight
        True
    """
    base = weight._base
    return base if isinstance(base, nn.Parameter) else weight


def stand_in(weight: nn.Parameter, bias: Any) -> nn.Module:
    """A module that is no part of the network, with the parameters that a function is called with.

    Args:
        weight: The parameter, which the module shares.
        bias: A parameter, which it shares; a part of one, of which it has a view; or None.

    Example:
        >>> attention = nn.MultiheadAttention(4, 2)
        >>> module = stand_in(attention.in_proj_weight, attention.in_proj_bias)
        >>> [(name, tuple(held.shape)) for name, held in module.named_parameters()]
        [('weight', (12, 4)), ('bias', (12,))]
    """
    module = nn.Module()
    module.register_parameter("weight", weight)
    if isinstance(bias, Tensor) and not isinstance(bias, nn.Parameter):
        all_of_it = whole(bias)
        matches = isinstance(all_of_it, nn.Parameter) and len(all_of_it) == len(weight)
        bias = all_of_it if matches else nn.Parameter(bias.detach(), requires_grad=False)
    module.register_parameter("bias", bias)
    return module


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and mappings."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for each in values:
            yield from _tensors(each)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
