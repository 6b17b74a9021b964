"""Published proxies, written as graphs of the proxy language, and the way from a name to a proxy.

- `published`: the proxies
- `genotypes`: the notation of Auto-Prox's authors
- `loading`: names and paths to proxies
"""

from autoprox.zoo.loading import load_proxy
from autoprox.zoo.published import ZOO

__all__ = ["ZOO", "load_proxy"]
