"""The compiled kernels: one extension for each .pyx in src/flowparse; all metadata is in pyproject.toml.

Switches of the environment make other builds, and `make` passes the first on:

FLOWPARSE_SANITIZE=1    address and undefined-behaviour sanitizers
FLOWPARSE_COVERAGE=1    with counters of the lines that are run; with gcc (tools/coverage.py)
FLOWPARSE_FUZZ=1        sanitizers and the counters that guide a fuzzer; with CC=clang (tools/fuzz.py)
FLOWPARSE_QUICK=1       not optimized, as what is built is soon thrown away (tools/mutants.py)

Cython's shared utility module (`cython generate-shared`) is not used. Five small modules are 334 KB
without it and 494 KB with it, as long as none has a typed memoryview; with one in each module it is
1207 KB against 515 KB, and 30 s of building against 13 s. Turn to it when a second module needs them.
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGE = Path("src/flowparse")
JOBS = os.cpu_count() or 1
SANITIZE = os.environ.get("FLOWPARSE_SANITIZE") == "1"
COVERAGE = os.environ.get("FLOWPARSE_COVERAGE") == "1"
FUZZ = os.environ.get("FLOWPARSE_FUZZ") == "1"
QUICK = os.environ.get("FLOWPARSE_QUICK") == "1"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]

if sys.platform == "win32":
    compile_args, link_args = ["/O2"], []
elif SANITIZE:
    compile_args, link_args = [*SANITIZERS, "-fno-omit-frame-pointer", "-g", "-O1"], SANITIZERS
elif FUZZ:
    sanitizers = ["-fsanitize=address,undefined,fuzzer-no-link", *SANITIZERS[1:]]
    compile_args, link_args = [*sanitizers, "-fno-omit-frame-pointer", "-g", "-O1"], sanitizers
elif COVERAGE:  # a function that nothing calls has lines too
    compile_args, link_args = ["--coverage", "-fkeep-static-functions", "-O0", "-g0"], ["--coverage"]
elif QUICK:
    compile_args, link_args = ["-O0", "-g0"], []
else:
    compile_args, link_args = ["-O3", "-funroll-loops", "-g0"], ["-Wl,-S" if sys.platform == "darwin" else "-Wl,-s"]


def kernels() -> list[Extension]:
    return cythonize(
        [
            Extension(
                f"flowparse.{path.stem}",
                [path.as_posix()],
                extra_compile_args=compile_args,
                extra_link_args=link_args,
            )
            for path in sorted(PACKAGE.glob("*.pyx"))
        ],
        build_dir="build/cython",
        nthreads=JOBS,
        compiler_directives={
            "language_level": 3,
            "embedsignature": True,
            "auto_pickle": False,
            "binding": True,
        },
    )


if __name__ == "__main__":  # nthreads starts processes that may import this file
    setup(ext_modules=kernels(), options={"build_ext": {"parallel": JOBS}})
