"""Random damage to the bytes of a file, and to the values of a JSON document; used by fault_files.py."""

import json
import random
from contextlib import suppress
from typing import Any

from autoprox.base.digest import digest


def mutated(sound: bytes, rng: random.Random, *, as_json: bool) -> bytes:
    """A file with one to three random changes."""
    content = sound
    for _ in range(rng.randint(1, 3)):
        change = rng.choice([_cut, _flip, _overwrite, _repeat, _zero, *([_json_value] * 5 if as_json else [])])
        content = change(content, rng)
    return content


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    at, block = rng.randrange(len(content) + 1), rng.randbytes(rng.randint(1, 64))
    return content[:at] + block + content[at + len(block) :]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at : at + rng.randint(1, 256)] * rng.randint(2, 5) + content[at:]


def _zero(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    size = min(rng.randint(1, 512), len(content) - at)
    return content[:at] + bytes(size) + content[at + size :]


_ODD = (None, True, -1, 0, 2**70, 1e308, float("nan"), "", "\0", "é" * 300, [], {}, [[[[]]]], "9" * 400)


def _json_value(content: bytes, rng: random.Random) -> bytes:
    """Inserts an odd value at a random place of a JSON document, or nests it deeply."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _flip(content, rng)
    if rng.random() < 0.02:
        return b"[" * 100_000 + content + b"]" * 100_000
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        places += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    if not places:
        return json.dumps(rng.choice(_ODD)).encode()
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(_ODD)
    if isinstance(document, dict) and "digest" in document and rng.random() < 0.5:
        with suppress(ValueError):  # a document without a digest is refused for another reason
            document["digest"] = digest({name: value for name, value in document.items() if name != "digest"})
    return json.dumps(document).encode()
