"""From a name or a path to a proxy."""

from importlib import import_module
from pathlib import Path

from autoprox import shipped
from autoprox.errors import RegistryError, suggestion
from autoprox.graph import Proxy
from autoprox.zoo.published import ZOO


def load_proxy(name_or_path: str) -> Proxy:
    """A proxy from a file, from those that are shipped, or from the zoo, in this order.

    Raises:
        StoreMismatchError: If the file is no proxy, or was edited.
        RegistryError: If there is neither such a file nor such a name.

    Example:
        >>> load_proxy("snip").statistics
        ('weight', 'weight_grad')
    """
    path = Path(name_or_path)
    if path.is_dir() and (path / "best.json").exists():
        path = path / "best.json"
    if path.is_file():
        return Proxy.read(path)
    if name_or_path in shipped.names():
        proxy = import_module(f"autoprox.shipped.{name_or_path}").proxy
        assert isinstance(proxy, Proxy)
        return proxy
    if name_or_path in ZOO:
        return ZOO[name_or_path]
    known = [*shipped.names(), *ZOO]
    raise RegistryError(f"There is no file and no proxy '{name_or_path}'. {suggestion(name_or_path, known)}")
