"""Reports as self-contained HTML files, for discovery runs and learned aggregators.

- `page`: templates, and numbers as text
- `svg`, `report_figures`: figures as inline SVG
- `bands`: correlations within one size
- `evidence`, `random_baseline`: contents of a run's report beyond the files of the run
- `ranking_figure`: score against latency, for `rank`
- `comparison`: several runs side by side
- `run_report`, `learned_report`: contents of the two reports
"""

from autoprox.report._comparison import COMPARISON, comparison_report
from autoprox.report._evidence import EVIDENCE, REPORT, gather, read_evidence
from autoprox.report._learned_report import LearningCurve, Predictions, learned_report
from autoprox.report._page import is_own_page, write_page
from autoprox.report._random_baseline import RANDOM_BUDGET, RandomBaseline, random_search
from autoprox.report._ranking_figure import draw_ranking
from autoprox.report._run_report import discovery_report

__all__ = [
    "COMPARISON",
    "EVIDENCE",
    "RANDOM_BUDGET",
    "REPORT",
    "LearningCurve",
    "Predictions",
    "RandomBaseline",
    "comparison_report",
    "discovery_report",
    "draw_ranking",
    "gather",
    "is_own_page",
    "learned_report",
    "random_search",
    "read_evidence",
    "write_page",
]
