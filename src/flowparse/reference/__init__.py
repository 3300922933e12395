"""The executable specification: NetFlow v1, v5, v7, v9 and IPFIX in plain Python, one function for one clause.

It is written from the RFCs, and from docs/design/wire-decisions.md where they leave a choice, and shares
with the kernels nothing but the registry, types, limits and the words of events. It is slow, and it is not
used by anything but tests and `compare`, which tells where the two differ. `reference.sflow` has datagrams of
sFlow, down to the fields of their structures.
"""

from .compare import compare
from .decoder import Decoder, Message

__all__ = ["Decoder", "Message", "compare"]
