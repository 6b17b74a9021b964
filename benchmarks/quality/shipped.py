"""Prints the correlations of the shipped proxies on the sealed split at their discovery, as a Markdown table.

    python benchmarks/quality/shipped.py

It reads the results stored in the proxies and scores nothing. `python benchmarks/remake.py` makes them again (about
three minutes on two cores).
"""

import autoprox
from autoprox.bench.splits import Split


def main() -> None:
    """One row per proxy: its joint correlation on the sealed split, and those of the counts."""
    rows = []
    for name in autoprox.shipped_names():
        verdicts = autoprox.load(name).results["splits"][Split.SEALED.value]
        own, counts = verdicts["proxy"], {key: value for key, value in verdicts.items() if key != "proxy"}
        low, high = own["ci95"]
        row = {"proxy": f"`{name}`", "sealed tau": f"{own['joint']:.2f}", "95 %": f"{low:.2f} to {high:.2f}"}
        rows.append(row | {key: f"{value['joint']:.2f}" for key, value in counts.items()})
    header = list(rows[0])
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row.values()) + " |")


if __name__ == "__main__":
    main()
