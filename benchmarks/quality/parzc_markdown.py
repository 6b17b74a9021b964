"""The results of parzc.py as Markdown."""

from typing import Any


def number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def markdown(results: dict[str, Any]) -> str:
    """The results as tables."""
    lines = ["# ParZC, measured", ""]
    if part := results.get("embedded"):
        lines += [f"## Embedded table {part['table']}", "", *origin(part)]
        names = sorted({name for row in part["rows"] for name in row["blocks"]})
        lines += header(
            [
                "labels",
                "predictor",
                "draws",
                "tau",
                "95 %",
                "MABN minus it",
                *names,
                "inside 90 %",
                "core-seconds a fit",
            ]
        )
        for row in part["rows"]:
            cells = [str(row["labels"] or "none"), row["predictor"], str(row["draws"]), number(row["tau"])]
            cells += [
                f"{row['ci95'][0]:.2f} to {row['ci95'][1]:.2f}",
                ahead(row),
                *(number(row["blocks"].get(name)) for name in names),
            ]
            lines.append(
                "| " + " | ".join([*cells, number(row["inside90"], 2), number(row["fit_core_seconds"], 1)]) + " |"
            )
        lines.append("")
    tables = {"Ablation, inside fit and select": results["ablation"]} if "ablation" in results else {}
    tables |= {f"Published labels, {name}": part for name, part in results.get("published", {}).items()}
    for title, part in tables.items():
        lines += [f"## {title}", "", *origin(part)]
        names = sorted({name for row in part["rows"] for name in row["blocks"]})
        lines += header(["predictor", "tau", "+-", "MABN minus it", *names, "inside 90 %", "core-seconds a fit"])
        for row in part["rows"]:
            cells = [
                row["predictor"],
                number(row["tau"]),
                number(row["error"]),
                ahead(row),
                *(number(row["blocks"][name]) for name in names),
            ]
            cells += [
                number(row["inside90"], 2),
                number(row["fit_core_seconds"], 1),
            ]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    if part := results.get("cost"):
        lines += ["## Cost of the default fit", "", *origin(part)]
        lines.append(
            f"`{part['fit']}`: {part['seconds']:.0f} s, {part['core_seconds']:.0f} s of processor time,"
            f" {part['peak_memory_mb']:.0f} MB."
        )
    return "\n".join(lines)


def origin(part: dict[str, Any]) -> list[str]:
    """Provenance of a part."""
    return [f"Command: `{part['command']}`. Table digest {part['table_digest']}. {part['note']}", ""]


def ahead(row: dict[str, Any]) -> str:
    """MABN's lead over a row, with its interval or standard error."""
    margin = row.get("mabn_minus_it")
    if margin is None:
        return ""
    if "ci95" in margin:
        return f"{margin['tau']:.3f} [{margin['ci95'][0]:.2f}, {margin['ci95'][1]:.2f}]"
    return f"{margin['tau']:.3f}" + ("" if margin["error"] is None else f" +- {margin['error']:.3f}")


def header(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
