"""Verdicts on the results of mixers.py, one sentence each."""

from collections.abc import Iterable, Sequence
from typing import Any

_COMPARED = (
    ("MCA", "attention"),
    ("MCA without gate", "MCA"),
    ("MCA, kernel 3 alone", "MCA"),
    ("no mixer", "attention"),
)
_IMAGES = {"all": "all training images", "200": "200 training images"}
_COUNTS = ("params", "macs", "depth")


def mixers_verdict(results: dict[str, Any]) -> Iterable[str]:
    """Verdicts on mixers: parts of MCA, pooling behind a mixer, and proxies across kinds of mixers."""
    yield from ("## Verdict", "")
    rows = results["mixers"]["differences"]
    for size, images in _IMAGES.items():
        own = {(row["variant"], row["over"]): row["mean"] for row in rows if row["images"] == size}
        for variant, over in _COMPARED:
            yield f"- {variant} against {over}, {images}: {_judged(own.get((variant, over)))}."
        pooled = [mean for (variant, _), mean in own.items() if " + " in variant and len(mean) > 1]
        significant = sum(_sign(mean) != 0 for mean in pooled)
        if pooled:
            yield (
                f"- Pooling behind a mixer, {images}: {significant} of {len(pooled)} differences "
                f"{'is' if significant == 1 else 'are'} significant at 95 %, where chance alone gives one in twenty."
            )
    for data, found in results["kinds"].items():
        everywhere = {name: row for name, row in found["scorers"].items() if row["defined"] == found["architectures"]}
        taus = {name: row["all"] for name, row in everywhere.items()}
        count = max(_COUNTS, key=lambda name: taus[name][0])
        proxy = max((name for name in taus if name not in _COUNTS), key=lambda name: taus[name][0])
        yield (
            f"- Across kinds of mixers, {data}: the best proxy on these labels is `{proxy}` with tau "
            f"{_tau(taus[proxy])}; the best count is `{count}` with {_tau(taus[count])}."
        )
    yield ""


def pooling_verdict(results: dict[str, Any]) -> Iterable[str]:
    """Verdicts on searched pooling."""
    yield from ("## Verdict", "")
    for name, found in results["pooling"]["differences"].items():
        yield f"- PMPL against {name}: {_judged(found)}."
    yield ""


def _judged(found: Sequence[float] | None) -> str:
    if found is None:
        return "not measured"
    if len(found) == 1:
        return f"{found[0]:+.1f} points with one seed, so without an interval"
    words = {1: "significantly better", 0: "no significant difference", -1: "significantly worse"}[_sign(found)]
    return f"{words}, {found[0]:+.1f} points [{found[1]:+.1f}, {found[2]:+.1f}]"


def _sign(found: Sequence[float]) -> int:
    """1 or -1 if the interval is above or below 0, and 0 if it holds 0."""
    return (found[1] > 0) - (found[2] < 0)


def _tau(found: Sequence[float]) -> str:
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"
