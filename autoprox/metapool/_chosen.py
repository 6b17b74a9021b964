"""Result of a search for pooling: an architecture, and how each of its stages came to its operation."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoprox.datasets import Dataset
from autoprox.metapool._decisions import Decision
from autoprox.metapool._metapool_plan import MetaPoolPlan
from autoprox.spaces import Arch, Space, TaskShape
from autoprox.training.step_journal import StepJournal

METAPOOL = "metapool.json"
"""Name of the file in the folder of a search."""
METAPOOL_JOURNAL = StepJournal("steps.sqlite", "mixture of poolings", "step")
FORMAT, FORMAT_VERSION = "autoprox.metapool", 1


@dataclass(frozen=True)
class ChosenStage:
    """Choice of the operation of a stage, with its history.

    Attributes:
        ops: The operations that it started with.
        probabilities: For each epoch in which it was undecided, the probability of each operation that was left, at
            the end of the epoch.
        decisions: When it lost operations, and why; the last one leaves one.
    """

    ops: tuple[str, ...]
    probabilities: Sequence[Mapping[str, float]]
    decisions: Sequence[Decision]

    @property
    def op(self) -> str:
        """The operation."""
        return self.decisions[-1].kept[0] if self.decisions else self.ops[0]


@dataclass(frozen=True)
class ChosenPooling:
    """Result of a search for pooling.

    Attributes:
        arch: The architecture with the chosen operations as its gene `enhancer`.
        start: The architecture that the search was given.
        stages: The choice of each stage.
    """

    arch: Arch
    start: Arch
    stages: Sequence[ChosenStage]

    def document(self, space: Space, data: Dataset, plan: MetaPoolPlan) -> dict[str, Any]:
        """The result as JSON-compatible data, with the definition of the search; `autoprox.spaces.read_archs` reads it.

        Args:
            space: The space of the architecture.
            data: Its images.
            plan: Plan of the search.
        """
        stages = [
            {
                "operation": stage.op,
                "operations": list(stage.ops),
                "decisions": [{**asdict(each), "kept": list(each.kept)} for each in stage.decisions],
                "probabilities": [dict(each) for each in stage.probabilities],
            }
            for stage in self.stages
        ]
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "space": space.name,
            "space_identity": space.identity,
            "dataset": data.name,
            "dataset_digest": data.digest,
            "plan": {**asdict(plan), "ops": list(plan.ops)},
            "start": space.genes(self.start),
            "arch": space.genes(self.arch),
            "task": TaskShape(data.num_classes, data.img_size, data.in_chans)._asdict(),
            "stages": stages,
        }
