"""Stored runs as frames: finished, interrupted or in progress."""

import json
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoprox.base.errors import StoreMismatchError
from autoprox.base.files import read_own_json
from autoprox.base.records import RUN, is_finished
from autoprox.base.store import Store
from autoprox.evolve.evolution_journal import FORMAT, JOURNAL
from autoprox.evolve.fitness import Status
from autoprox.graph import Proxy, parse
from autoprox.scorers import BEST, HALL

FRONT = "front.json"
"""Name of the file with the front of a run with several objectives."""


@dataclass(frozen=True)
class Run:
    """A stored run.

    Args:
        folder: Its folder.
        definition: Everything that determines its course: table, labels, strategy, seed, and so on.
        stop: Budget or seconds of the last command that worked on it.
        status: "finished" once all files were written; "searched" if a search ended without judgement; else `begun`.
        sealed_scorings: Number of scorings of the sealed split when it finished; None before.
    """

    folder: Path
    definition: dict[str, Any]
    stop: dict[str, Any]
    status: str
    sealed_scorings: int | None

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """All evaluations in order, one per row.

        Columns: `epoch`, `island`, `digest`, `graph`, `size`, `origin` (fresh, mutant, crossing, zoo), `parents`
        (digests of its parents' graphs), `seed` (of the run), `status`, `sign`, `tau_<block>` for each
        block, `joint`, `beyond` (tau beyond size, if requested), `fitness`. Undefined values are NaN. The index
        starts at 1.
        """
        with closing(_opened(self.folder)) as store, store.decoding():
            return self._evaluations(_frame(store, "select * from evaluations order by id", "id"))

    def _evaluations(self, frame: pd.DataFrame) -> pd.DataFrame:
        for name in ("digest", "graph", "origin", "parents", "status"):
            if not frame[name].map(lambda value: isinstance(value, str)).all():
                raise TypeError(f"the column {name} holds a value that is not a text")
        frame["parents"] = [tuple(text.split()) for text in frame["parents"]]
        taus = [json.loads(text) for text in frame.pop("taus")]
        blocks = self.definition["blocks"]
        values = np.array([row or [np.nan] * len(blocks) for row in taus], dtype=np.float64).reshape(-1, len(blocks))
        place = list(frame.columns).index("joint")
        for offset, name in enumerate(blocks):
            frame.insert(place + offset, f"tau_{name}", values[:, offset])
        frame.insert(list(frame.columns).index("status"), "seed", self.definition["seed"])
        for name in ("joint", "beyond", "fitness"):
            frame[name] = frame[name].astype(np.float64)
        return frame

    @cached_property
    def best_so_far(self) -> pd.DataFrame:
        """The fittest candidate after each number of distinct valid candidates.

        Index: `evaluated`, 1, 2, ... Columns: `fitness`, `joint` and `graph` of the fittest so far.
        """
        valid = self.evaluations[self.evaluations["status"] == Status.VALID.value]
        fitness = valid["fitness"].to_numpy()
        highest = np.maximum.accumulate(fitness)
        improved = np.concatenate(([True], highest[1:] > highest[:-1])) if len(fitness) else np.empty(0, dtype=bool)
        places = np.maximum.accumulate(np.where(improved, np.arange(len(fitness)), 0))
        frame = valid[["fitness", "joint", "graph"]].iloc[places].reset_index(drop=True)
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="evaluated")
        return frame

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """Progress over time: `evaluated`, `best` (fitness so far) and `seconds` of search, one row per epoch."""
        types = {"evaluated": np.int64, "best": np.float64, "seconds": np.float64}
        with closing(_opened(self.folder)) as store, store.decoding():
            return _frame(store, "select * from epochs order by epoch", "epoch").astype(types)

    @cached_property
    def provenance(self) -> pd.Series:
        """Provenance of the run: its definition, its end, and, once it is finished, command, times and versions."""
        document = dict(self.definition) | {"status": self.status, "sealed_scorings": self.sealed_scorings}
        document |= {f"stop_{name}": value for name, value in self.stop.items()}
        if (self.folder / RUN).exists():
            document |= dict(read_own_json(self.folder / RUN))
        return pd.Series(document, name=str(self.folder), dtype=object)

    @cached_property
    def proxy(self) -> Proxy:
        """The winner.

        Raises:
            StoreMismatchError: If the run is not finished.
        """
        if not (self.folder / BEST).exists():
            raise _not_finished(self.folder / BEST)
        return Proxy.read(self.folder / BEST)

    @cached_property
    def hall(self) -> pd.DataFrame:
        """The hall of fame, fittest on fit first, with the fitness of its members on fit and select.

        Columns: `proxy` (ready to score), `formula`, `size`, `steady`, and `fit_...` and `select_...` of `joint`,
        `beyond_size` and `fitness`.

        Raises:
            StoreMismatchError: If the run is not finished, or the file was changed.
        """
        path = self.folder / HALL
        if not path.exists():
            raise _not_finished(path)
        try:
            return pd.DataFrame(self._hall_rows(read_own_json(path)))
        except (LookupError, TypeError, ValueError) as error:
            raise StoreMismatchError(f"'{path}' is not a hall of fame of this autoprox ({error!r}).") from error

    def _hall_rows(self, members: Any) -> list[dict[str, Any]]:
        rows = []
        for rank, each in enumerate(members):
            row = {
                "proxy": Proxy(f"{self.folder.name}-{rank}", parse(each["graph"]), each["sign"]),
                **{name: each[name] for name in ("formula", "size", "steady")},
            }
            for split in ("fit", "select"):
                row |= {f"{split}_{name}": each[split][name] for name in ("joint", "beyond_size", "fitness")}
            rows.append(row)
        return rows


def load(folder: str | Path) -> Run:
    """Reads a run, which may still be in progress.

    Args:
        folder: Its folder.

    Raises:
        StoreMismatchError: If the folder holds no run, or one of another format.
    """
    path = Path(folder)
    with closing(_opened(path)) as store, store.decoding():
        meta = {name: json.loads(value) for name, value in store.remembered().items()}
        definition, stop = dict(meta["definition"]), dict(meta.get("stop", {}))
        status = "finished" if _has_finished(path) else "searched" if meta.get("status") == "searched" else "begun"
        return Run(path, definition, stop, status, meta.get("sealed_scorings"))


def _has_finished(folder: Path) -> bool:
    record = read_own_json(folder / RUN) if (folder / RUN).exists() else None
    return isinstance(record, dict) and is_finished(folder, record, BEST)


def find(folder: str | Path) -> list[Path]:
    """The folders of runs at or below a folder, sorted.

    Example:
        >>> find("no such folder")
        []
    """
    return sorted(path.parent for path in Path(folder).rglob(JOURNAL))


def _opened(folder: Path) -> Store:
    if not (folder / JOURNAL).is_file():
        raise StoreMismatchError(
            f"'{folder}' holds no {JOURNAL}, so it is not a run; give the folder that a discovery wrote."
        )
    store = Store.reading(folder / JOURNAL, FORMAT)
    if store.is_empty:
        store.close()
        raise store.damaged("it does not state the definition of the run")
    return store


def _frame(store: Store, query: str, index: str) -> pd.DataFrame:
    try:
        return pd.read_sql_query(query, store.connection, index_col=index)
    except pd.errors.DatabaseError as error:
        raise store.damaged(str(error)) from error


def _not_finished(path: Path) -> StoreMismatchError:
    return StoreMismatchError(f"There is no '{path}': the run is not finished. Resume it.")
