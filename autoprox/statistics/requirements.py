"""Requirements of a score: its inputs and its passes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoprox.statistics._all_statistics import STATISTICS
from autoprox.statistics.statistic import Stage


@dataclass(frozen=True, slots=True)
class Requirements:
    """Inputs and passes that a scorer needs.

    Args:
        passes: Passes that it runs: "forward", "backward", "per-image backward", ...; empty if it only inspects the
            module.
        labels: True if it reads the labels; otherwise they may be None.
        images: Least number of images.
        blocks: True if it needs the transformer blocks of the model.
        small: True if its cost limits it to small networks.
        statistics: Statistics of a graph.
        teacher: True if it needs a teacher.

    Example:
        >>> str(Requirements(passes=("forward", "backward"), labels=True, images=2))
        'forward, backward; labels, 2 images'
    """

    passes: tuple[str, ...] = ()
    labels: bool = False
    images: int = 1
    blocks: bool = False
    small: bool = False
    statistics: tuple[str, ...] = ()
    teacher: bool = False

    @classmethod
    def together(cls, needed: Iterable["Requirements"]) -> "Requirements":
        """Combines the requirements of several scorers.

        Example:
            >>> str(Requirements.together([Requirements(("forward",), images=2), Requirements(labels=True)]))
            'forward; labels, 2 images'
        """
        each = list(needed)
        return cls(
            passes=tuple(dict.fromkeys(name for one in each for name in one.passes)),
            labels=any(one.labels for one in each),
            images=max(one.images for one in each),
            blocks=any(one.blocks for one in each),
            small=any(one.small for one in each),
            statistics=tuple(sorted({name for one in each for name in one.statistics})),
            teacher=any(one.teacher for one in each),
        )

    def __str__(self) -> str:
        given = [
            *(["labels"] if self.labels else []),
            *(["a teacher"] if self.teacher else []),
            *([f"{self.images} images"] if self.images > 1 else []),
            *(["blocks"] if self.blocks else []),
            *(["small networks"] if self.small else []),
        ]
        return "; ".join(filter(None, [", ".join(self.passes) or "module alone", ", ".join(given)]))


def requirements_of(statistics: Sequence[str]) -> Requirements:
    """Returns the inputs and passes that statistics need.

    Example:
        >>> str(requirements_of(["weight", "weight_grad"]))
        'forward, backward; labels'
    """
    needed = [STATISTICS[name] for name in statistics]
    runs: dict[str, None] = {}
    for each in needed:
        if each.stage is not Stage.STATIC:
            plain = ("forward", "backward") if each.stage is Stage.BACKWARD else ("forward",)
            runs |= dict.fromkeys(plain if each.pass_.name == "data" else (each.pass_.name,))
    return Requirements(
        passes=tuple(runs),
        labels=any(each.needs_labels for each in needed),
        images=max(1, *(each.pass_.least_images for each in needed)),
        statistics=tuple(statistics),
        teacher=any(each.paired is not None for each in needed),
    )
