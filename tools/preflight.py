"""Say what this machine lacks to build flowparse; runs on whatever Python there is, even an old one."""

import os
import shutil
import sys
import sysconfig

missing = []
if sys.version_info < (3, 11):  # noqa: UP036
    missing.append("Python 3.11 or newer, named with make PYTHON=...; this is " + sys.version.split()[0])
else:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        missing.append("the venv module of this Python (Debian: apt install python3-venv)")
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        missing.append("a C compiler; " + compiler + " is not there (Debian: apt install gcc)")
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        missing.append("the C headers of this Python (Debian: apt install python3-dev)")
if missing:
    sys.exit("flowparse needs " + "\n          and ".join(missing))
