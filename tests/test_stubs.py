"""Each kernel has its types written down beside it; `make check` compares the two with stubtest."""

from __future__ import annotations

from tests.sources import files


def test_each_kernel_has_a_stub_and_each_stub_a_kernel() -> None:
    kernels = {path.stem for path in files() if path.suffix == ".pyx"}
    stubs = {path.stem for path in files() if path.suffix == ".pyi"}
    assert kernels == stubs
