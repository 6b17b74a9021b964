"""Writes the table "What you get" of the README from the results that the shipped proxies carry.

    python benchmarks/quality/readme.py

It scores nothing.
"""

from pathlib import Path

import autoprox
from autoprox.bench.splits import Split

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- results: made by benchmarks/quality/readme.py -->", "<!-- end of results -->"
FITTED = {"fitted counts": "ridge regression on counts"}
PROXIES = ("joint_best", "joint_micro")
RIVALS = {"mean_width": "mean width", "params": "number of parameters", "zoo": "best published proxy"}


def table() -> str:
    """The table as Markdown: discovered proxies, then what they have to beat."""
    lines = ["| ranked by | Kendall tau | 95 % interval |", "|---|---|---|"]
    rows = {}
    for name in PROXIES:
        results = autoprox.load(name).results["splits"][Split.SEALED.value]
        rows[f"discovered proxy `{name}`"] = results["proxy"]
        rows |= {
            shown: results[key] for key, shown in (FITTED | RIVALS).items() if key in results and shown not in rows
        }
    for name, row in sorted(rows.items(), key=lambda each: -each[1]["joint"]):
        low, high = row["ci95"]
        lines.append(f"| {name} | {row['joint']:.2f} | [{low:.2f}, {high:.2f}] |")
    return "\n".join(lines)


def written(text: str) -> str:
    """A README with the table of today between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Rewrites the README."""
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
