"""`python -m autoprox.show`: prints, draws or exports a proxy."""

import argparse
import json
from collections.abc import Callable

from autoprox.api import load
from autoprox.base.errors import SpecError
from autoprox.base.files import atomically
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import note, say, say_columns, say_text
from autoprox.commands.names import SCORER
from autoprox.commands.outfile import require_free
from autoprox.commands.values import PathTo
from autoprox.graph import Expression, Proxy
from autoprox.graph.export import to_latex, to_png, to_python, to_svg
from autoprox.scorers import Scorer
from autoprox.statistics import STATISTICS

_FILES: dict[str, Callable[[Proxy], str | bytes]] = {"svg": to_svg, "png": to_png, "python": to_python}


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "proxy",
        metavar="PROXY",
        help="a run's folder or best.json, or the name of a shipped or zoo proxy",
        type=SCORER,
    )
    forms = options.add_mutually_exclusive_group()
    forms.add_argument("--latex", action="store_true", help="print the formula in LaTeX")
    forms.add_argument("--svg", type=PathTo(written=True), metavar="FILE", help="draw it as SVG")
    forms.add_argument("--png", type=PathTo(written=True), metavar="FILE", help="draw it as PNG")
    forms.add_argument(
        "--python", type=PathTo(written=True), metavar="FILE", help="write it as one Python file that needs torch alone"
    )
    options.add_argument("--force", action="store_true", help="replace the file if it exists")


def _show(options: argparse.Namespace) -> int:
    chosen = next((form for form in _FILES if getattr(options, form) is not None), None)
    if options.force and chosen is None:
        raise SpecError(f"--force applies to a file; give one of {', '.join(f'--{form} FILE' for form in _FILES)}.")
    proxy = load(options.proxy)
    if not isinstance(proxy, Proxy):
        if options.latex or chosen is not None:
            raise SpecError(f"'{proxy.name}' is not a graph: it can be shown, but not drawn or exported.")
        _print_function(proxy)
    elif options.latex:
        say(to_latex(proxy))
    elif chosen is None:
        _print(proxy)
    else:
        path = getattr(options, chosen)
        require_free([path], force=options.force)
        content = _FILES[chosen](proxy)
        data = content.encode() if isinstance(content, str) else content
        atomically(path, lambda target: target.write_bytes(data))
        note(f"wrote {path}")
    return 0


def _print(proxy: Proxy) -> None:
    rows = [
        ["proxy", proxy.name],
        ["formula", proxy.brief],
        ["graph", str(proxy.graph)],
        ["sign", f"{proxy.sign} (a higher score is better, the sign is in the score)"],
    ]
    say_columns([*rows, *_made_for(proxy)])
    say("\nsteps")
    say_columns(_steps(proxy.graph))
    say("\nstatistics")
    found = [STATISTICS[name] for name in proxy.statistics]
    say_columns([[each.name, str(each.site), f"{each.pass_.name} pass", each.source] for each in found])
    if proxy.provenance:
        say("\nprovenance")
        texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in proxy.provenance.items()}
        say_columns([[key, text] for key, text in texts.items()])


def _made_for(proxy: Proxy) -> list[list[str]]:
    """Rows on the networks that a discovered proxy was made for, and on its blindness, as far as it states them."""
    rows = []
    if made_for := proxy.provenance.get("made_for"):
        low, high = made_for["params"]
        rows.append(["made for", f"{', '.join(made_for['spaces'])}, {low:,} to {high:,} parameters"])
    if blind := proxy.results.get("blind_to"):
        rows.append(["blind to", f"{' and '.join(blind)}: networks that differ only in this get identical scores"])
    return rows


def _print_function(proxy: Scorer) -> None:
    rows = [
        ["proxy", proxy.name],
        ["sign", f"{proxy.sign} (a higher score is better, the sign is in the score)"],
        ["needs", str(proxy.needs)],
        ["source", proxy.source],
    ]
    say_columns(rows)
    for each in proxy.parts:
        say()
        say_text(f"{each.name}: {' '.join(each.description.partition('Raises:')[0].split())}", 2)


def _steps(graph: Expression) -> list[list[str]]:
    """One row per step: its number, its operation on earlier steps, and the kind of the result."""
    numbers: dict[str, int] = {}
    rows = []
    for each in graph.walk():
        numbers[each.digest] = len(numbers) + 1
        inner = ", ".join(f"#{numbers[argument.digest]}" for argument in each.arguments)
        text = f"{each.operation.name}({inner})" if inner else each.operation.name
        rows.append([f"#{numbers[each.digest]}", text, str(each.kind)])
    return rows


COMMAND = Command(
    "show",
    "Prints a proxy, or writes it in another form.",
    (
        "show snip",
        "show runs/vitbench101-seed0 --png best.png",
        "show autoprox-a --python best.py",
    ),
    _add_options,
    _show,
)
