"""Documents for Elasticsearch and OpenSearch: Elastic Common Schema, bulk bodies, index template.

Nothing is sent: the result goes to a client, `client.bulk(operations=chunk)`. Where a column goes is
`registry/ecs.tsv`, and so are the types of the index template. A value that its field cannot hold, such
as 2**63 bytes or a time before 1970, is left out and told in `error.message`, so that no document is
refused for one value. ECS: https://www.elastic.co/docs/reference/ecs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from flowparse import registry
from flowparse.batch import Batch
from flowparse.out.community_id import ICMP, ICMP6, community_id
from flowparse.out.plain import clock, plain, row_time, rows_of
from flowparse.out.prefixes import PrefixSet
from flowparse.text import json_text, quoted

__all__ = ["ECS_VERSION", "bulk", "documents", "index_template"]

ECS_VERSION = "8.17.0"
NEVER = "1970-01-01T00:00:00.000000000Z"
NETWORK_TYPES = {0x0800: "ipv4", 0x86DD: "ipv6", 0x0806: "arp"}
VERSIONS = {1: 5, 2: 5, 3: 9, 4: 10, 6: 1, 7: 7}
DROP = 4
STREAM_NAME = re.compile(r'[^-_+.A-Z\\/*?"<>| ,#:\x00-\x1f][^A-Z\\/*?"<>| ,#:\x00-\x1f]{0,254}')

Rows = Batch | PrefixSet | Iterable[Mapping[str, Any]]
Path = tuple[str, ...]


def time_text(ns: Any) -> str | None:
    """A time as date_nanos takes it; None for one that it cannot hold."""
    found = clock(ns) if isinstance(ns, int) else None
    if found is None:
        return None
    return f"{datetime.fromtimestamp(found[0], UTC):%Y-%m-%dT%H:%M:%S}.{found[1]:09d}Z"


def _name(column: str) -> Callable[[Any], Any]:
    return lambda value: registry.names(column).get(value, str(value))


def _how(how: str, column: str) -> Callable[[Any], Any]:
    """The conversion of a column."""
    conversions: dict[str, Callable[[Any], Any]] = {
        "-": plain,
        "text": str,
        "time": time_text,
        "name": _name(column),
        "mac": lambda value: str(value).upper().replace(":", "-"),
        "direction": lambda value: {0: "ingress", 1: "egress"}.get(value, "unknown"),
        "version": VERSIONS.get,
    }
    return conversions[how]


@cache
def _table() -> dict[str, tuple[tuple[Path, ...], Callable[[Any], Any], str]]:
    """Column -> where it goes, how, and as what."""
    return {
        column: (tuple(tuple(path.split(".")) for path in paths.split()), _how(how, column), type)
        for column, paths, how, type in registry.rows("ecs.tsv")
        if column != "-"
    }


@cache
def _snake(name: str) -> str | None:
    """An IANA element's name as Beats writes it; None where there is no such element."""
    try:
        registry.element(name)
    except KeyError:
        return None
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace("IPv", "Ipv")).lower()


@cache
def _place(name: str) -> tuple[tuple[Path, ...], Callable[[Any], Any], str]:
    """Where a column goes that the table does not have."""
    snake = _snake(name)
    return ((("netflow", snake),) if snake else (("flowparse", _field(name)),)), _named, "-"


def _field(name: str) -> str:
    """A name without dots, which would be a path, and not empty."""
    return name.replace(".", "_") or "_"


