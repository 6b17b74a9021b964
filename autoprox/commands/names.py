"""Values of options that name a scorer."""

from autoprox.commands.values import Text
from autoprox.scorers import TEACHER_PROXIES, ZOO
from autoprox.shipped import names as shipped_names

SCORER = Text((*shipped_names(), *ZOO, *TEACHER_PROXIES), files=True)
"""A shipped or zoo proxy by name, or a file or folder with a scorer."""
