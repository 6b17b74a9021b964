"""Checks of the JSON document of a proxy."""

from typing import Any

from autoprox.base.digest import digest
from autoprox.base.errors import AutoproxError, RegistryError, StoreMismatchError
from autoprox.graph._expression import Expression
from autoprox.graph._text import parse

FORMAT = "autoprox.proxy"
FORMAT_VERSION = 1
_FIELDS: dict[str, type] = {
    "name": str,
    "graph": str,
    "graph_digest": str,
    "sign": int,
    "provenance": dict,
    "results": dict,
}


def checked_document(document: Any, where: str) -> tuple[Expression, dict[str, Any]]:
    """The graph of a proxy's document, and its content; raises as `Proxy.from_document` does.

    Args:
        document: The data.
        where: Its origin, for error messages.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StoreMismatchError(f"{where} does not contain a proxy; give a best.json written by autoprox.evolve.")
    version = document.get("format_version")
    if version != FORMAT_VERSION:
        raise StoreMismatchError(
            f"{where} has format version {version}, this autoprox reads version {FORMAT_VERSION};"
            " install the version that wrote it, or discover the proxy again."
        )
    content = {key: value for key, value in document.items() if key != "digest"}
    if digest(content) != document.get("digest"):
        raise StoreMismatchError(
            f"{where} was edited: its digest does not match its content. Restore the file, or create a "
            "proxy with autoprox.graph.Proxy(name, parse(text))."
        )
    missing = [name for name, type_ in _FIELDS.items() if not isinstance(content.get(name), type_)]
    if missing:
        raise StoreMismatchError(
            f"{where} has no valid {', '.join(missing)}; it was not written by autoprox. Restore the "
            "file, or create a proxy with autoprox.graph.Proxy(name, parse(text))."
        )
    try:
        graph = parse(content["graph"])
    except RegistryError as error:
        raise RegistryError(
            f"{where}: {error} If another version of autoprox wrote the file, install that version; if it "
            "is your own operation, register it first."
        ) from error
    except AutoproxError as error:
        raise type(error)(f"{where}: {error}") from error
    if graph.digest != content["graph_digest"]:
        raise StoreMismatchError(
            f"{where} was written for other versions of its statistics or primitives, with other values; "
            "install the autoprox that wrote it, or discover the proxy again."
        )
    return graph, content
