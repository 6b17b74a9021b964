"""The zoo: published and hand-made proxies, one theme per file. Importing it registers them in this order."""

from autoprox.scorers.zoo import counts, published  # isort: skip
from autoprox.scorers.zoo import channels, jacobian  # isort: skip
from autoprox.scorers.zoo import codes, kernel  # isort: skip
from autoprox.scorers.zoo import perturbation, spectra  # isort: skip
from autoprox.scorers.zoo import attention, az_nas  # isort: skip
from autoprox.scorers.zoo.registry import ZOO, function_proxy, zoo_graphs

__all__ = [
    "ZOO",
    "attention",
    "az_nas",
    "channels",
    "codes",
    "counts",
    "function_proxy",
    "jacobian",
    "kernel",
    "perturbation",
    "published",
    "spectra",
    "zoo_graphs",
]
