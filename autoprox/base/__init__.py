"""Foundation of all packages: errors, registry, digests, files, storage, processes, progress.

Nothing is exported here: whoever needs something imports it from its module.
"""

__all__: list[str] = []
