"""The results of parzc.py as Markdown."""

from typing import Any


def number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def markdown(results: dict[str, Any]) -> str:
    """The results as tables."""
    lines = ["# ParZC, measured", "", f"Command: `{results['command']}`", ""]
    if part := results.get("embedded"):
        lines += [f"## Embedded table {part['table']}", "", f"Digest {part['table_digest']}. {part['note']}", ""]
        names = sorted({name for row in part["rows"] for name in row["blocks"]})
        lines += header(["labels", "predictor", "draws", "tau", "95 %", *names, "inside 90 %", "core-seconds a fit"])
        for row in part["rows"]:
            cells = [str(row["labels"] or "none"), row["predictor"], str(row["draws"]), number(row["tau"])]
            cells += [
                f"{row['ci95'][0]:.2f} to {row['ci95'][1]:.2f}",
                *(number(row["blocks"].get(name)) for name in names),
            ]
            lines.append(
                "| " + " | ".join([*cells, number(row["inside90"], 2), number(row["fit_core_seconds"], 1)]) + " |"
            )
        lines.append("")
    tables = {"Ablation, inside fit and select": results["ablation"]} if "ablation" in results else {}
    tables |= {f"Published labels, {name}": part for name, part in results.get("published", {}).items()}
    for title, part in tables.items():
        lines += [f"## {title}", "", f"Digest {part['table_digest']}. {part['note']}", ""]
        names = sorted({name for row in part["rows"] for name in row["blocks"]})
        lines += header(["predictor", "tau", "+-", *names, "inside 90 %", "core-seconds a fit", "peak MB"])
        for row in part["rows"]:
            cells = [
                row["predictor"],
                number(row["tau"]),
                number(row["error"]),
                *(number(row["blocks"][name]) for name in names),
            ]
            cells += [
                number(row["inside90"], 2),
                number(row["fit_core_seconds"], 1),
                number(row["peak_memory_mb"] or None, 0),
            ]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def header(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
