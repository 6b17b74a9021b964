"""Spaces around the trained networks that come with autoprox: their names, and where each is made.

A name stands here and nothing else: the space itself takes torch and a checkpoint, so it is made when it is asked for.
"""

from collections.abc import Mapping
from itertools import product

KINDS = ("mq", "lr")
"""Mixed precision, whose genes are bits, and low rank, whose genes are ranks."""
TRAINED = tuple(product(("autoformer", "pit"), ("digits", "patches")))
"""The trained networks: family and data set."""
MODULE = "autoprox.compress.embedded"
"""The module that makes them."""

EMBEDDED_SPACES: Mapping[str, str] = {
    f"{kind}-{family}-{dataset}": f"{MODULE}:{kind}_{family}_{dataset}" for kind in KINDS for family, dataset in TRAINED
}
"""Where `load_space` finds each of them."""
