"""The discovered proxies that come with autoprox, one importable file each.

In the repository the files lie in proxies/; the wheel carries them in this package. Either way
`from autoprox.shipped import <name>` gives a module with `proxy`, `score` and `score_many`.
"""

import pkgutil
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]

# In a wheel the folder two above is site-packages, where a folder `proxies` would be somebody else's.
if (_REPOSITORY / "pyproject.toml").is_file():
    __path__.append(str(_REPOSITORY / "proxies"))


def names() -> list[str]:
    """Names of the shipped proxies, sorted.

    Example:
        >>> names()[:2]
        ['autoformer_micro', 'beyond_size']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
