"""sflowtool: the text it writes, in any of its formats, as the datagrams it was printed from."""

from .parser import Parser, Result, parse

__all__ = ["Parser", "Result", "parse"]
