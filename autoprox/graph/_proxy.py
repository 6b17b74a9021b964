"""Proxies: a graph with its sign and its provenance, which scores live models."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.base.errors import KindError, StoreMismatchError, UndefinedScoreError
from autoprox.base.files import atomically
from autoprox.base.foreign import read_json, reading
from autoprox.base.html import ValueAndEnds, bars, code, panel
from autoprox.base.outcomes import DoubtfulScoresWarning, Outcome, attempted, values_of
from autoprox.graph._evaluation import Evaluator, LeafTable
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._proxy_document import FORMAT, FORMAT_VERSION, checked_document
from autoprox.graph._text import formula
from autoprox.graph.collect import Leaves, leaves_of, node_values
from autoprox.inspect.nodes import Site
from autoprox.networks import Teacher
from autoprox.statistics import BatchLoss, Requirements
from autoprox.statistics.requirements import requirements_of

_TERMS_SHOWN = 8
_LINE = 120


@dataclass(frozen=True)
class Proxy:
    """A graph that scores networks without training; higher is better.

    Args:
        name: Name in reports.
        graph: SCALAR expression.
        sign: 1 or -1, fixed at discovery; part of every score.
        provenance: Origin: table, seed, settings, versions of formats.
        results: Its correlations at discovery.
        teacher: The network that it compares with, if it compares and is taught; see `taught_by`. Not saved.

    Raises:
        KindError: If the graph is not SCALAR, or the sign is not 1 or -1.

    Example:
        >>> import autoprox, numpy as np
        >>> from autoprox.graph import parse
        >>> micro = autoprox.space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1, seed=0)
        >>> snip = Proxy("snip", parse("nodes_sum(l1(mul(weight, weight_grad)))"))
        >>> images = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype("float32")
        >>> snip.score(model, images, np.array([0, 1, 2, 3])) > 0
        True
    """

    name: str
    graph: Expression
    sign: int = 1
    provenance: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    teacher: Teacher | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.graph.kind.level is not Level.SCALAR:
            raise KindError(f"A proxy needs a SCALAR graph; '{self.graph}' is {self.graph.kind}. Apply an aggregator.")
        if self.sign not in (1, -1):
            raise KindError(f"The sign of a proxy is 1 or -1, not {self.sign}.")

    def __repr__(self) -> str:
        return shorten(f"Proxy({self.name!r}: {self.brief})", _LINE, placeholder=" ...")

    def _repr_html_(self) -> str:
        facts = {"needs": str(self.needs), "source": self.source}
        splits = self.results.get("splits", {})
        shown = next((name for name in ("sealed", "select") if name in splits), None)
        if shown is None:
            return panel(self.name, facts, code(self.brief))
        joints = {name: _interval(row) for name, row in splits[shown].items()}
        value, low, high = joints["proxy"]
        facts[f"joint tau on {shown}"] = f"{value:.3f}, 95 % interval [{low:.2f}, {high:.2f}]"
        return panel(self.name, facts, code(self.brief), bars(joints))

    def __call__(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model; the same as `score`."""
        return self.score(model, images, labels, loss=loss)

    @property
    def formula(self) -> str:
        """The formula for readers, including the sign."""
        text = formula(self.graph)
        return text if self.sign == 1 else f"-({text})"

    @property
    def brief(self) -> str:
        """The formula in one line; a long weighted sum is reduced to the terms with the largest weights."""
        text = formula(self.graph, _TERMS_SHOWN)
        return text if self.sign == 1 else f"-({text})"

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that it needs."""
        return self.graph.statistics

    @property
    def source(self) -> str:
        """Its publication, or the table that it was discovered on."""
        if "source" in self.provenance:
            return str(self.provenance["source"])
        return f"Discovered on '{self.provenance['table']}'." if "table" in self.provenance else "Written by hand."

    @property
    def description(self) -> str:
        """The formula in one line."""
        return self.brief

    @property
    def identity(self) -> str:
        """Digest of graph, sign and teacher: proxies with the same identity give the same scores."""
        taught = [] if self.teacher is None else [self.teacher.identity]
        return digest(["graph", self.graph.digest, self.sign, *taught])

    @property
    def needs(self) -> Requirements:
        """Inputs and passes that its statistics need; a teacher only if it has none yet."""
        needed = requirements_of(self.statistics)
        return needed if self.teacher is None else replace(needed, teacher=False)

    @property
    def parts(self) -> "tuple[Proxy, ...]":
        """Parts that are measured separately for each network: only the proxy itself."""
        return (self,)

    @property
    def node_leaves(self) -> tuple[Expression, ...]:
        """Values that it reads from a network: reductions of tensors, and counts."""
        return self.graph.node_leaves

    @property
    def selected_sites(self) -> frozenset[Site]:
        """Sites where it selects nodes by role, so that the role of every node must be known."""
        return self.graph.selected_sites

    def join(self, values: Floats) -> Floats:
        """Returns the scores of a set, `(A,)`, from the values of its part, `(1, A)`."""
        return np.asarray(values[0])

    def renamed(self, name: str) -> "Proxy":
        """Returns the same proxy with another name."""
        return replace(self, name=name)

    def taught_by(self, teacher: Teacher | nn.Module) -> "Proxy":
        """Returns the same proxy with a teacher; the proxy itself if it does not compare with one.

        The teacher runs once per batch, and its digest is taken once.

        Raises:
            SpecError: If `teacher` is not a network.
        """
        return replace(self, teacher=Teacher.of(teacher)) if self.graph.needs_teacher else self

    def score_leaves(self, leaves: Sequence[Leaves]) -> Floats:
        """Scores networks from collected node values, `(A,)`; a value that is not finite is not a score."""
        wanted = [each.digest for each in self.node_leaves]
        table = LeafTable([Leaves(each.roles, {key: each.values[key] for key in wanted}) for each in leaves])
        return np.asarray(self.sign * Evaluator(table).scores([self.graph])[0])

    def score(
        self,
        model: nn.Module,
        images: Any,
        labels: Any = None,
        *,
        loss: BatchLoss | None = None,
        teacher: Teacher | nn.Module | None = None,
    ) -> float:
        """Scores one live model with its current parameters. The model is restored.

        Args:
            model: An untrained network.
            images: Batch, shape `(B, C, H, W)`, torch or NumPy.
            labels: Class indices, shape `(B,)`; None if the proxy does not need them.
            loss: Loss for the backward pass; the mean cross entropy by default.
            teacher: The network to compare with, for this call; `taught_by` is faster for several calls.

        Returns:
            The score; higher is better.

        Raises:
            CollectionError: If its statistics cannot be collected from the model, or it needs a teacher.
            UndefinedScoreError: If the proxy has no finite value on this model.
        """
        if teacher is not None:
            return self.taught_by(teacher).score(model, images, labels, loss=loss)
        leaves = leaves_of(
            model, images, labels, self.node_leaves, loss, told=self.selected_sites, teacher=self.teacher
        )
        value = float(self.score_leaves([leaves])[0])
        if not np.isfinite(value):
            raise UndefinedScoreError(f"The proxy '{self.name}' {self._why_undefined(model, leaves, value)}")
        return value

    def per_node(
        self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> pd.DataFrame:
        """Returns the values behind the score of a model, node by node.

        Args:
            model: A network; it is restored.
            images: Batch, shape `(B, C, H, W)`.
            labels: Class indices, shape `(B,)`; None if the proxy does not need them.
            loss: As for `score`.

        Returns:
            One row per leaf of the formula and node. Columns: `leaf`, `site`, `node` (name in the model), `role`,
            `value`.

        Raises:
            CollectionError: If its statistics cannot be collected from the model.

        Example:
            >>> from autoprox.graph import parse
            >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
            >>> frame = Proxy("l2", parse("nodes_sum(frobenius(weight))")).per_node(model, np.ones((2, 1, 2, 2), "f4"))
            >>> frame["node"].tolist()
            ['1', '3']
        """
        found = node_values(model, images, labels, self.node_leaves, loss, teacher=self.teacher)
        rows = [
            (formula(leaf), str(site), name, str(role), value)
            for leaf in self.node_leaves
            for site, nodes in [found[leaf.digest]]
            for name, role, value in nodes
        ]
        return pd.DataFrame(rows, columns=["leaf", "site", "node", "role", "value"])

    def _why_undefined(self, model: nn.Module, leaves: Leaves, value: float) -> str:
        for leaf in self.graph.node_leaves:
            if leaf.kind.site is not None and not leaves.roles[leaf.kind.site]:
                return (
                    f"is undefined on this model: it needs {leaf.kind.site} nodes, and autoprox finds none in "
                    f"the {type(model).__name__} (autoprox.inspect.describe lists its nodes); choose another "
                    "proxy."
                )
        return f"has no finite value on this model ({value}); rank the model last or choose another proxy."

    def score_many(
        self, models: Iterable[nn.Module], images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> Floats:
        """Scores live models one by one.

        Args:
            models: Untrained networks; an iterator is consumed lazily, so they need not fit into memory together.
            images: Batch, shape `(B, C, H, W)`.
            labels: Class indices, shape `(B,)`.
            loss: As for `score`.

        Returns:
            Shape `(number of models,)`; higher is better; NaN if the proxy has no finite value.

        Raises:
            CollectionError: If its statistics cannot be collected from any model.

        Warns:
            UnscoredWarning: If they cannot be collected from some models, which get NaN; gives the reason.
            DoubtfulScoresWarning: If the proxy states the sizes of networks that it was made for, and models are
                smaller or larger, or have equal scores.
        """
        sizes: list[int] = []
        found = (self._attempted(model, images, labels, loss, sizes) for model in models)
        values = values_of(self.name, found)
        if doubts := self._doubts(sizes, values):
            warnings.warn(f"'{self.name}': {'; '.join(doubts)}.", DoubtfulScoresWarning, stacklevel=2)
        return values

    def _attempted(
        self, model: nn.Module, images: Any, labels: Any, loss: BatchLoss | None, sizes: list[int]
    ) -> Outcome:
        sizes.append(sum(each.numel() for each in model.parameters()))
        return attempted(partial(self.score, model, images, labels, loss=loss))

    def _doubts(self, sizes: Sequence[int], values: Floats) -> list[str]:
        """Returns reasons to doubt scores, for a proxy that states the sizes of networks that it was made for."""
        if not (made_for := self.provenance.get("made_for")):
            return []
        doubts = []
        low, high = made_for["params"]
        beyond = sum(not low <= each <= high for each in sizes)
        if beyond:
            doubts.append(
                f"{beyond} of {len(sizes)} networks are outside the range that it was made for, {low:,} to "
                f"{high:,} parameters"
            )
        finite = values[np.isfinite(values)]
        tied = len(finite) - len(np.unique(finite))
        if tied:
            doubts.append(f"at least {tied + 1} of {len(sizes)} networks get exactly the same score")
        return doubts

    def to_document(self) -> dict[str, Any]:
        """Returns the proxy as JSON-like data with a digest of everything."""
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "graph": str(self.graph),
            "graph_digest": self.graph.digest,
            "sign": self.sign,
            "formula": self.formula,
            "statistics": list(self.statistics),
            "provenance": dict(self.provenance),
            "results": dict(self.results),
        }
        return {**document, "digest": digest(document)}

    @classmethod
    def from_document(cls, document: Any, where: str) -> "Proxy":
        """Reads a proxy from data written by `to_document`.

        Args:
            document: The data.
            where: Its origin, for error messages.

        Raises:
            StoreMismatchError: If the data are not a proxy, have a later format, or were changed.
            KindError: If its graph is invalid.
            RegistryError: If its graph contains an unknown name.
        """
        graph, content = checked_document(document, where)
        try:
            return cls(content["name"], graph, content["sign"], content["provenance"], content["results"])
        except KindError as error:
            raise KindError(f"{where}: {error}") from error

    def save(self, path: str | Path) -> None:
        """Writes the proxy as JSON; the same proxy gives the same bytes.

        Raises:
            AutoproxError: If the file cannot be written; an earlier file is unchanged.
        """
        text = json.dumps(self.to_document(), indent=2, sort_keys=True, allow_nan=False) + "\n"
        atomically(Path(path), lambda target: target.write_text(text, encoding="utf-8"))

    @classmethod
    def read(cls, path: Path) -> "Proxy":
        """Reads a proxy from a JSON file.

        Raises:
            StoreMismatchError: If the file is missing, not JSON, or not written by `save`.
        """
        if not path.exists():
            raise StoreMismatchError(f"There is no file '{path}'; give the path of a best.json.")
        with reading(path, lambda reason: StoreMismatchError(f"'{path}' cannot be read as JSON ({reason}).")):
            document = read_json(path)
        return cls.from_document(document, f"'{path}'")


def _interval(row: Mapping[str, Any]) -> ValueAndEnds:
    """Returns the joint correlation in a document with its interval; NaN if undefined."""
    value, low, high = (np.nan if each is None else float(each) for each in (row["joint"], *row["ci95"]))
    return value, low, high
