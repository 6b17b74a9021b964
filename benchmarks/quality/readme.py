"""Writes the table "What you get" of the README from the stored results of discovery.

    python benchmarks/quality/readme.py

It scores nothing.
"""

import json
from pathlib import Path

import numpy as np

README = Path(__file__).parents[2] / "README.md"
RESULTS = Path(__file__).parent / "results" / "discovery.json"
BEGIN, END = "<!-- results: made by benchmarks/quality/readme.py -->", "<!-- end of results -->"
RIVALS = {
    "fitted counts": "ridge regression on counts, fitted to the same labels",
    "mean_width": "mean width",
    "params": "number of parameters",
}


def table() -> str:
    """The table as Markdown: the proxy of the default run, then its rivals."""
    result = json.loads(RESULTS.read_text(encoding="utf-8"))
    verdicts, margins = result["sealed"]["verdicts"], result["sealed"]["means"]["winner"]
    own = next(row for row in result["summary"] if row["contender"] == "default")["sealed"]["winner"]
    lines = [
        "| ranked by | Kendall tau | the proxy is ahead by |",
        "|---|---|---|",
        f"| proxy of the default run, mean of {len(own)} seeds | {np.mean(own):.3f} ± {np.std(own, ddof=1):.3f} | |",
    ]
    rivals = RIVALS | {result["best_zoo"]: f"best published proxy (`{result['best_zoo']}`)"}
    for name, shown in sorted(rivals.items(), key=lambda each: -verdicts[each[0]]["joint"]):
        low, high = margins[name]["ci95"]
        ahead = f"{margins[name]['joint']:.3f} [{low:.3f}, {high:.3f}]"
        lines.append(f"| {shown} | {verdicts[name]['joint']:.3f} | {ahead} |")
    return "\n".join(lines)


def written(text: str) -> str:
    """A README with the current table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Rewrites the README."""
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
