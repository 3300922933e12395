"""The fuzzer's target: arguments are libFuzzer's. Run by tools/fuzz.py, which builds and preloads what it needs."""

from __future__ import annotations

import sys

from tests.fuzz import session

if __name__ == "__main__":
    import atheris

    atheris.Setup(sys.argv, session.run)
    atheris.Fuzz()
