"""Soak test of robustness: random kills of every command that writes, and mutated files for every reader.

    python benchmarks/faults.py [--kills 100] [--mutations 500] [--seed 0] [--only kills|files]

Prints one row per command and per reader, and exits with status 1 if anything failed. A kill is SIGKILL, SIGTERM or
SIGINT, at a random moment, to the main process or to its whole group; afterwards no process of the command may live,
no partial file may lie around, and the command, given again to resume, has to end in the bytes of a run that was never
interrupted. A mutated file has to be read, or to be refused by one line that names it; any other exception, more than
`READ_S` seconds or more than `MEMORY_B` bytes is a failure.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import fault_files

from autoprox.bench.table import Table

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
GRACE_S = 10.0
"""How long processes of a killed command may take to end."""
FINISH_S = 300.0


@dataclass(frozen=True)
class Case:
    """A command that writes.

    Args:
        name: For the report.
        words: What follows `python -m autoprox`; `{out}` stands for the folder, `{table}` for the small table.
        again: What is added to resume, or to replace.
        results: Files below the folder whose bytes have to be those of an uninterrupted run.
    """

    name: str
    words: str
    again: str
    results: tuple[str, ...]


CASES = (
    Case(
        "evolve",
        "evolve --bench {table} --budget 300 --growths 1 --jobs 2 --no-report --out {out}/run",
        "--resume",
        ("run/best.json", "run/hall.json"),
    ),
    Case(
        "evolve, islands",
        "evolve --bench {table} --budget 300 --islands 2 --jobs 2 --no-report --out {out}/run",
        "--resume",
        ("run/best.json", "run/hall.json"),
    ),
    Case(
        "search",
        "search --proxy snip --space pit-micro --budget 80 --population 20 --jobs 2 --out {out}/run",
        "--resume",
        ("run/result.json",),
    ),
    Case(
        "bench build",
        "bench build --space pit-micro --archs 12 --iso 0 --datasets digits --seeds 1 --epochs 1 --jobs 2"
        " --out {out}/t.parquet",
        "--resume",
        ("t.parquet",),
    ),
    Case("bench import", "bench import {csv} --out {out}/t.parquet", "--force", ("t.parquet",)),
    Case("parzc fit", "parzc fit --bench {table} --jobs 2 --out {out}/m.pt", "--force", ("m.pt",)),
    Case("evaluate", "evaluate --bench {table} --proxy snip params --out {out}/run", "--force", ("run/result.json",)),
    Case("show", "show snip --python {out}/snip.py", "--force", ("snip.py",)),
)


@dataclass
class Tally:
    """What came of the kills of one command."""

    kills: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def main() -> int:
    """Runs the soak and prints its tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--mutations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=["kills", "files"])
    options = parser.parse_args()
    started, failures = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        if options.only != "files":
            failures += kills(world, options.kills, random.Random(options.seed))
        if options.only != "kills":
            failures += fault_files.mutations(world, options.mutations, options.seed)
    print(f"\n{failures} failures in {time.monotonic() - started:.0f} s")
    return int(failures > 0)


def kills(world: Path, times: int, rng: random.Random) -> int:
    """Kills commands at random and resumes them; prints a table, and returns the number of failures."""
    table, csv = small_table(world)
    tallies = {case.name: Tally() for case in CASES}
    references = {case.name: reference(case, world, table, csv) for case in CASES}
    for number in range(times):
        case = CASES[number % len(CASES)]
        out = world / f"kill-{number}"
        out.mkdir()
        how = killed(words_of(case, out, table, csv), references[case.name][1], rng)
        tally = tallies[case.name]
        tally.kills[how.label] += 1
        tally.failures += [f"{case.name}, {how.label}: {each}" for each in how.faults]
        tally.failures += [f"{case.name}, {how.label}: {each}" for each in resumed(case, out, table, csv, references)]
    print("\n| command | kills | failures |\n|---|---|---|")
    for name, tally in tallies.items():
        how = ", ".join(f"{count} {label}" for label, count in sorted(tally.kills.items()))
        print(f"| {name} | {how} | {len(tally.failures)} |")
    for failure in (each for tally in tallies.values() for each in tally.failures):
        print(f"FAILED {failure}")
    return sum(len(tally.failures) for tally in tallies.values())


