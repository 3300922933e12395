"""Fuzz flowparse: python tools/fuzz.py [--seconds 60] [--engine atheris|loop|kernels|all]

atheris     conversations with a decoder, guided by the coverage of the compiled kernels (libFuzzer,
            address and undefined-behaviour sanitizers); needs clang and the package atheris
loop        the same conversations, mutated without guidance, over a sanitizer build by gcc
kernels     the nogil readers of templates and of sampled packets alone, in C (libFuzzer); needs clang

Without --engine, atheris and kernels where clang is there, else loop. Seeds and the dictionary are made
by tests/fuzz/seeds.py; what was found to reach more of the code stays in build/fuzz/corpus. A finding is
a file in build/fuzz/findings and an exit status of 1: `python -m tests.fuzz.session FILE` runs it again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

if __package__:
    from .scratch import ROOT, build, environment, lay_out
else:  # run by its name
    from scratch import ROOT, build, environment, lay_out

FUZZ = ROOT / "build" / "fuzz"
FINDINGS = FUZZ / "findings"
SANITIZER_OPTIONS = {
    "PYTHONMALLOC": "malloc",
    "ASAN_OPTIONS": "detect_leaks=0,allocator_may_return_null=1,symbolize=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
LONGEST_S = 20
"""Of one conversation: more is a hang."""
MOST_MIB = 3000
MOST_OCTETS = 16384
OF_KERNELS = ("_templates", "_packet")
SEEDS = "from tests.fuzz import seeds; from pathlib import Path; seeds.write(Path('{corpus}'), Path('{words}'))"


def clang() -> str | None:
    """A clang that is installed."""
    names = ["clang", *(f"clang-{version}" for version in range(21, 13, -1))]
    return next((path for path in map(shutil.which, names) if path), None)


def write_seeds() -> tuple[Path, Path]:
    """Make the first corpus and the dictionary."""
    corpus, words = FUZZ / "corpus", FUZZ / "words.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    code = SEEDS.format(corpus=corpus, words=words)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(ROOT), check=True)
    return corpus, words


def options(seconds: int, words: Path, name: str) -> list[str]:
    """libFuzzer's."""
    return [
        f"-max_total_time={seconds}", f"-dict={words}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MIB}",
        f"-max_len={MOST_OCTETS}", f"-artifact_prefix={FINDINGS}/{name}-", "-print_final_stats=1", "-verbosity=1",
    ]  # fmt: skip


def told(name: str, done: subprocess.CompletedProcess[str]) -> int:
    """Say what a fuzzer's run came to; 1 for a finding."""
    output = done.stdout + done.stderr
    if done.returncode:
        print(output[-6000:])
    runs = re.findall(r"number_of_executed_units: (\d+)|conversations: (\d+)", output)
    covered = re.findall(r" cov: (\d+)", output)
    number = next((one or other for one, other in runs[::-1]), "?")
    found = "findings: 1" if done.returncode else "findings: 0"
    print(f"fuzz {name}: runs: {number}, covered: {covered[-1] if covered else '-'}, {found}", flush=True)
    return int(done.returncode != 0)


def run(name: str, command: list[str], tree: Path, **env: str) -> int:
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment(tree, **SANITIZER_OPTIONS, **env),
        capture_output=True,
        text=True,
        check=False,
    )
    return told(name, done)


def atheris(seconds: int) -> int:
    """Conversations, guided by coverage."""
    compiler = clang()
    found = importlib.util.find_spec("atheris")
    if compiler is None or found is None or found.origin is None:
        raise SystemExit("needs clang (apt-get install clang) and atheris (pip install --group fuzz)")
    tree = FUZZ / "guided"
    lay_out(tree)
    build(tree, FLOWPARSE_FUZZ="1", CC=compiler, LDSHARED=f"{compiler} -shared")
    corpus, words = write_seeds()
    runtime = Path(found.origin).parents[1] / "asan_with_fuzzer.so"
    command = [sys.executable, "-m", "tests.fuzz.run_atheris", *options(seconds, words, "conversation"), str(corpus)]
    return run("atheris", command, tree, LD_PRELOAD=str(runtime))


def loop(seconds: int) -> int:
    """Conversations, mutated by a program of ours."""
    tree = FUZZ / "sanitized"
    lay_out(tree)
    build(tree, FLOWPARSE_SANITIZE="1")
    libraries = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    seed = str(int.from_bytes(os.urandom(4)))
    command = [sys.executable, "-m", "tests.fuzz.run_loop", str(seconds), str(FINDINGS), seed]
    return run("loop", command, tree, LD_PRELOAD=" ".join(libraries))


def kernels(seconds: int) -> int:
    """The readers of templates and sampled packets, without Python around them."""
    compiler = clang()
    if compiler is None:
        raise SystemExit("needs clang (apt-get install clang)")
    tree = FUZZ / "kernels"
    lay_out(tree)
    sources = [f"src/flowparse/{name}.pyx" for name in OF_KERNELS]
    subprocess.run([sys.executable, "-m", "cython", "-3", *sources], cwd=tree, check=True)
    library = Path(sysconfig.get_config_var("LIBDIR"))
    version = sysconfig.get_config_var("LDVERSION")
    status = 0
    for name in OF_KERNELS:
        target = tree / f"fuzz{name}"
        command = [
            compiler, "-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined", "-w",
            f"-I{sysconfig.get_path('include')}", "-Isrc/flowparse", f"tests/fuzz/kernel{name}.c", "-o", str(target),
            f"-L{library}", f"-Wl,-rpath,{library}", f"-lpython{version}", *sysconfig.get_config_var("LIBS").split(),
            "-lm",
        ]  # fmt: skip
        subprocess.run(command, cwd=tree, check=True)
        corpus = FUZZ / f"corpus{name}"
        corpus.mkdir(parents=True, exist_ok=True)
        _, words = write_seeds()
        arguments = [str(target), *options(seconds, words, name.strip("_")), str(corpus)]
        status |= run(f"kernel{name}", arguments, tree)
    return status


ENGINES = {"atheris": atheris, "loop": loop, "kernels": kernels}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="of all engines together")
    parser.add_argument("--engine", choices=[*ENGINES, "all"], action="append")
    chosen = parser.parse_args()
    engines = chosen.engine or (["atheris", "kernels"] if clang() else ["loop"])
    if "all" in engines:
        engines = [*ENGINES]
    FINDINGS.mkdir(parents=True, exist_ok=True)
    shares = {"atheris": 4, "loop": 4, "kernels": 1 / len(OF_KERNELS)}
    total = sum(shares[engine] * (len(OF_KERNELS) if engine == "kernels" else 1) for engine in engines)
    return max(ENGINES[engine](max(1, round(chosen.seconds * shares[engine] / total))) for engine in engines)


if __name__ == "__main__":
    raise SystemExit(main())
