"""`to_python`: a proxy as one Python file that needs torch alone.

The file holds the source of the functions that autoprox itself runs (see `sources`), those that this graph needs and no
others, and the graph as plain statements. tests/graph/test_export_python.py scores with it, for every primitive and
every statistic, and compares.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from enum import Enum
from importlib.metadata import version
from typing import Any

from autoprox.base.errors import KindError
from autoprox.graph import operations
from autoprox.graph._expression import Expression, is_node_leaf
from autoprox.graph._kinds import ALL_ROLES, Level
from autoprox.graph._literal import Literal
from autoprox.graph._moments import Moments
from autoprox.graph._primitives import Form, Primitive
from autoprox.graph._proxy import Proxy
from autoprox.graph.export import _runtime as runtime
from autoprox.graph.export._sources import Sources
from autoprox.inspect.calls import called
from autoprox.inspect.finding import called_with_attention, called_with_roles
from autoprox.inspect.nodes import Role, Site, check_told
from autoprox.inspect.preservation import preserved
from autoprox.statistics import STATISTICS, Pass, Statistic
from autoprox.statistics.collection import run_passes
from autoprox.statistics.passes import run_static, static_counts, static_weights
from autoprox.statistics.passes.tapped import narrowest
from autoprox.statistics.preparation import check_attention, prepare_nodes, with_images, with_labels
from autoprox.statistics.statistic import Observation


def to_python(proxy: Proxy) -> str:
    """Writes a proxy as one Python file with `score(model, images, labels) -> float`.

    The file needs torch and nothing else (no NumPy, no autoprox). Its value is that of `Proxy.score`; it restores the
    model to the bit; it finds nodes and roles of any network by the same rules (`autoprox.inspect.find_nodes`), and
    reads declared roles from the attribute `autoprox_role`. A graph that looks at no role needs none.

    Args:
        proxy: The proxy.

    Returns:
        The text of the file.

    Raises:
        KindError: If an operation of the graph does not stand alone: its source cannot be found, or it needs other
            packages; or if the graph compares with a teacher.

    Example:
        >>> from autoprox.graph import parse
        >>> text = to_python(Proxy("snip", parse("nodes_sum(l1(mul(weight, weight_grad)))")))
        >>> "def score(" in text, "import numpy" in text, "FORMULA = 'nodes_sum" in text
        (True, False, True)
    """
    if proxy.needs.teacher:
        raise KindError(
            f"The proxy '{proxy.name}' compares with a teacher, and a file of torch alone cannot take one; score with "
            "autoprox.load(path).score(model, images, labels, teacher=teacher)."
        )
    return _Writer(proxy).text()


class _Writer:
    """One file in the making.

    Args:
        proxy: The proxy.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._sources = Sources()
        self._reductions: list[str] = []
        self._names: dict[str, str] = {}
        self._node_names: dict[tuple[Site, frozenset[Role]], str] = {}
        self._lines: list[str] = []

    def text(self) -> str:
        """The whole file."""
        self._sources.add(runtime.finite)
        result = self._value(self._proxy.graph)
        taking, constants = self._taking()
        sign = "" if self._proxy.sign == 1 else "-"
        body = "\n    ".join([*taking, *self._lines, f"return finite({sign}{result})"])
        self._sources.require({"torch"})
        parts = [
            f'"""{self._header()}"""\n\n{self._sources.text()}',
            "\n".join([self._facts(), *constants]),
            *self._reductions,
            f"{_SIGNATURE}    {body}",
        ]
        return "\n\n\n".join(parts) + "\n"

    def _taking(self) -> tuple[list[str], list[str]]:
        """The statements that take the statistics, with no more than they need, and their constants."""
        wanted = [STATISTICS[name] for name in self._proxy.statistics]
        run = [each for each in wanted if each.pass_.run is not run_static]
        read = [each for each in wanted if each not in run]
        sites, attention = self._proxy.graph.selected_sites, [s.name for s in wanted if s.site is Site.ATTENTION]
        look = called_with_roles if sites else called_with_attention if attention else called
        steps = [f"given = {self._sources.add(prepare_nodes)}(model, images, {self._sources.add(look)})"]
        if sites:
            told = ", ".join(_literal(site) for site in Site if site in sites)
            steps.append(f"{self._sources.add(check_told)}(given.nodes, [{told}])")
        if attention:
            steps.append(f"{self._sources.add(check_attention)}(given, {attention[0]!r})")
        constants = []
        if read:  # before the passes, which may replace parameters
            steps.append(f"values = {{{', '.join(map(self._static, read))}}}")
        if run:
            steps.append(f"given = {self._sources.add(with_images)}(given, images)")
            if any(each.needs_labels for each in run):
                steps.append(f"given = {self._sources.add(with_labels)}(given, labels, loss)")
            steps.append(f"values {'|=' if read else '='} {self._sources.add(run_passes)}(given, OBSERVATIONS, again)")
            constants = self._constants(run)
        head = f"with {self._sources.add(preserved)}(model){' as again' if run else ''}:"
        return [head, *(f"    {step}" for step in steps)], constants

    def _static(self, statistic: Statistic) -> str:
        """An entry of a mapping, for a statistic that is read off the modules."""
        if statistic.count is None:
            return f"{statistic.name!r}: {self._sources.add(static_weights)}(given)"
        count, counts = self._sources.add(statistic.count), self._sources.add(static_counts)
        return f"{statistic.name!r}: {counts}(given, {_literal(statistic.site)}, {count})"

    def _constants(self, run: Sequence[Statistic]) -> list[str]:
        """The passes that are run, and what each takes."""
        passes = [
            f"{_constant(each)} = {self._call(replace(each, run=narrowest(each, of_it)))}"
            for each, of_it in _by_pass(run).items()
        ]
        readings = [
            self._call(Observation(*(getattr(each, field.name) for field in fields(Observation)))) for each in run
        ]
        return [*passes, "OBSERVATIONS = (", *(f"    {each}," for each in readings), ")"]

    def _facts(self) -> str:
        """The constants that tell other code what the file holds."""
        needs = {"passes": list(self._proxy.needs.passes), "labels": self._proxy.needs.labels}
        return "\n".join(
            [
                '__all__ = ["FORMULA", "NEEDS", "score"]',
                f"FORMULA = {self._proxy.formula!r}",
                f"NEEDS = {needs!r}",
            ]
        )

    def _header(self) -> str:
        proxy = self._proxy
        lines = [
            f"Zero-cost proxy '{proxy.name}': scores an untrained network, higher is better.",
            "",
            "Copy this file anywhere and call score(model, images, labels), at its end. The model is left as it was.",
            "Needs Python 3.11 and torch 2.6 or later, nothing else.",
            "",
            f"    formula     {proxy.formula}",
            f"    graph       {proxy.graph}",
            f"    sign        {proxy.sign}",
            f"    statistics  {', '.join(proxy.statistics)}",
            *([f"    source      {proxy.provenance['source']}"] if "source" in proxy.provenance else []),
            "",
            f"Exported by autoprox {version('autoprox')}, from which the functions are copied (Apache-2.0).",
        ]
        return "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''") + "\n"

    def _value(self, expression: Expression) -> str:
        """Writes the statements of a NODE or SCALAR expression; returns the name of its value."""
        if expression.digest not in self._names:
            text = self._leaf(expression) if is_node_leaf(expression) else self._operation(expression)
            self._names[expression.digest] = name = f"v{len(self._names) + 1}"
            self._lines.append(f"{name} = {text}")
        return self._names[expression.digest]

    def _leaf(self, expression: Expression) -> str:
        if not expression.arguments:
            return f"values[{expression.operation.name!r}]"
        name = f"reduction_{len(self._reductions) + 1}"
        self._reductions.append(self._reduction(name, expression))
        reduced = self._sources.add(runtime.reduced)
        return f"{reduced}({name}, {', '.join(f'values[{each!r}]' for each in expression.statistics)})"

    def _reduction(self, function: str, root: Expression) -> str:
        """A function from the tensors of one node to a number."""
        names: dict[str, str] = {}
        lines: list[str] = []
        for each in root.walk():
            if isinstance(each.operation, Statistic):
                names[each.digest] = each.operation.name
                continue
            names[each.digest] = name = f"t{len(lines) + 1}"
            lines.append(f"    {name} = {self._tensor_call(each, [names[i.digest] for i in each.arguments])}")
        parameters = ", ".join(f"{name}: Tensor" for name in root.statistics)
        head = f'def {function}({parameters}) -> Tensor:\n    """{root}, of one node."""'
        return "\n".join([head, *lines, f"    return {names[root.digest]}"])

    def _tensor_call(self, expression: Expression, arguments: list[str]) -> str:
        primitive = expression.operation
        assert isinstance(primitive, Primitive)
        name = self._sources.add(primitive.function)
        if primitive.form.reduces:
            moments = self._sources.add(Moments)
            first = [", channels_first=True" if each.kind.channels_first else "" for each in expression.arguments]
            given = (f"{moments}({each}{option})" for each, option in zip(arguments, first, strict=True))
            return f"{name}({', '.join(given)})"
        self._sources.add_name(operations.__name__, "TENSOR_EPS")
        return f"{name}({', '.join(arguments)}, torch, TENSOR_EPS)"

    def _operation(self, expression: Expression) -> str:
        primitive, kinds = expression.operation, [each.kind for each in expression.arguments]
        if isinstance(primitive, Literal):
            return f"torch.tensor({primitive.name}, dtype=torch.float64)"
        assert isinstance(primitive, Primitive)
        values = [self._value(each) for each in expression.arguments]
        if primitive.level is Level.NODE:
            kept = kinds[0].roles if primitive.form is Form.AGGREGATE else expression.kind.roles
            site = kinds[0].site
            assert site is not None
            values = [self._selected(value, site, kind.roles, kept) for value, kind in zip(values, kinds, strict=True)]
            if primitive.form is Form.SELECT:
                return values[0]
            if primitive.segmental:
                values.append(self._nodes(site, kept))
        self._sources.add_name(operations.__name__, "FLOAT64_EPS")
        return f"{self._sources.add(primitive.function)}({', '.join(values)}, torch, FLOAT64_EPS)"

    def _nodes(self, site: Site, kept: frozenset[Role]) -> str:
        """Writes the statement that gives the nodes of a network, once; returns the name of its value."""
        if (site, kept) not in self._node_names:
            roles = "" if kept == ALL_ROLES else f", {_roles(kept)}"
            self._node_names[site, kept] = name = f"nodes{len(self._node_names) + 1}"
            made = f"{self._sources.add(runtime.OneNetwork)}(given.at({_literal(site)}){roles})"
            self._lines.append(f"{name} = {made}")
        return self._node_names[site, kept]

    def _selected(self, value: str, site: Site, held: frozenset[Role], kept: frozenset[Role]) -> str:
        if held == kept:
            return value
        selected = self._sources.add(runtime.selected)
        return f"{selected}(given, {value}, {_literal(site)}, {_roles(held)}, {_roles(kept)})"

    def _call(self, made: Observation | Pass) -> str:
        """An observation or a pass as the call that makes it."""
        self._sources.add(type(made))
        given = [
            (each.name, getattr(made, each.name))
            for each in fields(made)
            if each.name != "source" and getattr(made, each.name) != each.default
        ]
        return f"{type(made).__name__}({', '.join(f'{name}={self._argument(value)}' for name, value in given)})"

    def _argument(self, value: Any) -> str:
        """Arguments of such a call; functions have to be in the file, and so have passes, as constants."""
        if isinstance(value, Pass):
            return _constant(value)
        return self._sources.add(value) if callable(value) else _literal(value)


def _by_pass(wanted: Sequence[Statistic]) -> dict[Pass, list[Statistic]]:
    """Statistics under the passes that they declare."""
    return {pass_: [each for each in wanted if each.pass_ == pass_] for pass_ in dict.fromkeys(s.pass_ for s in wanted)}


def _constant(pass_: Pass) -> str:
    return pass_.name.upper()


_SIGNATURE = '''def score(
    model: nn.Module, images: Any, labels: Any = None, *, loss: Callable[[Any, Any], Tensor] | None = None
) -> float:
    """Scores one network, with the parameters it has; it is left as it was. Higher is better.

    Args:
        model: An untrained network.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`; None if it reads none.
        loss: What the backward pass starts from; the mean cross entropy of logits by default.
    """
'''


def _literal(value: Any) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _roles(roles: frozenset[Role]) -> str:
    if roles == ALL_ROLES:
        return "frozenset(Role)"
    return f"frozenset({{{', '.join(_literal(role) for role in Role if role in roles)}}})"
