"""Mutated files for every reader: each has to be read, or to be refused by one line that names it.

Used by faults.py. Each reader runs in a process of its own with bounded memory, so that a mutation that asks for too
much is seen, and cannot end the soak.
"""

import json
import multiprocessing
import random
import resource
import shutil
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

import autoprox
from autoprox.base.errors import AutoproxError
from autoprox.bench.importers import Mapping, read_columns, read_published
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.datasets import open_images
from autoprox.evolve import runs
from autoprox.report import read_evidence
from autoprox.scorers import score_networks

READ_S = 10.0
"""Longest time in seconds that a reader may take for one file."""
MEMORY_B = 6 * 2**30
"""Address space of a reader's process in bytes."""


@dataclass(frozen=True)
class Reader:
    """A way to read a file.

    Args:
        name: For the report.
        make: Writes a sound sample into a folder, and returns the file that is mutated.
        read: Reads what `make` wrote, given the file.
        text: Whether mutations of JSON values make sense.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    text: bool = False


def mutations(world: Path, times: int, seed: int) -> int:
    """Mutates files and reads them; prints a table, and returns the number of failures."""
    run = finished_run(world)
    rows, failures = [], []
    for reader in readers(run):
        counts, failed = outcome(reader, world / reader.name.replace(" ", "-"), times, seed)
        rows.append(f"| {reader.name} | {counts['read']} | {counts['refused']} | {len(failed)} |")
        failures += [f"{reader.name}: {each}" for each in failed]
    print("\n| reader | read | refused | failures |\n|---|---|---|---|")
    print("\n".join(rows))
    for failure in failures:
        print(f"FAILED {failure}")
    return len(failures)


def finished_run(world: Path) -> Path:
    """The folder of a small finished run with its report and a fitted learned aggregator."""
    run = world / "sound" / "run"
    words = "evolve --budget 200 --growths 0 --random-budget 100 --spaces pit-micro --datasets digits"
    fit = "parzc fit --spaces pit-micro --datasets digits --train 16"
    for line in (f"{words} --out {run}", f"{fit} --out {run.parent / 'model.pt'}"):
        subprocess.run([sys.executable, "-m", "autoprox", *line.split(), "--quiet"], check=True, capture_output=True)
    return run


def readers(run: Path) -> list[Reader]:
    """All readers of files that a user may bring."""

    def copied(name: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            shutil.copytree(run, folder / "run")
            return folder / "run" / name

        return make

    def model(folder: Path) -> Path:
        return Path(shutil.copy(run.parent / "model.pt", folder / "model.pt"))

    def embedded(suffix: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            source = Path(autoprox.__file__).parent / "bench" / "data"
            for path in source.glob("vitbench101.*"):
                shutil.copy(path, folder / path.name)
            return folder / f"vitbench101{suffix}"

        return make

    def statistics_beside(path: Path) -> None:
        table = table_of(path)
        judge = Judge(Problem(table, tuple(table.blocks(["pit-micro"], ["digits"]))), Split.SELECT)
        score_networks([autoprox.load("l2_norm")], judge.networks, statistics_of(table))

    def table_of(path: Path) -> Table:
        return Table.read(path.parent / "vitbench101.parquet")

    return [
        Reader("table", embedded(".parquet"), Table.read),
        Reader("manifest", embedded(".manifest.json"), table_of, text=True),
        Reader("batches", embedded(".batches.npz"), lambda path: table_of(path).task("digits", "pit-micro")),
        Reader("bank", embedded(".bank.sqlite"), statistics_beside),
        Reader("best.json", copied("best.json"), autoprox.load, text=True),
        Reader("hall.json", copied("hall.json"), autoprox.load, text=True),
        Reader("run.json", copied("run.json"), lambda path: runs.load(path.parent), text=True),
        Reader("evidence.json", copied("evidence.json"), lambda path: read_evidence(runs.load(path.parent)), text=True),
        Reader("journal", copied("journal.sqlite"), lambda path: runs.load(path.parent).evaluations),
        Reader("learned model", model, autoprox.load),
        Reader("published labels", published, lambda path: read_published(path, autoprox.space("pit-ti"))),
        Reader("CSV", csv, lambda path: read_columns(path, Mapping({}, {"num_classes": "10"}), None, "none")),
        Reader("image", image, lambda path: pixels(path.parents[1])),
    ]


def published(folder: Path) -> Path:
    """Labels in the form of ViT-Bench-101."""
    genes = {"base_dim": 16, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]}
    records = [{"arch": genes, "c100_kd_acc": 60.0 + index} for index in range(20)]
    torch.save(records, folder / "labels.pth")
    return folder / "labels.pth"


def csv(folder: Path) -> Path:
    """Labels in columns."""
    rng = np.random.default_rng(0)
    micro = autoprox.space("pit-micro")
    rows = [
        {"arch_json": micro.sample(rng).json, "space": "pit-micro", "dataset": "digits", "value": rng.uniform(20, 90)}
        for _ in range(20)
    ]
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def image(folder: Path) -> Path:
    """A folder of classes, of whose images one is mutated."""
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index}.png")
    return folder / "cat" / "0.png"


def pixels(folder: Path) -> Any:
    """All pixels of a folder of classes."""
    data = open_images(folder, 8)
    return np.asarray(data.train_images[:]), np.asarray(data.test_images[:])


def outcome(reader: Reader, folder: Path, times: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Reads mutated files in a process of its own; counts of what came of them, and failures."""
    folder.mkdir(parents=True)
    path = reader.make(folder)
    sound, counts, failures = path.read_bytes(), Counter[str](), []
    reader.read(path)
    context = multiprocessing.get_context("fork")
    number = 0
    while number < times:
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_read_many, args=(reader, path, sound, range(number, times), seed, sending))
        child.start()
        sending.close()
        # Results come one by one; a child that dies, or takes too long, has failed on the file in hand.
        while number < times:
            if not receiving.poll(READ_S * 3):
                failures.append(f"mutation {number}: no answer within {READ_S * 3:.0f} s")
                break
            try:
                said = receiving.recv()
            except EOFError:
                failures.append(f"mutation {number}: the process died")
                break
            counts[said.partition(":")[0]] += 1
            if said.startswith("failed"):
                failures.append(f"mutation {number}: {said}")
            number += 1
        else:
            child.join()
            break
        child.kill()
        child.join()
        number += 1
    path.write_bytes(sound)
    return counts, failures


