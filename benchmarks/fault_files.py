"""Mutated files for every reader: each has to be read, or refused with a one-line error.

Used by faults.py. Each reader runs in a separate process with limited memory, so that a mutation that allocates too
much is detected and cannot end the soak test.
"""

import json
import multiprocessing
import pickle
import random
import resource
import shutil
import sqlite3
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.io
import torch
from fault_kills import run_command
from fault_mutations import mutated
from PIL import Image
from torch import nn

import autoprox
from autoprox.base.errors import AutoproxError
from autoprox.bench.importers import Mapping, read_columns, read_published
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.bench.table_files import TableFiles
from autoprox.datasets import open_images
from autoprox.evolve import runs
from autoprox.networks import load_checkpoint, save_checkpoint
from autoprox.networks.network import Network
from autoprox.predict import LATENCY_FILE, LatencyModel
from autoprox.report import read_evidence
from autoprox.scorers import score_networks
from autoprox.search.search_journal import JOURNAL, SearchJournal
from autoprox.statistics import StatisticsCache
from autoprox.training.build_journal import BuildJournal
from autoprox.training.recipe import Recipe

READ_S = 10.0
"""Largest processor time of a reader for one file, in seconds."""
ANSWER_S = 600.0
"""Seconds without an answer after which a reader counts as hanging, even on a busy machine."""
MEMORY_B = 6 * 2**30
"""Address space of a reader's process in bytes."""


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Args:
        name: Name in the report.
        make: Writes a valid sample into a folder, and returns the file to mutate.
        read: Reads the sample, given the file.
        text: True if mutations of JSON values are meaningful.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    text: bool = False


def mutations(world: Path, times: int, seed: int, jobs: int) -> int:
    """Mutates files and reads them; prints a table, and returns the number of failures.

    Args:
        world: Working folder.
        times: Mutations per reader.
        seed: Seed of all draws.
        jobs: Number of readers tested at a time.
    """
    world.mkdir()
    make_world(world)
    found = range(len(readers(world)))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        outcomes = list(pool.map(partial(outcome, world, times=times, seed=seed), found))
    print("\n| reader | CPU s | read | refused | failures |\n|---|---|---|---|---|")
    for each in outcomes:
        counts = f"{each.counts['read']} | {each.counts['refused']} | {len(each.failures)}"
        print(f"| {each.name} | {each.seconds:.0f} | {counts} |")
    failures = [f"{each.name}: {failure}" for each in outcomes for failure in each.failures]
    for failure in failures:
        print(f"FAILED {failure}")
    return len(failures)


def make_world(world: Path) -> None:
    """Makes valid files: a table with batches and a bank, a finished run with its report, a learned aggregator."""
    table = "--bench {world}/t.parquet --jobs 1"
    for line in (
        "bench build --space pit-micro --archs 24 --iso 0 --datasets digits --seeds 1 --epochs 1 --jobs 1"
        " --out {world}/t.parquet",
        f"evolve {table} --budget 60 --growths 0 --random-budget 30 --out {{world}}/run",
        f"parzc fit {table} --statistics params macs --out {{world}}/m.pt",
        f"regression fit {table} --out {{world}}/regression.json",
        "search --proxy params --space pit-micro --budget 20 --population 10 --jobs 1 --out {world}/search",
        "device profile --space pit-micro --archs 20 --out {world}/device",
    ):
        run_command(line.format(world=world).split(), world / "home")
    built = Table.read(world / "t.parquet")
    cache = StatisticsCache(TableFiles(built.path).bank)
    score_networks([autoprox.load("l2_norm")], networks_of(built), cache)
    cache.finish()
    save_checkpoint(small_network(), world / "n.safetensors")


def networks_of(table: Table) -> list[Network]:
    """A few networks of a table."""
    return list(Judge(Problem(table, tuple(table.blocks())), Split.FIT).networks[:4])


