"""Proxies that need a teacher, by name: TVT, DisWOT, and their parts."""

from autoprox.base.registry import Registry
from autoprox.scorers._function import FunctionProxy
from autoprox.scorers._interface import Scorer
from autoprox.scorers._pair_views import (
    attention_distance,
    class_gradient,
    relation,
    semantic,
    semantic_features,
    stage_maps,
    stages_distance,
)
from autoprox.scorers._paired import PairedProxy, StandardisedProxy
from autoprox.scorers._subject import Subject
from autoprox.statistics import Requirements

TEACHER_PROXIES: Registry[Scorer] = Registry("proxy with a teacher")
"""Proxies that compare with a teacher, and their parts; separate from the zoo, which needs no teacher."""

_TVT = (
    "Wei 2023, TVT: Training-Free Vision Transformer Search on Tiny Datasets, https://arxiv.org/abs/2311.14337, after "
    "the measure that was released with Auto-Prox"
)
_DISWOT = (
    "Dong 2023, DisWOT: Student Architecture Search for Distillation WithOut Training, https://arxiv.org/abs/2303.15678"
)


def student_norm(subject: Subject) -> float:
    """Sum over linear layers and convolutions of the Euclidean norm of their weights."""
    return sum(float(weight.double().norm()) for weight in subject.collect("weight").tensors["weight"])


_MAPS = Requirements(("forward",), teacher=True)
_RELATION = Requirements(("forward",), images=2, teacher=True)
_GRADIENT = Requirements(("forward", "backward"), labels=True, teacher=True)

TEACHER_TERM = PairedProxy("tvt-teacher", stage_maps, attention_distance, f"{_TVT}: the teacher-aware term.", _MAPS)
STAGES_TERM = PairedProxy(
    "tvt-stages", stage_maps, stages_distance, f"{_TVT}: the teacher-aware term, over all stages; ours.", _MAPS
)
STUDENT_TERM = FunctionProxy("tvt-student", student_norm, 1, f"{_TVT}: the student's capability.", Requirements())
RELATION = PairedProxy("diswot-relation", stage_maps, relation, f"{_DISWOT}: relation similarity.", _RELATION)
SEMANTIC = PairedProxy(
    "diswot-semantic",
    class_gradient,
    semantic,
    f"{_DISWOT}: semantic similarity, in a form of ours that networks of different widths have.",
    _GRADIENT,
)
SEMANTIC_FEATURES = PairedProxy(
    "diswot-semantic-features",
    class_gradient,
    semantic_features,
    f"{_DISWOT}: semantic similarity as published, for networks of the teacher's width.",
    _GRADIENT,
)
TVT = StandardisedProxy(
    "tvt",
    (TEACHER_TERM, STUDENT_TERM),
    (1.0, 1.0),
    f"{_TVT}. How the two terms are joined was not released: z-scores over the candidates are ours.",
)
DISWOT = StandardisedProxy(
    "diswot",
    (SEMANTIC, RELATION),
    (1.0, 1.0),
    f"{_DISWOT}. In a set the terms, which differ by orders of magnitude, are added as z-scores, which is ours; the "
    "score of one network is their sum, as published.",
)
for _each in (TVT, TEACHER_TERM, STAGES_TERM, STUDENT_TERM, DISWOT, RELATION, SEMANTIC, SEMANTIC_FEATURES):
    TEACHER_PROXIES.register(_each.name, _each)
