"""Where the collection of real captures is, which is beside the repository and not in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _find() -> Path | None:
    path = Path(os.environ.get("FLOWPARSE_SHARED") or Path(__file__).parents[2] / "shared")
    return path if (path / "captures" / "INDEX.csv").is_file() else None


SHARED: Path | None = _find()
"""The collection, or None."""

needs_shared = pytest.mark.skipif(
    SHARED is None, reason="no shared/ beside the repository; FLOWPARSE_SHARED may name it"
)
"""Marks a test that reads the collection."""
