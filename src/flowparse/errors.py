"""The exceptions of flowparse, one tree: whose fault it is, and where.

`DecodeError` says that octets from the wire are wrong and at which offset; `TextError` and
`StateError` say the same of text and of a saved state; `RegistryError` says that a data file is
wrong. A mistake of the caller is a plain `TypeError` or `ValueError`. A missing template or a
sequence gap is an event, not an error. Any other exception that leaves `Decoder.feed` or
`Decoder.decode` is a bug of ours.
"""

from __future__ import annotations

__all__ = [
    "DecodeError",
    "EncodeError",
    "FlowparseError",
    "LimitExceeded",
    "Malformed",
    "RegistryError",
    "StateError",
    "TextError",
    "Truncated",
    "UnsupportedVersion",
]


class FlowparseError(Exception):
    """The root: catch this to catch whatever flowparse raises about its input."""


class DecodeError(FlowparseError, ValueError):
    """The octets are wrong.

    Attributes
    ----------
    offset : int or None
        Octets from the start of the Message Header to what was refused.
    clause : str or None
        The document and section that it breaks, such as "RFC 7011 3.3.2".
    index : int or None
        Which datagram of a `feed_many` or `feed_at` call; None for a single one.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        clause: str | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.offset = offset
        self.clause = clause
        self.index = index


class Truncated(DecodeError):
    """Fewer octets than a length or count on the wire promises."""


class Malformed(DecodeError):
    """A length or value that cannot be."""


class UnsupportedVersion(DecodeError):
    """The first octets are of no protocol that is decoded here."""


class LimitExceeded(DecodeError):
    """A bound of `Limits` was met; the message says which."""


class EncodeError(FlowparseError, ValueError):
    """A value does not fit the export format.

    Attributes
    ----------
    field : str or None
        The column that does not fit.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TextError(FlowparseError, ValueError):
    """A line of text is not what its format says.

    Attributes
    ----------
    line : int or None
        Line number, from 1.
    text : str or None
        The line.
    """

    def __init__(self, message: str, *, line: int | None = None, text: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.text = text


class StateError(FlowparseError, ValueError):
    """A saved decoder state cannot be read."""


class RegistryError(FlowparseError, ValueError):
    """A registry file or an element given at run time is wrong.

    Attributes
    ----------
    path : str or None
        The file, relative to the registry.
    line : int or None
        Line number, from 1.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
