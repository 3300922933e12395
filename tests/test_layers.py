"""Imports go down one list of layers, so that a file can be read knowing only what stands above it in the list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import files, imports, read

# A room sees its own layer, never in a circle, and the layers named after it.
LAYERS = {
    "L0": ("errors datatypes limits text estimates", ""),
    "L1a": ("registry", "L0"),
    "L1b": (
        "_wire _clock _udp _slab _layout _part _lookup _nulls _finish _finish_flow _finish_times"
        " _strided _chain _interfaces _finish_sections _steps _columns _octets _notes _exporters _addresses"
        " _show _derive _arrow _values _pack"
        " _convert _plan _pending _templates _decode _underway _learning _templatesets _datasets _replay _sets"
        " _headers _links _packet _sampled _sflowheads _sflowold _sflowrecord _sflow _sflowwalk"
        " _feed _stream _borrow _intake _state"
        " _textnumbers _textlists _textvalues _textstate _textout _textera _textjoin _textrecords _assembly"
        " _textkeys _text _textfeed _textjson"
        " _recordvalues _records _agenttable _agents _capture"
        " _keys _table _sightings _intervals _scaling",
        "L0",
    ),
    "L2": (
        "template schema compiled flow_sources flow_making flow_addresses flow_ports flow_times flow_sampling flow_view"
        " plan biflow",
        "L0 L1a L1b",
    ),
    "L3": (
        "batch scaling dataframes events notices looked knowledge message programs session told"
        " state state_octets state_tables diagnosis",
        "L0 L1a L1b L2",
    ),
    "L4": (
        "sflow agents rates recorder restorer archive decoder scan explanation sflowtool capture topology lldp",
        "L0 L1a L1b L2 L3 beside",
    ),
    "L5": ("out encode", "L0 L1a L1b L2 L3 L4"),
    "beside": ("reference", "L0 L1a L3"),
    "between": ("reference.compare", "L0 L1a L2 L3 L4 beside"),
    "face": ("__init__", "L0 L1a L1b L2 L3 L4 L5 beside"),
}
LAYER = {room: layer for layer, (rooms, _) in LAYERS.items() for room in rooms.split()}


def room(path: Path) -> str:
    """The room of a file: one of its own in a folder, the folder below the package, or else the file's own name."""
    own = ".".join(path.with_suffix("").parts[:2])
    return own if own in LAYER else path.parts[0].partition(".")[0]


def rooms_used(path: Path, text: str) -> Iterator[tuple[int, str]]:
    for line, name in imports(path, text):
        package, _, rest = name.partition(".")
        if package == "flowparse":
            yield line, rest.partition(".")[0]


def violations(path: Path, text: str) -> list[str]:
    here = room(path)
    if here not in LAYER:
        return [f"{path}: {here} is in no layer; give it one in tests/test_layers.py"]
    sees = {LAYER[here], *LAYERS[LAYER[here]][1].split()}
    return [
        f"{path}:{line}: {here} ({LAYER[here]}) imports {used} ({LAYER.get(used, 'no room')})"
        for line, used in rooms_used(path, text)
        if used != here and LAYER.get(used) not in sees
    ]


def circle(uses: dict[str, set[str]]) -> list[str]:
    """The rooms of a circle, or nothing."""
    left = {name: set(used) for name, used in uses.items()}
    while free := [name for name, used in left.items() if not used & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


@pytest.mark.parametrize("path", files(), ids=str)
def test_imports_go_down_the_layers(path: Path) -> None:
    assert violations(path, read(path)) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    uses: dict[str, set[str]] = {}
    for path in files():
        uses.setdefault(room(path), set()).update(used for _, used in rooms_used(path, read(path)))
    assert circle({name: used - {name} for name, used in uses.items()}) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("errors.py", "from flowparse import plan"),
        ("errors.py", "import flowparse.plan as p"),
        ("registry/__init__.py", "from ..template import Template"),
        ("registry/rows.py", "def f():\n    from .. import batch"),
        ("reference/ipfix.py", "from flowparse._decode import Walker"),
        ("reference/ipfix.py", "from flowparse import Decoder"),
        ("out/report.pyi", "import flowparse"),
        ("_plan.pyx", "cimport flowparse.session"),
        ("_plan.pyx", "from flowparse.registry import element"),
        ("_plan.pyx", "from flowparse.template cimport (\n    Template,\n)"),
        ("_plan.pyx", "from flowparse cimport \\\n    template"),
        ("_plan.pyx", "from . import batch"),
        ("_plan.pyx", "def f():\n    if True: import flowparse.batch, os"),
        ("_wire.pxd", "from flowparse.decoder cimport Decoder"),
        ("novelty.py", ""),
        ("novelty/__init__.py", "from flowparse import errors"),
    ],
)
def test_a_wrong_import_is_caught(path: str, text: str) -> None:
    assert len(violations(Path(path), text)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("__init__.py", "from flowparse.decoder import Decoder\nfrom flowparse import reference"),
        ("registry/rows.py", "from flowparse.registry import load\nfrom .enums import names\nimport csv"),
        ("decoder.py", "from ._decode import Walker"),
        ("_plan.pyx", '"""from flowparse.batch import x"""\n# import flowparse.batch\nx = "import flowparse.batch"'),
        ("_plan.pyx", "from flowparse._wire cimport be16, be32\nfrom flowparse.errors import Malformed"),
        ("_plan.pxd", "from libc.stdint cimport (uint8_t,\n    uint16_t)\ncimport cython"),
    ],
)
def test_a_right_import_passes(path: str, text: str) -> None:
    assert violations(Path(path), text) == []


def test_a_circle_is_caught() -> None:
    assert circle({"batch": {"events"}, "events": {"session"}, "session": {"batch"}, "plan": {"batch"}}) == [
        "batch", "events", "plan", "session",
    ]  # fmt: skip
    assert circle({"batch": {"events"}, "events": set()}) == []
