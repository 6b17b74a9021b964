"""Tables of the results of mixers.py."""

from collections.abc import Iterable, Sequence
from typing import Any

from mixers_verdict import mixers_verdict, pooling_verdict

_NOTE = [
    "Differences are in points of top-1 accuracy, paired by seed. Brackets hold 95 % intervals: Student's, with the",
    "variance over seeds pooled over data sets; without brackets there is one seed. Bold: the interval excludes 0.",
    "",
]


def mixers_markdown(results: dict[str, Any]) -> str:
    """The results about mixers as Markdown."""
    parts = [mixers_verdict(results), _accuracies(results), _differences(results), _helped(results), _kinds(results)]
    return _document("Mixers at equal cost", results, parts)


def pooling_markdown(results: dict[str, Any]) -> str:
    """The results about searched pooling as Markdown."""
    return _document("Searched pooling", results, [pooling_verdict(results), _pooling(results)])


def _document(title: str, results: dict[str, Any], parts: Sequence[Iterable[str]]) -> str:
    lines = [f"# {title}, measured", "", f"Command: `{results['command']}`; {results['scale']}.", "", *_NOTE]
    return "\n".join([*lines, *(line for part in parts for line in part)]).rstrip() + "\n"


def _accuracies(results: dict[str, Any]) -> Iterable[str]:
    variants = results["mixers"]["variants"]
    groups = list(dict.fromkeys(group for cells in variants.values() for group in cells))
    yield from ("## Accuracy in %", "", *_header("mixer", groups))
    for name, cells in variants.items():
        yield _row(name, [f"{cells[group]['top1']:.1f}" if group in cells else "" for group in groups])
    seeds = sorted({cell["seeds"] for cells in variants.values() for cell in cells.values()})
    text = (
        f"Means over {' or '.join(map(str, seeds))} trainings. Effective receptive field after each stage of networks"
    )
    yield from ("", text, "that were trained on all images, in px:", "")
    whole = [group for group in groups if group.endswith("/all")]
    yield from _header("mixer", whole)
    for name, cells in variants.items():
        yield _row(name, [_fields(cells[group]["fields"]) if group in cells else "" for group in whole])
    yield ""


def _differences(results: dict[str, Any]) -> Iterable[str]:
    rows = results["mixers"]["differences"]
    names = results["datasets"]
    for size, title in (("all", "all training images"), ("200", "200 training images")):
        yield from (f"## Differences with {title}", "", *_header("mixer", ["compared with", "pairs", "mean", *names]))
        for row in rows:
            if row["images"] == size:
                cells = [_interval(row[name] and row[name][:1]) for name in names]
                yield _row(row["variant"], [row["over"], str(row["pairs"]), _interval(row["mean"]), *cells])
        yield ""


def _helped(results: dict[str, Any]) -> Iterable[str]:
    if not results["helped"]:
        return
    yield from ("## Difference with 200 images, minus the difference with all", "")
    yield from _header("mixer", ["compared with", "mean"])
    for row in results["helped"]:
        yield _row(row["variant"], [row["over"], _interval(row["mean"])])
    yield ""


def _pooling(results: dict[str, Any]) -> Iterable[str]:
    found = results["pooling"]
    if not found["datasets"]:
        return
    yield from ("## Accuracy at equal training", "")
    names = list(next(iter(found["datasets"].values()))["top1"])
    yield from _header("accuracy in %", [*found["datasets"], "PMPL above it"])
    for name in names:
        cells = [f"{each['top1'][name]:.1f}" for each in found["datasets"].values()]
        yield _row(name, [*cells, _interval(found["differences"].get(name))])
    yield ""
    yield from _header(
        "data set, seed", ["PMPL chose", "random sets that are better, of 10", "with the fault of the released code"]
    )
    for data, each in found["datasets"].items():
        for seed, chosen in enumerate(each["chosen"]):
            better, released = each["better_random_sets"][seed], ", ".join(each["released"][seed])
            yield _row(f"{data}, {seed}", [", ".join(chosen), str(better), released])
    yield from ("", "Effective receptive field after each stage, in px:", "")
    yield from _header("network", list(found["datasets"]))
    for name in next(iter(found["datasets"].values()))["fields"]:
        yield _row(name, [_fields(each["fields"][name]) for each in found["datasets"].values()])
    yield ""


def _kinds(results: dict[str, Any]) -> Iterable[str]:
    for data, found in results["kinds"].items():
        mean = ", ".join(f"{kind} {value:.1f} %" for kind, value in found["mean accuracy"].items())
        yield from (f"## Tau-b across kinds of mixers, {data}", "")
        yield from (f"{found['architectures']} architectures, one training each; mean accuracy: {mean}.", "")
        keys = [key for key in next(iter(found["scorers"].values())) if key != "defined"]
        yield from _header("scorer", ["defined", *keys])
        for name, row in found["scorers"].items():
            yield _row(name, [str(row["defined"]), *(_interval(row[key], 2) for key in keys)])
        yield ""


def _header(first: str, others: Sequence[str]) -> list[str]:
    return [_row(first, others), "|---" * (len(others) + 1) + "|"]


def _row(first: str, others: Iterable[str]) -> str:
    return "| " + " | ".join([first, *others]) + " |"


def _fields(found: Sequence[float]) -> str:
    return " / ".join(f"{each:.1f}" for each in found)


def _interval(found: Sequence[float] | None, digits: int = 1) -> str:
    if found is None:
        return ""
    middle, *ends = (f"{each:+.{digits}f}" for each in found)
    if not ends:
        return middle
    text = f"{middle} [{', '.join(ends)}]"
    return f"**{text}**" if found[1] > 0 or found[2] < 0 else text
