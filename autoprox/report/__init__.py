"""Reports: one self-contained HTML file each, for a run of discovery and for a learned aggregator.

- `page`: templates, numbers as text
- `svg`, `figures`: figures as inline SVG
- `bands`: what a score knows within one size
- `evidence`, `random`: what a run's report shows beyond the files of the run
- `discovery`, `learned`: what the two reports contain
"""

from autoprox.report._discovery import discovery_report
from autoprox.report._evidence import EVIDENCE, REPORT, gather, read_evidence
from autoprox.report._learned import LearningCurve, Predictions, learned_report
from autoprox.report._page import write_page
from autoprox.report._random import RANDOM_BUDGET, RandomSearch, random_search

__all__ = [
    "EVIDENCE",
    "RANDOM_BUDGET",
    "REPORT",
    "LearningCurve",
    "Predictions",
    "RandomSearch",
    "discovery_report",
    "gather",
    "learned_report",
    "random_search",
    "read_evidence",
    "write_page",
]
