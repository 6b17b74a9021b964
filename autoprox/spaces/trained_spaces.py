"""Names of the spaces around the trained networks of autoprox, with the functions that make them.

Only names are listed here: a space needs torch and a checkpoint, so it is made on first use.
"""

from collections.abc import Mapping
from itertools import product

KINDS = ("mq", "lr")
"""Mixed precision, with bits as genes, and low rank, with ranks as genes."""
TRAINED = tuple(product(("autoformer", "pit"), ("digits", "patches")))
"""The trained networks: family and data set."""
MODULE = "autoprox.compress.embedded"
"""The module that makes them."""

EMBEDDED_SPACES: Mapping[str, str] = {
    f"{kind}-{family}-{dataset}": f"{MODULE}:{kind}_{family}_{dataset}" for kind in KINDS for family, dataset in TRAINED
}
"""References to the functions for `load_space`, by name."""
