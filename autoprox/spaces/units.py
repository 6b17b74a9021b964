"""Units of costs, with parsing and formatting: counts, seconds, bytes, joules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from autoprox.base.errors import SpecError


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit with its prefixes.

    Args:
        suffixes: Factor by suffix, in ascending order. An empty suffix stands for one unit; without an empty suffix, a
            plain number is refused as ambiguous.
        whole: Allows only whole numbers of the unit.
        example: An example of a value, for messages.

    Example:
        >>> SECONDS.parse("20ms"), SECONDS.text(0.02), COUNT.parse("5.5M"), COUNT.text(5_500_000)
        (0.02, '20.0 ms', 5500000, '5,500,000')
    """

    suffixes: Mapping[str, Fraction]
    whole: bool
    example: str

    def parse(self, text: str) -> int | float:
        """Parses a value such as "20ms".

        Args:
            text: A number followed by a suffix; case is ignored unless two suffixes differ only by it.

        Raises:
            SpecError: If the text is not such a value, or not a whole number where one is required.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([^\d.]*)", text.strip().replace("_", "").replace(" ", ""))
        if found is not None and (factor := self._factor(found[2])) is not None:
            value = Fraction(found[1]) * factor
            if not self.whole:
                return float(value)
            if value.denominator == 1:
                return value.numerator
        named = ", ".join(suffix for suffix in self.suffixes if suffix)
        number = "a whole number" if self.whole else "a number"
        with_suffix = f"{number}, or one with {named}" if "" in self.suffixes else f"a number with {named}"
        raise SpecError(f"'{text}' cannot be read; give {with_suffix}, such as {self.example}.")

    def text(self, value: float) -> str:
        """Formats a value: whole units in full, others with three digits and the fitting prefix."""
        if self.whole:
            return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}"
        fitting = [suffix for suffix, factor in self.suffixes.items() if factor <= abs(value)]
        suffix = fitting[-1] if fitting else next(iter(self.suffixes))
        scaled = value / float(self.suffixes[suffix])
        digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
        return f"{scaled:.{digits}f} {suffix}"

    def _factor(self, suffix: str) -> Fraction | None:
        if suffix in self.suffixes:
            return self.suffixes[suffix]
        alike = [factor for known, factor in self.suffixes.items() if known.lower() == suffix.lower()]
        return alike[0] if len(alike) == 1 else None


COUNT = Unit(
    {"": Fraction(1), "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9)}, whole=True, example="5.5M"
)
BYTES = Unit(
    {
        "": Fraction(1),
        "B": Fraction(1),
        "K": Fraction(10**3),
        "KB": Fraction(10**3),
        "KiB": Fraction(2**10),
        "M": Fraction(10**6),
        "MB": Fraction(10**6),
        "MiB": Fraction(2**20),
        "G": Fraction(10**9),
        "GB": Fraction(10**9),
        "GiB": Fraction(2**30),
    },
    whole=True,
    example="400KB",
)
SECONDS = Unit(
    {"ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "ms": Fraction(1, 10**3), "s": Fraction(1)},
    whole=False,
    example="20ms",
)
JOULES = Unit(
    {"nJ": Fraction(1, 10**9), "uJ": Fraction(1, 10**6), "mJ": Fraction(1, 10**3), "J": Fraction(1)},
    whole=False,
    example="5mJ",
)
