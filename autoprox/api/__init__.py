"""The functions of `import autoprox`, one per task.

- `_by_name`: scorers, spaces and tables by name; imports torch only when a function is called
- `discovering`: `discover`
- `judgement`: `judge`
- `model_ranking`: `rank`
- `space_search`: `find`
- `allocating`: `allocate`
- `_bars`: progress bars of all of these
"""

from autoprox.api._by_name import ensemble, list_scorers, list_spaces, list_tables, load, shipped_names, space

__all__ = ["ensemble", "list_scorers", "list_spaces", "list_tables", "load", "shipped_names", "space"]
