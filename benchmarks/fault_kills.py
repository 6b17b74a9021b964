"""Random kills of every command that writes: nothing may be left over, and the repeated command has to succeed.

Used by faults.py. The moment is drawn as a share of the processor time of the uninterrupted command, so that it does
not depend on the load of the machine.
"""

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from fault_processes import (
    LOOK_S,
    Started,
    cpu_of_a_start,
    cpu_seconds,
    session_members,
    started,
    started_fresh,
)
from PIL import Image

from autoprox.base.interrupts import INTERRUPTED
from autoprox.bench.table import Table
from autoprox.commands import COMMANDS, load_command

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
FRESH_SHARE = 0.15
"""Share of kills that hit a command while Python starts and modules are imported."""
TRIALS = 5
"""Repetitions for a command that ended before the kill."""
GRACE_S = 120.0
"""Seconds for the processes of a killed command to end; on an idle machine they need less than one."""
FINISH_S = 3600.0
"""Largest duration of a command in seconds; on a busy machine it takes minutes."""


@dataclass(frozen=True)
class Case:
    """A command that writes.

    Args:
        name: Name in the report.
        words: Words after `autoprox`; `{out}` is the result folder, `{world}` the folder of inputs.
        again: Option to resume, or to replace.
        results: Files below the folder with the same bytes as after an uninterrupted run.
        given: Name in the world that is copied into the folder first.
    """

    name: str
    words: str
    again: str
    results: tuple[str, ...]
    given: str = ""


_TABLE = "--bench {world}/small.parquet --jobs 1"
_EVOLVE = "evolve --bench {world}/small.parquet --budget 300 --no-report --out {out}/run"
CASES = (
    Case("evolve", f"{_EVOLVE} --growths 1 --jobs 1", "--resume", ("run/best.json", "run/hall.json")),
    Case("evolve, islands", f"{_EVOLVE} --islands 2 --jobs 2", "--resume", ("run/best.json", "run/hall.json")),
    Case(
        "evolve, report",
        f"evolve {_TABLE} --budget 60 --random-budget 30 --growths 0 --out {{out}}/run",
        "--resume",
        ("run/best.json", "run/hall.json"),
    ),
    Case("runs --report", "runs {out}/run --report --random-budget 30", "", ("run/best.json",), given="run"),
    Case(
        "search",
        "search --proxy snip --space pit-micro --budget 60 --population 20 --jobs 2 --out {out}/run",
        "--resume",
        ("run/result.json", "run/candidates.csv", "run/figure.svg"),
    ),
    Case(
        "search --verify",
        "search --proxy params --space pit-micro --budget 20 --population 10 --jobs 1 --verify digits --seeds 2"
        " --randoms 2 --epochs 1 --out {out}/run",
        "--resume",
        ("run/result.json", "run/candidates.csv", "run/figure.svg"),
    ),
    Case(
        "bench build",
        "bench build --space pit-micro --archs 6 --iso 0 --datasets digits --seeds 2 --epochs 1 --jobs 2"
        " --out {out}/t.parquet",
        "--resume",
        ("t.parquet", "t.batches.npz"),
    ),
    Case(
        "bench build, kd",
        "bench build --space pit-micro --archs 3 --iso 0 --datasets digits --labels kd --kd-seeds 1 --epochs 1"
        " --out {out}/t.parquet",
        "--resume",
        ("t.parquet", "t.batches.npz"),
    ),
    Case(
        "device profile",
        "device profile --space pit-micro --archs 20 --out {out}/run",
        "--resume",
        (),  # measurements differ between runs
    ),
    Case(
        "regression fit",
        f"regression fit {_TABLE} --out {{out}}/r.json --figures {{out}}/figures",
        "--force",
        ("r.json", "figures/pit-micro-coefficients.png"),
    ),
    Case("bench import", "bench import {world}/small.csv --out {out}/t.parquet", "--force", ("t.parquet",)),
    Case("bench info --plot", "bench info {world}/small.parquet --plot {out}/t.svg", "--force", ("t.svg",)),
    Case("parzc fit", f"parzc fit {_TABLE} --statistics params macs --out {{out}}/m.pt", "--force", ("m.pt",)),
    Case(
        "parzc evaluate",
        f"parzc evaluate {_TABLE} --model {{world}}/m.pt --figures {{out}}/figures --report {{out}}/r.html",
        "--force",
        ("figures/evaluate-importance.png",),
    ),
    Case("evaluate", f"evaluate {_TABLE} --proxy snip params --out {{out}}/run", "--force", ("run/result.json",)),
    Case("zoo", f"zoo {_TABLE} --names snip params --out {{out}}/run", "--force", ("run/result.json",)),
    Case("show --python", "show snip --python {out}/snip.py", "--force", ("snip.py",)),
    Case("show --png", "show snip --png {out}/snip.png", "--force", ("snip.png",)),
    Case(
        "compress",
        "compress --model {world}/network.py:model --images {world}/pictures --img-size 8 --kind bits --count 4"
        " --max weight_bytes=2K --proxy params_bits --out {out}/run",
        "--force",
        ("run/result.json",),
    ),
    Case("judge", "judge {out}/trial --jobs 1", "", ("trial/best.json", "trial/hall.json"), given="trial"),
    Case(
        "rank",
        "rank --models {world}/network.py:model --img-size 8 --scorer params synflow --csv {out}/r.csv"
        " --figure {out}/r.svg",
        "--force",
        (),  # the table states latencies
    ),
    Case(
        "metapool train",
        "metapool train --dataset digits --epochs 5 --out {out}/run",
        "--resume",
        ("run/metapool.json",),
    ),
    Case(
        "supernet train",
        "supernet train --space pit-micro --dataset digits --passes 12 --out {out}/run",
        "--resume",
        (),  # times are stated beside the parameters
    ),
    Case("supernet evaluate", "supernet evaluate {world}/supernet --archs 24 --out {out}/t.parquet", "", ()),
    Case(
        "supernet extract",
        'supernet extract {world}/supernet --arch {{"base_dim":8,"mlp_ratio":2,"depth":[1,1,1],"num_heads":[2,2,2]}}'
        " --out {out}/pick.safetensors",
        "--force",
        ("pick.safetensors",),
    ),
)
WRITE_NOTHING = {"completion"}

