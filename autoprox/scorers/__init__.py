"""Scorers: score networks without training, and load scorers by name.

- `interface`, `base`: the interface of scorers, and their base class
- `subject`, `one_model`: a prepared model; several scorers on one model
- `function`, `own`, `ranking`: proxies that are not graphs; user functions; proxies that rank within a set
- `paired`, `pair_views`, `teacher_proxies`: proxies that compare a student with a teacher
- `ensemble`: the mean rank of several scorers
- `zoo/`: published and hand-made proxies
- `one_gene`, `plain_vit`: response of a score to one varied quantity
- `scoring`: several scorers on many networks, cached; or on one network
- `loading`: proxies by name or path
"""

from autoprox.scorers._ensemble import HALL_MEMBERS, CalibratedEnsemble, Ensemble
from autoprox.scorers._function import FunctionProxy
from autoprox.scorers._interface import ArchPart, LeafPart, Scorer, SubjectPart
from autoprox.scorers._loading import BEST, HALL, hall_ensemble, load_proxy
from autoprox.scorers._one_gene import FOREIGN, Series, blind_to, effects, foreign_series, gene_series
from autoprox.scorers._one_model import measured, measured_network
from autoprox.scorers._own import OwnScorer, as_scorer
from autoprox.scorers._paired import PairedProxy, StandardisedProxy, TaughtScorer
from autoprox.scorers._ranking import RankedProxy
from autoprox.scorers._scoring import Scored, joined_alike, score_networks, score_together
from autoprox.scorers._subject import Subject, prepared
from autoprox.scorers._teacher_proxies import TEACHER_PROXIES
from autoprox.scorers.base import AbstractScorer, ArchScorer
from autoprox.scorers.zoo._zoo_proxies import ZOO, function_proxy, zoo_graphs

__all__ = [
    "BEST",
    "FOREIGN",
    "HALL",
    "HALL_MEMBERS",
    "TEACHER_PROXIES",
    "ZOO",
    "AbstractScorer",
    "ArchPart",
    "ArchScorer",
    "CalibratedEnsemble",
    "Ensemble",
    "FunctionProxy",
    "LeafPart",
    "OwnScorer",
    "PairedProxy",
    "RankedProxy",
    "Scored",
    "Scorer",
    "Series",
    "StandardisedProxy",
    "Subject",
    "SubjectPart",
    "TaughtScorer",
    "as_scorer",
    "blind_to",
    "effects",
    "foreign_series",
    "function_proxy",
    "gene_series",
    "hall_ensemble",
    "joined_alike",
    "load_proxy",
    "measured",
    "measured_network",
    "prepared",
    "score_networks",
    "score_together",
    "zoo_graphs",
]
