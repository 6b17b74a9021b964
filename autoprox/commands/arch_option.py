"""Option --arch: one architecture, as JSON of its genes or in a file of results."""

import argparse

from autoprox.commands.values import Text
from autoprox.spaces import Arch, Space, read_archs

ARCH = Text(files=True)
_KINDS = "JSON of the genes, or the result.json of a search (its best pick) or metapool.json"


def add_arch(options: argparse.ArgumentParser, purpose: str, *, required: bool = False) -> None:
    """Adds --arch."""
    options.add_argument("--arch", required=required, type=ARCH, metavar="JSON|FILE", help=f"{purpose}: {_KINDS}")


def given_arch(space: Space, given: str) -> Arch:
    """The architecture that --arch names.

    Raises:
        SpecError: If it is neither JSON of genes that the space allows, nor a file with such an architecture.
    """
    return space.parse(given) if given.lstrip().startswith("{") else read_archs(given, space)[0].arch
