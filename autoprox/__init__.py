"""autoprox discovers zero-cost proxies for vision transformers: formulas that rank architectures without training them.

Example:
    >>> import autoprox
    >>> autoprox.space("pit-micro").name
    'pit-micro'
"""

from autoprox.base.interrupts import expect_interrupts

expect_interrupts()  # before anything that takes time to load

from autoprox.api import ensemble, load, shipped_names, space  # noqa: E402

TYPE_CHECKING = False  # `typing` takes longer to load than all that stands above
if TYPE_CHECKING:
    from typing import Any

    from autoprox import errors, runs, search
    from autoprox.networks import define_space

__version__: str
__all__ = [
    "__version__",
    "define_space",
    "ensemble",
    "errors",
    "load",
    "runs",
    "search",
    "shipped_names",
    "space",
]


def __getattr__(name: str) -> "Any":
    """Imports what takes time when it is first asked for."""
    value: Any
    match name:
        case "__version__":
            from importlib.metadata import version

            value = version("autoprox")
        case "define_space":
            from autoprox.networks import define_space as value
        case "errors":
            import autoprox.errors as value
        case "runs":
            import autoprox.runs as value
        case "search":
            import autoprox.search as value
        case _:
            raise AttributeError(f"module 'autoprox' has no attribute '{name}'")
    return value


def __dir__() -> list[str]:
    return list(__all__)
