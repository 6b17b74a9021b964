"""The discovered proxies of autoprox, one importable module each.

In the repository the files are in proxies/; a wheel contains them in this package. In both cases `from autoprox.shipped
import <name>` gives a module with `proxy`, `score` and `score_many`.
"""

import pkgutil
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]

# In a wheel the folder two levels above is site-packages, where a folder `proxies` would belong to another package.
if (_REPOSITORY / "pyproject.toml").is_file():
    __path__.append(str(_REPOSITORY / "proxies"))


def names() -> list[str]:
    """Lists the names of the shipped proxies, sorted.

    Example:
        >>> names()[:2]
        ['autoformer_micro', 'beyond_size']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
