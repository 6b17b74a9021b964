"""Loads proxies by name or path."""

from importlib import import_module
from pathlib import Path

from autoprox import shipped
from autoprox.base.errors import AutoproxError, RegistryError, StoreMismatchError, nearest
from autoprox.base.foreign import read_json, reading
from autoprox.base.references import resolved
from autoprox.graph import Proxy, parse
from autoprox.scorers._ensemble import HALL_MEMBERS, Ensemble
from autoprox.scorers._interface import Scorer
from autoprox.scorers._teacher_proxies import TEACHER_PROXIES
from autoprox.scorers.zoo._zoo_proxies import ZOO

BEST = "best.json"
"""Name of the file with the proxy in a run's folder."""

FURTHER = ("autoprox.compress:ALLOCATION_PROXIES",)
"""References of further registries of named scorers: proxies of compressed networks."""

HALL = "hall.json"
"""Name of the file with the hall of fame in a run's folder, fittest on fit first."""


def load_proxy(name_or_path: str) -> Scorer:
    """Loads a proxy from a file or a run's folder, or by name.

    Names are those of shipped proxies, of the zoo, of proxies with a teacher, and of proxies of compressed networks. A
    run's hall.json gives the ensemble of its hall of fame.

    Raises:
        StoreMismatchError: If the file is neither a proxy nor a hall of fame, or was edited.
        RegistryError: If there is neither such a file nor such a name.

    Example:
        >>> load_proxy("snip").needs.statistics
        ('weight', 'weight_grad')
    """
    path = _existing(name_or_path)
    if path is not None and path.is_dir():
        if not (path / BEST).exists():
            raise StoreMismatchError(
                f"The folder '{path}' holds no {BEST}: it is not a run, or the run is not finished. Give another "
                "folder, or resume the run."
            )
        path = path / BEST
    if path is not None and path.suffix == ".py":
        raise StoreMismatchError(
            f"'{path}' is Python code, such as an exported proxy: import it and call its score(model, images, labels),"
            " or `load` the best.json that it was exported from."
        )
    if path is not None:
        return hall_ensemble(path) if path.name == HALL else Proxy.read(path)
    if name_or_path in shipped.names():
        proxy = import_module(f"autoprox.shipped.{name_or_path}").proxy
        assert isinstance(proxy, Proxy)
        return proxy
    if name_or_path in ZOO:
        return ZOO[name_or_path]
    named = (TEACHER_PROXIES, *map(resolved, FURTHER))
    for registry in named:
        if name_or_path in registry:
            further: Scorer = registry[name_or_path]
            return further
    if Path(name_or_path).name != name_or_path or Path(name_or_path).suffix:
        raise RegistryError(
            f"There is no file or folder '{name_or_path}'; give the folder of a run, or the name of a proxy."
        )
    hint = nearest(name_or_path, [*shipped.names(), *ZOO, *(name for each in named for name in each)])
    listed = ", ".join((*shipped.names(), *TEACHER_PROXIES))
    allowed = f"Allowed: a run's folder or file, {listed}, and the names that 'autoprox zoo' lists."
    raise RegistryError(f"There is no file and no proxy '{name_or_path}'.{f' {hint}' if hint else ''} {allowed}")


def hall_ensemble(path: Path) -> Ensemble:
    """The ensemble of a hall of fame: the fittest members on fit with rankings that are robust to rounding.

    Args:
        path: The hall.json of a run.

    Raises:
        StoreMismatchError: If the file is not a hall of fame, or holds no such member.
    """
    run = path.resolve().parent.name
    with reading(path, lambda reason: StoreMismatchError(f"'{path}' is not a hall of fame of a run: {reason}.")):
        members = [each for each in read_json(path) if each["steady"]][:HALL_MEMBERS]
        try:
            proxies = [
                Proxy(f"{run} {number}", parse(each["graph"]), each["sign"]) for number, each in enumerate(members, 1)
            ]
        except AutoproxError as error:
            raise StoreMismatchError(f"'{path}' is not a hall of fame of a run: {error}") from error
    if not proxies:
        raise StoreMismatchError(f"The hall of fame '{path}' has no member with a ranking that is robust to rounding.")
    return Ensemble(proxies, f"{run} hall")


def _existing(name_or_path: str) -> Path | None:
    """The path if it exists; None otherwise, also for a text that is not a valid path."""
    try:
        return Path(name_or_path) if name_or_path and Path(name_or_path).exists() else None
    except OSError:
        return None
