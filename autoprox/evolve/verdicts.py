"""Verdicts on a discovered proxy and its rivals, split by split."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.bench.splits import Split
from autoprox.bench.verdict import Verdict, finite_or_none

PROXY_ROW, ZOO_ROW, FITTED_ROW, UNTAUGHT_ROW = "proxy", "zoo", "fitted counts", "search without a teacher"
"""Names, among verdicts, of the discovered proxy, of the best zoo proxy, of ridge regression on counts that was fitted
to the same labels, and of the winner of the same search without a teacher. Further verdicts are on the other forms of
the discovery (`Form`) and on counts."""

_GOLDEN_NETWORKS = 2


@dataclass(frozen=True)
class Margin:
    """Difference between the proxy and a rival, on one split and on the same resampled architectures.

    Args:
        rival: Row of the rival: a count, the best zoo proxy, fitted counts, or the winner without a teacher.
        joint: Difference of the joint correlations, proxy minus rival.
        ci95: 95 % interval of the difference.
    """

    rival: str
    joint: float
    ci95: tuple[float, float]

    def to_document(self) -> dict[str, Any]:
        """The margin as JSON-compatible data; undefined values are None."""
        return {
            "rival": self.rival,
            "joint": finite_or_none(self.joint),
            "ci95": [finite_or_none(each) for each in self.ci95],
        }


def judged_split(splits: Container[str]) -> Split:
    """The deciding split: sealed if it was scored, else select.

    Args:
        splits: The splits that were scored, such as the keys of `results["splits"]`.

    Example:
        >>> judged_split({"fit": {}, "select": {}}).value
        'select'
    """
    return Split.SEALED if Split.SEALED in splits else Split.SELECT


def margins_of(judge: Judge, rows: dict[str, Floats], select: dict[str, Verdict]) -> tuple[Margin, ...]:
    """Margins of the proxy over its rivals, as far as they have rows.

    They are the best count on select, fitted counts, the best zoo proxy, and the winner without a teacher.

    Args:
        judge: Judge of the deciding split.
        rows: Scores on its networks.
        select: Verdicts on select, from which the best count is chosen.

    Returns:
        The margins, the strongest rival on select first.
    """
    # A count that is constant in a block has no joint correlation and is not a rival.
    strength = {name: np.nan_to_num(select[name].joint, nan=-np.inf) for name in rows if name in select}
    count = max(judge.counts, key=lambda name: strength[name])
    rivals = [count, *(name for name in (FITTED_ROW, ZOO_ROW, UNTAUGHT_ROW) if name in rows)]
    rivals.sort(key=lambda name: -strength[name])
    return tuple(Margin(name, *judge.margin(rows[PROXY_ROW], rows[name])) for name in rivals)


def given_counts(judge: Judge, rows: Mapping[str, Floats], margins: Sequence[Margin]) -> list[dict[str, Any]]:
    """Partial taus of the proxy, and of the winner without a teacher, given counts, as JSON-compatible data.

    Args:
        judge: Judge of the deciding split.
        rows: Scores on its networks.
        margins: Margins, which name the best count.

    Returns:
        One entry per winner and count (params, and the best count): `row`, `count`, joint `partial` tau, and `ci95`.
    """
    best = next(each.rival for each in margins if each.rival in judge.counts)
    found = []
    for count in dict.fromkeys(("params", best)):
        for row in (PROXY_ROW, UNTAUGHT_ROW):
            value, interval = judge.partial(rows[row], judge.counts[count])
            ends = [finite_or_none(each) for each in interval]
            found.append({"row": row, "count": count, "partial": finite_or_none(value), "ci95": ends})
    return found


def sentence(margins: Sequence[Mapping[str, Any]], zoo: str | None) -> str:
    """Sentence with the margins of a proxy over its rivals, the strongest first.

    Args:
        margins: Margins as JSON-compatible data.
        zoo: Name of the zoo proxy.

    Example:
        >>> count = {"rival": "mean_width", "joint": 0.07, "ci95": [0.03, 0.12]}
        >>> fit = {"rival": "fitted counts", "joint": -0.012, "ci95": [-0.03, 0.01]}
        >>> sentence([count, fit], None)
        'ahead of mean_width by .07 [.03, .12]; behind fitted counts by .01 [-.01, .03]'
    """
    return "; ".join(_compared(each, zoo) for each in margins)


def verdict_sentence(results: Mapping[str, Any]) -> str:
    """Sentence with the correlation of a proxy and its rivals; it starts with a defeat.

    Args:
        results: Results of a discovered proxy.

    Example:
        >>> row = lambda joint: {"joint": joint, "ci95": [joint - 0.05, joint + 0.05]}
        >>> rows = {"proxy": row(0.8), "mean_width": row(0.73)}
        >>> margin = {"rival": "mean_width", "joint": 0.07, "ci95": [0.03, 0.12]}
        >>> verdict_sentence({"splits": {"select": {}, "sealed": rows}, "margins": [margin], "zoo": None})
        'ranks held-out architectures with Kendall tau .80 [.75, .85], ahead of mean_width (.73).'
        >>> loss = margin | {"joint": -0.07, "ci95": [-0.1, -0.04]}
        >>> text = verdict_sentence({"splits": {"sealed": rows}, "margins": [loss], "zoo": None})
        >>> text[:38]
        'below mean_width by .07 [.04, .10]. It'
    """
    split = judged_split(results["splits"])
    rows, zoo = results["splits"][split], results["zoo"]
    known = [each for each in results["margins"] if each["joint"] is not None and None not in each["ci95"]]
    ahead = [_with_tau(each, rows, zoo) for each in known if each["ci95"][0] > 0]
    level = [_with_tau(each, rows, zoo) for each in known if each["ci95"][0] <= 0 <= each["ci95"][1]]
    behind = [_compared(each, zoo).replace("behind", "below", 1) for each in known if each["ci95"][1] < 0]
    text = _ranks(rows[PROXY_ROW], split)
    text += f", ahead of {_listed(ahead)}." if ahead else "."
    if level:
        text += f" No significant difference from {_listed(level)}."
    return f"{'; '.join(behind)}. It {text} A larger budget may help." if behind else text


def _ranks(row: Mapping[str, Any], split: Split) -> str:
    where = "held-out architectures" if split is Split.SEALED else "the select split, on which it was chosen,"
    if row["joint"] is None or None in row["ci95"]:
        return f"does not rank all blocks of {where}"
    low, high = map(_short, row["ci95"])
    return f"ranks {where} with Kendall tau {_short(row['joint'])} [{low}, {high}]"


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _with_tau(margin: Mapping[str, Any], rows: Mapping[str, Any], zoo: str | None) -> str:
    """The rival of a margin with its own joint correlation."""
    name = f"{zoo} (zoo)" if margin["rival"] == ZOO_ROW else margin["rival"]
    tau = rows.get(margin["rival"], {}).get("joint")
    return name if tau is None else f"{name} ({_short(tau)})"


def _compared(margin: Mapping[str, Any], zoo: str | None) -> str:
    rival = f"{zoo} (zoo)" if margin["rival"] == ZOO_ROW else margin["rival"]
    joint, (low, high) = margin["joint"], margin["ci95"]
    if joint is None or low is None or high is None:
        return f"not comparable with {rival}, which does not rank all blocks as it does"
    if joint < 0:
        joint, low, high = -joint, -high, -low
        return f"behind {rival} by {_short(joint)} [{_short(low)}, {_short(high)}]"
    return f"ahead of {rival} by {_short(joint)} [{_short(low)}, {_short(high)}]"


def _short(value: float) -> str:
    """Two decimals, without the leading zero."""
    return f"{value:.2f}".replace("0.", ".", 1)


def verdicts_of(judge: Judge, rows: dict[str, Floats]) -> dict[str, Verdict]:
    """Verdicts of the proxy and of its rivals, on the same resamples."""
    return dict(zip(rows, judge.verdicts(np.stack(list(rows.values()))), strict=True))


def document_of(verdicts: dict[str, Verdict], judge: Judge) -> dict[str, Any]:
    """Verdicts as JSON-compatible data."""
    return {name: verdict.to_document(judge.blocks) for name, verdict in verdicts.items()}


def golden_scores(judge: Judge, scores: Floats) -> list[dict[str, Any]]:
    """A few scores to check an exported proxy with: the first networks of each space and data set."""
    seen: dict[tuple[str, str], int] = {}
    golden = []
    for network, score in zip(judge.networks, scores, strict=True):
        place = (network.arch.space, network.task.dataset)
        seen[place] = seen.get(place, 0) + 1
        if seen[place] <= _GOLDEN_NETWORKS:
            golden.append(
                {
                    "space": network.arch.space,
                    "arch_json": network.arch.json,
                    "dataset": network.task.dataset,
                    "batch": network.task.digest,
                    "init_seed": network.weights.identity,
                    "score": float(score),
                }
            )
    return golden