_NETWORK = """import torch
from torch import nn


def model():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)
    return nn.Sequential(*layers)
"""


@dataclass(frozen=True)
class Reference:
    """Files of an uninterrupted command, and its cost.

    Args:
        results: The bytes of its results, by name.
        names: Names of all its files, including caches.
        seconds: Processor time.
    """

    results: dict[str, bytes]
    names: frozenset[str]
    seconds: float


@dataclass(frozen=True)
class Killed:
    """Outcome of one kill."""

    case: str
    label: str
    faults: tuple[str, ...]


@dataclass
class Tally:
    """Outcome of the kills of one command."""

    kills: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def kills(world: Path, times: int, seed: int, jobs: int) -> int:
    """Kills commands at random and repeats them; prints a table, and returns the number of failures.

    Args:
        world: Working folder.
        times: Number of kills; commands take turns.
        seed: Seed of all draws.
        jobs: Number of commands tested at a time.
    """
    world.mkdir()
    make_world(world)
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        found = dict(zip(CASES, pool.map(partial(reference, world), CASES), strict=True))
        start_s = cpu_of_a_start(world)
        tries = [(number, CASES[number % len(CASES)]) for number in range(times)]
        outcomes = list(
            pool.map(
                partial(tried, world, start_s, seed),
                [number for number, _ in tries],
                [case for _, case in tries],
                [found[case] for _, case in tries],
            )
        )
    tallies = {case.name: Tally() for case in CASES}
    for each in outcomes:
        tallies[each.case].kills[each.label] += 1
        tallies[each.case].failures += [f"{each.case}, {each.label}: {fault}" for fault in each.faults]
    print("\n| command | CPU s | kills | failures |\n|---|---|---|---|")
    for case in CASES:
        tally = tallies[case.name]
        how = ", ".join(f"{count} {label}" for label, count in sorted(tally.kills.items()))
        print(f"| {case.name} | {found[case].seconds:.1f} | {how} | {len(tally.failures)} |")
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    tried_here = {case.words.split()[0] for case in CASES}
    failures += [f"{name} has no case" for name in sorted(set(COMMANDS) - tried_here - WRITE_NOTHING)]
    for failure in failures:
        print(f"FAILED {failure}")
    return len(failures)


