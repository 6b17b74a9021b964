"""Low-rank linear layers: two thin layers instead of one (FLORA, Chang 2024, https://arxiv.org/abs/2311.03912)."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Factors(NamedTuple):
    """The singular value decomposition of a weight: `weight = left @ diag(values) @ right`.

    Args:
        left: `(outputs, k)`, orthonormal columns.
        values: `(k,)`, non-negative, in descending order; `k` is the smaller size of the weight.
        right: `(k, inputs)`, orthonormal rows.
    """

    left: Tensor
    values: Tensor
    right: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> "Factors":
        """Decomposes a weight `(outputs, inputs)` in double precision.

        Example:
            >>> factors = Factors.of(torch.tensor([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]))
            >>> factors.values.tolist()
            [2.0, 1.0]
        """
        return cls(*torch.linalg.svd(weight.detach().double(), full_matrices=False))

    def truncated(self, rank: int) -> Tensor:
        """Returns the nearest weight of a rank, `(outputs, inputs)` (Eckart and Young 1936)."""
        return (self.left[:, :rank] * self.values[:rank]) @ self.right[:rank]

    def pair(self, rank: int) -> tuple[Tensor, Tensor]:
        """Returns the weights of two layers with the product `truncated(rank)`: `(rank, inputs)` and `(outputs, rank)`.

        The singular values are multiplied into the first layer if there are at least as many outputs as inputs,
        otherwise into the second, as in FLORA's supernet. The factors of a smaller rank are the first rows and columns
        of the factors of a larger one.
        """
        values, left, right = self.values[:rank], self.left[:, :rank], self.right[:rank]
        if len(self.left) >= self.right.shape[1]:
            return values[:, None] * right, left
        return right, left * values


def factorised_size(outputs: int, inputs: int, rank: int) -> int:
    """Returns the number of elements of a weight of a rank: of its factors, or of the dense weight if it has fewer.

    Example:
        >>> factorised_size(8, 4, 2), factorised_size(8, 4, 3)
        (24, 32)
    """
    return min(outputs * inputs, rank * (outputs + inputs))


def held_value(held: Mapping[str, Tensor], name: str) -> Tensor:
    """Returns the value of a dense network's parameter from the parameters of a factorised one.

    Args:
        held: Parameters by name, including those of `FactorisedLinear`.
        name: Name of the parameter in the dense network; the weight of a factorised layer is the product of both
            factors.

    Example:
        >>> thin = {"fc.first.weight": torch.ones(1, 3), "fc.second.weight": torch.full((2, 1), 2.0)}
        >>> held_value(thin, "fc.weight")
        tensor([[2., 2., 2.],
                [2., 2., 2.]])
    """
    if name in held:
        return held[name]
    layer, _, last = name.rpartition(".")
    second = held[f"{layer}.second.{last}".lstrip(".")]
    return second @ held[f"{layer}.first.weight".lstrip(".")] if last == "weight" else second


class FactorisedLinear(nn.Module):
    """Two linear layers in place of one dense layer.

    Args:
        first: The weight of the first, `(rank, inputs)`.
        second: The weight of the second, `(outputs, rank)`.
        bias: `(outputs,)`, or None.

    Example:
        >>> weight = torch.eye(3)
        >>> layer = FactorisedLinear(*(nn.Parameter(each.float()) for each in Factors.of(weight).pair(1)), None)
        >>> layer(torch.ones(2, 3)).shape, layer.weight.shape
        (torch.Size([2, 3]), torch.Size([3, 3]))
    """

    def __init__(self, first: nn.Parameter, second: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.first, self.second = _linear(first, None), _linear(second, bias)
        self.in_features, self.out_features = self.first.in_features, self.second.out_features

    @property
    def weight(self) -> Tensor:
        """The product of both weights, for code that reads the weight of a linear layer."""
        return self.second.weight @ self.first.weight

    @property
    def bias(self) -> Tensor | None:
        """The bias of the second layer."""
        return self.second.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps `(..., inputs)` to `(..., outputs)`."""
        outputs: Tensor = self.second(self.first(inputs))
        return outputs


def _linear(weight: nn.Parameter, bias: nn.Parameter | None) -> nn.Linear:
    """Makes a linear layer from given parameters, without the constructor, which would draw new ones slowly."""
    layer = nn.Linear.__new__(nn.Linear)
    nn.Module.__init__(layer)
    layer.out_features, layer.in_features = weight.shape
    layer.weight = weight
    layer.register_parameter("bias", bias)
    return layer
