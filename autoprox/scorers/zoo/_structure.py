"""Where the transformer blocks of a model are, and the tokens that flow between them."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.inspect.batch import model_weight
from autoprox.inspect.nodes import Node, Role, Site, check_told
from autoprox.scorers._subject import Subject

MIXING = (Role.ATTENTION, Role.MIXER)
"""The roles that mix tokens."""


@dataclass(frozen=True, slots=True)
class ObservedBlock:
    """A transformer block.

    Args:
        name: Its qualified name in the model.
        nodes: Its nodes, in forward order.
    """

    name: str
    nodes: tuple[Node, ...]

    def first(self, *roles: Role) -> Node:
        """The first linear layer of one of these roles."""
        return next(node for node in self.nodes if node.role in roles and node.site is Site.LINEAR)

    @property
    def width(self) -> int:
        """Size of a token: what the first linear layer of the attention or of another mixer reads."""
        return model_weight(self.first(*MIXING).module).shape[1]


def blocks(subject: Subject) -> list[ObservedBlock]:
    """The transformer blocks of a model, in forward order.

    A block is the smallest module that holds a linear layer of attention, or of another mixer, and one of an MLP.

    Raises:
        CollectionError: If the role of a linear layer is not known.
        UndefinedScoreError: If there is no block below the model itself.

    Example:
        >>> import autoprox, torch
        >>> from autoprox.scorers import prepared
        >>> micro = autoprox.space("autoformer-micro")
        >>> arch = micro.parse('{"depth": 2, "hidden_dim": 48, "mlp_ratio": [2, 4], "num_heads": [3, 4]}')
        >>> with prepared(micro.build(arch, 10, 8, 1), torch.zeros(1, 1, 8, 8), None) as subject:
        ...     [(each.name, each.width) for each in blocks(subject)]
        [('blocks.0', 48), ('blocks.1', 48)]
    """
    found = subject.nodes
    check_told(found, {Site.LINEAR})
    linear = [node for node in found if node.site is Site.LINEAR]
    with_mlp = {above for node in linear if node.role == Role.MLP for above in _ancestors(node.name)}
    names: dict[str, None] = {}
    for node in linear:
        if node.role in MIXING:
            holder = next((above for above in _ancestors(node.name) if above in with_mlp), None)
            if holder is not None:
                names[holder] = None
    if not names:
        raise UndefinedScoreError(
            f"the {type(subject.model).__name__} has no transformer block that autoprox sees: no module in it holds"
            " both a linear layer of attention or of a mixer and one of an MLP (autoprox.inspect.describe lists the"
            " roles)."
        )
    return [
        ObservedBlock(name, tuple(node for node in found if node.name.startswith((f"{name}.", f"{name}:"))))
        for name in names
    ]


def _ancestors(name: str) -> list[str]:
    """The qualified names of the modules around one, the nearest first, without the model itself."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def stream(subject: Subject) -> list[Tensor]:
    """The residual stream of the subject's images; see `stream_of`."""
    return stream_of(subject, subject.images)


def stream_of(subject: Subject, images: Tensor) -> list[Tensor]:
    """The residual stream: tokens `(B, N, width)` behind the attention and behind the MLP of every block.

    Behind the attention is where the normalisation of the MLP reads them; a block whose MLP has none gives its output
    alone. The tensors belong to one autograd graph, from the images on.

    Raises:
        CollectionError: If there is no block, a block is not called, or what it gives is not tokens.
    """
    tokens: list[Tensor] = []

    def before(_module: nn.Module, args: tuple[Any, ...]) -> None:
        if args:
            tokens.append(args[0])

    def behind(_module: nn.Module, _args: Any, output: Any) -> None:
        tokens.append(output[0] if isinstance(output, tuple) else output)

    model, found = subject.model, subject.once(blocks)
    with ExitStack() as hooks:
        for block in found:
            hooks.callback(model.get_submodule(block.name).register_forward_hook(behind).remove)
            normed = [node for node in block.nodes if (node.site, node.role, node.call) == (Site.NORM, Role.MLP, None)]
            for node in normed[:1]:
                hooks.callback(node.module.register_forward_pre_hook(before).remove)
        model(images)
    if len(tokens) < len(found):
        raise CollectionError(f"Not every one of the {len(found)} blocks of the model was called in the forward pass.")
    for each in tokens:
        if not isinstance(each, Tensor) or each.ndim != 3:
            got = f"shape {tuple(each.shape)}" if isinstance(each, Tensor) else f"a {type(each).__name__}"
            raise CollectionError(f"A block of the model gives {got} where tokens (B, N, width) are needed.")
    return tokens


def outputs(subject: Subject) -> list[Tensor]:
    """The tokens `(B, N, width)` behind every block, detached."""
    found = subject.once(stream)
    per_block = len(found) // len(subject.once(blocks))
    return [each.detach() for each in found[per_block - 1 :: per_block]]