def make_world(world: Path) -> None:
    """Makes the inputs of commands: a table of 24 architectures (CSV, parquet), a run, a model, a network, images."""
    for name in COMMANDS:
        load_command(name)
    frame = Table.read().frame
    frame = frame[frame["label_kind"] == "scratch"]
    chosen = sorted(set(frame.loc[frame["space"] == "pit-micro", "arch_id"]))[:24]
    kept = frame[frame["arch_id"].isin(chosen) & (frame["dataset"] == "digits") & (frame["metric"] == "top1_pct")]
    columns = ["arch_json", "space", "dataset", "value", "train_seed"]
    kept[columns].to_csv(world / "small.csv", index=False)
    (world / "network.py").write_text(_NETWORK)
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (world / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(world / "pictures" / name / f"{number}.png")
    for line in (
        "bench import {world}/small.csv --out {world}/small.parquet",
        "evolve --bench {world}/small.parquet --budget 30 --random-budget 10 --growths 0 --jobs 1 --out {world}/run",
        "evolve --bench {world}/small.parquet --budget 30 --growths 0 --jobs 1 --no-report --keep-sealed"
        " --out {world}/trial",
        "supernet train --space pit-micro --dataset digits --passes 2 --out {world}/supernet",
        "parzc fit --bench {world}/small.parquet --statistics params macs --jobs 1 --out {world}/m.pt",
    ):
        run_command(line.format(world=world).split(), world / "home")


def run_command(words: Sequence[str], home: Path) -> None:
    """Runs a command that has to succeed.

    Raises:
        RuntimeError: If it fails.
    """
    with started([*words, "--quiet"], home) as process:
        process.join()
    if process.exitcode:
        raise RuntimeError(f"'{' '.join(words)}' failed: {(home / 'errors').read_text()}")


def reference(world: Path, case: Case) -> Reference:
    """Runs a command without interruption."""
    place = prepared(world, case, f"reference-{CASES.index(case)}")
    seconds = 0.0
    with started(words_of(case, world, place), place / "home") as process:
        while process.is_alive():
            seconds = max(seconds, cpu_seconds(process.pid))
            process.join(LOOK_S)
    if process.exitcode:
        raise RuntimeError(f"'{case.name}' failed: {(place / 'home' / 'errors').read_text()}")
    return Reference({name: (place / name).read_bytes() for name in case.results}, names_in(place), seconds)


def tried(world: Path, start_s: float, seed: int, number: int, case: Case, wanted: Reference) -> Killed:
    """Kills a command at a random moment, checks the leftovers, and repeats it.

    If the command ended before the kill, it is run again and killed earlier.
    """
    rng = random.Random(f"{seed} {number}")
    sent, whole, fresh = rng.choice(SIGNALS), rng.random() < 0.5, rng.random() < FRESH_SHARE
    moment = rng.random() * (start_s if fresh else wanted.seconds)
    for trial in range(TRIALS):
        place = prepared(world, case, f"kill-{number}-{trial}")
        found = killed(world, case, wanted, place, moment * 0.5**trial, sent, whole=whole, fresh=fresh)
        shutil.rmtree(place)
        if found is not None:
            break
    return found or Killed(case.name, "ended in time", ())


def killed(
    world: Path, case: Case, wanted: Reference, place: Path, moment: float, sent: int, *, whole: bool, fresh: bool
) -> Killed | None:
    """Kills a command after some processor time, and repeats it; None if it ended before the kill."""
    words = words_of(case, world, place)
    label = f"{signal.Signals(sent).name} to {'all' if whole else 'one'}{' at the start' if fresh else ''}"
    home = place / "home"
    with (started_fresh if fresh else started)(words, home) as process:
        while process.is_alive() and cpu_seconds(process.pid) < moment:
            time.sleep(LOOK_S)
        if not process.is_alive():
            return None
        (os.killpg if whole else os.kill)(process.pid, sent)
        process.join(GRACE_S)
        faults = left_over(process, sent, home)
    if not (whole and sent is signal.SIGKILL):  # then no process is left to clean up
        faults += [f"{each.name} is left in the temporary folder" for each in (home / "tmp").iterdir()]
    faults += repeated(case, words, place, wanted)
    return Killed(case.name, label, tuple(faults))


def left_over(process: Started, sent: int, home: Path) -> list[str]:
    """Faults right after a kill: remaining processes, tracebacks, or a wrong status."""
    faults = []
    said = (home / "errors").read_text(errors="backslashreplace")
    if process.is_alive():
        faults.append("still alive long after the signal")
    elif sent is signal.SIGINT and process.exitcode not in {0, INTERRUPTED} and "autoprox" in said:
        faults.append(f"status {process.exitcode} after an interrupt")
    # A traceback from before the first line of autoprox is Python's.
    if "Traceback" in said and f"{os.sep}autoprox{os.sep}" in said:
        faults.append(f"a traceback, ending in: {said.strip().splitlines()[-1]}")
    deadline = time.monotonic() + GRACE_S
    while (left := session_members(process.pid)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return [*faults, *([f"{len(left)} processes live on"] if left else [])]


def repeated(case: Case, words: Sequence[str], place: Path, wanted: Reference) -> list[str]:
    """Repeats the command, and compares its files with an uninterrupted run; returns the faults."""
    home = place / "home"
    with started([*words, *case.again.split()], home) as process:
        process.join(FINISH_S)
        if process.is_alive():
            return ["the repeated command does not end"]
    if process.exitcode:
        said = (home / "errors").read_text(errors="backslashreplace").strip().splitlines()
        return [f"the repeated command ended with status {process.exitcode}: {said[-1:]}"]
    faults = [
        f"{name} is not that of an uninterrupted run"
        for name, expected in wanted.results.items()
        if not (place / name).exists() or (place / name).read_bytes() != expected
    ]
    names = names_in(place)
    faults += [f"{name} is left" for name in sorted(names - wanted.names)]
    return [*faults, *(f"{name} is missing" for name in sorted(wanted.names - names))]


def prepared(world: Path, case: Case, name: str) -> Path:
    """A new folder for a command."""
    place = world / name
    place.mkdir()
    if case.given:
        shutil.copytree(world / case.given, place / case.given)
    return place


def words_of(case: Case, world: Path, place: Path) -> list[str]:
    """The command line of a case."""
    return [*case.words.format(out=place, world=world).split(), "--quiet"]


def names_in(place: Path) -> frozenset[str]:
    """All files below a folder, except output and temporary files, which are checked after the kill."""
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    return frozenset(
        each for each in found if not each.startswith(("home/output", "home/errors", "home/tmp/", "home/others/"))
    )
