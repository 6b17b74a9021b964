"""The front of score against costs: its option, files and output."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoprox.base.errors import SpecError, suggestion
from autoprox.commands.command import CommandParser
from autoprox.commands.console import say, text_table, warn
from autoprox.commands.searchcheck import say_verification, verified
from autoprox.commands.values import Text
from autoprox.search import CostFront, Region, SearchResult
from autoprox.search.pareto_figure import write_front
from autoprox.search.result import DIGITS
from autoprox.search.verification import Verification
from autoprox.spaces.costs import COSTS, Cost

FRONT, FRONT_FIGURE = "front.csv", "front.svg"


def add_front_options(options: CommandParser) -> None:
    """Adds --pareto."""
    options.add_argument(
        "--pareto",
        nargs="+",
        default=[],
        metavar="COST",
        help=f"search the front of score against costs ({', '.join(COSTS)}), and write it as table, JSON and picture; "
        "--verify then trains three of its points, each with random architectures that cost no more",
        type=Text(COSTS),
    )


def front_costs(options: argparse.Namespace, costs: Mapping[str, Cost]) -> tuple[Cost, ...]:
    """The costs that --pareto names.

    Raises:
        SpecError: If there is no such cost.
    """
    for name in options.pareto:
        if name not in costs:
            raise SpecError(f"--pareto {name}: there is no cost '{name}'. {suggestion(name, costs)}")
    return tuple(costs[name] for name in dict.fromkeys(options.pareto))


@dataclass(frozen=True)
class FrontReport:
    """A front, and up to three points of it that were trained.

    Args:
        result: The search.
        front: Its front.
        checked: Numbers of points, from 1, with their verifications.
    """

    result: SearchResult
    front: CostFront
    checked: dict[int, Verification]

    @classmethod
    def of(
        cls, options: argparse.Namespace, result: SearchResult, region: Region, costs: tuple[Cost, ...], folder: Path
    ) -> "FrontReport":
        """Computes the front, and trains three of its points with --verify; raises as `verify` does."""
        front = CostFront.of(result, costs)
        checked = {}
        for point in front.three if options.verify else ():
            number = front.points.index(point) + 1
            try:
                allowed = Region(region.space, region.task, front.bounds_of(point, result.constraints))
                alone = replace(result, candidates=(point,))
                checked[number] = verified(options, alone, allowed, folder)
            except SpecError as error:
                warn(f"point {number} of the front is not verified: {error}")
        return cls(result, front, checked)

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data."""
        checked = {str(number): each.to_document() for number, each in self.checked.items()}
        return {**self.front.to_document(), "verified": checked}

    def contents(self) -> dict[str, Callable[[Path], object]]:
        """The files of a front, each with its writer."""
        frame = replace(self.result, candidates=self.front.points).frame().drop(columns="rank")
        frame.insert(0, "point", range(1, len(frame) + 1))
        return {
            FRONT: lambda path: frame.to_csv(path, index=False, lineterminator="\n"),
            FRONT_FIGURE: lambda path: write_front(self.result, self.front, path),
        }

    def say(self) -> None:
        """Writes the front as a table, and its trained points."""
        named = " and ".join(cost.noun for cost in self.front.costs)
        say(f"front of score against {named}: {len(self.front.points)} of {len(self.result.scored):,} candidates")
        rows = [
            {
                "point": str(number),
                "arch_id": each.arch.arch_id,
                "score": f"{each.score:.{DIGITS}g}",
                **{cost.name: cost.unit.text(each.costs[cost.name]) for cost in self.front.costs},
            }
            for number, each in enumerate(self.front.points, start=1)
        ]
        say(text_table(rows))
        for number, verification in self.checked.items():
            say()
            say(f"point {number}, with random architectures that cost no more")
            say_verification(verification, f"point {number}")
