"""A process in which flowparse may read the files of installed packages, and nothing else; test_no_io.py runs it.

The arguments are the folders that may be read; the program to run comes on standard input. The hook
sees what Python audits: opened files, sockets, processes, and changes to the file system. It ends the
process at the first of them, so that no `except OSError` can hide one.
"""

import os
import sys

REFUSED = 77
LISTS = {"os.listdir", "os.scandir"}  # how imports find files
FORBIDDEN = ("_thread.start", "ctypes.", "fcntl.", "http.", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

roots = tuple(os.path.realpath(root) + os.sep for root in sys.argv[1:])


def inside(path: object) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False  # a file descriptor, whoever opened it
    return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(roots)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        allowed = not flags & WRITES and inside(path)
    elif event in LISTS:
        allowed = inside(arguments[0])
    else:
        allowed = not event.startswith(FORBIDDEN)
    if not allowed:
        sys.stderr.write(f"no I/O: {event} {arguments!r}\n")
        sys.stderr.flush()
        os._exit(REFUSED)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    program = compile(sys.stdin.read(), "<program>", "exec")
    sys.addaudithook(refuse)
    exec(program, {"__name__": "__main__"})
