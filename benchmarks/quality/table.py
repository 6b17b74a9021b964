"""Reliability of the embedded table: for each block the agreement of seeds, the ceiling, and the tau of counts.

    python benchmarks/quality/table.py > benchmarks/quality/results/table.md

It reads the table and scores nothing. Time: seconds. `python -m autoprox.bench info --json` has the same figures and
more.
"""

from typing import Any

from autoprox.bench.quality import blocks_of
from autoprox.bench.schema import ISO_BUDGET_FACTORS
from autoprox.bench.table import Table

HEADER = ("block", "part", "architectures", "lowest, median, highest", "seeds", "tau of two seeds", "ceiling", "95 %")


def row(block: dict[str, Any], part: str) -> dict[str, str]:
    """One block, as a whole or in its iso stratum."""
    own = block[part]
    spread, taus = own["spread"], own["count_taus"]
    name = f"{block['space']} / {block['dataset']} / {block['label_kind']} / {block['metric']}"
    cells = (
        name,
        part,
        str(own["n"]),
        f"{spread['min']:.2f}, {spread['median']:.2f}, {spread['max']:.2f}",
        f"{own['seeds']:.2g}",
        f"{own['seed_tau']:.2f}",
        f"{own['ceiling']:.2f}",
        f"{own['ceiling_ci95'][0]:.2f} to {own['ceiling_ci95'][1]:.2f}",
    )
    counts = {key.removesuffix("_count"): "" if tau is None else f"{tau:.2f}" for key, tau in taus.items()}
    return dict(zip(HEADER, cells, strict=True)) | counts


def main() -> None:
    """The making of the table, then one row per block and stratum."""
    table = Table.read()
    made = table.manifest
    teachers = ", ".join(f"{name} {each['top1_pct']:.1f} %" for name, each in made["teachers"].items())
    print(f"# The embedded table {table.name}\n")
    print(f"    {made['command']}\n")
    time = made["time"]
    print(
        f"{len(table.archs)} architectures, {time['trainings_timed']:,} trainings, {time['core_hours']} core hours "
        f"(median {time['median_s']} s), {len(made['failed_runs'])} failed. After the interval: Kendall tau of "
        "each count with the mean of the seeds. Teachers of the kd labels, top-1 on the test images: "
        f"{teachers}.\n"
    )
    print(f"Ceiling: {made['ceiling_method']}.\n")
    rows = [
        row(block, part)
        for part in ("all", *ISO_BUDGET_FACTORS)
        for block in blocks_of(table.frame, table.spaces)
        if part in block
    ]
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for each in rows:
        print("| " + " | ".join(each.values()) + " |")


if __name__ == "__main__":
    main()
