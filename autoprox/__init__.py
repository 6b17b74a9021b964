"""autoprox discovers zero-cost proxies for vision transformers: formulas that rank architectures without training them.

Example:
    >>> import autoprox
    >>> autoprox.space("pit-micro").name
    'pit-micro'
"""

from autoprox.base.interrupts import expect_interrupts

expect_interrupts()  # before anything that takes time to load

from autoprox.api import ensemble, list_scorers, list_spaces, list_tables, load, shipped_names, space  # noqa: E402

TYPE_CHECKING = False  # `typing` takes longer to load than all that stands above
if TYPE_CHECKING:
    from typing import Any

    from autoprox import errors, runs, search
    from autoprox.api.allocating import allocate
    from autoprox.api.discovering import discover
    from autoprox.api.judgement import judge
    from autoprox.api.model_ranking import rank
    from autoprox.api.space_search import find
    from autoprox.networks import define_space

__version__: str
__all__ = [
    "__version__",
    "allocate",
    "define_space",
    "discover",
    "ensemble",
    "errors",
    "find",
    "judge",
    "list_scorers",
    "list_spaces",
    "list_tables",
    "load",
    "rank",
    "runs",
    "search",
    "shipped_names",
    "space",
]


def __getattr__(name: str) -> "Any":  # noqa: C901 - a table with one line per name
    """Imports what takes time when it is first asked for."""
    value: Any
    match name:
        case "__version__":
            from importlib.metadata import version

            value = version("autoprox")
        case "allocate":
            from autoprox.api.allocating import allocate as value
        case "define_space":
            from autoprox.networks import define_space as value
        case "discover":
            from autoprox.api.discovering import discover as value
        case "errors":
            import autoprox.errors as value
        case "find":
            from autoprox.api.space_search import find as value
        case "judge":
            from autoprox.api.judgement import judge as value
        case "rank":
            from autoprox.api.model_ranking import rank as value
        case "runs":
            import autoprox.runs as value
        case "search":
            import autoprox.search as value
        case _:
            raise AttributeError(f"module 'autoprox' has no attribute '{name}'")
    return value


def __dir__() -> list[str]:
    return list(__all__)
