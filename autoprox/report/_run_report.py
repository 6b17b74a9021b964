"""Report of a run: its winner, its rivals, and its search."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autoprox.bench.schema import METRICS
from autoprox.bench.splits import Split
from autoprox.evolve import PROXY_ROW, ZOO_ROW, ProxyForm, judged_split, sentence, verdict_sentence
from autoprox.evolve.fitness import Status
from autoprox.evolve.island import DUPLICATE, KINDS
from autoprox.evolve.runs import Run
from autoprox.graph import Proxy, formula, parse, weighted_sum, weighted_terms
from autoprox.metrics import joint
from autoprox.report._bands import BANDS, FEWEST
from autoprox.report._evidence import ENSEMBLE_ROW
from autoprox.report._formula_front import FormulaMember, front_section
from autoprox.report._page import UNDEFINED, render
from autoprox.report._random_baseline import RANDOM_ROW, steps_of
from autoprox.report._svg import drawing_svg, figure_svg, formula_svg
from autoprox.report.report_figures import Bar, Curve, bands_figure, bars_figure, curve_figure, scatter_figure
from autoprox.statistics import STATISTICS

WINNER = "winner"
TERMS_WRITTEN = 12
"""Largest number of typeset and drawn terms of a weighted sum."""
_ISO, _PARTIAL = "one size (iso stratum)", "given parameters"
_COUNTS_SHOWN = ("params", "macs")
_HALL_LINES = 8
_TERMS_LISTED = 3
_REASONS: Mapping[str, str] = {
    Status.UNDEFINED: "no finite value on some network of fit",
    Status.CONSTANT: "the same value for all architectures of a block",
    Status.EARLY: "the same value for the first networks of a block",
    Status.SIZE_ALONE: "constant at one size, or the same ranking as parameters",
    DUPLICATE: "the same graph was evaluated before",
    KINDS: "its parts do not match",
}

Document = Mapping[str, Any]


def discovery_report(run: Run, evidence: Document) -> str:
    """The report of a finished run, a whole HTML page.

    The same run and evidence give the same page; its volatile parts come from run.json.

    Args:
        run: The run.
        evidence: Result of `gather` or `read_evidence` for the run.

    Raises:
        StoreMismatchError: If the run is not finished.
    """
    proxy, results, provenance = run.proxy, run.proxy.results, run.proxy.provenance
    judged = judged_split(results["splits"])
    return render(
        "discovery.html",
        title=f"{proxy.name}: a discovered proxy",
        proxy=proxy,
        provenance=provenance,
        results=results,
        judged_on=judged.value,
        judged=results["splits"][judged][PROXY_ROW],
        rival=_rival(results),
        verdict=_verdict(results["margin"]["ci95"]),
        folder=run.folder,
        opening=verdict_sentence({"margins": [results["margin"]], **results}),
        sentence=sentence(results.get("margins", [results["margin"]]), results["zoo"]),
        form=results.get("form", ProxyForm.PLAIN),
        written=formula(proxy.graph, TERMS_WRITTEN),
        brief=len(weighted_terms(proxy.graph) or ()) > TERMS_WRITTEN,
        statistics=[STATISTICS[name] for name in proxy.statistics],
        compared=proxy.needs.teacher,
        given=results.get("given"),
        formula=formula_svg(_drawn(proxy)),
        drawing=drawing_svg(_drawn(proxy)),
        comparison=_comparison(results, evidence),
        bars=_bars(results, evidence),
        accuracy=_accuracy(run),
        blocks=_blocks(results, evidence),
        bands=_bands(evidence, provenance),
        bands_figure=_bands_figure(evidence, provenance),
        fewest=FEWEST,
        sealed_beyond={
            name: _beyond(results["splits"][judged][key], provenance)
            for key, name in _sealed_names(results, evidence).items()
        },
        search=_search(run, evidence),
        rejected=_rejected(provenance),
        hall=run.hall.head(_HALL_LINES).to_dict("records"),
        facts=_facts(run, evidence),
        sealed_scorings=run.sealed_scorings,
    )


def _drawn(proxy: Proxy) -> Proxy:
    """The proxy; a long weighted sum is reduced to the terms with the largest weights."""
    terms = weighted_terms(proxy.graph) or []
    if len(terms) <= TERMS_WRITTEN:
        return proxy
    largest = sorted(terms, key=lambda each: -abs(each[0]))[:TERMS_WRITTEN]
    return replace(proxy, graph=weighted_sum([(weight, each) for weight, each in largest if each is not None]))


def _rival(results: Document) -> str:
    rival = results["margin"]["rival"]
    return f"{results['zoo']} (zoo)" if rival == ZOO_ROW else str(rival)


def _verdict(ci95: Iterable[float | None]) -> str:
    low, high = map(_number, ci95)
    if np.isnan(low):
        return "undefined: one of the two does not rank all blocks"
    return "significantly more" if low > 0 else "significantly less" if high < 0 else "no significant difference"


def _sealed_names(results: Document, evidence: Document) -> dict[str, str]:
    """Contenders in best.json on the deciding split, by their names there, in display order."""
    held = results["splits"][judged_split(results["splits"])]
    shown = {PROXY_ROW: WINNER, ZOO_ROW: f"{results['zoo']} (zoo)"}
    shown |= {key: key for key in (*evidence["select"], *held) if key not in shown}
    return {key: name for key, name in shown.items() if key in held}


def _select_names(evidence: Document) -> dict[str, str]:
    """The contenders on select, in display order."""
    shown = {PROXY_ROW: WINNER, ENSEMBLE_ROW: "hall's ensemble"}
    if evidence["random"] is not None:
        shown[RANDOM_ROW] = f"{RANDOM_ROW} ({evidence['random']['evaluated']:,})"
    shown |= {name: f"{name} (zoo)" for name in evidence["zoo"]}
    held = evidence["select"]
    return {key: name for key, name in (shown | {key: key for key in held if key not in shown}).items() if key in held}


def _comparison(results: Document, evidence: Document) -> list[dict[str, Any]]:
    """One row per contender: joint correlation on select and, if best.json has it, on sealed."""
    sealed = results["splits"].get(Split.SEALED, {})
    held = {name: sealed[key] for key, name in _sealed_names(results, evidence).items() if key in sealed}
    rows = {name: evidence["select"][key] for key, name in _select_names(evidence).items()}
    return [
        {
            "name": name,
            "select": rows.get(name),
            "sealed": held.get(name),
            **{key: _mean(held.get(name), key) for key in ("tau_a", "ndcg_10", "top1_regret")},
        }
        for name in rows | held
    ]


def _mean(verdict: Document | None, key: str) -> float | None:
    """Mean over blocks of a figure of a verdict; None without one."""
    values = [] if verdict is None else [block.get(key) for block in verdict["blocks"]]
    known = [float(each) for each in values if each is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _bars(results: Document, evidence: Document) -> list[dict[str, Any]]:
    rows = {Split.SELECT: {name: evidence["select"][key] for key, name in _select_names(evidence).items()}}
    if sealed := results["splits"].get(Split.SEALED):
        rows[Split.SEALED] = {name: sealed[key] for key, name in _sealed_names(results, evidence).items()}
    return [{"split": split.value, "figure": _bars_figure(split, own)} for split, own in rows.items()]


def _bars_figure(split: Split, rows: Mapping[str, Document]) -> Any:
    bars = [
        Bar(name, each["joint"], each["ci95"][0], each["ci95"][1], own=name == WINNER)
        for name, each in rows.items()
        if each["joint"] is not None and None not in each["ci95"]
    ]
    told = "; ".join(f"{bar.name} {bar.value:.2f} [{bar.low:.2f}, {bar.high:.2f}]" for bar in bars)
    return figure_svg(
        lambda: bars_figure(bars), f"bars-{split}", f"Bars of the joint correlation on {split.value}: {told}."
    )


def _accuracy(run: Run) -> dict[str, Any]:
    """Accuracy against size: the hall of fame, and the forms of the winner."""
    chosen = run.proxy.results.get("form", ProxyForm.PLAIN)
    forms = [
        FormulaMember(
            each["form"],
            each["size"],
            each["select"],
            _short_formula(Proxy(each["form"], parse(each["graph"]), each["sign"])),
            own=each["form"] == chosen,
        )
        for each in run.proxy.results.get("forms", [])
        if each["select"] is not None
    ]
    hall = [
        FormulaMember("", each["size"], each["select_joint"], each["formula"])
        for each in run.hall.to_dict("records")
        if each["steady"] and not np.isnan(_number(each["select_joint"]))
    ]
    return front_section([*forms, *hall], Split.SELECT.value)


def _short_formula(proxy: Proxy) -> str:
    return formula(proxy.graph, _TERMS_LISTED) if weighted_terms(proxy.graph) else proxy.formula


def _blocks(results: Document, evidence: Document) -> list[dict[str, Any]]:
    """Facts on each block: the winner's correlations split by split, the ceiling, and a scatter."""
    blocks, judged = [], judged_split(results["splits"])
    for index, block in enumerate(evidence["blocks"]):
        own = {
            split: results["splits"][split][PROXY_ROW]["blocks"][index]
            for split in map(str, Split)
            if split in results["splits"]
        }
        ceiling = block["ceiling"]
        name = f"{block['space']}, {block['dataset']}"
        share = None if ceiling is None else _ratio(own[judged]["kendall"], ceiling["tau"])
        blocks.append(block | {"name": name, "own": own, "share": share, "figure": _scatter(index, name, block, own)})
    return blocks


