"""The zoo: published and hand-made proxies, one theme per file. Importing it registers them in this order."""

from autoprox.scorers.zoo import _count_proxies as counts, _published as published  # isort: skip
from autoprox.scorers.zoo import _channels as channels, _jacobian as jacobian  # isort: skip
from autoprox.scorers.zoo import _codes as codes, _kernel as kernel  # isort: skip
from autoprox.scorers.zoo import _perturbation as perturbation, _spectra as spectra  # isort: skip
from autoprox.scorers.zoo import _attention as attention, _az_nas as az_nas  # isort: skip
from autoprox.scorers.zoo._zoo_proxies import ZOO, function_proxy, zoo_graphs

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
