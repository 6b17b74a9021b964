"""The errors that autoprox raises on purpose, to be caught: all derive from `AutoproxError`.

Example:
    >>> import autoprox
    >>> from autoprox.errors import RegistryError
    >>> try:
    ...     autoprox.space("pit-mikro")
    ... except RegistryError as error:
    ...     print(str(error).partition(".")[0])
    Unknown space 'pit-mikro'
"""

from autoprox.base.errors import (
    AutoproxError,
    CollectionError,
    FitError,
    ImageError,
    KindError,
    RegistryError,
    SpecError,
    StoreMismatchError,
    TableError,
    UndefinedScoreError,
    WorkerLossError,
)

__all__ = [
    "AutoproxError",
    "CollectionError",
    "FitError",
    "ImageError",
    "KindError",
    "RegistryError",
    "SpecError",
    "StoreMismatchError",
    "TableError",
    "UndefinedScoreError",
    "WorkerLossError",
]
