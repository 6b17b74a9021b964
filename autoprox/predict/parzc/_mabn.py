"""The networks from node statistics to a score: MABN as described, and as released by its authors.

ParZC (Dong 2025, https://arxiv.org/abs/2402.02105) calls its aggregator a mixer architecture with Bayesian layers. The
released layers mix channels only, without a prior and without a mask. `Mixer` also mixes nodes, and has both.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from autoprox.predict.parzc._layers import BayesianLinear

PATCH = 16
"""Values in a patch of the released network."""


class AbstractAggregator(nn.Module, ABC):
    """Maps the statistics of the nodes of architectures to scores.

    Args:
        nodes: `L`, the largest number of nodes.

    Attributes:
        known: `(L,)`, True for nodes that occur in training; other nodes contribute only through parameters shared by
            all nodes. True for all by default.
        head: The last layers, which end in one score.

    Shape:
        statistics `(B, L, S)`, mask `(B, L)` (True for present nodes) -> scores `(B,)`. Statistics of missing nodes
        must be finite and are ignored.
    """

    known: Tensor
    head: nn.Sequential

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.register_buffer("known", torch.ones(nodes, dtype=torch.bool))

    @abstractmethod
    def forward(self, statistics: Tensor, mask: Tensor) -> Tensor:
        """Scores architectures; Bayesian layers draw at every call."""

    @property
    def level(self) -> str:
        """Name of the parameter that shifts all scores equally: the bias of the last layer."""
        last = len(self.head) - 1
        return f"head.{last}.bias_mu" if isinstance(self.head[last], BayesianLinear) else f"head.{last}.bias"

    def bayesian_layers(self) -> list[BayesianLinear]:
        """All layers with a posterior."""
        return [module for module in self.modules() if isinstance(module, BayesianLinear)]

    def kl(self) -> Tensor:
        """KL(posterior || prior) of all Bayesian layers in nat; zero if there are none."""
        return torch.stack([torch.zeros(()), *(layer.kl() for layer in self.bayesian_layers())]).sum()

    def mean(self) -> "AbstractAggregator":
        """A copy without randomness: the means of all weights."""
        return self._with_plain_layers()[0]

    def draws(self, number: int) -> Iterator["AbstractAggregator"]:
        """Yields draws of all weights, each as a network without randomness.

        Every draw overwrites the weights of the same network: use it before requesting the next draw.
        """
        network, pairs = self._with_plain_layers()
        for _ in range(number):
            for layer, plain in pairs:
                layer.draw_into(plain)
            yield network

    def _with_plain_layers(self) -> tuple["AbstractAggregator", list[tuple[BayesianLinear, nn.Linear]]]:
        """A copy with plain layers of mean weights in place of Bayesian ones, and the pairs of both."""
        network = copy.deepcopy(self).eval()
        pairs = []
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, BayesianLinear):
                    pairs.append((child, child.mean()))
                    setattr(parent, name, pairs[-1][1])
        return network, pairs


class Mixer(AbstractAggregator):
    """Token mixing over nodes and channel mixing over statistics, with a mask.

    The stack consists of an embedding of the statistics, shared by all nodes, plus an offset per node; `depth` times
    [layer norm, a two-layer perceptron across nodes, residual; layer norm, a two-layer perceptron across channels,
    residual] (Tolstikhin 2021, MLP-Mixer, https://arxiv.org/abs/2105.01601); the sum over nodes; a two-layer head.
    Missing nodes are zero in every mixing and in the sum.

    Scores grow with depth and size, since in most published proxies every node adds a term. Therefore the sum is
    divided by the largest number of nodes, not by that of the architecture, and the last block has no normalisation.

    Args:
        nodes: `L`, the largest number of nodes.
        statistics: `S`, statistics per node.
        width: Channels.
        depth: Blocks.
        prior_std: See `BayesianLinear`.
        bayesian: True for linear layers with a posterior, False for plain ones.
        token_mixing: True to mix nodes before the sum.

    Example:
        >>> network = Mixer(nodes=6, statistics=3, width=8)
        >>> network(torch.zeros(4, 6, 3), torch.ones(4, 6, dtype=torch.bool)).shape
        torch.Size([4])
    """

    def __init__(
        self,
        nodes: int,
        statistics: int,
        width: int = 32,
        depth: int = 1,
        prior_std: float = 1.0,
        *,
        bayesian: bool = True,
        token_mixing: bool = True,
    ) -> None:
        super().__init__(nodes)

        def linear(inputs: int, outputs: int) -> nn.Module:
            return BayesianLinear(inputs, outputs, prior_std) if bayesian else nn.Linear(inputs, outputs)

        def perceptron(size: int, hidden: int) -> nn.Sequential:
            return nn.Sequential(linear(size, hidden), nn.GELU(), linear(hidden, size))

        self.embedding = linear(statistics, width)
        self.offsets = nn.Parameter(torch.zeros(nodes, width))
        self.blocks = nn.ModuleList()
        for _ in range(depth):
            mixing = perceptron(nodes, max(1, nodes // 2)) if token_mixing else None
            self.blocks.append(_MixerBlock(width, mixing, perceptron(width, 2 * width)))
        self.head = nn.Sequential(linear(width, width), nn.GELU(), linear(width, 1))

    def forward(self, statistics: Tensor, mask: Tensor) -> Tensor:
        """Scores; Bayesian layers draw again."""
        present = mask.unsqueeze(-1).to(statistics.dtype)
        x = (self.embedding(statistics) + self.offsets) * present
        mixed = present * self.known.unsqueeze(-1)
        for block in self.blocks:
            x = block(x, present, mixed)
        pooled = x.sum(dim=1) / x.shape[1]
        scores: Tensor = self.head(pooled).squeeze(-1)
        return scores


class _MixerBlock(nn.Module):
    """Mixing across nodes, then across channels; `(B, L, width)` -> `(B, L, width)`, zero for missing nodes.

    `mixed` may select fewer nodes than `present`.
    """

    def __init__(self, width: int, tokens: nn.Module | None, channels: nn.Module) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(width) if tokens is not None else None
        self.tokens = tokens
        self.channel_norm = nn.LayerNorm(width)
        self.channels = channels

    def forward(self, x: Tensor, present: Tensor, mixed: Tensor) -> Tensor:
        if self.tokens is not None and self.token_norm is not None:
            x = x + self.tokens((self.token_norm(x) * mixed).transpose(1, 2)).transpose(1, 2) * mixed
        out: Tensor = x + self.channels(self.channel_norm(x)) * present
        return out


class Released(AbstractAggregator):
    """The layer stack of the authors' code, for comparison.

    The stack consists of a linear layer from all values (zero for missing nodes) to `length`; patches of 16; a Bayesian
    linear layer 16 -> width; `depth` times [layer norm, feed-forward x 4, residual; layer norm, feed-forward x 0.5,
    residual], all across channels; layer norm; mean over patches; a Bayesian linear layer width -> width; width ->
    width / 2, dropout, -> 1. Only two layers are Bayesian, patches are never mixed, and no layer uses the mask. The
    published sizes are length 256, width 512, depth 4 for NAS-Bench-101 and -201, and 752, 1600, 5 for NDS and ViT.

    Args:
        nodes: `L`.
        statistics: `S`.
        width: Channels, even.
        depth: Blocks.
        prior_std: See `BayesianLinear`; the released training has no prior (`kl_weight=0`).
        length: Number of values to split into patches, a multiple of 16.

    Example:
        >>> network = Released(nodes=6, statistics=3, width=8)
        >>> network(torch.zeros(4, 6, 3), torch.ones(4, 6, dtype=torch.bool)).shape
        torch.Size([4])
    """

    DROPOUT = 0.1

    def __init__(
        self, nodes: int, statistics: int, width: int = 64, depth: int = 4, prior_std: float = 1.0, length: int = 256
    ) -> None:
        super().__init__(nodes)
        self.entry = nn.Linear(nodes * statistics, length)
        self.embedding = BayesianLinear(PATCH, width, prior_std)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(_Residual(width, 4 * width, self.DROPOUT), _Residual(width, width // 2, self.DROPOUT))
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            BayesianLinear(width, width, prior_std),
            nn.Linear(width, width // 2),
            nn.Dropout(self.DROPOUT),
            nn.Linear(width // 2, 1),
        )

    def forward(self, statistics: Tensor, mask: Tensor) -> Tensor:
        """Scores; Bayesian layers draw again."""
        padded = statistics * (mask & self.known).unsqueeze(-1).to(statistics.dtype)
        patches = self.entry(padded.flatten(1)).unflatten(1, (-1, PATCH))
        mixed = self.norm(self.blocks(self.embedding(patches)))
        scores: Tensor = self.head(mixed.mean(dim=1)).squeeze(-1)
        return scores


class _Residual(nn.Module):
    """Layer norm, feed-forward with GELU and dropout, residual."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out
