"""Progressive Meta-Pooling Learning: the pooling behind each mixer is chosen while the network trains.

- `metapool_plan`: how a search trains
- `decisions`: the rule of the threshold and the late rule of the best two
- `mixtures`: a network whose stages mix several poolings
- `metapool_trainer`: the bi-level training
- `chosen`: its result as genes, with the way to it
- `receptive_field`: over how many pixels an output token sees
"""

from autoprox.metapool._chosen import METAPOOL, METAPOOL_JOURNAL, ChosenPooling, ChosenStage
from autoprox.metapool._decisions import Decision, decide
from autoprox.metapool._metapool_plan import MODES, MetaPoolPlan
from autoprox.metapool._metapool_trainer import MetaPoolTrainer
from autoprox.metapool._receptive_field import effective_receptive_field

__all__ = [
    "METAPOOL",
    "METAPOOL_JOURNAL",
    "MODES",
    "ChosenPooling",
    "ChosenStage",
    "Decision",
    "MetaPoolPlan",
    "MetaPoolTrainer",
    "decide",
    "effective_receptive_field",
]
