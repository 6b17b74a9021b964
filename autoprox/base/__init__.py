"""Foundation of all packages: errors, registry, digests, files, storage, processes, progress.

Nothing is exported here: import each name from its module.
"""

__all__: list[str] = []
