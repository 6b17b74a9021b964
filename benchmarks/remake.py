"""Remakes what depends on the embedded table: the shipped proxies in proxies/.

    python benchmarks/remake.py

Each proxy is discovered anew by the command that stands in its file. Run it when the table, a space, a statistic or a
primitive has changed its version; it takes a few minutes a proxy.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autoprox

FOLDER = Path(__file__).resolve().parents[1] / "proxies"


@dataclass(frozen=True)
class Shipment:
    """A shipped proxy: its name, what it is for, and the options of autoprox.evolve that make it."""

    name: str
    purpose: str
    options: str


SHIPMENTS = (
    Shipment("joint_micro", "Ranks both micro spaces on all data sets of the embedded table.", ""),
    Shipment("autoformer_micro", "Ranks autoformer-micro alone.", "--spaces autoformer-micro"),
    Shipment("pit_micro", "Ranks pit-micro alone.", "--spaces pit-micro"),
)

MODULE = '''"""{purpose}

    {formula}

Made by: {command}
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{document}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
'''


def remake(shipment: Shipment) -> None:
    """Discovers one proxy and writes its file."""
    command = f"python -m autoprox.evolve {shipment.options}".strip()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*shlex.split(command)[1:], "--out", folder, "--force"]
        subprocess.run([sys.executable, *arguments], check=True)
        proxy = autoprox.load(folder).renamed(shipment.name)
    document = proxy.to_document()
    text = MODULE.format(purpose=shipment.purpose, formula=proxy.formula, command=command, document=compact(document))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{shipment.name}.py").write_text(text)


def compact(document: dict[str, Any]) -> str:
    """JSON with one line an entry, and one line an entry of its dictionaries and lists."""
    lines = []
    for key, value in sorted(document.items()):
        if isinstance(value, dict):
            inner = [
                f"  {json.dumps(name)}: {json.dumps(each, sort_keys=True)}" for name, each in sorted(value.items())
            ]
            lines.append(f" {json.dumps(key)}: {{\n" + ",\n".join(inner) + "\n }")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}"


def main() -> None:
    """Remakes the proxies that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {shipment.name: shipment for shipment in SHIPMENTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(known)} (default: all)")
    names = parser.parse_args().names or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"unknown proxy '{unknown[0]}'; known: {', '.join(known)}")
    for name in names:
        remake(known[name])


if __name__ == "__main__":
    main()
