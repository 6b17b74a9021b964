"""Soak test of robustness: random kills of every command that writes, and mutated files for every reader.

    python benchmarks/faults.py [--kills 100] [--mutations 500] [--only kills|files] [--seed 0] [--jobs 2]

Prints one row per command and per reader, and exits with status 1 if anything failed. A kill is SIGKILL, SIGTERM or
SIGINT, at a random moment, to the main process or to its whole group; afterwards no process of the command may live
and no temporary file may remain. The repeated command has to leave the same files and bytes as an uninterrupted run. A
mutated file has to be read, or refused with a one-line error; any other exception, or more time or memory than the
limits in fault_files.py, is a failure. The load of the machine affects only the duration: on two idle cores about a
quarter of an hour.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded, since threads do not survive forks

import fault_files
import fault_kills


def main() -> int:
    """Runs the soak and prints its tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="total number of kills (default: %(default)s)")
    parser.add_argument("--mutations", type=int, default=500, help="mutated files per reader (default: %(default)s)")
    parser.add_argument("--only", choices=["kills", "files"], help="run only this half")
    parser.add_argument("--seed", type=int, default=0, help="seed of all draws (default: %(default)s)")
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
