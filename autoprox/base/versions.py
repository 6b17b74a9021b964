"""Versions of the packages on which results depend."""

import platform
from importlib.metadata import version

PACKAGES = ("autoprox", "torch", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that determine the content of a table."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
