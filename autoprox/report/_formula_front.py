"""Accuracy against size: the non-dominated formulas, in a figure with links to the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from autoprox.report._svg import figure_svg
from autoprox.report.report_figures import FormulaPoint, front_figure

_IDENTITY = "front"


@dataclass(frozen=True)
class FormulaMember:
    """A formula with its size and its correlation.

    Args:
        name: Name in the figure; empty for a member without a label.
        size: Operations and statistics of the formula.
        tau: Joint correlation.
        formula: The formula as text.
        link: Address of its page, if any.
        own: True for the formula that the page recommends.
    """

    name: str
    size: int
    tau: float
    formula: str
    link: str | None = None
    own: bool = False


def front(members: Sequence[FormulaMember]) -> list[FormulaMember]:
    """The non-dominated members, the smallest first.

    Example:
        >>> sizes = {"a": (3, 0.7), "b": (5, 0.6), "c": (9, 0.8)}
        >>> found = front([FormulaMember(name, size, tau, name) for name, (size, tau) in sizes.items()])
        >>> [each.name for each in found]
        ['a', 'c']
    """
    found: list[FormulaMember] = []
    for each in sorted(members, key=lambda each: (each.size, -each.tau, not each.own)):
        if not found or each.tau > found[-1].tau:
            found.append(each)
    return found


def front_section(members: Sequence[FormulaMember], split: str) -> dict[str, Any]:
    """Figure and rows of a page: the front and all named members.

    Args:
        members: The formulas.
        split: Name of the judging split.
    """
    on_front = front(members)
    listed = sorted({id(each): each for each in (*on_front, *(m for m in members if m.name))}.values(), key=_order)
    rows: list[dict[str, Any]] = [
        {"anchor": f"{_IDENTITY}-{number}", "number": number, "on_front": each in on_front, "member": each}
        for number, each in enumerate(listed, start=1)
    ]
    numbers = {id(row["member"]): row["number"] for row in rows}
    points = [
        FormulaPoint(each.size, each.tau, numbers.get(id(each)), each.name, on_front=each in on_front, own=each.own)
        for each in members
    ]
    told = "; ".join(f"{row['number']}: size {row['member'].size}, {row['member'].tau:.2f}" for row in rows)
    return {"figure": _figure(points, split, told), "rows": rows, "split": split}


def _order(member: FormulaMember) -> tuple[int, float]:
    return member.size, -member.tau


def _figure(points: Sequence[FormulaPoint], split: str, told: str) -> Markup:
    alt = f"Joint correlation on {split} against the size of the formula. {told}."
    return figure_svg(lambda: front_figure(points, split), _IDENTITY, alt)
