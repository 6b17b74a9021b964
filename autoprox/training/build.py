"""Builds a table: runs the trainings of a plan, and writes table, manifest and batches.

The same plan gives the same parquet file, byte for byte, for any number of processes and interruptions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from joblib import delayed

from autoprox.base.errors import SpecError, TableError
from autoprox.base.files import require_writable, write_json
from autoprox.base.parallel import explained_loss
from autoprox.base.progress import with_progress
from autoprox.base.workers import processes
from autoprox.bench.schema import COLUMNS, KEY_COLUMNS, METRICS, SCHEMA_VERSION
from autoprox.bench.table_files import TableFiles, read_frame, write_frame
from autoprox.datasets.batches import write_batches
from autoprox.training._manifest import manifest_of
from autoprox.training._one_training import Training
from autoprox.training.build_journal import BuildJournal, training_key
from autoprox.training.build_plan import BuildPlan
from autoprox.training.label_makers import maker_of
from autoprox.training.recipe import Recipe
from autoprox.training.train import TrainingResult, definition, train


@dataclass(frozen=True, slots=True)
class Job:
    """A training with its key and source."""

    key: str
    source: str
    training: Training


def build(plan: BuildPlan, out: Path, *, jobs: int = 1, resume: bool = True, extend: Path | None = None) -> Path:
    """Builds a table; resumes an interrupted or smaller build of the same file.

    Args:
        plan: Contents of the table.
        out: The parquet file; journal, manifest and batches are written to the same folder.
        jobs: Number of processes; has no influence on the result.
        resume: True to reuse the trainings of an existing journal.
        extend: A table built earlier with the same recipe; its labels are reused.

    Returns:
        `out`.

    Raises:
        SpecError: If options are inconsistent, or the folder of `out` is not writable.
        TableError: If a file is in the way, or the table to extend cannot be read.
        StoreMismatchError: If the journal is invalid.
    """
    files = TableFiles(out)
    check_target(files, resume=resume)
    if jobs < 1:
        raise SpecError(f"`jobs` must be at least 1, not {jobs}.")
    work = list(_jobs(plan))
    require_writable(out.parent)
    with BuildJournal(files.journal, plan.recipe) as journal, explained_loss():
        if extend is not None:
            _take_over(journal, work, extend)
        done = {job.key: outcome for job in work if (outcome := journal.outcome(job.key)) is not None}
        missing = [job for job in work if job.key not in done]
        for job, outcome in _trained(missing, plan, jobs, total=len(work)):
            journal.record(job.key, job.training, outcome)
            done[job.key] = outcome
    _write(plan, files, work, done)
    return out


def check_target(files: TableFiles, *, resume: bool) -> None:
    """Refuses paths where a table cannot be built, without changing a file.

    Args:
        files: The files of the table.
        resume: True to reuse the trainings of an existing journal.

    Raises:
        TableError: If a file is in the way.
    """
    if files.table.suffix != ".parquet":
        raise TableError(f"`out` must name a file that ends in .parquet, not {files.table}.")
    if files.table.is_dir():
        raise TableError(f"`out` {files.table} is a folder; name a file that ends in .parquet.")
    if files.table.exists() and not files.journal.exists():
        raise TableError(
            f"The table {files.table} exists without the journal of its build. Choose another `out`; `extend` "
            f"{files.table} reuses its labels."
        )
    for path in (files.manifest, files.batches):
        if path.exists() and not files.journal.exists():
            raise TableError(f"{path} exists without a journal. Move it away, or choose another `out`.")
    if files.journal.exists() and not resume:
        raise TableError(
            f"An earlier build left the journal {files.journal}. Resume it (`resume`), or choose another `out`."
        )


def _jobs(plan: BuildPlan) -> Iterator[Job]:
    for training in plan.trainings():
        source = definition(plan.recipe, training, plan.device)
        yield Job(training_key(source, training.arch.arch_id, training.train_seed), source, training)


def _trained(missing: list[Job], plan: BuildPlan, jobs: int, total: int) -> Iterator[tuple[Job, TrainingResult]]:
    """Yields trainings as they finish, in any order."""
    # Without a named backend, joblib uses loky, or the backend of an enclosing `autoprox.base.parallel.backend`.
    # Nothing is dispatched ahead, so that workers stop after their current training when the build is killed.
    for kind, data in dict.fromkeys((job.training.label_kind, job.training.data()) for job in missing):
        maker_of(kind).prepare(data, plan.recipe)
    parallel = processes(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
    finished: Iterable[tuple[Job, TrainingResult]] = parallel(
        delayed(_train)(job, plan.recipe, plan.device) for job in missing
    )
    yield from with_progress(finished, total, "training", done=total - len(missing))


def _train(job: Job, recipe: Recipe, device: str) -> tuple[Job, TrainingResult]:
    return job, train(job.training, recipe, device)


def _take_over(journal: BuildJournal, work: list[Job], table: Path) -> None:
    """Copies labels of another table into the journal, if their definitions are identical."""
    frame = read_frame(table)
    if lacking := [name for name in COLUMNS if name not in frame.columns]:
        raise TableError(
            f"The table {table} cannot be extended: it has no column '{lacking[0]}', so it was not built by autoprox."
        )
    found: dict[tuple[str, str, int], dict[str, float]] = {}
    columns = frame[["source", "arch_id", "train_seed", "metric", "value"]]
    for source, arch_id, seed, metric, value in columns.itertuples(index=False):
        found.setdefault((source, arch_id, seed), {})[metric] = float(value)
    taken = 0
    for job in work:
        values = found.get((job.source, job.training.arch.arch_id, job.training.train_seed), {})
        if set(values) == set(METRICS):
            journal.record(job.key, job.training, TrainingResult(values, failure="", seconds=0.0))
            taken += 1
    if taken == 0:
        raise TableError(
            f"The table {table} holds no label that this build can reuse: both must have the same recipe, data sets "
            "and architectures. Omit `extend` to train everything."
        )


def _write(plan: BuildPlan, files: TableFiles, work: list[Job], done: dict[str, TrainingResult]) -> None:
    frame = table_frame(plan, work, done)
    if frame.empty:
        raise TableError(f"All {len(work)} trainings failed; no table was written. Reasons: see {files.journal}.")
    write_batches(files.batches, [plan.data(name) for name in plan.datasets])
    failures = {job.key: (job.training, done[job.key].failure) for job in work if done[job.key].failure}
    seconds = [done[job.key].seconds for job in work]
    write_frame(frame, files.table)
    write_json(manifest_of(plan, frame, files, list(failures.values()), seconds), files.manifest)


def table_frame(plan: BuildPlan, work: list[Job], done: dict[str, TrainingResult]) -> pd.DataFrame:
    """The rows of the table in the order of the schema; a failed training has no row.

    Args:
        plan: Contents of the table.
        work: All trainings.
        done: Their results by key.
    """
    strata = {item.arch.arch_id: item.stratum for item in plan.architectures}
    sources = {name: plan.source(name) for name in plan.datasets}
    rows = []
    for job in work:
        space, arch = job.training.space, job.training.arch
        data = sources[job.training.dataset]
        counts = space.counts(arch, data.num_classes, data.img_size, data.in_chans)
        for metric, value in done[job.key].values.items():
            rows.append(
                {
                    "arch_id": arch.arch_id,
                    "space": arch.space,
                    "arch_json": arch.json,
                    "dataset": job.training.dataset,
                    "label_kind": job.training.label_kind.name,
                    "metric": metric,
                    "value": value,
                    "train_seed": job.training.train_seed,
                    "epochs": maker_of(job.training.label_kind).epochs(plan.recipe),
                    "params_count": counts.params,
                    "macs_count": counts.macs,
                    "stratum": strata[arch.arch_id].value,
                    "source": job.source,
                    "schema_version": SCHEMA_VERSION,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(KEY_COLUMNS), ignore_index=True)
