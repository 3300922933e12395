"""The words of a row shared out among columns whose places are lost.

Blanks were squeezed on the way, or a long name pushed the rest along. What a cell can be says where it
ends: an interface, a number of seconds, capabilities, a MAC address; the first cells are as short as
they can be. The search remembers where it failed, so it is bounded by words times columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .interfaces import looks_like_interface
from .values import capabilities, mac

__all__ = ["TOKENS", "cell_fits", "fit", "variants"]

TOKENS = 64
MOST = {  # words that a cell can have, when it is told by its words
    "local_interface": 2,
    "system_name": 8,
    "chassis_id": 6,
    "port_id": 8,
    "port_description": 12,
    "ttl": 1,
    "capabilities_enabled": 10,
    "platform": 6,
    "parent_interface": 1,
}


def variants(fields: Sequence[str], *, nameless: bool) -> Iterator[list[str]]:
    """The columns that a row may have: all of them, or without those that are often blank."""
    optional = [name for name in ("platform", "capabilities_enabled", "port_description") if name in fields]
    if fields[-1] == "system_name":
        optional.append("system_name")
    base = [name for name in fields if not (nameless and name == "system_name")]
    yield base
    for name in optional:
        if name in base and len(base) > 3:
            yield [other for other in base if other != name]


def fit(tokens: Sequence[str], names: Sequence[str], letters: str, strict: bool) -> dict[str, str] | None:
    """Share out words among columns, the first columns as short as can be; None where that cannot be done."""
    dead: set[tuple[int, int]] = set()

    def place(column: int, at: int) -> list[int] | None:
        if column == len(names):
            return [] if at == len(tokens) else None
        if (column, at) in dead:
            return None
        left = len(tokens) - at
        most = min(MOST.get(names[column], 4), left)
        counts: Sequence[int] = range(1, most + 1)
        if names[column] == "capabilities_enabled":
            counts = range(most, 0, -1)
        for count in counts:
            if cell_fits(names[column], tokens[at : at + count], letters, strict):
                rest = place(column + 1, at + count)
                if rest is not None:
                    return [count, *rest]
        dead.add((column, at))
        return None

    counts = place(0, 0)
    if counts is None:
        return None
    cells, at = {}, 0
    for name, count in zip(names, counts, strict=True):
        cells[name] = " ".join(tokens[at : at + count])
        at += count
    return cells


def _is_interface(words: Sequence[str]) -> bool:
    text = " ".join(words)
    return looks_like_interface(text) and (len(words) == 1 or (words[1][0].isdecimal() and words[0].isalpha()))


def _is_id(words: Sequence[str]) -> bool:
    if len(words) == 1:
        return True
    return (len(words) == 6 and mac(" ".join(words)) is not None) or _is_interface(words)


def _are_letters(words: Sequence[str], letters: str) -> bool:
    if letters == "cdp":  # each letter stands alone, so that the "IP" of "IP Phone" is none
        return all(len(word) == 1 and not capabilities(word, letters)[1] for word in words)
    return all((len(word) <= 3 or "," in word) and not capabilities(word, letters)[1] for word in words)


def cell_fits(name: str, words: Sequence[str], letters: str, strict: bool) -> bool:
    check: Callable[[Sequence[str]], bool] | None = CHECKS.get(name)
    if name == "capabilities_enabled":
        return _are_letters(words, letters)
    if check is not None:
        return check(words)
    if name == "port_id" and strict:
        return _is_id(words) and (len(words) > 1 or _is_interface(words) or mac(words[0]) is not None)
    if name == "system_name" and strict:
        return True
    return True


CHECKS: dict[str, Callable[[Sequence[str]], bool]] = {
    "local_interface": _is_interface,
    "ttl": lambda words: len(words) == 1 and words[0].rstrip("s").isdecimal(),
    "chassis_id": _is_id,
    "parent_interface": lambda words: words[0] == "-" or looks_like_interface(words[0]),
    "age": lambda words: words[0][0].isdecimal(),
    "pvid": lambda words: words[0].isdecimal(),
}
