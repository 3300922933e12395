"""Captures: every container, link layer and header that is read, and what becomes of everything else."""

from __future__ import annotations

import array
import csv
import io
import json
import mmap
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowparse import Decoder, capture
from flowparse.errors import DecodeError, FlowparseError, Malformed, Truncated, UnsupportedVersion
from tests import build
from tests.shared import SHARED, needs_shared

TIME_NS = 1_700_000_000_123_456_789
PAYLOAD = bytes(range(100))
V6 = (("2001:db8::1", 50000), ("2001:db8::2", 2055))

Containers = Callable[..., bytes]
containers = pytest.mark.parametrize("container", [build.pcap, build.pcapng])


def read(octets: Any, **options: Any) -> list[tuple[int, tuple[str, int], tuple[str, int], bytes]]:
    """Tell all datagrams, with payloads as bytes."""
    reader = capture.datagrams(octets, **options)
    return [(time_ns, source, target, bytes(payload)) for time_ns, source, target, payload in reader]


def drain(octets: bytes, **options: Any) -> tuple[int, dict[str, int], DecodeError | None]:
    """Walk to the end; tell how many datagrams, the counters that are not 0, and the error."""
    reader = capture.datagrams(octets, **options)
    given = sum(1 for _ in reader)
    return given, {name: count for name, count in reader.counts().items() if count}, reader.error


def fate(frame: bytes, *, linktype: int = build.ETHERNET, original: int | None = None, **options: Any) -> str:
    """Tell the one counter that a packet ends in."""
    packet = (TIME_NS, frame, len(frame) if original is None else original)
    given, counts, error = drain(build.pcap([packet], linktype=linktype), **options)
    assert error is None
    assert counts.pop("packets") == 1
    ((name, count),) = counts.items()
    assert count == 1
    assert given == (name == "datagrams")
    return name


# ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@containers
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_a_datagram_has_time_endpoints_and_payload(container: Containers, byte_order: str) -> None:
    octets = container([(TIME_NS, build.ethernet(build.udp(PAYLOAD)))], byte_order=byte_order)
    assert read(octets) == [(TIME_NS // 1000 * 1000, build.EXPORTER, build.COLLECTOR, PAYLOAD)]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_nanoseconds_of_pcap(byte_order: str) -> None:
    octets = build.pcap([(TIME_NS, build.ethernet(build.udp(b"")))], nanosecond=True, byte_order=byte_order)
    assert read(octets)[0][0] == TIME_NS


def test_the_latest_time_of_pcap() -> None:
    octets = build.pcap([((2**32 - 1) * 10**9 + 999_999_999, build.ethernet(build.udp(b"")))], nanosecond=True)
    assert read(octets)[0][0] == (2**32 - 1) * 10**9 + 999_999_999


RESOLUTIONS = [0, 3, 6, 7, 9, 10, 0x80, 0x80 | 10, 0x80 | 31, 0x80 | 32, 0x80 | 33]


@pytest.mark.parametrize("tsresol", RESOLUTIONS)
@pytest.mark.parametrize("tsoffset", [None, 0, 1_600_000_000, -5])
def test_clocks_of_pcapng(tsresol: int, tsoffset: int | None) -> None:
    octets = build.pcapng([(TIME_NS, build.ethernet(build.udp(b"")))], tsresol=tsresol, tsoffset=tsoffset)
    units = 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol
    ticks = build.ticks(TIME_NS, tsresol, tsoffset or 0)
    assert read(octets)[0][0] == ticks * 10**9 // units + (tsoffset or 0) * 10**9


@given(
    ticks=st.integers(0, 2**64 - 1),
    resolution=st.integers(0, 255),
    offset=st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**10), 10**10),
)
@settings(max_examples=300, deadline=None)
def test_any_clock_is_exact_or_says_nothing(ticks: int, resolution: int, offset: int) -> None:
    octets = b"".join(
        [
            build.section_header(),
            build.interface(tsresol=resolution, tsoffset=offset),
            build.enhanced_packet(ticks, build.ethernet(build.udp(b""))),
        ]
    )
    power = resolution & 0x7F
    most = 9_223_372_035  # seconds; with all their nanoseconds they fit 64 bits
    reader = capture.datagrams(octets)
    found = list(reader)
    if power > (63 if resolution & 0x80 else 19) or abs(offset) > most:
        assert found == []
        assert reader.counts()["unknown_interface"] == 1
        return
    units = 2**power if resolution & 0x80 else 10**power
    seconds = ticks // units + offset
    fits = ticks // units <= most and abs(seconds) <= most
    assert found[0][0] == (seconds * 10**9 + ticks % units * 10**9 // units if fits else 0)
    assert reader.counts()["untimed"] == (not fits)


def test_several_sections_and_interfaces() -> None:
    first = build.pcapng([(TIME_NS, build.sll(build.udp(b"1")))], linktype=build.LINUX_SLL, byte_order=">")
    second = b"".join(
        [
            build.section_header(),
            build.interface(build.RAW),
            build.interface(build.ETHERNET, tsresol=9),
            build.enhanced_packet(TIME_NS, build.ethernet(build.udp(b"2")), interface_id=1),
            build.obsolete_packet(TIME_NS // 1000, build.udp(b"3"), interface_id=0),
            build.obsolete_packet(TIME_NS, build.ethernet(build.udp(b"4")), interface_id=1),
        ]
    )
    cut_ns = TIME_NS // 1000 * 1000
    found = [(time_ns, payload) for time_ns, _, _, payload in read(first + second)]
    assert found == [(cut_ns, b"1"), (TIME_NS, b"2"), (cut_ns, b"3"), (TIME_NS, b"4")]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_other_blocks_and_options_are_stepped_over(byte_order: str) -> None:
    comment = build.option(1, b"a comment", byte_order=byte_order)
    over = build.option(0, b"", byte_order=byte_order)
    octets = b"".join(
        [
            build.section_header(byte_order=byte_order, options=comment + over),
            build.block(0x0BAD, b"what is this", byte_order=byte_order),
            build.interface(byte_order=byte_order, tsresol=9, options=comment),
            build.block(4, b"", byte_order=byte_order),
            build.enhanced_packet(TIME_NS, build.ethernet(build.udp(PAYLOAD)), byte_order=byte_order, options=comment),
            build.block(5, bytes(12), byte_order=byte_order),
        ]
    )
    assert read(octets) == [(TIME_NS, build.EXPORTER, build.COLLECTOR, PAYLOAD)]


def test_options_after_the_end_of_options_do_not_count() -> None:
    ended = build.option(0, b"")
    octets = build.section_header() + build.interface(options=ended + build.option(9, b"\0"))
    octets += build.enhanced_packet(5_000_000, build.ethernet(build.udp(b"")))
    assert read(octets)[0][0] == 5_000_000_000


@pytest.mark.parametrize("snaplen", [0, 60])
def test_a_simple_packet_has_no_time_and_the_length_of_its_interface(snaplen: int) -> None:
    frame = build.ethernet(build.udp(PAYLOAD))
    head = build.section_header() + build.interface(snaplen=snaplen)
    counts = drain(head + build.simple_packet(frame[: snaplen or None], original=len(frame)))[1]
    assert counts == ({"packets": 1, "snapped": 1} if snaplen else {"packets": 1, "datagrams": 1, "untimed": 1})
    small = build.ethernet(build.udp(b"abc"))  # 45 octets: the block's padding is not of the packet
    assert read(head + build.simple_packet(small)) == [(0, build.EXPORTER, build.COLLECTOR, b"abc")]


def test_sixty_four_interfaces_are_kept_and_the_rest_counted() -> None:
    frame = build.ethernet(build.udp(b""))
    octets = build.section_header() + 66 * build.interface()
    octets += b"".join(build.enhanced_packet(1, frame, interface_id=n) for n in (0, 63, 64, 65, 66, 2**32 - 1))
    assert drain(octets)[1] == {"packets": 6, "datagrams": 2, "unknown_interface": 4}


def test_an_interface_that_lies_about_its_options_is_not_used() -> None:
    frame = build.ethernet(build.udp(b""))
    octets = build.section_header() + build.interface(options=build.option(9, b"\6", length=400))
    octets += build.block(1, b"\1\0") + build.interface()
    octets += b"".join(build.enhanced_packet(1, frame, interface_id=n) for n in range(3))
    assert drain(octets)[1] == {"packets": 3, "datagrams": 1, "unknown_interface": 2}


def test_interfaces_do_not_outlive_their_section() -> None:
    frame = build.ethernet(build.udp(b""))
    octets = build.pcapng([]) + build.section_header() + build.enhanced_packet(1, frame) + build.simple_packet(frame)
    assert drain(octets)[1] == {"packets": 2, "unknown_interface": 2}


def test_packet_blocks_whose_lengths_lie_are_bad_packets() -> None:
    frame = build.ethernet(build.udp(b""))
    octets = build.pcapng([(1, frame)])
    octets += build.enhanced_packet(1, frame, captured=len(frame) + 3) + build.enhanced_packet(
        1, frame, captured=2**32 - 1
    )
    octets += build.block(6, bytes(16)) + build.block(2, bytes(16)) + build.block(3, b"")
    assert drain(octets)[1] == {"packets": 6, "datagrams": 1, "bad_packets": 5}


def test_the_octets_may_be_any_buffer() -> None:
    octets = build.pcap([(TIME_NS, build.ethernet(build.udp(PAYLOAD)))])
    octets += bytes(-len(octets) % 4)  # a tail, so that numbers of 4 octets can hold it
    want = read(octets)
    anonymous = mmap.mmap(-1, len(octets))
    anonymous[:] = octets
    for buffer in (bytearray(octets), memoryview(octets), array.array("I", octets), anonymous):
        assert read(buffer) == want
    assert len(want) == 1


def test_the_payload_is_a_view_and_holds_the_capture() -> None:
    octets = bytearray(build.pcap([(TIME_NS, build.ethernet(build.udp(b"before")))]))
    reader = capture.datagrams(octets)
    payload = next(reader)[3]
    octets[-6:] = b"after!"
    assert bytes(payload) == b"after!"
    with pytest.raises(BufferError):
        octets.clear()
    del reader
    assert payload.obj is octets


def test_two_threads_in_one_reader_are_refused() -> None:
    """The walk frees the interpreter lock, so another thread can come in; which one is refused is open."""
    octets = build.pcap([]) + build.pcap([(0, build.ethernet(bytes(28), kind=0x0806))])[24:] * 300_000

    def step(reader: capture.Reader) -> str:
        barrier.wait()
        try:
            return str(next(reader, "end"))
        except RuntimeError:
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        for _attempt in range(50):  # a busy machine may run one after the other
            barrier = Barrier(2)
            reader = capture.datagrams(octets)
            ends = sorted(pool.map(step, [reader, reader]))
            if "refused" in ends:
                break
    assert ends == ["end", "refused"]
    assert reader.counts()["not_udp"] == 300_000


def test_what_is_not_a_buffer_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        capture.datagrams("capture.pcap")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="contiguous"):
        capture.datagrams(memoryview(bytes(64))[::2])
    with pytest.raises(TypeError, match="the BytesIO itself: pass what its read"):
        capture.datagrams(io.BytesIO())  # type: ignore[arg-type]


# ── link layers ──────────────────────────────────────────────────────────────────────────────────────────────────────

LINKS: list[tuple[int, build.Link]] = [
    (build.ETHERNET, build.ethernet),
    (build.RAW, build.raw),
    (12, build.raw),
    (14, build.raw),
    (build.IPV4, build.raw),
    (build.IPV6, build.raw),
    (build.LINUX_SLL, build.sll),
    (build.LINUX_SLL2, build.sll2),
    (build.NULL, build.loopback),
    (build.NULL, lambda packet: build.loopback(packet, byte_order=">")),
    (build.LOOP, lambda packet: build.loopback(packet, byte_order=">")),
    (build.ETHERNET, lambda packet: build.ethernet(packet, tags=[(0x8100, 5)])),
    (build.ETHERNET, lambda packet: build.ethernet(packet, tags=[(0x88A8, 6), (0x8100, 7)])),
    (build.ETHERNET, lambda packet: build.ethernet(packet, tags=[(0x9100, 6), (0x8100, 7), (0x8100, 8)])),
    (
        build.LINUX_SLL,
        lambda packet: build.sll(b"\0\5" + build.uint(build.ether_type(packet), 2) + packet, kind=0x8100),
    ),
    (build.ETHERNET | 0x24000000, lambda packet: build.ethernet(packet) + b"FCS!"),
]


@containers
@pytest.mark.parametrize(("linktype", "link"), LINKS)
def test_link_layers(container: Containers, linktype: int, link: build.Link) -> None:
    if linktype > 0xFFFF and container is build.pcapng:
        linktype &= 0xFFFF  # the length of the FCS is an option there
    four, six = build.udp(b"four"), build.udp(b"six", *V6)
    found = read(container([(TIME_NS, link(four)), (TIME_NS, link(six))], linktype=linktype))
    assert [(*ends, payload) for _, *ends, payload in found] == [
        (build.EXPORTER, build.COLLECTOR, b"four"),
        (*V6, b"six"),
    ]


@pytest.mark.parametrize(("linktype", "link"), LINKS)
def test_every_octet_of_a_packet_may_be_missing(linktype: int, link: build.Link) -> None:
    for packet in (build.udp(b"12", options=bytes(4)), build.udp(b"12", *V6, extensions=[build.extension(60)])):
        frame = link(packet)
        whole = frame.index(packet) + len(packet)
        for kept in range(whole):
            assert fate(frame[:kept], linktype=linktype, original=len(frame)) == "snapped", kept
            assert fate(frame[:kept], linktype=linktype) in {"bad_packets", "not_udp"}, kept
        assert fate(frame[:whole], linktype=linktype, original=len(frame)) == "datagrams"


@pytest.mark.parametrize("family", [23, 24, 28, 30])
def test_families_of_loopback(family: int) -> None:
    assert fate(build.loopback(build.udp(b"", *V6), family=family), linktype=build.NULL) == "datagrams"


@pytest.mark.parametrize(
    ("linktype", "frame", "name"),
    [
        (build.ETHERNET, build.ethernet(bytes(28), kind=0x0806), "not_udp"),
        (build.ETHERNET, build.ethernet(bytes(50), kind=50), "not_udp"),
        (build.ETHERNET, build.ethernet(b"", kind=0x8100), "bad_packets"),
        (build.LINUX_SLL, build.sll(bytes(50), kind=4), "not_udp"),
        (build.NULL, build.loopback(build.udp(b""), family=7), "not_udp"),
        (build.RAW, b"\x50" + bytes(60), "bad_packets"),
        (build.RAW, b"", "bad_packets"),
        (147, build.udp(b""), "unknown_link"),
        (276 + 4096, build.udp(b""), "unknown_link"),
    ],
)
def test_what_is_not_ip_is_counted(linktype: int, frame: bytes, name: str) -> None:
    assert fate(frame, linktype=linktype) == name


# ── IP and UDP ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("octets", [4, 20, 40])
def test_options_of_ipv4(octets: int) -> None:
    frame = build.ethernet(build.udp(PAYLOAD, options=b"\1" * octets))
    assert read(build.pcap([(0, frame)]))[0][3] == PAYLOAD


@pytest.mark.parametrize("padding", [1, 18])
def test_padding_of_ethernet_is_not_payload(padding: int) -> None:
    for packet in (build.udp(b"x"), build.udp(b"x", *V6)):
        assert read(build.pcap([(0, build.ethernet(packet, padding=padding))]))[0][3] == b"x"


@pytest.mark.parametrize(
    "extensions",
    [
        [build.extension(build.HOP_BY_HOP)],
        [build.extension(build.ROUTING, octets=24), build.extension(build.DESTINATION, octets=2048)],
        [build.extension(build.FRAGMENT)],
        [build.extension(build.HOP_BY_HOP), build.extension(build.FRAGMENT), build.extension(build.DESTINATION)],
        [build.extension(build.AUTHENTICATION, octets=24)],
        [build.extension(kind) for kind in (135, 139, 140)],
        [build.extension(build.DESTINATION)] * 50,
    ],
)
def test_extension_headers_of_ipv6(extensions: list[tuple[int, bytes]]) -> None:
    frame = build.ethernet(build.udp(PAYLOAD, *V6, extensions=extensions))
    assert read(build.pcap([(0, frame)])) == [(0, *V6, PAYLOAD)]


def with_fragment(**fragment: Any) -> bytes:
    return build.udp(b"x", *V6, extensions=[build.extension(build.FRAGMENT, **fragment)])


@pytest.mark.parametrize(
    ("packet", "name"),
    [
        (build.udp(b"x", more_fragments=True), "fragments"),
        (build.udp(b"x", fragment_offset=1), "fragments"),
        (build.udp(b"x", fragment_offset=0x1FFF, proto=6), "not_udp"),
        (build.udp(b"x", fragment_offset=0x4000), "datagrams"),  # "don't fragment"
        (with_fragment(more_fragments=True), "fragments"),
        (with_fragment(fragment_offset=1), "fragments"),
        (with_fragment(), "datagrams"),
        (build.udp(b"x", proto=6), "not_udp"),
        (build.udp(b"x", *V6, proto=6), "not_udp"),
        (build.udp(b"x", *V6, proto=59), "not_udp"),
        (build.ipv6(b"12345678", V6[0][0], V6[1][0], proto=6, extensions=[(44, b"\0\0\1\0\0\0\1")]), "not_udp"),
        # lengths that lie
        (build.udp(b"x", header_length=4), "bad_packets"),
        (build.udp(b"x", header_length=15), "bad_packets"),
        (build.udp(b"x", total_length=0), "bad_packets"),
        (build.udp(b"x", total_length=19), "bad_packets"),
        (build.udp(b"x", total_length=20), "bad_packets"),
        (build.udp(b"x", total_length=28), "bad_packets"),
        (build.udp(b"x", total_length=30), "bad_packets"),
        (build.udp(b"x", total_length=65535), "bad_packets"),
        (build.udp(b"x", *V6, payload_length=0), "bad_packets"),
        (build.udp(b"x", *V6, payload_length=8), "bad_packets"),
        (build.udp(b"x", *V6, payload_length=10), "bad_packets"),
        (build.udp(b"x", *V6, payload_length=65535), "bad_packets"),
        (build.udp(b"x", *V6, extensions=[(60, b"\xff" + bytes(6))]), "bad_packets"),
        (build.udp(b"x", udp_length=0), "bad_packets"),
        (build.udp(b"x", udp_length=7), "bad_packets"),
        (build.udp(b"x", udp_length=10), "bad_packets"),
        (build.udp(b"x", udp_length=65535), "bad_packets"),
        (build.udp(b"x", udp_length=8), "datagrams"),  # RFC 9868: what follows is not payload
        (b"\x65" + build.udp(b"x")[1:], "bad_packets"),
    ],
)
def test_verdicts_on_ip_packets(packet: bytes, name: str) -> None:
    assert fate(build.ethernet(packet)) == name


def test_udp_may_end_before_its_packet() -> None:
    assert read(build.pcap([(0, build.ethernet(build.udp(b"xyz", udp_length=10)))]))[0][3] == b"xy"


def test_an_original_length_of_0_is_not_believed() -> None:
    assert fate(build.ethernet(build.udp(PAYLOAD)), original=0) == "datagrams"


@pytest.mark.parametrize("ports", [[], [2055], (9995, 2055), {9995}, range(2048, 2064), [65535, 0]])
def test_only_the_ports_asked_for(ports: Any) -> None:
    name = "datagrams" if 2055 in ports else "other_port"
    assert fate(build.ethernet(build.udp(b"", build.EXPORTER, ("198.51.100.2", 2055))), ports=ports) == name


@pytest.mark.parametrize("port", [0, 1, 7, 8, 65534, 65535])
def test_each_port_has_its_own_bit(port: int) -> None:
    frames = [(0, build.ethernet(build.udp(b"", dst=("198.51.100.2", p)))) for p in (0, 1, 7, 8, 255, 65534, 65535)]
    assert [target[1] for _, _, target, _ in read(build.pcap(frames), ports=[port])] == [port]


@pytest.mark.parametrize("port", [-1, 65536, 2**70])
def test_a_port_that_cannot_be_is_a_value_error(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        capture.datagrams(build.pcap([]), ports=[port])
    with pytest.raises(TypeError):
        capture.datagrams(build.pcap([]), ports=["2055"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1"),
        ("::", "::"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
    ],
)
def test_addresses_are_written_as_rfc_5952_says(written: str, read_as: str) -> None:
    frame = build.ethernet(build.udp(b"", (written, 1), ("::2", 2)))
    assert read(build.pcap([(0, frame)]))[0][1] == (read_as, 1)


def test_more_endpoints_than_are_remembered() -> None:
    sources = [(f"10.{n >> 8}.{n & 255}.1", n) for n in range(4200)]
    frames = [(0, build.udp(b"", source)) for source in sources]
    found = [source for _, source, _, _ in read(build.pcap(2 * frames, linktype=build.RAW))]
    assert found == 2 * sources


def test_one_packet_of_each_kind() -> None:
    good = build.udp(PAYLOAD)
    packets: list[build.Packet] = [
        (1, good),
        (2, build.udp(b"", proto=6)),
        (3, build.udp(b"", dst=("198.51.100.2", 53))),
        (4, build.udp(b"", fragment_offset=3)),
        (5, good[:60], len(good)),
        (6, build.udp(b"", udp_length=3)),
    ]
    given, counts, error = drain(build.pcap(packets, linktype=build.RAW) + bytes(7), ports=[2055])
    kinds = ("datagrams", "not_udp", "other_port", "fragments", "snapped", "bad_packets", "truncated_tail")
    assert (given, counts) == (1, {"packets": 6, **dict.fromkeys(kinds, 1)})
    assert isinstance(error, Truncated)


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", Truncated),
        (b"\xd4\xc3\xb2", Truncated),
        (build.pcap([])[:23], Truncated),
        (build.section_header()[:15], Truncated),
        (build.section_header()[:27], Truncated),
        (b"not a capture", UnsupportedVersion),
        (build.pcap([], magic=0xA1B2CD34), UnsupportedVersion),
        (build.pcap([], magic=0xA1B2CD34, byte_order=">"), UnsupportedVersion),
        (build.pcap([])[:4] + b"\2\0\3\0" + build.pcap([])[8:], UnsupportedVersion),
        (build.section_header(version=(2, 0)), UnsupportedVersion),
        (build.block(0x0A0D0D0A, bytes(16)), Malformed),
        (build.interface(), UnsupportedVersion),
        (build.block(0x0A0D0D0A, struct.pack("<IHH", 0x1A2B3C4D, 1, 0)), Malformed),
    ],
)
def test_what_is_no_capture_is_refused_at_once(octets: bytes, kind: type[DecodeError]) -> None:
    with pytest.raises(kind) as caught:
        capture.datagrams(octets)
    assert caught.value.offset == 0
    assert caught.value.clause
    assert caught.value.clause in str(caught.value)


@pytest.mark.parametrize("container", [build.pcap, build.pcapng])
def test_an_empty_capture_is_one(container: Containers) -> None:
    assert drain(container([])) == (0, {}, None)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (build.block(6, bytes(20), length=8), Malformed),
        (build.block(6, bytes(20), length=0, trailer=0), Malformed),
        (build.block(6, bytes(20), length=33, trailer=33), Malformed),
        (build.block(6, bytes(20), trailer=36), Malformed),
        (build.block(6, bytes(20), trailer=0), Malformed),
        (build.block(6, bytes(20), length=2**32 - 4), Truncated),
        (build.block(6, bytes(20), length=36), Truncated),
        (build.block(0x0A0D0D0A, bytes(16)), Malformed),
        (build.section_header(version=(2, 0)), UnsupportedVersion),
        (build.section_header()[:12], Truncated),
        (bytes(11), Truncated),
        (bytes(12), Malformed),
    ],
)
def test_a_damaged_block_ends_the_walk_and_keeps_what_came_before(damage: bytes, kind: type[DecodeError]) -> None:
    good = build.pcapng([(TIME_NS, build.ethernet(build.udp(PAYLOAD)))])
    given, counts, error = drain(good + damage)
    assert (given, type(error)) == (1, kind)
    assert error is not None
    assert error.offset == len(good)
    assert ("truncated_tail" in counts) == (kind is Truncated)


