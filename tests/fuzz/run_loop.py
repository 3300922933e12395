"""Mutated conversations without end, where no fuzzer can be had: python -m tests.fuzz.run_loop SECONDS FOLDER [SEED].

What is run is in FOLDER/now.bin before it runs, so that it is there when the process is not.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

from tests.fuzz import seeds, session


def main(seconds: float, folder: Path, seed: int) -> int:
    """Run for so long; the exit status is how many conversations broke something."""
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + seconds
    datagrams = broken = number = 0
    with (folder / "now.bin").open("wb", buffering=0) as now:
        while time.monotonic() < until:
            octets = seeds.mutated(Random(seed + number))
            number += 1
            now.seek(0)
            now.write(octets)
            now.truncate(len(octets))
            try:
                datagrams += session.run(octets)
            except Exception as error:  # whatever it is, it is a finding
                broken += 1
                (folder / f"broken-{seed + number - 1}.bin").write_bytes(octets)
                print(f"seed {seed + number - 1}: {type(error).__name__}: {error}", flush=True)
    print(f"conversations: {number}, datagrams: {datagrams}, findings: {broken}")
    return min(broken, 100)


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]), Path(sys.argv[2]), int((*sys.argv, "0")[3])))
