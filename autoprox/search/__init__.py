"""Training-free architecture search with any scorer.

- `constraints`: how large an architecture may be
- `sizes`, `region`: the architectures that are allowed, counted, drawn and varied without leaving them
- `scoring`: from anything that scores to numbers for architectures
- `methods`: regularised evolution, random draws, everything
- `journal`, `engine`: the search, and how it goes on after an interruption
- `result`, `figure`: what was found
- `verification`: the find, trained beside others
"""

from autoprox.search.constraints import Constraints
from autoprox.search.engine import run
from autoprox.search.methods import Evolution, Method
from autoprox.search.region import Region
from autoprox.search.result import Candidate, SearchResult

__all__ = ["Candidate", "Constraints", "Evolution", "Method", "Region", "SearchResult", "run"]