def _read_many(reader: Reader, path: Path, sound: bytes, numbers: range, seed: int, sending: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for number in numbers:
        path.write_bytes(mutated(sound, random.Random(f"{seed} {reader.name} {number}"), as_json=reader.text))
        sending.send(_read_one(reader, path))
    sending.close()


def _read_one(reader: Reader, path: Path) -> str:
    started = time.monotonic()
    try:
        reader.read(path)
        said = "read"
    except AutoproxError as error:
        text = str(error)
        said = "refused" if "\n" not in text else f"failed: more than one line: {text!r}"
    except BaseException as error:  # noqa: BLE001 - whatever else comes out is what the soak looks for
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"failed: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:120]}"
    seconds = time.monotonic() - started
    return f"failed: took {seconds:.0f} s" if seconds > READ_S and not said.startswith("failed") else said


def mutated(sound: bytes, rng: random.Random, *, as_json: bool) -> bytes:
    """A file with one to three random changes."""
    content = sound
    for _ in range(rng.randint(1, 3)):
        change = rng.choice([_cut, _flip, _overwrite, _repeat, _zero, *([_json_value] * 5 if as_json else [])])
        content = change(content, rng)
    return content


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    at, block = rng.randrange(len(content) + 1), rng.randbytes(rng.randint(1, 64))
    return content[:at] + block + content[at + len(block) :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at : at + rng.randint(1, 256)] * rng.randint(2, 5) + content[at:]


def _zero(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    size = min(rng.randint(1, 512), len(content) - at)
    return content[:at] + bytes(size) + content[at + size :]


_ODD = (None, True, -1, 0, 2**70, 1e308, float("nan"), "", "\0", "é" * 300, [], {}, [[[[]]]], "9" * 400)


def _json_value(content: bytes, rng: random.Random) -> bytes:
    """Puts an odd value somewhere into a JSON document, or wraps it deeply."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _flip(content, rng)
    if rng.random() < 0.02:
        return b"[" * 100_000 + content + b"]" * 100_000
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        places += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    if not places:
        return json.dumps(rng.choice(_ODD)).encode()
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(_ODD)
    return json.dumps(document).encode()
