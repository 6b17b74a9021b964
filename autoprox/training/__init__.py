"""Training: from sampled architectures to a table of labels.

- `label_makers`, `scratch`, `distilled`, `distillers`: the makers of labels, by label kind
- `recipe`, `loop`, `train`, `residuals`: one training
- `named_teachers`, `teacher`, `guidance`: teachers by name, and locality guidance
- `sample`, `build_plan`: the choice of architectures, data sets and seeds
- `build`, `build_journal`, `manifest`: many trainings, resumed after any interruption
- `step_state`, `step_journal`: training in steps that resumes after a kill, for supernets and mixtures
- `device`: devices for training
"""

from autoprox.training._distilled import Distilled
from autoprox.training._distillers import DISTILLERS, DistilledBy, by_logits, by_relation, by_semantic
from autoprox.training._named_teachers import TEACHERS, named_teacher, teachers_of
from autoprox.training._one_training import Training
from autoprox.training._residuals import zero_residual_branches
from autoprox.training._scratch import Scratch
from autoprox.training._teacher import ResidualBlock
from autoprox.training.build import build as build_table
from autoprox.training.build_plan import BuildPlan
from autoprox.training.label_makers import LabelMaker, NoLabelError
from autoprox.training.recipe import Recipe
from autoprox.training.sample import Sampled
from autoprox.training.train import TrainingResult

__all__ = [
    "DISTILLERS",
    "TEACHERS",
    "BuildPlan",
    "Distilled",
    "DistilledBy",
    "LabelMaker",
    "NoLabelError",
    "Recipe",
    "ResidualBlock",
    "Sampled",
    "Scratch",
    "Training",
    "TrainingResult",
    "build_table",
    "by_logits",
    "by_relation",
    "by_semantic",
    "named_teacher",
    "teachers_of",
    "zero_residual_branches",
]
