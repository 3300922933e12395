"""What an archive knows by itself: its templates and what its options tell, without decoding its flows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from .decoder import Decoder
from .schema import FLOW
from .session import Exporter
from .state import pack, unpack

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["scan_templates"]


def scan_templates(
    source: Buffer | Iterable[tuple[Buffer, Exporter, int | None]],
    *,
    key: Literal["address", "address+port"] = "address",
) -> bytes:
    """A state that holds the templates of an archive; a decoder that imports it waits for none.

    What options told is in it too, sequences are not. A template that was defined twice is held as it
    was last, and marked: `import_state` tells it as `template_changed`, since data before the last
    definition need the one before.

    Parameters
    ----------
    source : as in `Decoder.batches`
    key : as of the Decoder that is to import it

    Returns
    -------
    state : bytes

    Raises
    ------
    DecodeError, TypeError, ValueError
        As `Decoder.batches`.

    Notes
    -----
    `Limits()` hold. Withdrawals are passed over: an id that is used anew counts as defined twice.
    """
    decoder = Decoder(FLOW.select("type"), key=key, replay=False)
    decoder._read_templates_only()
    for _ in decoder.batches(source):
        decoder.events()
    found = unpack(decoder.export_state())
    found.sequences.clear()
    return pack(found)
