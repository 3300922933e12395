"""`merge`: two tables of one device to one, the shorter names and missing ports of each made good by the other.

Old IOS tells no local interface in its details, and every IOS cuts names in its table; LLDP and CDP
tell of the same neighbor twice. Rows are one when nothing that both say differs, and what they share
says who the neighbor is. A row with two partners is not merged: it stays, and a problem says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from .interfaces import interface_key
from .records import EMPTY, Neighbor, NeighborTable, Problem
from .values import mac

__all__ = ["merge"]

NO_PORT = "the output does not say on which local interface it was heard"


def merge(brief: NeighborTable, detail: NeighborTable) -> NeighborTable:
    """Join the tables of two outputs of one device.

    Parameters
    ----------
    brief, detail : NeighborTable
        Such as of `show lldp neighbors` and of the same with `detail`; or of LLDP and of CDP. Where both
        tell, `detail` is believed.

    Returns
    -------
    NeighborTable
        Every neighbor of either; complete where both are, but for what the merge has made good.

    Raises
    ------
    ValueError
        For tables of two devices.
    """
    if brief.device is not None and detail.device is not None and brief.device != detail.device:
        raise ValueError(f"tables of two devices: {brief.device!r} and {detail.device!r}")
    pairs, doubts = _pairs(brief, detail)
    partners = dict(pairs)
    taken = {d: b for b, d in pairs}
    rows = [_joined(row, detail[partners[i]]) if i in partners else row for i, row in enumerate(brief)] + [
        row for i, row in enumerate(detail) if i not in taken
    ]
    problems = [problem for problem in (*brief.problems, *detail.problems) if problem.reason != NO_PORT]
    problems += doubts
    problems += [
        Problem(row.source.first_line, row.system_name or row.chassis_id or "", NO_PORT)
        for row in rows
        if not row.local_interface
    ]
    return NeighborTable(
        rows,
        device=detail.device or brief.device,
        platform=detail.platform or brief.platform,
        command=" + ".join(filter(None, (brief.command, detail.command))) or None,
        declared_total=brief.declared_total if brief.declared_total == detail.declared_total else None,
        problems=dict.fromkeys(problems),
        chassis_id=detail.chassis_id or brief.chassis_id,
        system_name=detail.system_name or brief.system_name,
    )


def _pairs(brief: Sequence[Neighbor], detail: Sequence[Neighbor]) -> tuple[list[tuple[int, int]], list[Problem]]:
    """Indices of rows that are one, by evidence: the pairs that have no rival, round after round."""
    heard_on: dict[Any, list[int]] = {}
    for j, b in enumerate(detail):
        heard_on.setdefault(interface_key(b.local_interface) if b.local_interface else None, []).append(j)
    anywhere = range(len(detail))
    candidates: dict[tuple[int, int], int] = {}
    for i, a in enumerate(brief):
        of_port = heard_on.get(interface_key(a.local_interface), []) + heard_on.get(None, [])
        for j in of_port if a.local_interface else anywhere:
            score = _agreement(a, detail[j])
            if score is not None:
                candidates[i, j] = score
    pairs: list[tuple[int, int]] = []
    doubts: list[Problem] = []
    while candidates:  # Progress: each turn takes at least one candidate away.
        best_of_row: dict[int, int] = {}
        best_of_column: dict[int, int] = {}
        for (i, j), score in candidates.items():
            best_of_row[i] = max(best_of_row.get(i, 0), score)
            best_of_column[j] = max(best_of_column.get(j, 0), score)
        best = [
            (i, j) for (i, j), score in candidates.items() if score == best_of_row[i] and score == best_of_column[j]
        ]
        rows, columns = _counts(i for i, _ in best), _counts(j for _, j in best)
        clear = [(i, j) for i, j in best if rows[i] == 1 and columns[j] == 1]
        if not clear:
            clear = _in_order(best)
            if not clear:
                doubts += [
                    Problem(brief[i].source.first_line, brief[i].system_name or "", "may be any of several rows", False)
                    for i in sorted({i for i, _ in best})
                ]
                break
        pairs += clear
        done_rows, done_columns = {i for i, _ in clear}, {j for _, j in clear}
        candidates = {
            (i, j): score for (i, j), score in candidates.items() if i not in done_rows and j not in done_columns
        }
    return sorted(pairs), doubts


def _in_order(best: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Rows that are alike on both sides, and as many: a device lists them in one order in both outputs."""
    groups: dict[frozenset[int], list[int]] = {}
    for i in sorted({i for i, _ in best}):
        groups.setdefault(frozenset(j for k, j in best if k == i), []).append(i)
    return [
        (i, j)
        for columns, rows in groups.items()
        if len(columns) == len(rows)
        for i, j in zip(rows, sorted(columns), strict=True)
    ]


