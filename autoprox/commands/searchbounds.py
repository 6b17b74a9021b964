"""Bounds of costs as options of a command, and the latency of found architectures."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from autoprox.base.errors import SpecError, suggestion
from autoprox.commands.console import warn
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.networks.latency import NOISY, Latency, Timing, indistinct, latency_path, machine
from autoprox.predict import LatencyModel, PredictedLatency
from autoprox.search import Constraints, SearchResult
from autoprox.search.constraints import ENDS
from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import COSTS, MACS, PARAMS, Cost
from autoprox.spaces.task import Task
from autoprox.spaces.units import SECONDS

_SHORT = (PARAMS, MACS)
# Costs with separate options.


def add_bound_options(parser: argparse._ActionsContainer) -> None:
    """Adds --min and --max for any cost, short forms for parameters and MACs, and conditions of latency."""
    for end in ENDS:
        side = "upper" if end == "max" else "lower"
        parser.add_argument(
            f"--{end}",
            action="append",
            default=[],
            metavar="COST=V",
            help=f"{side} bound of {', '.join(COSTS)}, such as latency=20ms or params=5M; may be repeated",
            type=Text([f"{name}=" for name in COSTS]),
        )
        for cost in _SHORT:
            parser.add_argument(
                f"--{end}-{cost.name}", metavar="N", help=f"short for --{end} {cost.name}=N", type=Text()
            )
    plain = Latency()
    parser.add_argument(
        "--latency-threads",
        type=Whole(1, 256),
        default=plain.threads,
        metavar="N",
        help="threads of torch while latency is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--latency-batch",
        type=Whole(1, 4096),
        default=plain.batch_size,
        metavar="N",
        help="images per forward pass while latency is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--latency-model",
        type=PathTo(folder=True),
        metavar="DIR",
        help="bound the latency predicted by this profile ('device profile'), and measure only the best architectures",
    )


def latency_of(options: argparse.Namespace) -> Latency:
    """The latency to measure, under the conditions of the options or of the latency model."""
    return Latency(options.latency_threads, options.latency_batch)


def costs_of(options: argparse.Namespace, space: Space) -> dict[str, Cost]:
    """Costs that can be bounded, by name. Latency is measured, or predicted by the model of --latency-model.

    Raises:
        SpecError: If the model is for another space, or the options differ from the conditions of its profile.
        StoreMismatchError: If there is no such model.
    """
    latency: Cost = latency_of(options)
    if options.latency_model is not None:
        model = LatencyModel.load(options.latency_model, space)
        asked, own = (options.latency_threads, options.latency_batch), model.conditions[:2]
        if asked != own:
            raise SpecError(
                f"The profile in '{options.latency_model}' has {own[0]} threads and {own[1]} images per pass; give "
                f"--latency-threads {own[0]} --latency-batch {own[1]}."
            )
        latency = PredictedLatency(model)
    return {**dict(COSTS.items()), latency.name: latency}


def constraints_of(options: argparse.Namespace, costs: Mapping[str, Cost]) -> Constraints:
    """The bounds that the options give.

    Args:
        options: Options of the command.
        costs: Costs that can be bounded.

    Raises:
        SpecError: If one cannot be read, is given twice, or names no cost.
    """
    with bounds_as_options(options):
        return Constraints(costs, **_given(options))


@contextmanager
def bounds_as_options(options: argparse.Namespace) -> Iterator[None]:
    """Replaces bounds by their options in errors of the library.

    Raises:
        SpecError: As in the library.
    """
    try:
        yield
    except SpecError as error:
        short = {f"{end}_{cost.name}" for end in ENDS for cost in _SHORT if getattr(options, f"{end}_{cost.name}")}

        def option(found: re.Match[str]) -> str:
            return f"--{found[1]}-{found[2]}" if found[0] in short else f"--{found[1]} {found[2]}"

        names = "|".join(re.escape(name) for name in COSTS)
        raise type(error)(re.sub(rf"\b({'|'.join(ENDS)})_({names})\b", option, str(error))) from error


def _given(options: argparse.Namespace) -> dict[str, str]:
    """Bounds by name, as written."""
    found: dict[str, str] = {}
    for end in ENDS:
        pairs = [(cost.name, getattr(options, f"{end}_{cost.name}"), f"--{end}-{cost.name}") for cost in _SHORT]
        for text in getattr(options, end):
            name, equals, value = text.partition("=")
            if not equals or not value:
                raise SpecError(f"--{end} {text}: give a cost and its value, such as --{end} latency=20ms.")
            if name not in COSTS:
                raise SpecError(f"--{end} {text}: there is no cost '{name}'. {suggestion(name, COSTS)}")
            pairs.append((name, value, f"--{end} {name}"))
        for name, value, option in pairs:
            if value is None:
                continue
            if f"{end}_{name}" in found:
                raise SpecError(f"{option} is given twice; give it once.")
            found[f"{end}_{name}"] = value
    return found


def warn_of_noise(timings: Iterable[Timing]) -> None:
    """Warns if latencies of a table differ by less than the spread of their repeats."""
    rows = list(timings)
    if found := indistinct(rows):
        warn(
            f"{found} of {len(rows)} latencies differ from the next by less than the spread of the repeats; such "
            "differences are noise"
        )


@dataclass(frozen=True)
class LatencyTable:
    """Latency of the found architectures on this machine.

    Args:
        latency: Conditions of the measurement.
        timings: Timing of the first architecture of each pick.
        spreads: Spread of each measurement: of the picks, and of all candidates if measured latency is bounded.
    """

    latency: Latency
    timings: dict[Arch, Timing]
    spreads: tuple[float, ...]

    @classmethod
    def of(cls, latency: Latency, result: SearchResult, top: int, space: Space, task: Task) -> "LatencyTable":
        """Measures the first architecture of each pick."""
        timings = {pick.best.arch: latency.timing(space, pick.best.arch, task.shape) for pick in result.top(top)}
        measured = set(timings)
        if latency in result.constraints.costs:
            measured |= {each.arch for each in result.candidates}
        return cls(latency, timings, tuple(latency.spread(space, arch, task.shape) for arch in measured))

    def cell(self, arch: Arch) -> str:
        """A latency with its spread, for a table."""
        timing = self.timings[arch]
        return f"{SECONDS.text(timing.median)} ±{50 * timing.spread:.0f} %"

    @property
    def legend(self) -> str:
        """Conditions of the measurement in words."""
        images = "1 image" if self.latency.batch_size == 1 else f"{self.latency.batch_size} images"
        threads = "1 thread" if self.latency.threads == 1 else f"{self.latency.threads} threads"
        return (
            f"latency: median of a forward pass of {images} with {threads}, ± half the interquartile range, on "
            f"{', '.join(machine())}"
        )

    def warn(self) -> None:
        """Warns if the machine is too noisy for the last digits to be significant."""
        warn_of_noise(self.timings.values())
        noisy = sum(spread > NOISY for spread in self.spreads)
        if noisy:
            warn(
                f"the latency of {noisy} of {len(self.spreads)} measured networks varies by more than "
                f"{100 * NOISY:.0f} % between repeats: this machine is busy, or changes its clock rate. To measure "
                f"again when it is idle, delete {latency_path()}"
            )

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data."""
        return {
            "threads": self.latency.threads,
            "batch_size": self.latency.batch_size,
            "machine": list(machine()),
            "picks": {
                arch.arch_id: {"seconds": each.median, "spread": each.spread, "repeats": each.repeats}
                for arch, each in self.timings.items()
            },
        }