@containers
def test_a_walk_that_ended_stays_ended(container: Containers) -> None:
    reader = capture.datagrams(container([(0, build.ethernet(build.udp(b"")))])[:-1])
    assert [list(reader), list(reader)] == [[], []]
    assert isinstance(reader.error, Truncated)
    assert str(reader.error) == str(reader.error)


@containers
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_cut_at_every_octet(container: Containers, byte_order: str) -> None:
    """What was whole before the cut is given, and only a cut between packets is no error."""
    packets = [(TIME_NS, build.ethernet(build.udp(bytes(n)))) for n in (0, 5, 30)]
    whole = container(packets, byte_order=byte_order)
    header = len(container([], byte_order=byte_order))
    ends = [len(container(packets[:n], byte_order=byte_order)) for n in range(4)]
    first = 24 if container is build.pcap else 28
    for kept in range(len(whole) + 1):
        octets = whole[:kept]
        if kept < first:
            with pytest.raises(Truncated):
                capture.datagrams(octets)
            continue
        given, counts, error = drain(octets)
        assert given == sum(end <= kept for end in ends[1:]), kept
        assert (error is None) == (kept in {first, header, *ends}), kept
        assert counts.get("truncated_tail", 0) == (error is not None)


SAMPLES = [
    build.pcap([(TIME_NS, build.ethernet(build.udp(PAYLOAD, options=bytes(4)), tags=[(0x8100, 1)]))] * 3),
    build.pcap([(TIME_NS, build.sll(build.udp(PAYLOAD, *V6)))] * 3, linktype=build.LINUX_SLL, byte_order=">"),
    build.pcapng([(TIME_NS, build.ethernet(build.udp(PAYLOAD, *V6, extensions=[build.extension(0)])))] * 3, tsresol=9),
    build.pcapng([(TIME_NS, build.raw(build.udp(PAYLOAD)))] * 3, linktype=build.RAW, byte_order=">", tsoffset=5)
    + build.simple_packet(build.udp(PAYLOAD), byte_order=">"),
]


