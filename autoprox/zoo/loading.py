"""From a name or a path to a proxy."""

from importlib import import_module
from pathlib import Path

from autoprox import shipped
from autoprox.errors import RegistryError, StoreMismatchError, suggestion
from autoprox.graph import Proxy, Scorer
from autoprox.zoo.registry import ZOO

RESULT = "best.json"
"""Name of the file in a run's folder that holds the proxy."""


def load_proxy(name_or_path: str) -> Scorer:
    """A proxy from a file, from those that are shipped, or from the zoo, in this order.

    Raises:
        StoreMismatchError: If the file is no proxy, or was edited.
        RegistryError: If there is neither such a file nor such a name.

    Example:
        >>> load_proxy("snip").requirements.statistics
        ('weight', 'weight_grad')
    """
    path = _existing(name_or_path)
    if path is not None and path.is_dir():
        if not (path / RESULT).exists():
            raise StoreMismatchError(f"The folder '{path}' holds no {RESULT}: no run, or one that is not finished.")
        path = path / RESULT
    if path is not None:
        return Proxy.read(path)
    if name_or_path in shipped.names():
        proxy = import_module(f"autoprox.shipped.{name_or_path}").proxy
        assert isinstance(proxy, Proxy)
        return proxy
    if name_or_path in ZOO:
        return ZOO[name_or_path]
    known = [*shipped.names(), *ZOO]
    raise RegistryError(f"There is no file and no proxy '{name_or_path}'. {suggestion(name_or_path, known)}")


def _existing(name_or_path: str) -> Path | None:
    """The path, if there is something; a text that cannot even be a path is none."""
    try:
        return Path(name_or_path) if name_or_path and Path(name_or_path).exists() else None
    except OSError:
        return None