@dataclass(frozen=True)
class Killed:
    """One kill: what was sent to whom, and what was wrong right after it."""

    label: str
    faults: tuple[str, ...]


def killed(words: list[str], seconds: float, rng: random.Random) -> Killed:
    """Starts a command in a session of its own, and kills it at a random moment."""
    sent, whole = rng.choice(SIGNALS), rng.random() < 0.5
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        process.wait(timeout=rng.uniform(0.02, seconds))
    except subprocess.TimeoutExpired:
        (os.killpg if whole else os.kill)(process.pid, sent)
    label = f"{sent.name} to {'the group' if whole else 'the main process'}"
    try:
        _, said = process.communicate(timeout=GRACE_S * 3)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return Killed(label, ("still alive long after the signal",))
    faults = []
    if "Traceback" in said:
        faults.append(f"a traceback, ending in: {said.strip().splitlines()[-1]}")
    deadline = time.monotonic() + GRACE_S
    while (left := session_members(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        faults.append(f"{len(left)} processes live on")
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    return Killed(label, tuple(faults))


def resumed(
    case: Case, out: Path, table: Path, csv: Path, references: dict[str, tuple[dict[str, bytes], float]]
) -> list[str]:
    """Gives the command again until it is finished, and compares what it leaves; returns what is wrong."""
    words = words_of(case, out, table, csv)
    done = subprocess.run([*words, *case.again.split()], capture_output=True, text=True, timeout=FINISH_S, check=False)
    if done.returncode:
        return [f"resuming ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"]
    faults = []
    for name, expected in references[case.name][0].items():
        if not (out / name).exists() or (out / name).read_bytes() != expected:
            faults.append(f"{name} is not that of an uninterrupted run")
    partial = [path.name for path in out.rglob("*") if path.suffix in {".tmp", ".part"}]
    return [*faults, *(f"the partial file {name} is left" for name in partial)]


def reference(case: Case, world: Path, table: Path, csv: Path) -> tuple[dict[str, bytes], float]:
    """The results of a command that nothing interrupts, and its wall time in seconds."""
    out = world / f"reference-{case.name.replace(' ', '-').replace(',', '')}"
    out.mkdir()
    started = time.monotonic()
    subprocess.run(words_of(case, out, table, csv), capture_output=True, timeout=FINISH_S, check=True)
    return {name: (out / name).read_bytes() for name in case.results}, time.monotonic() - started


def words_of(case: Case, out: Path, table: Path, csv: Path) -> list[str]:
    """The command line of a case."""
    filled = case.words.format(out=out, table=table, csv=csv)
    return [sys.executable, "-m", "autoprox", *filled.split(), "--quiet"]


def session_members(leader: int) -> list[int]:
    """Living processes of the session that a process leads or led (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def small_table(world: Path) -> tuple[Path, Path]:
    """A table of 24 architectures of the embedded one, imported from a CSV file; both paths."""
    csv, table = world / "small.csv", world / "small.parquet"
    frame = Table.read().frame
    frame = frame[frame["label_kind"] == "scratch"]
    chosen = sorted(set(frame.loc[frame["space"] == "pit-micro", "arch_id"]))[:24]
    kept = frame[frame["arch_id"].isin(chosen) & (frame["dataset"] == "digits") & (frame["metric"] == "top1_pct")]
    kept[["arch_json", "space", "dataset", "value", "train_seed"]].to_csv(csv, index=False)
    subprocess.run(
        [sys.executable, "-m", "autoprox", "bench", "import", str(csv), "--out", str(table), "--quiet"], check=True
    )
    return table, csv


if __name__ == "__main__":
    sys.exit(main())