def survives(octets: bytes) -> None:
    """Walk whatever this is: errors of ours only, payloads inside, every packet counted once."""
    try:
        reader = capture.datagrams(octets)
    except FlowparseError:
        return
    payloads = [bytes(payload) for *_, payload in reader]
    assert all(payload in octets for payload in payloads)
    counts = reader.counts()
    assert counts["datagrams"] == len(payloads)
    assert counts["packets"] <= len(octets) // 12
    error = reader.error
    assert error is None or (error.offset is not None and 0 <= error.offset <= len(octets))


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=8))
@settings(max_examples=400, deadline=None)
def test_changed_octets_do_no_harm(sample: bytes, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(sample)
    for place, value in changes:
        octets[place % len(octets)] = value
    survives(bytes(octets))


@given(st.sampled_from([b"", SAMPLES[0][:24], build.section_header(), build.pcapng([])]), st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_octets_do_no_harm(head: bytes, tail: bytes) -> None:
    survives(head + tail)


@pytest.mark.parametrize("sample", SAMPLES)
def test_each_bit_may_flip(sample: bytes) -> None:
    for place in range(len(sample)):
        for bit in range(8):
            octets = bytearray(sample)
            octets[place] ^= 1 << bit
            survives(bytes(octets))


# ── against others ───────────────────────────────────────────────────────────────────────────────────────────────────


def scapy_reads(octets: bytes, linktype: int) -> Iterator[tuple[str, int, str, int, bytes]]:
    """Dissect a capture with scapy: source, destination and payload of each UDP datagram."""
    scapy = pytest.importorskip("scapy.all")

    def ip(packet: bytes) -> Any:
        return (scapy.IPv6 if packet[0] >> 4 == 6 else scapy.IP)(packet)

    first = {
        build.ETHERNET: scapy.Ether,
        build.RAW: ip,
        build.LINUX_SLL: scapy.CookedLinux,
        build.NULL: lambda frame: ip(frame[4:]),  # scapy knows the families of its own host only
    }[linktype]
    reader = scapy.RawPcapReader if octets[:1] != b"\x0a" else scapy.RawPcapNgReader
    for frame, _ in reader(io.BytesIO(octets)):
        packet = first(frame)
        udp = packet.getlayer(scapy.UDP)
        if udp is not None:
            yield udp.underlayer.src, udp.sport, udp.underlayer.dst, udp.dport, bytes(udp.payload)[: udp.len - 8]


@containers
@pytest.mark.parametrize("linktype", [build.ETHERNET, build.RAW, build.LINUX_SLL, build.NULL])
def test_scapy_reads_the_same(container: Containers, linktype: int) -> None:
    link: build.Link = {
        build.ETHERNET: lambda packet: build.ethernet(packet, tags=[(0x8100, 3)], padding=6),
        build.RAW: build.raw,
        build.LINUX_SLL: build.sll,
        build.NULL: build.loopback,
    }[linktype]
    packets = [build.udp(PAYLOAD), build.udp(b"", *V6), build.udp(b"x", proto=6), build.udp(b"yz", options=b"\1" * 8)]
    octets = container([(TIME_NS, link(packet)) for packet in packets], linktype=linktype)
    found = [(*source, *target, payload) for _, source, target, payload in read(octets)]
    assert found == list(scapy_reads(octets, linktype))
    assert len(found) == 3


def shared_captures() -> list[dict[str, str]]:
    if SHARED is None:
        return []
    with (SHARED / "captures" / "INDEX.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


@needs_shared
def test_the_real_captures_hold_what_their_index_says() -> None:
    assert SHARED is not None
    rows = shared_captures()
    assert rows
    for row in rows:
        path = SHARED / "captures" / f"{row['capture']}.pcap"
        reader = capture.datagrams(path.read_bytes())
        lengths = [len(payload) for *_, payload in reader]
        assert (len(lengths), reader.error) == (int(row["datagrams"]), None), row["capture"]
        assert reader.counts()["packets"] == len(lengths), row["capture"]
        meta = path.with_suffix(".meta.json")
        if meta.is_file():
            told = json.loads(meta.read_text())["datagrams"]
            assert lengths == [datagram["bytes"] for datagram in told], row["capture"]


@needs_shared
def test_scapy_reads_the_same_of_real_captures() -> None:
    assert SHARED is not None
    paths = sorted((SHARED / "captures").glob("*.pcap"), key=lambda path: path.stat().st_size)[::4][:40]
    assert paths
    for path in paths:
        octets = path.read_bytes()
        linktype = int.from_bytes(octets[20:24], "little")
        found = [(*source, *target, payload) for _, source, target, payload in read(octets)]
        assert found == list(scapy_reads(octets, linktype)), path.name


# ── what a newcomer passes ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["flows.pcap", Path("flows.pcap")])
def test_a_file_name_is_no_capture(name: Any) -> None:
    for read in (capture.datagrams, Decoder().feed_capture, Decoder().batches):
        with pytest.raises(TypeError, match="not its name"):
            read(name)


@pytest.mark.parametrize(
    ("magic", "name"), [(b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh9", "bzip2")]
)
def test_a_packed_capture_is_named(magic: bytes, name: str) -> None:
    with pytest.raises(UnsupportedVersion, match=f"packed with {name}"):
        capture.datagrams(magic + bytes(60))