def readers(world: Path) -> list[Reader]:
    """All readers of files from users."""
    space = autoprox.space("pit-micro")
    with closing(sqlite3.connect(world / "search" / JOURNAL)) as searched:
        definition = {name: json.loads(value) for name, value in searched.execute("select name, value from meta")}
    with closing(sqlite3.connect(world / "t.journal.sqlite")) as journal:
        keys = [key for (key,) in journal.execute("select key from trainings")]

    def copied(name: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            shutil.copytree(world / "run", folder / "run")
            return folder / "run" / name

        return make

    def alone(name: str) -> Callable[[Path], Path]:
        return lambda folder: Path(shutil.copy(world / name, folder))

    def beside(suffix: str) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            for path in world.glob("t.*"):
                shutil.copy(path, folder / path.name)
            return folder / f"t{suffix}"

        return make

    def statistics_beside(path: Path) -> None:
        table = table_of(path)
        score_networks(
            [autoprox.load("l2_norm")],
            networks_of(table),
            StatisticsCache(path.parent / "cache.sqlite", beside=table.bank),
        )

    def table_of(path: Path) -> Table:
        return Table.read(path.parent / "t.parquet")

    return [
        Reader("table", beside(".parquet"), Table.read),
        Reader("manifest", beside(".manifest.json"), table_of, text=True),
        Reader("batches", beside(".batches.npz"), lambda path: table_of(path).task("digits", "pit-micro")),
        Reader("bank", beside(".bank.sqlite"), statistics_beside),
        Reader("best.json", copied("best.json"), autoprox.load, text=True),
        Reader("hall.json", copied("hall.json"), autoprox.load, text=True),
        Reader("run.json", copied("run.json"), lambda path: runs.load(path.parent), text=True),
        Reader("evidence.json", copied("evidence.json"), lambda path: read_evidence(runs.load(path.parent)), text=True),
        Reader("journal", copied("journal.sqlite"), lambda path: runs.load(path.parent).evaluations),
        Reader("learned model", alone("m.pt"), autoprox.load),
        Reader("regression", alone("regression.json"), autoprox.load, text=True),
        Reader("published labels", published, lambda path: read_published(path, autoprox.space("pit-ti"))),
        Reader("CSV", csv, lambda path: read_columns(path, Mapping({}, {"num_classes": "10"}), None, "none")),
        Reader("trainings", beside(".journal.sqlite"), partial(trainings, keys=keys)),
        Reader("candidates", alone(f"search/{JOURNAL}"), partial(candidates, definition=definition)),
        Reader("latency model", alone(f"device/{LATENCY_FILE}"), partial(LatencyModel.load, space=space), text=True),
        Reader("safetensors", alone("n.safetensors"), partial(load_checkpoint, small_network())),
        Reader("image", image, lambda path: pixels(path.parents[1])),
        Reader("CIFAR", cifar, lambda path: pixels(path.parent)),
        Reader("Flowers", flowers, lambda path: pixels(path.parent)),
    ]


def candidates(path: Path, definition: dict[str, Any]) -> None:
    """Reads a journal of a search like a resumed search."""
    with SearchJournal(path, definition) as journal:
        len(journal)


def small_network() -> nn.Module:
    """A network of a few hundred parameters."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 4))


def trainings(path: Path, keys: Sequence[str]) -> None:
    """Reads a journal of trainings like a resumed build."""
    with BuildJournal(path, Recipe(epochs=1)) as journal:
        for key in keys:
            journal.outcome(key)


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
    """A folder of classes with one mutated image."""
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index}.png")
    return folder / "cat" / "0.png"


def cifar(folder: Path) -> Path:
    """The files of CIFAR-10, one of them mutated."""
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        images = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        held = {b"data": images, b"labels": [number % 10 for number in range(20)]}
        (folder / name).write_bytes(pickle.dumps(held, protocol=2))
    return folder / "data_batch_3"


def flowers(folder: Path) -> Path:
    """The files of Flowers-102 with a few images and mutated labels."""
    rng = np.random.default_rng(0)
    (folder / "jpg").mkdir()
    for number in range(1, 13):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"jpg/image_{number:05d}.jpg")
    scipy.io.savemat(folder / "setid.mat", {"trnid": [1, 2, 3, 4], "valid": [5, 6, 7, 8], "tstid": [9, 10, 11, 12]})
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": np.arange(1, 13)}, do_compression=True)
    return folder / "imagelabels.mat"


def pixels(folder: Path) -> Any:
    """All pixels of a folder of classes."""
    data = open_images(folder, 8)
    return np.asarray(data.train_images[:]), np.asarray(data.test_images[:])


@dataclass(frozen=True)
class Outcome:
    """Outcome of the mutated files of one reader.

    Args:
        name: Name of the reader.
        counts: Numbers of read and refused files.
        failures: Descriptions of failures.
        seconds: Processor time.
    """

    name: str
    counts: Counter[str]
    failures: tuple[str, ...]
    seconds: float


def outcome(world: Path, index: int, *, times: int, seed: int) -> Outcome:
    """Reads mutated files in a separate process."""
    reader = readers(world)[index]
    folder = world / f"reader-{index}"
    folder.mkdir()
    path = reader.make(folder)
    sound, counts, failures = path.read_bytes(), Counter[str](), []
    reader.read(path)
    context = multiprocessing.get_context("fork")
    number, before = 0, time.process_time() + children_seconds()
    while number < times:
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_read_many, args=(reader, path, sound, range(number, times), seed, sending))
        child.start()
        sending.close()
        # Results arrive one by one; a child that dies or does not answer has failed on the next file.
        while number < times:
            if not receiving.poll(ANSWER_S):
                failures.append(f"mutation {number}: no answer within {ANSWER_S:.0f} s")
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
    seconds = time.process_time() + children_seconds() - before
    return Outcome(reader.name, counts, tuple(failures), seconds)


def children_seconds() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_many(reader: Reader, path: Path, sound: bytes, numbers: range, seed: int, sending: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for number in numbers:
        for suffix in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(mutated(sound, random.Random(f"{seed} {reader.name} {number}"), as_json=reader.text))
        sending.send(_read_one(reader, path))
    sending.close()


def _read_one(reader: Reader, path: Path) -> str:
    started = time.process_time()
    try:
        reader.read(path)
        said = "read"
    except AutoproxError as error:
        text = str(error)
        said = "refused" if "\n" not in text else f"failed: more than one line: {text!r}"
    except BaseException as error:  # noqa: BLE001 - the soak test looks for any other exception
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"failed: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:120]}"
    seconds = time.process_time() - started
    return f"failed: took {seconds:.0f} s" if seconds > READ_S and not said.startswith("failed") else said
