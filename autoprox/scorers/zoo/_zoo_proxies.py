"""The zoo: every proxy by its name."""

from collections.abc import Callable

from autoprox.base.registry import Registry
from autoprox.graph import Proxy
from autoprox.scorers._function import FunctionProxy
from autoprox.scorers._interface import Scorer
from autoprox.scorers._subject import Subject
from autoprox.statistics import Requirements

ZOO: Registry[Scorer] = Registry("zoo proxy")
"""All proxies of the zoo; the modules of `autoprox.scorers.zoo` fill it."""

Measure = Callable[[Subject], float]


def function_proxy(
    name: str,
    source: str,
    *,
    passes: tuple[str, ...],
    sign: int = 1,
    labels: bool = False,
    images: int = 1,
    blocks: bool = False,
    small: bool = False,
    version: int = 1,
) -> Callable[[Measure], Measure]:
    """Decorator that registers a function as a proxy of the zoo, and returns the function unchanged.

    Args:
        name: Name of the proxy.
        source: Reference of the method.
        passes: Passes that it runs, as in `Requirements`.
        sign: 1, or -1 if a smaller measure is better.
        labels: True if it reads labels.
        images: Minimum number of images.
        blocks: True if it needs transformer blocks.
        small: True if it is affordable for small networks only.
        version: Incremented when its values change only because of changes in functions that it calls.

    Raises:
        RegistryError: If the name is taken.
    """

    def registered(function: Measure) -> Measure:
        needed = Requirements(passes, labels, images, blocks, small)
        ZOO.register(name, FunctionProxy(name, function, sign, source, needed, version))
        return function

    return registered


def zoo_graphs() -> tuple[Proxy, ...]:
    """The proxies of the zoo that are graphs; an evolution may start from them.

    Example:
        >>> {"snip", "synflow", "zico"} <= {proxy.name for proxy in zoo_graphs()}
        True
    """
    return tuple(each for each in ZOO.values() if isinstance(each, Proxy))
