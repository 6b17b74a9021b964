"""Bounds on the cost of an architecture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from numbers import Real

from autoprox.base.errors import SpecError, suggestion
from autoprox.base.numbers import is_whole
from autoprox.spaces.costs import COSTS, Cost

ENDS = ("min", "max")


@dataclass(frozen=True)
class Bound:
    """One bound of a cost.

    Args:
        cost: The bounded cost.
        lower: True for a lower bound.
        value: The bound in the cost's unit, itself allowed.
    """

    cost: Cost
    lower: bool
    value: int | float

    @property
    def name(self) -> str:
        """Name of the bound as an argument of `Constraints`."""
        return f"{'min' if self.lower else 'max'}_{self.cost.name}"

    @property
    def text(self) -> str:
        """Name and value of the bound, for messages."""
        return f"{self.name} {self.cost.unit.text(self.value)}"

    def allows(self, value: float) -> bool:
        """True if a cost satisfies the bound."""
        return value >= self.value if self.lower else value <= self.value


@dataclass(frozen=True, init=False)
class Constraints:
    """Bounds on the costs of a network, both ends included.

    Args:
        costs: The costs that can be bounded, by name; all of the registry if None.
        bounds: Values by `min_` or `max_` and the name of a cost: numbers in the cost's unit, or text such as "20ms"
            and "5.5M". None leaves an end open.

    Raises:
        SpecError: If there is no such cost, a value is out of range, or a lower bound is above an upper one.

    Example:
        >>> bounds = Constraints(max_params="50k", min_macs=10**6)
        >>> bounds.allow({"params": 40_000, "macs": 10**6}), bounds.allow({"params": 60_000, "macs": 10**6})
        (True, False)
        >>> bounds.to_document()
        {'max_params': 50000, 'min_macs': 1000000}
    """

    bounds: tuple[Bound, ...]

    def __init__(self, costs: Mapping[str, Cost] | None = None, /, **bounds: float | str | None) -> None:
        known = dict(COSTS.items()) if costs is None else costs
        given = tuple(_bound(name, value, known) for name, value in bounds.items() if value is not None)
        object.__setattr__(self, "bounds", given)
        for low, high in ((low, high) for low in given for high in given if low.lower and not high.lower):
            if low.cost == high.cost and low.value > high.value:
                raise SpecError(f"{low.text} is above {high.text}, so nothing is allowed; swap them.")

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The bounded costs, each once."""
        return tuple({bound.cost.name: bound.cost for bound in self.bounds}.values())

    def allow(self, costs: Mapping[str, float]) -> bool:
        """True if a network with these costs, by name, is allowed."""
        return all(bound.allows(costs[bound.cost.name]) for bound in self.bounds)

    def to_document(self) -> dict[str, int | float]:
        """The bounds as JSON-compatible data."""
        return {bound.name: bound.value for bound in self.bounds}


def bounded(bounds: Iterable[Bound]) -> str:
    """Bounds as a part of a sentence."""
    return " and ".join(bound.text for bound in bounds)


def _bound(name: str, value: object, costs: Mapping[str, Cost]) -> Bound:
    end, _, of = name.partition("_")
    if end not in ENDS or of not in costs:
        allowed = [f"{end}_{cost}" for cost in costs for end in ENDS]
        raise SpecError(f"There is no bound '{name}'. {suggestion(name, allowed)}")
    cost = costs[of]
    if isinstance(value, str):
        try:
            value = cost.unit.parse(value)
        except SpecError as error:
            raise SpecError(f"{name}: {error}") from error
    if cost.unit.whole and (not is_whole(value) or value < 1):  # type: ignore[operator]
        raise SpecError(f"{name} is {value}; it must be a whole number of at least 1.")
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SpecError(f"{name} is {value!r}; it must be a number above 0.")
    number = float(value)
    if not 0 < number < inf:
        raise SpecError(f"{name} is {value}; it must be a number above 0.")
    return Bound(cost, end == "min", int(value) if is_whole(value) and cost.unit.whole else number)  # type: ignore[call-overload]
