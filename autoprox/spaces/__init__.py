"""What an architecture is, without torch.

A space is one file here and one in `autoprox/networks/`; every module of this folder is imported so that its spaces are
registered. `arch.py` is the architecture itself, `genes.py` the variation over declared genes, `counts.py` the closed
forms, `base.py` what every space offers.
"""

from importlib import import_module
from pkgutil import iter_modules

from autoprox.spaces.arch import Arch
from autoprox.spaces.base import SPACES, AbstractSpace, Layer
from autoprox.spaces.counts import Counts
from autoprox.spaces.genes import Gene, Layout

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def space(name: str) -> AbstractSpace:
    """Returns the space of a name.

    Raises:
        RegistryError: If there is none; the message gives the nearest name and all of them.

    Example:
        >>> space("pit-micro").default_img_size
        28
        >>> space("pit-mikro")
        Traceback (most recent call last):
        ...
        autoprox.base.errors.RegistryError: Unknown space 'pit-mikro'. Did you mean 'pit-micro'? Allowed: \
autoformer-micro, autoformer-ti, pit-micro, pit-ti.
    """
    return SPACES[name]


__all__ = ["SPACES", "AbstractSpace", "Arch", "Counts", "Gene", "Layer", "Layout", "space"]