def _named(value: Any) -> Any:
    """A plain value whose mappings have names of fields."""
    return _renamed(plain(value))


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {_field(name): _renamed(each) for name, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def _set(document: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _fits(value: Any, type: str) -> bool:
    """Whether a field of the type can hold the value; "-" is a field that the index makes."""
    if isinstance(value, list):
        return all(each is None or _fits(each, type) for each in value)
    if isinstance(value, dict):
        return type == "-" and all(each is None or _fits(each, type) for each in value.values())
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    if type in ("ip", "ip_range"):
        try:
            ip_address(value) if type == "ip" else ip_network(value)
        except ValueError:
            return False
    if type in ("-", "double"):
        return type == "-" or (isinstance(value, (int, float)) and not isinstance(value, bool))
    return (isinstance(value, int) and not isinstance(value, bool)) if type == "long" else isinstance(value, str)


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = ["connection", "denied"] if row.get("record_kind") == DROP else ["connection"]
    return {"kind": "event", "category": ["network"], "type": kinds, "action": "netflow_flow"}


def _derived(row: Mapping[str, Any], document: dict[str, Any]) -> None:
    """What a flow's columns together say."""
    network = document.setdefault("network", {})
    proto, etype = row.get("proto"), row.get("etype")
    if isinstance(etype, int) and etype in NETWORK_TYPES:
        network["type"] = NETWORK_TYPES[etype]
    if isinstance(proto, int) and (name := registry.names("protocol").get(proto)):
        network["transport"] = name.lower()
    start, end = row.get("time_flow_start_ns"), row.get("time_flow_end_ns")
    if isinstance(start, int) and isinstance(end, int) and 0 <= end - start < 2**63:
        document["event"]["duration"] = end - start
    ends = [
        ip if isinstance(ip := document.get(side, {}).get("ip"), str) else None for side in ("source", "destination")
    ]
    if any(ends):
        document["related"] = {"ip": list(dict.fromkeys(address for address in ends if address))}
    if all(ends) and isinstance(proto, int) and 0 <= proto <= 255:
        src, dst = (ip_address(address).packed for address in ends if address)
        names = ("icmp_type", "icmp_code") if proto in (ICMP, ICMP6) else ("src_port", "dst_port")
        ports = [row.get(name) for name in names]
        if all(port is None or (isinstance(port, int) and 0 <= port <= 0xFFFF) for port in ports):
            said = community_id(src, dst, proto, *ports)
            if said:
                network["community_id"] = said
    if not network:
        del document["network"]


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    table = _table()
    time = row_time(row)
    timestamp = None if time is None else time_text(time)
    document: dict[str, Any] = {"@timestamp": timestamp or NEVER, "ecs": {"version": ECS_VERSION}}
    is_flow = "src_addr" in row or "bytes" in row
    document["event"] = _event(row) if is_flow else {"kind": "event"}
    refused = []
    for name, value in row.items():
        if value is None:
            continue
        if name == "@timestamp":
            document[name] = str(value)  # the caller's word for it
            continue
        paths, how, type = table.get(name) or _place(str(name))
        try:
            said = how(value)
        except (ValueError, TypeError, OverflowError):
            said = None
        if said is None or not _fits(said, type):
            refused.append(f"{'.'.join(paths[0])} cannot be {quoted(value)}")
            continue
        for path in paths:
            _set(document, path, said)
    if is_flow:
        _derived(row, document)
    if refused:
        document["error"] = {"message": "; ".join(refused)}
    return document


def _indicators(prefixes: PrefixSet) -> Iterator[dict[str, Any]]:
    modified = prefixes.modified_ns
    time = None if modified is None else time_text(modified)
    for entry in prefixes:
        network = entry.network
        indicator: dict[str, Any] = {
            "type": f"ipv{network.version}-addr",
            "ip": str(network.network_address),
            "name": str(network),
        }
        if entry.list_id is not None:
            indicator["id"] = entry.list_id
        if time is not None:
            indicator["modified_at"] = time
        yield {
            "@timestamp": time or NEVER,
            "ecs": {"version": ECS_VERSION},
            "event": {"kind": "enrichment", "category": ["threat"], "type": ["indicator"]},
            "threat": {"indicator": indicator},
            "flowparse": {"prefix": str(network)} | ({"rir": entry.rir} if entry.rir else {}),
        }


def documents(rows: Rows) -> Iterator[dict[str, Any]]:
    """Each row as a document of the Elastic Common Schema.

    Parameters
    ----------
    rows : Batch, PrefixSet, or iterable of Batch or mapping
        Flows, prefixes, or anything by name. Columns that ECS has no field for stand below `netflow`
        under their IANA name as Beats writes it, or below `flowparse`.

    Yields
    ------
    dict
        Nested; nulls are left out. `@timestamp` is when the flow ended, else started or was received,
        else 1970, as a data stream wants one. `network.community_id` wherever addresses and ports are.

    Raises
    ------
    TypeError
        A row that is no mapping.
    """
    return _indicators(rows) if isinstance(rows, PrefixSet) else map(_document, rows_of(rows))


def bulk(rows: Rows, *, data_stream: str, chunk_octets: int = 5_000_000) -> Iterator[bytes]:
    """Bodies of bulk requests that create each row's document in a data stream.

    Parameters
    ----------
    rows : as `documents` takes them
    data_stream : str
        Such as "logs-netflow-default".
    chunk_octets : int
        The most octets of a body; a document that is larger has one of its own.

    Yields
    ------
    bytes
        NDJSON, an action and a document in turn, each a line; the last ends with one too.

    Raises
    ------
    ValueError
        A name that a data stream cannot have, or a limit below 1.
    """
    if not STREAM_NAME.fullmatch(data_stream) or len(data_stream.encode()) > 255:
        raise ValueError(f"{quoted(data_stream)} is no name of a data stream")
    if chunk_octets < 1:
        raise ValueError(f"a chunk has 1 octet or more, not {chunk_octets}")
    return _bodies(documents(rows), data_stream, chunk_octets)


def _bodies(made: Iterable[dict[str, Any]], data_stream: str, chunk_octets: int) -> Iterator[bytes]:
    action = json_text({"create": {"_index": data_stream}}).encode() + b"\n"
    lines: list[bytes] = []
    octets = 0
    for document in made:
        line = action + json_text(document).encode() + b"\n"
        if lines and octets + len(line) > chunk_octets:
            yield b"".join(lines)
            lines, octets = [], 0
        lines.append(line)
        octets += len(line)
    if lines:
        yield b"".join(lines)


def index_template(data_stream: str) -> dict[str, Any]:
    """The body of `PUT _index_template/...` for a data stream of these documents.

    Parameters
    ----------
    data_stream : str
        Its name, or a pattern such as ``logs-netflow-*``.

    Returns
    -------
    dict
        Addresses are `ip`, prefixes `ip_range`, times `date_nanos`, text is `keyword`.
    """
    properties: dict[str, Any] = {}
    for _, paths, _, type in registry.rows("ecs.tsv"):
        for path in paths.split():
            inside = properties
            *above, last = path.split(".")
            for name in above:
                inside = inside.setdefault(name, {"properties": {}})["properties"]
            inside[last] = {"type": type}
    text = {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}
    return {
        "index_patterns": [data_stream],
        "data_stream": {},
        "priority": 500,
        "template": {"mappings": {"dynamic_templates": [{"text": text}], "properties": properties}},
        "_meta": {"description": "flowparse documents", "ecs_version": ECS_VERSION},
    }