def _counts(values: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _agreement(a: Neighbor, b: Neighbor) -> int | None:
    """How much two rows share, or None where they cannot be of one neighbor on one port."""
    score = 0
    if a.local_interface and b.local_interface:
        if interface_key(a.local_interface) != interface_key(b.local_interface):
            return None
        score += 2
    named = _names(a, b)
    port = _ports(a, b)
    chassis = None if a.chassis_id is None or b.chassis_id is None else a.chassis_id == b.chassis_id
    if a.protocol is b.protocol:
        if named is False or port is False or chassis is False:
            return None
    elif named is False:
        return None
    score += 4 * (port is True) + 3 * (named is True) + 3 * (chassis is True)
    known = (named, port, chassis).count(True)
    # A port alone may be of anybody; of the nameless it is all there is.
    return score if known > 1 or named or (port and score >= 4 and named is None) else None


def _names(a: Neighbor, b: Neighbor) -> bool | None:
    x, y = (a.system_name or "").lower(), (b.system_name or "").lower()
    if not x or not y:
        # IOS shows the chassis in place of a name that it was not told.
        for name, other in ((x, b.chassis_id), (y, a.chassis_id)):
            if name and other and (mac(name) or name) == other:
                return True
        return None
    if a.system_name_truncated or b.system_name_truncated:
        return x.startswith(y) or y.startswith(x)
    return x == y or x.partition(".")[0] == y.partition(".")[0] or _serial(x) == _serial(y)


def _serial(name: str) -> str:
    return name.partition("(")[0].partition(".")[0]


def _ports(a: Neighbor, b: Neighbor) -> bool | None:
    ports_a, ports_b = ({interface_key(port) for port in (row.port_id, row.port_description) if port} for row in (a, b))
    if not a.port_id or not b.port_id:
        return True if ports_a & ports_b else None
    if interface_key(a.port_id) == interface_key(b.port_id):
        return True
    shorter, longer = sorted((a.port_id, b.port_id), key=len)
    if longer.startswith(shorter) and len(shorter) >= 9:  # a cell that was cut
        return True
    return bool(ports_a & ports_b) if a.protocol is not b.protocol else False


def _joined(brief: Neighbor, detail: Neighbor) -> Neighbor:
    """One row of two: what `detail` does not say is taken of `brief`."""
    values: dict[str, Any] = {}
    for item in fields(Neighbor):
        own, other = getattr(detail, item.name), getattr(brief, item.name)
        if own in (None, "", (), frozenset(), EMPTY) and other not in (None, "", (), frozenset(), EMPTY):
            values[item.name] = other
    if brief.extra and detail.extra:
        values["extra"] = {**brief.extra, **detail.extra}
    if detail.system_name_truncated and brief.system_name and not brief.system_name_truncated:
        values["system_name"], values["system_name_truncated"] = brief.system_name, False
    addresses = dict.fromkeys((*detail.management_addresses, *brief.management_addresses))
    values["management_addresses"] = tuple(addresses)
    return replace(detail, **values)
