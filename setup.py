"""The compiled kernels: one extension for each .pyx below src/flowparse; all metadata is in pyproject.toml."""

import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGE = Path("src/flowparse")
WINDOWS = sys.platform == "win32"
COMPILE = ["/O2"] if WINDOWS else ["-O3", "-funroll-loops", "-g0"]
LINK = [] if WINDOWS else ["-Wl,-s"] if sys.platform == "linux" else ["-Wl,-S"]

setup(
    ext_modules=cythonize(
        [
            Extension(f"flowparse.{path.stem}", [str(path)], extra_compile_args=COMPILE, extra_link_args=LINK)
            for path in sorted(PACKAGE.glob("*.pyx"))
        ],
        build_dir="build/cython",
        compiler_directives={"language_level": 3, "embedsignature": True, "auto_pickle": False, "binding": True},
    ),
)
