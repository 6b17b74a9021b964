"""The transformer blocks of a model, and the tokens between them."""

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
        name: Qualified name in the model.
        nodes: Nodes of the block, in forward order.
    """

    name: str
    nodes: tuple[Node, ...]

    def first(self, *roles: Role) -> Node:
        """The first linear layer of one of these roles."""
        return next(node for node in self.nodes if node.role in roles and node.site is Site.LINEAR)

    @property
    def width(self) -> int:
        """Size of a token: the input width of the first linear layer of the attention or another mixer."""
        return model_weight(self.first(*MIXING).module).shape[1]


def blocks(subject: Subject) -> list[ObservedBlock]:
    """The transformer blocks of a model, in forward order.

    A block is the smallest module with both a linear layer of attention (or of another mixer) and one of an MLP.

    Raises:
        CollectionError: If the role of a linear layer is unknown.
        UndefinedScoreError: If no submodule of the model is a block.

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
            f"autoprox finds no transformer block in the {type(subject.model).__name__}: no submodule holds both a"
            " linear layer of attention or of a mixer and one of an MLP (autoprox.inspect.describe lists the roles)."
        )
    return [
        ObservedBlock(name, tuple(node for node in found if node.name.startswith((f"{name}.", f"{name}:"))))
        for name in names
    ]


def _ancestors(name: str) -> list[str]:
    """The qualified names of the modules that contain one, innermost first, without the model itself."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def stream(subject: Subject) -> list[Tensor]:
    """The residual stream of the subject's images; see `stream_of`."""
    return stream_of(subject, subject.images)


def stream_of(subject: Subject, images: Tensor) -> list[Tensor]:
    """The residual stream: tokens `(B, N, width)` after the attention and after the MLP of every block.

    Tokens after the attention are the input of the MLP's normalisation; a block without one contributes only its
    output. The tensors belong to one autograd graph that starts at the images.

    Raises:
        CollectionError: If a block is not called, or does not output tokens.
        UndefinedScoreError: If there is no block.
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
            normed = [
                node for node in block.nodes if (node.site, node.role, node.holder) == (Site.NORM, Role.MLP, None)
            ]
            for node in normed[:1]:
                hooks.callback(node.module.register_forward_pre_hook(before).remove)
        model(images)
    if len(tokens) < len(found):
        raise CollectionError(f"Not all {len(found)} blocks of the model were called in the forward pass.")
    for each in tokens:
        if not isinstance(each, Tensor) or each.ndim != 3:
            got = f"shape {tuple(each.shape)}" if isinstance(each, Tensor) else f"a {type(each).__name__}"
            raise CollectionError(f"A block of the model outputs {got} instead of tokens (B, N, width).")
    return tokens


def outputs(subject: Subject) -> list[Tensor]:
    """The tokens `(B, N, width)` after every block, detached."""
    found = subject.once(stream)
    per_block = len(found) // len(subject.once(blocks))
    return [each.detach() for each in found[per_block - 1 :: per_block]]
