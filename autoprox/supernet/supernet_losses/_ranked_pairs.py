"""Which of two subnets a ranking term moves, and in which direction."""

from math import isfinite
from typing import Literal, NamedTuple, get_args

from torch import Tensor

from autoprox.base.errors import SpecError

Mode = Literal["one_sided", "paper"]
"""`one_sided`: the subnet with the better prior is to have the smaller loss, and gradients go to it alone. `paper`: as
released by PGONAS and RD-NAS, gradients go to the second of two, whose loss is raised where its prior is not better."""


class Ranking(NamedTuple):
    """Ranking term of two subnets.

    Args:
        moved: Which of the two gets gradients, 0 or 1.
        sign: 1 if its loss is to lie below that of the other, -1 if above.
    """

    moved: int
    sign: int

    def term(self, moved: Tensor, held: Tensor, margin: float = 0.0) -> Tensor:
        """By how much the loss that is moved lies on the wrong side of the other, whose gradient is not taken.

        Args:
            moved: Loss of the subnet that gets gradients.
            held: Loss of the other.
            margin: How far apart they are to be.

        Example:
            >>> import torch
            >>> Ranking(0, 1).term(torch.tensor(2.0), torch.tensor(1.5), margin=0.25).item()
            0.75
        """
        return (margin + self.sign * (moved - held.detach())).relu()


def ranking(first: float, second: float, mode: Mode) -> Ranking | None:
    """How two subnets with these priors are ranked; None if nothing is said of them.

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
    """Refuses what is not a mode.

    Raises:
        SpecError: If it is not a mode.
    """
    if mode not in get_args(Mode):
        raise SpecError(f"The `mode` of a ranking is {' or '.join(get_args(Mode))}, not '{mode}'.")
