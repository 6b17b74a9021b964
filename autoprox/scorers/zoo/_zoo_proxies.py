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
    """Registers the function below it as a proxy of the zoo, and leaves it a function.

    Args:
        name: Name of the proxy.
        source: Where the method comes from.
        passes: As in `Requirements`, like the four after the sign.
        sign: 1, or -1 where less of the measure is better.
        labels: Whether it reads the labels.
        images: Fewest images that it can score on.
        blocks: Whether it has to find the transformer blocks.
        small: Whether only small networks are affordable.
        version: Raised whenever its values change though the function does not, because what it calls does.

    Raises:
        RegistryError: If the name is taken.
    """

    def registered(function: Measure) -> Measure:
        needed = Requirements(passes, labels, images, blocks, small)
        ZOO.register(name, FunctionProxy(name, function, sign, source, needed, version))
        return function

    return registered


def zoo_graphs() -> tuple[Proxy, ...]:
    """The proxies of the zoo that are graphs, which an evolution may start from.

    Example:
        >>> {"snip", "synflow", "zico"} <= {proxy.name for proxy in zoo_graphs()}
        True
    """
    return tuple(each for each in ZOO.values() if isinstance(each, Proxy))
