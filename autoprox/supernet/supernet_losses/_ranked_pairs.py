"""Ranking terms of pairs: the subnet that receives gradients, and their direction."""

from math import isfinite
from typing import Literal, NamedTuple, get_args

from torch import Tensor

from autoprox.base.errors import SpecError

Mode = Literal["one_sided", "paper"]
"""`one_sided`: the subnet with the better prior should have the smaller loss, and only this subnet receives gradients.
`paper`: as released by PGONAS and RD-NAS, the second subnet receives gradients; its loss is raised unless its prior is
better."""


class Ranking(NamedTuple):
    """Ranking term of two subnets.

    Args:
        moved: Index of the subnet that receives gradients, 0 or 1.
        sign: 1 if its loss should be below the other loss, -1 if above.
    """

    moved: int
    sign: int

    def term(self, moved: Tensor, held: Tensor, margin: float = 0.0) -> Tensor:
        """Violation of the ranking: distance of the moved loss beyond the other one, which receives no gradient.

        Args:
            moved: Loss of the subnet that receives gradients.
            held: Loss of the other subnet.
            margin: Required distance of the losses.

        Example:
            >>> import torch
            >>> Ranking(0, 1).term(torch.tensor(2.0), torch.tensor(1.5), margin=0.25).item()
            0.75
        """
        return (margin + self.sign * (moved - held.detach())).relu()


def ranking(first: float, second: float, mode: Mode) -> Ranking | None:
    """Ranking of two subnets by their priors; None if they are not ranked.

    Example:
        >>> ranking(1.0, 2.0, "one_sided"), ranking(2.0, 1.0, "one_sided")
        (Ranking(moved=1, sign=1), Ranking(moved=0, sign=1))
        >>> ranking(2.0, 1.0, "paper"), ranking(float("nan"), 1.0, "paper")
        (Ranking(moved=1, sign=-1), None)
    """
    if not (isfinite(first) and isfinite(second)):
        return None
    if mode == "paper":
        return Ranking(1, 1 if first < second else -1)
    if first == second:
        return None
    return Ranking(0 if first > second else 1, 1)


def check_mode(mode: str) -> None:
    """Requires a valid mode.

    Raises:
        SpecError: If the mode is unknown.
    """
    if mode not in get_args(Mode):
        raise SpecError(f"The `mode` of a ranking must be {' or '.join(get_args(Mode))}, not '{mode}'.")
