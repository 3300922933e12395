"""flowparse does no I/O: a guarded process runs it, and its sources name nothing that could.

The guard (no_io_guard.py) sees files, sockets and processes. Python audits no clock, environment
variable or random number, and no thread before 3.12, so a second test reads the sources for those.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.no_io_guard import REFUSED
from tests.sources import PACKAGE, code, files, imports, read

GUARD = Path(__file__).with_name("no_io_guard.py")
READABLE = [PACKAGE.parent, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))]
POISON = "/nonexistent/poison"
KEPT = ("LD_PRELOAD", "ASAN_OPTIONS", "PYTHONMALLOC", "SYSTEMROOT")  # what a sanitizer build or Windows needs to start

DECODE = """
import flowparse
header = bytes.fromhex("0005 0001 0000ea60 65000000 00000000 00000000 00 00 0000")  # version, count, uptime, time, ...
record = bytes(range(48))
if hasattr(flowparse, "Decoder"):
    decoder = flowparse.Decoder()
    decoder.feed(header + record, "192.0.2.1", 1_700_000_000_000_000_000)
    flows = decoder.take()
    assert len(flows) == 1, len(flows)
    assert [len(flows[name].to_list()) for name in flows.names] == [1] * len(flows.names)
"""


def run_guarded(program: str, *readable: Path) -> subprocess.CompletedProcess[str]:
    """Run `program` under the guard, every environment variable that this process has being poisoned."""
    environment = {name: POISON for name in os.environ if not name.startswith("PYTHON")}
    environment |= {"TZ": POISON, "LC_ALL": POISON, "NET_TEXTFSM": POISON}
    environment |= {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        [sys.executable, "-BP", str(GUARD), *map(str, (*READABLE, *readable))],
        input=f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{program}",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_decoding_reads_package_files_only() -> None:
    done = run_guarded(DECODE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "program",
    [
        "open('/etc/hostname')",
        "import pathlib; pathlib.Path('.').resolve().joinpath('x').write_text('')",
        "import os; os.listdir('/')",
        "import os; os.putenv('A', 'b')",
        "import os; os.system('true')",
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "import tempfile; tempfile.mkdtemp()",
        "try:\n    open('/etc/hostname')\nexcept OSError:\n    pass",
    ],
)
def test_the_guard_refuses_io(program: str) -> None:
    done = run_guarded(program)
    assert done.returncode == REFUSED, done.stderr
    assert done.stderr.startswith("no I/O: ")


def test_the_guard_refuses_to_write_where_it_may_read(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("data")
    path = str(tmp_path / "data")
    assert run_guarded(f"assert open({path!r}).read() == 'data'", tmp_path).returncode == 0
    assert run_guarded(f"open({path!r}, 'a')", tmp_path).returncode == REFUSED


# What a source may not import.
MODULES = re.compile(
    r"(asyncio|concurrent|ctypes|fcntl|getpass|glob|http|locale|logging|mmap|multiprocessing|os|platform|posix|pwd"
    r"|random|requests|scapy|secrets|select|selectors|shutil|signal|socket|socketserver|sqlite3|ssl|subprocess"
    r"|tempfile|threading|time|urllib|uuid|libc\.stdio|libc\.time|libc\.signal|cpython\.time)(\.|$)"
)
CALLS = re.compile(
    r"(?<![\w.])(open|input|print|printf|getenv|__import__)\s*\("
    r"|\b(now|utcnow|today)\s*\(\s*\)"
    r"|\bsys\.(argv|stdin|stdout|stderr)\b"
)


def io_named(path: Path, text: str) -> list[str]:
    """What `text` imports or calls that reads a clock, an environment or a device."""
    found = [f"{path}:{line}: imports {name}" for line, name in imports(path, text) if MODULES.match(name)]
    for number, line in enumerate(code(text).splitlines(), 1):
        found += [f"{path}:{number}: {match[0].strip()}" for match in CALLS.finditer(line)]
    return found


@pytest.mark.parametrize("path", files(), ids=str)
def test_sources_name_no_io(path: Path) -> None:
    assert io_named(path, read(path)) == []


@pytest.mark.parametrize("suffix", [".py", ".pyx"])
@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import monotonic as clock",
        "import random, sys",
        "def f():\n    from os import environ",
        "from concurrent.futures import ThreadPoolExecutor",
        "def f(path):\n    return open(path)",
        "from datetime import datetime\nx = datetime.now()",
        "import sys\nx = sys.argv",
        "print('hello')",
    ],
)
def test_io_in_a_source_is_caught(suffix: str, text: str) -> None:
    assert len(io_named(Path("planted" + suffix), text)) == 1


def test_c_io_in_a_kernel_is_caught() -> None:
    assert len(io_named(Path("_planted.pyx"), "from libc.time cimport time\nfrom posix.unistd cimport read")) == 2


def test_words_in_strings_and_comments_pass() -> None:
    text = '"""import time: open() it."""\n# print(datetime.now())\nimport timeit_like\nbatch.open()\nreopen()'
    assert io_named(Path("planted.py"), text) == []
    assert io_named(Path("planted.pyx"), text) == []
