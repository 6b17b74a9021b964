"""Soak test of robustness: random kills of every command that writes, and mutated files for every reader.

    python benchmarks/faults.py [--kills 100] [--mutations 500] [--only kills|files] [--seed 0] [--jobs 2]

Prints one row per command and per reader, and exits with status 1 if anything failed. A kill is SIGKILL, SIGTERM or
SIGINT, at a random moment, to the main process or to its whole group; afterwards no process of the command may live,
no temporary file may lie around, and the command, given again to resume, has to leave the files and the bytes of a run
that was never interrupted. A mutated file has to be read, or to be refused by one line; any other exception, or more
time or memory than the limits in fault_files.py, is a failure. How busy the machine is decides nothing but how long it
takes: on two idle cores about a quarter of an hour.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: processes are forked, which threads do not survive

import fault_files
import fault_kills


def main() -> int:
    """Runs the soak and prints its tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="kills in all (default: %(default)s)")
    parser.add_argument("--mutations", type=int, default=500, help="mutated files a reader (default: %(default)s)")
    parser.add_argument("--only", choices=["kills", "files"], help="one half of it")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="tries at a time (default: %(default)s)")
    options = parser.parse_args()
    started, failures = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "files":
            failures += fault_kills.kills(Path(folder) / "kills", options.kills, options.seed, options.jobs)
            print(f"\nkills: {time.monotonic() - started:.0f} s", flush=True)
        if options.only != "kills":
            failures += fault_files.mutations(Path(folder) / "files", options.mutations, options.seed, options.jobs)
    print(f"\n{failures} failures in {time.monotonic() - started:.0f} s")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
