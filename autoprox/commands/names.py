"""Values of options that name a scorer."""

from autoprox.commands.values import Text
from autoprox.scorers import TEACHER_PROXIES, ZOO
from autoprox.shipped import names as shipped_names

SCORER = Text((*shipped_names(), *ZOO, *TEACHER_PROXIES), files=True)
"""A shipped proxy or one of the zoo by name, or a file or folder that holds a scorer."""
