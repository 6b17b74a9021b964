"""What every room stands on: errors, registry, digests, files, storage, processes, progress."""
