"""The discovered proxies that come with autoprox, one importable file each.

In the repository the files lie in proxies/; the wheel carries them in this package. Either way
`from autoprox.shipped import <name>` gives a module with `proxy`, `score` and `score_many`.
"""

import pkgutil
from pathlib import Path

_REPOSITORY_FOLDER = Path(__file__).resolve().parents[2] / "proxies"

if _REPOSITORY_FOLDER.is_dir():
    __path__.append(str(_REPOSITORY_FOLDER))


def names() -> list[str]:
    """Names of the shipped proxies, sorted.

    Example:
        >>> names() == sorted(names())
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
