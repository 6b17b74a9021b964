"""Scorers, spaces and tables by name.

Each function imports its dependencies when it is called, so that importing this module loads no torch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoprox.scorers import Ensemble, Scorer
    from autoprox.spaces import Space

__all__ = ["ensemble", "list_scorers", "list_spaces", "list_tables", "load", "shipped_names", "space"]


def load(name_or_path: "str | Path") -> "Scorer":
    """Loads a scorer: a shipped proxy or one of the zoo by name, or a file by path.

    A file is the best.json of a run (or the folder of the run), its hall.json (the ensemble of its hall of fame), a
    model of autoprox.parzc, or a regression of `autoprox regression fit`. A folder of `autoprox supernet train` scores
    by inherited accuracy.

    An existing path has precedence over a name.

    Raises:
        StoreMismatchError: If the file is not a proxy, or was edited.
        RegistryError: If there is neither such a file nor such a name.

    Example:
        >>> load("snip").formula
        'nodes_sum(l1(weight * weight_grad))'
        >>> str(load("jacov").needs)
        'forward, backward to the images; 2 images'
    """
    from os.path import isfile, join
    from zipfile import is_zipfile

    from autoprox.base.foreign import begins_with_format
    from autoprox.scorers import load_proxy

    if isfile(name_or_path) and is_zipfile(name_or_path):  # torch writes zip files; a proxy is JSON
        from autoprox.predict.parzc import LearnedProxy

        return LearnedProxy.load(name_or_path)
    if isfile(name_or_path) and begins_with_format(name_or_path, "autoprox.regression"):
        from autoprox.predict import RegressionProxy

        return RegressionProxy.load(name_or_path)
    if isfile(join(name_or_path, "supernet.json")):
        from autoprox.supernet import Inherited, InheritedAccuracy

        return InheritedAccuracy(Path(name_or_path).name, Inherited(Path(name_or_path)))
    return load_proxy(str(name_or_path))


def ensemble(members: "Sequence[Scorer]", name: str | None = None) -> "Ensemble":
    """Several proxies as one scorer, which ranks networks by the mean of the ranks that the proxies give them.

    Args:
        members: Proxies from `load`, or any other scorers.
        name: Name in reports.

    Raises:
        SpecError: If there is no member.

    Example:
        >>> import numpy as np
        >>> micro = space("pit-micro")
        >>> rng = np.random.default_rng(0)
        >>> models = [micro.build(micro.sample(rng), 10, 8, 1, seed=0) for _ in range(3)]
        >>> images, labels = rng.normal(size=(4, 1, 8, 8)).astype("float32"), np.array([0, 1, 2, 3])
        >>> ensemble([load("snip"), load("l2_norm")]).score_many(models, images, labels).shape
        (3,)
    """
    from autoprox.scorers import Ensemble

    return Ensemble(members, name)


def shipped_names() -> list[str]:
    """Names of the discovered proxies in autoprox, each also importable as `autoprox.shipped.<name>`.

    Example:
        >>> "joint_micro" in shipped_names()
        True
    """
    from autoprox.shipped import names

    return names()


def list_scorers() -> list[str]:
    """Names that `load` knows: the discovered proxies in autoprox, then the published ones of the zoo.

    Example:
        >>> {"joint_micro", "snip", "params"} <= set(list_scorers())
        True
    """
    from autoprox.scorers import ZOO

    return [*shipped_names(), *ZOO]


def list_tables() -> list[str]:
    """Names of the embedded benchmark tables.

    Example:
        >>> list_tables()
        ['lrbench101', 'mqbench101', 'vitbench101']
    """
    from autoprox.bench.table import embedded_tables

    return list(embedded_tables())


def list_spaces() -> list[str]:
    """Names of the architecture spaces in autoprox.

    Example:
        >>> "autoformer-ti" in list_spaces()
        True
    """
    from autoprox.spaces import SPACES

    return list(SPACES)


def space(reference: str) -> "Space":
    """An architecture space by its name, or your own space by its location.

    Args:
        reference: A name; `my_package.spaces:space`; or `my_file.py:space`.

    Raises:
        RegistryError: If there is no such name; the message names the nearest one.
        SpecError: If the module or file cannot be imported, or the object is not a space.

    Example:
        >>> space("autoformer-ti").default_img_size
        224
    """
    from autoprox.spaces import load_space

    return load_space(reference)
