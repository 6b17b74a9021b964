"""Remakes all artefacts that depend on the embedded table, the spaces, statistics and primitives.

    python benchmarks/remake.py --list          # the steps, in their order, with the command and the time of each
    python benchmarks/remake.py                 # all of them
    python benchmarks/remake.py bank proxies    # some of them; a group selects its steps

Run it when the table, a space, a statistic, a primitive or the recipe has changed its version. The bank consists of the
statistics stored next to the table. A shipped proxy is discovered again by the command in its file, and contains its
golden values and results. The rest are the stored results of benchmarks/, and their figure. A failing step ends the run
with its name; completed steps are kept.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import autoprox
from autoprox.bench.problem import Problem
from autoprox.bench.table import Table
from autoprox.bench.table_files import TableFiles
from autoprox.evolve.prepared import write_bank
from autoprox.graph import Proxy
from autoprox.statistics import StatisticsCache

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "proxies"


@dataclass(frozen=True)
class Shipment:
    """A shipped proxy.

    Attributes:
        name: Its name.
        purpose: Its purpose, in a sentence.
        options: The options of autoprox.evolve that discover it.
        imported: The published file of each space, if its table is not the embedded one.
    """

    name: str
    purpose: str
    options: str = ""
    imported: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The file of its table, if it is imported."""
        return "-".join(["vitbench", *self.imported]) + ".parquet"

    @property
    def command(self) -> str:
        """The command that discovers it."""
        bench = f"--bench {self.table}" if self.imported else ""
        return " ".join(["python -m autoprox.evolve", *(each for each in (bench, self.options) if each)])

    def importing(self, folder: str) -> str:
        """The preceding command, which imports its table from published files in a folder."""
        files = [str(Path(folder) / name) for name in self.imported.values()]
        return shlex.join(
            ["python", "-m", "autoprox.bench", "import", *files, "--space", *self.imported, "--out", self.table]
        )


AUTOFORMER, PIT = {"autoformer-ti": "gt_autoformer.pth"}, {"pit-ti": "gt_pit_a.pth"}
ZOO_FIRST = "--seed-zoo"
"""For proxies with a better winner on select if the search starts with the zoo."""
PUBLISHED = "--label-kind kd --growths 0"
"""At 224 px a growth of the bank takes about as long as the whole first bank."""

BLIND = "Blind to depth: deeper networks score the same."
SHALLOW = "Of plain vision transformers of one width it prefers the shallow one."
"""Effects on shipped proxies of varying one property at a time; tests/scorers/test_one_gene.py checks them."""

SHIPMENTS = (
    Shipment(
        "joint_micro",
        "Ranks both micro spaces on all data sets of the embedded table. "
        "Rises with width and depth: begin with this one.",
        ZOO_FIRST,
    ),
    Shipment(
        "joint_best",
        f"Ranks both micro spaces as well; the best of 80 searches on select. {BLIND}",
        "--strategy nsga2 --seed 2",
    ),
    Shipment("autoformer_micro", f"Ranks autoformer-micro alone. {BLIND}", "--spaces autoformer-micro"),
    Shipment("pit_micro", "Ranks pit-micro alone.", "--spaces pit-micro"),
    Shipment("beyond_size", f"Ranks by joint tau and tau at one size. {BLIND}", f"--beyond-size 1 {ZOO_FIRST}"),
    Shipment("published_autoformer", "Ranks autoformer-ti, by the published labels (kd).", PUBLISHED, AUTOFORMER),
    Shipment("published_pit", f"Ranks pit-ti, by the published labels (kd). {SHALLOW}", PUBLISHED, PIT),
    Shipment(
        "published_both", "Ranks autoformer-ti and pit-ti, by the published labels (kd).", PUBLISHED, AUTOFORMER | PIT
    ),
)


@dataclass(frozen=True)
class Script:
    """A script of benchmarks/ with stored results.

    Attributes:
        path: Path under benchmarks/.
        takes: Its duration, as in its docstring.
        writes: File of its standard output, under benchmarks/; None if it writes its results itself.
        takes_published: True if it can read the published labels from the folder --published.
        needs_published: True if it requires them.
    """

    path: str
    takes: str
    writes: str | None = None
    takes_published: bool = False
    needs_published: bool = False

    def arguments(self, published: Path | None) -> list[str]:
        """Arguments of `python`."""
        options = ["--published", str(published)] if self.takes_published and published is not None else []
        return [f"benchmarks/{self.path}", *options]

    def run(self, published: Path | None) -> None:
        """Runs it in a separate process."""
        command = [sys.executable, *self.arguments(published)]
        if self.writes is None:
            subprocess.run(command, check=True, cwd=HERE.parent)
            return
        done = subprocess.run(command, check=True, cwd=HERE.parent, stdout=subprocess.PIPE, text=True)
        target = HERE / self.writes
        target.parent.mkdir(exist_ok=True)
        target.write_text(done.stdout)