def _scatter(index: int, name: str, block: Document, own: Mapping[str, Document]) -> Any:
    taus = ", ".join(f"{split} {_two(own[split]['kendall'])}" for split in (Split.FIT, Split.SELECT))
    title = f"{name}\ntau: {taus}; noise ceiling {_ceiling(block['ceiling'])}"
    unit = f"{block['metric']} ({METRICS[block['metric']].unit})"
    alt = f"Score against {block['metric']} on {name}, {len(block['scores'])} architectures. {title.splitlines()[1]}."
    return figure_svg(lambda: scatter_figure(block, title, unit), f"block-{index}", alt)


def _ceiling(ceiling: Document | None) -> str:
    if ceiling is None:
        return "unknown"
    low, high = ceiling["ci95"]
    return f"{ceiling['tau']:.2f} [{low:.2f}, {high:.2f}]"


def _two(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _ratio(value: float | None, of: float | None) -> float | None:
    return value / of if value is not None and of else None


def _bands(evidence: Document, provenance: Document) -> dict[str, dict[str, float | None]]:
    """Correlations within one size, by contender, on fit and select together."""
    zoo = evidence["zoo"][:1]
    names = {PROXY_ROW: WINNER} | {name: f"{name} (zoo)" for name in zoo}
    names |= {name: name for name in evidence["bands"] if name not in names and name not in evidence["zoo"]}
    return {
        shown: dict(zip(BANDS, evidence["bands"][name], strict=True))
        | _beyond(evidence["fit_and_select"][name], provenance)
        for name, shown in names.items()
    }


def _beyond(verdict: Document, provenance: Document) -> dict[str, float | None]:
    """Correlations at one size and given parameters, joined over the blocks."""
    spaces = [block["space"] for block in verdict["blocks"]]
    joined = {}
    for name, key in ((_ISO, "kendall_iso"), (_PARTIAL, "kendall_given_params")):
        taus = [_number(block[key]) for block in verdict["blocks"]]
        value = float(joint(taus, spaces, provenance["aggregate"], provenance["weights"]))
        joined[name] = None if np.isnan(value) else value
    return joined


def _bands_figure(evidence: Document, provenance: Document) -> Any:
    rows = _bands(evidence, provenance)
    shown = {name: row for name, row in rows.items() if name in (WINNER, *_COUNTS_SHOWN) or name.endswith("(zoo)")}
    columns = [*BANDS, _ISO, _PARTIAL]
    taus = {name: [_number(row[each]) for each in columns] for name, row in shown.items()}
    told = "; ".join(f"{name}: {', '.join(_two(row[each]) for each in columns)}" for name, row in shown.items())
    return figure_svg(
        lambda: bands_figure(columns, taus), "bands", f"Joint tau in {', '.join(columns)}, on fit and select. {told}."
    )


def _search(run: Run, evidence: Document) -> dict[str, Any]:
    best, random = run.best_so_far["fitness"].to_numpy(), evidence["random"]
    curves = [Curve(run.definition["strategy"], steps_of(best), len(best))]
    told = f"{curves[0].name} reaches {best[-1]:.3f} after {len(best)} candidates"
    compared = None
    if random is not None:
        steps, end = random["fitness"], random["evaluated"]
        curves.append(Curve(RANDOM_ROW, steps, end))
        told += f"; {RANDOM_ROW} reaches {steps[-1][1]:.3f} after {end}"
        compared = {"evaluated": end, "fitness": steps[-1][1], "run": float(best[end - 1]), "equal": end == len(best)}
    origins = run.evaluations.query("status == 'valid'").groupby("origin")["fitness"].agg(["size", "max"])
    return {
        "figure": figure_svg(lambda: curve_figure(curves), "curve", f"Highest fitness on fit over candidates: {told}."),
        "evaluated": len(best),
        "fitness": float(best[-1]),
        "random": compared,
        "random_seconds": run.provenance.get("random_seconds"),
        "origins": [{"name": name, "count": row["size"], "best": row["max"]} for name, row in origins.iterrows()],
        "again": shlex.join(["python", "-m", "autoprox.runs", str(run.folder), "--report", "--random-budget"]),
    }


def _rejected(provenance: Document) -> list[dict[str, Any]]:
    counts = provenance["rejected"]
    total = provenance["evaluated"] + sum(counts.values())
    return [
        {"reason": name, "meaning": _REASONS.get(name, ""), "count": count, "share": count / total}
        for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def _facts(run: Run, evidence: Document) -> list[tuple[str, str]]:
    """Provenance of the run, as pairs of name and text."""
    provenance, volatile = run.proxy.provenance, run.provenance
    settings = ", ".join(f"{name} {value}" for name, value in provenance["settings"].items())
    joining = provenance["aggregate"] if provenance["weights"] is None else f"weighted, {provenance['weights']}"
    facts = [
        ("command", shlex.join(volatile["command"]) if "command" in volatile else "unknown: there is no run.json"),
        ("seed", str(provenance["seed"])),
        ("table", f"{provenance['table']}, digest {provenance['table_digest']}"),
        ("labels", f"{run.definition['label_kind']}, {run.definition['metric']}"),
        ("architectures", ", ".join(f"{split} {count}" for split, count in evidence["architectures"].items())),
        ("joint correlation", f"{joining} over blocks"),
        ("initialisations", str(provenance["init_seeds"])),
        ("strategy", f"{provenance['strategy']} ({settings}), islands {provenance['islands']}"),
        ("beyond size", f"weight {provenance['beyond_size']:g} in the fitness"),
        ("first candidates", "graphs of the zoo" if provenance["seed_zoo"] else "drawn at random"),
        ("end", f"{provenance['ending']} after {provenance['evaluated']} distinct valid candidates"),
        ("bank", f"{provenance['bank']['leaves']} leaves, digest {provenance['bank']['digest']}"),
        ("growths of the bank", f"{provenance['growths']} at most"),
        *((f"images, {name}", f"digest {value}") for name, value in provenance["batches"].items()),
        ("graph", f"digest {run.proxy.graph.digest}"),
        ("best.json", f"digest {evidence['proxy_digest']}"),
        ("sealed split", _sealed_fact(run.sealed_scorings)),
    ]
    if "versions" in volatile:
        facts.append(("versions", ", ".join(f"{name} {value}" for name, value in volatile["versions"].items())))
    if "seconds" in volatile:
        facts.append(("time", f"{volatile['seconds']} s in all, {volatile['search_seconds']} s of search"))
        facts.append(("finished", f"{volatile['finished']} on {volatile['machine']}"))
    return facts


def _sealed_fact(scorings: int | None) -> str:
    if scorings is None:
        return "not scored by this run"
    return f"scored {scorings} time{'s' if scorings > 1 else ''} on this table by this user, this run included"
