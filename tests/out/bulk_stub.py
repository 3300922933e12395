"""A stand-in for Elasticsearch and OpenSearch on the loopback interface, strict about what a bulk request is.

It refuses what the real ones refuse: a body that does not end with a line break, an action that a data stream does
not take, a document without @timestamp or of a type that the index template does not allow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from threading import Thread
from typing import Any

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
MOST_DEPTH = 20


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def check_value(type: str, value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            if each is not None:  # an array may have nulls
                check_value(type, each)
    elif type == "ip":
        ip_address(value)
    elif type == "ip_range":
        ip_network(value)
    elif type == "date_nanos":
        if not DATE.fullmatch(value) or not "1970" <= value[:4] <= "2262":
            raise ValueError(f"{value} is no date_nanos")
    elif type == "long":
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise ValueError(f"{value!r} is no long")
    elif type == "double":
        if not isinstance(value, (int, float)):
            raise ValueError(f"{value!r} is no double")
    elif type in ("keyword", "text"):
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
    else:
        raise AssertionError(f"the template has type {type}")


def check_document(properties: dict[str, Any], document: dict[str, Any], depth: int = 1) -> None:
    """Raise ValueError for a field that its mapping does not take; a field without one may be anything."""
    if depth > MOST_DEPTH:
        raise ValueError("too deep")
    for name, value in document.items():
        if not name or name.startswith("."):
            raise ValueError(f"a field is called {name!r}")
        mapping = properties.get(name, {})
        if isinstance(value, dict):
            if "type" in mapping:
                raise ValueError(f"{name} is an object")
            check_document(mapping.get("properties", {}), value, depth + 1)
        elif "type" in mapping:
            check_value(mapping["type"], value)
        elif isinstance(value, int) and not isinstance(value, bool):
            check_value("long", value)


class Stub(ThreadingHTTPServer):
    """What came in: data streams with their documents, and templates."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.templates: dict[str, Any] = {}
        self.documents: dict[str, list[Any]] = {}
        self.bodies: list[int] = []

    def bulk(self, body: bytes) -> list[dict[str, Any]]:
        if not body.endswith(b"\n"):
            raise ValueError("The bulk request must be terminated by a newline [\\n]")
        lines = body[:-1].split(b"\n")
        if len(lines) % 2:
            raise ValueError("an action without a document")
        self.bodies.append(len(body))
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            [(kind, about)] = json.loads(action).items()
            if kind != "create" or set(about) != {"_index"}:
                raise ValueError(f"only create is for data streams, not {kind} {about}")
            document = json.loads(source.decode("utf-8"), parse_constant=refuse)
            if "@timestamp" not in document:
                raise ValueError("data stream timestamp field [@timestamp] is missing")
            template = self.templates[about["_index"]]
            assert template["data_stream"] == {}
            check_document(template["template"]["mappings"]["properties"], document)
            self.documents.setdefault(about["_index"], []).append(document)
            items.append({"create": {"_index": about["_index"], "status": 201, "result": "created"}})
        return items


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self) -> None:
        if self.path == "/_bulk":
            self.do_POST()
            return
        if not self.path.startswith("/_index_template/"):
            self.answer(404, {})
            return
        template = json.loads(self.body())
        for pattern in template["index_patterns"]:
            self.server.templates[pattern] = template
        self.answer(200, {"acknowledged": True})

    def do_POST(self) -> None:
        body = self.body()
        if self.path != "/_bulk" or "json" not in self.headers["Content-Type"]:
            self.answer(406, {"error": f"{self.path} {self.headers['Content-Type']}"})
            return
        try:
            items = self.server.bulk(body)
        except (ValueError, KeyError) as error:
            self.answer(400, {"error": {"type": "illegal_argument_exception", "reason": str(error)}, "status": 400})
            return
        self.answer(200, {"took": 1, "errors": False, "items": items})


@contextmanager
def running() -> Iterator[tuple[Stub, str]]:
    """The stub, and its address; it dies with the block."""
    with Stub() as stub:
        thread = Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub, f"http://127.0.0.1:{stub.server_address[1]}"
        finally:
            stub.shutdown()
            thread.join()