SCRIPTS = (
    Script("quality/shipped.py", "seconds", "quality/results/shipped.md"),
    Script("quality/readme.py", "seconds"),
    Script("quality/table.py", "seconds", "quality/results/table.md"),
    Script("quality/datasets.py", "10 minutes", "quality/results/datasets.md"),
    Script("quality/discovery.py", "an hour, more with a larger table"),
    Script("quality/published.py", "an hour the first time", takes_published=True, needs_published=True),
    Script("quality/parzc.py", "40 minutes", takes_published=True),
    Script("quality/search.py", "an hour"),
    Script("quality/annealing.py", "an hour"),
    Script("quality/regression.py", "2 minutes"),
    Script("quality/teachers.py", "20 minutes"),
    Script("quality/taught_discovery.py", "30 minutes"),
    Script("quality/distillers.py", "20 minutes"),
    Script("quality/kd_recipe.py", "25 minutes"),
    Script("quality/compress.py", "10 minutes"),
    Script("quality/screening.py", "a minute"),
    Script("quality/mixers.py", "75 minutes"),
    Script("quality/supernet.py", "40 hours; an hour with --reduced"),
    Script("quality/foreign.py", "an hour, of other libraries"),
    Script("speed/collect.py", "2 minutes", "speed/results/statistics.md"),
    Script("speed/evaluation.py", "2 minutes", "speed/results/evaluation.md"),
    Script("speed/train.py", "a minute", "speed/results/train.md"),
    Script("speed/supernet.py", "2 minutes", "speed/results/supernet.md"),
    Script("speed/zoo.py", "2 minutes", "speed/results/zoo.md"),
    Script("speed/search.py", "5 minutes", "speed/results/search.md"),
)

FIGURE = Script("figure.py", "seconds")
"""The figure of the results of all others."""


@dataclass(frozen=True)
class Step:
    """A step that can be run alone.

    Attributes:
        name: Name on the command line.
        group: Common name of several steps.
        command: Its command line.
        takes: Its duration.
        run: Runs the step.
    """

    name: str
    group: str
    command: str
    takes: str
    run: Callable[[], None]


def steps(published: Path | None) -> list[Step]:
    """All steps, each after its dependencies; without the published labels, the steps that need them are skipped."""
    found = [Step("bank", "bank", "the statistics that a discovery begins with, beside the table", "minutes", bank)]
    found += [
        Step(shipment.name, "proxies", shipment.command, "minutes", lambda each=shipment: remake(each, published))
        for shipment in SHIPMENTS
        if published is not None or not shipment.imported
    ]
    for script in SCRIPTS:
        if script.needs_published and published is None:
            continue
        name, group = Path(script.path).stem, Path(script.path).parent.name
        # The group distinguishes two scripts with the same name.
        unique = name if [Path(each.path).stem for each in SCRIPTS].count(name) == 1 else f"{group}-{name}"
        into = f" > benchmarks/{script.writes}" if script.writes else ""
        command = shlex.join(["python", *script.arguments(published)]) + into
        found.append(Step(unique, group, command, script.takes, lambda each=script: each.run(published)))
    drawing = shlex.join(["python", *FIGURE.arguments(None)])
    return [*found, Step("figure", "figure", drawing, FIGURE.takes, lambda: FIGURE.run(None))]


def bank() -> None:
    """Writes the statistics of the embedded table's networks next to it.

    It works in a separate cache: a bank holds float32, and a discovery with more digits finds another proxy.
    """
    table = Table.read()
    with tempfile.TemporaryDirectory() as folder:
        cache = StatisticsCache(Path(folder) / "statistics.sqlite")
        write_bank(Problem(table, tuple(table.blocks())), cache, TableFiles(table.path).bank)


MODULE = '''"""{purpose}

    {formula}

Made by search version {version}: {commands}
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{document}
"""
    ),
    "The shipped proxy '{name}'",
)
score = proxy.score
score_many = proxy.score_many
'''


def remake(shipment: Shipment, published: Path | None) -> None:
    """Discovers one proxy and writes its file."""
    with tempfile.TemporaryDirectory() as folder:
        commands = [f"{shipment.command} --out run --force --no-report"]
        if shipment.imported:
            commands.insert(0, shipment.importing(str(published.resolve() if published is not None else "")))
        for command in commands:
            subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True, cwd=folder)
        proxy = autoprox.load(Path(folder) / "run").renamed(shipment.name)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{shipment.name}.py").write_text(module_text(shipment, proxy))


_UNSTATED_VERSION = 3
"""The version of the search of proxies that do not state it."""


def module_text(shipment: Shipment, proxy: Proxy) -> str:
    """The file of a shipped proxy."""
    made_by = [shipment.importing("")] * bool(shipment.imported) + [shipment.command]
    return MODULE.format(
        name=shipment.name,
        purpose=shipment.purpose,
        version=proxy.provenance.get("search_version", _UNSTATED_VERSION),
        formula=proxy.formula,
        commands="\n    ".join(made_by),
        document=compact(proxy.to_document()),
    )


def compact(document: dict[str, Any]) -> str:
    """JSON with one line per entry, and one line per entry of its dictionaries and lists."""
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


def chosen(names: list[str], known: list[Step]) -> list[Step]:
    """The named steps, given by name or by group, in the order of all; all if none is named.

    Raises:
        KeyError: If a name is unknown.
    """
    for name in names:
        if not any(name in (step.name, step.group) for step in known):
            raise KeyError(name)
    return [step for step in known if not names or step.name in names or step.group in names]


def main() -> None:
    """Runs the named steps, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or groups of steps (default: all)")
    parser.add_argument("--list", action="store_true", help="list the steps, and do nothing")
    parser.add_argument("--published", type=Path, metavar="DIR", help="folder of the published labels")
    options = parser.parse_args()
    known = steps(options.published)
    try:
        wanted = chosen(options.steps, known)
    except KeyError as error:
        names = ", ".join(dict.fromkeys(name for step in known for name in (step.group, step.name)))
        parser.error(f"unknown step '{error.args[0]}'; known: {names} (and steps that need --published)")
    if options.list:
        for step in wanted:
            print(f"{step.name:18} {step.group:8} {step.takes:38} {step.command}")
        return
    for step in wanted:
        print(f"== {step.name}: {step.command}", flush=True)
        try:
            step.run()
        except subprocess.CalledProcessError as error:
            sys.exit(
                f"remake: the step '{step.name}' failed with status {error.returncode}; resume with: {step.name} ..."
            )


if __name__ == "__main__":
    main()
