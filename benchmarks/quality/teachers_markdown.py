"""Tables of the results of teachers.py, and the verdicts on TVT and DisWOT that follow from them."""

from collections.abc import Iterable, Sequence
from typing import Any

PAGES = {
    "tvt": ("tvt-teacher", ("tvt-teacher", "tvt-stages", "tvt-student", "tvt")),
    "diswot": ("diswot", ("diswot-relation", "diswot-semantic", "diswot")),
}
"""Documentation pages: the scorer that the verdict is on, and the scorers of the system."""
RIVALS = ("mean_width", "zen")
_CONTROLS = {
    "untrained": "the same, untrained teacher",
    "other order": "the same, images of the teacher in another order",
    "other data set": "the same, teacher of another data set",
}


def markdown(results: dict[str, Any]) -> str:
    """All results as Markdown."""
    blocks = results["blocks"]
    lines = ["# What a teacher shows of students", "", f"Command: `{results['command']}`.", ""]
    lines += [
        "| block | tau(scratch, kd) | kd minus scratch, points | weight of the student's term |",
        "|---|---|---|---|",
    ]
    for name, each in blocks.items():
        lines.append(f"| {name} | {each['tau_scratch_kd']:.2f} | {each['kd_minus_scratch']:+.2f} | {each['weight']} |")
    for title, key in (
        ("Partial tau given the parameters, all architectures; bold: significantly above or below 0", "partial"),
        ("By how much that is above the same with the untrained teacher; bold: significantly so", "gain"),
        ("Tau on sealed", "sealed"),
        ("Tau on fit and select", "fit and select"),
        ("Tau among architectures of one size", "one size"),
        ("Spread over initialisations, over that of architectures", "spread"),
    ):
        names = dict.fromkeys(name for each in blocks.values() for name in each["rows"])
        lines += ["", f"## {title}", "", *_table({name: (name, key) for name in names}, blocks)]
    return "\n".join(lines) + "\n"


def verdict(results: dict[str, Any], page: str) -> str:
    """The table of one page of the documentation, and what follows from it."""
    main, names = PAGES[page]
    blocks = results["blocks"]
    sizes = sorted({each["architectures"] for each in blocks.values()})
    shown = {f"`{name}`": (name, "partial") for name in names}
    shown |= {text.replace("the same", f"`{main}`"): (f"{main}, {name}", "partial") for name, text in _CONTROLS.items()}
    shown |= {"trained above untrained teacher": (main, "gain")}
    shown |= {f"`{name}`, without a teacher": (name, "partial") for name in RIVALS}
    archs = " or ".join(map(str, sizes))
    lines = [
        f"{len(blocks)} blocks of labels of the kind `kd` with {archs} architectures each, mean of",
        f"{results['init_seeds']} initialisations (`{results['command']}`). Partial tau given the number of",
        "parameters; bold is significantly above or below 0 by a bootstrap over architectures.",
        "",
        *_table(shown, blocks),
        "",
        *_sentences(main, blocks),
    ]
    return "\n".join(lines) + "\n"


def _sentences(main: str, blocks: dict[str, Any]) -> Iterable[str]:
    count = len(blocks)
    above, below = _signs(main, "partial", blocks)
    yield f"- `{main}`: significantly above 0 on {above} of {count} blocks, significantly below 0 on {below}."
    above, below = _signs(main, "gain", blocks)
    gains = _range(_values(main, "gain", blocks), "+.2f")
    yield (
        f"- Trained above untrained teacher: {gains}, significantly above 0 on {above} of {count} blocks, "
        f"significantly below 0 on {below}."
    )
    rivals = ", ".join(f"`{name}` on {_ahead(name, main, blocks)} of {count} blocks" for name in RIVALS)
    yield f"- Higher partial tau without a teacher: {rivals}."
    ours, sizes = (_range(_values(name, "sealed", blocks)) for name in (main, "params"))
    yield f"- Tau on sealed architectures: {ours}; number of parameters: {sizes}."
    terms = [name for name in (main, f"{main}-relation", f"{main}-semantic") if _values(name, "spread", blocks)]
    spreads = ", ".join(f"`{name}` {_range(_values(name, 'spread', blocks), '.1f')}" for name in terms)
    yield f"- Spread between initialisations, over that of the means between architectures: {spreads}."
    taus = _range([each["tau_scratch_kd"] for each in blocks.values()])
    points = _range([each["kd_minus_scratch"] for each in blocks.values()], "+.1f")
    yield (
        f"- Premise: labels with and without the teacher rank the architectures with a tau of {taus}; the teacher "
        f"changes the mean accuracy by {points} points."
    )


def _signs(name: str, key: str, blocks: dict[str, Any]) -> tuple[int, int]:
    """Number of blocks where a figure is significantly above 0, and below."""
    ends = [each["rows"][name][f"{key}95"] for each in blocks.values()]
    return sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends)


def _ahead(name: str, main: str, blocks: dict[str, Any]) -> int:
    return sum(each["rows"][name]["partial"] > each["rows"][main]["partial"] for each in blocks.values())


def _values(name: str, key: str, blocks: dict[str, Any]) -> list[float]:
    rows = [each["rows"].get(name, {}) for each in blocks.values()]
    return [row[key] for row in rows if row.get(key) is not None]


def _range(values: Sequence[float], form: str = ".2f") -> str:
    return f"{min(values):{form}} to {max(values):{form}}"


def _table(rows: dict[str, tuple[str, str]], blocks: dict[str, Any]) -> list[str]:
    lines = ["| proxy | " + " | ".join(blocks) + " |", "|---" * (len(blocks) + 1) + "|"]
    for title, (name, key) in rows.items():
        cells = [_cell(each["rows"].get(name), key) for each in blocks.values()]
        if any(cells):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _cell(row: dict[str, Any] | None, key: str) -> str:
    if row is None or row.get(key) is None:
        return ""
    ends = row.get(f"{key}95")
    sure = ends is not None and (ends[0] > 0 or ends[1] < 0)
    return f"**{row[key]:.2f}**" if sure else f"{row[key]:.2f}"
