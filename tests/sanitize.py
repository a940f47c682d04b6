"""Build the kernels with address and undefined-behaviour sanitizers and run the ops' tests on them.

    python tests/sanitize.py [arguments of pytest]

A GCC or Clang on Linux is needed, and CMake. The first mistake ends the run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPILER = os.environ.get("CXX", "g++")
RUNTIMES = ("libasan.so", "libubsan.so")


def build(folder: str) -> Path:
    """Kernels that stop at the first mistake; returns the library."""
    options = ["-DNEUROSPYKE_SANITIZE=ON", f"-DCMAKE_CXX_COMPILER={COMPILER}"]
    options += ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1 -g1"]
    subprocess.run([cmake(), "-S", ROOT, "-B", folder, *options], check=True)
    subprocess.run([cmake(), "--build", folder, "--parallel", "2"], check=True)
    return Path(folder) / "_kernels.so"


def cmake() -> str:
    found = shutil.which("cmake", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        raise SystemExit("cmake is not on the path; install it, for example by `pip install cmake`")
    return found


def runtimes() -> str:
    """What has to be loaded before anything else, because Python itself is not sanitized."""
    paths = [
        subprocess.run(
            [COMPILER, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in RUNTIMES
    ]
    return " ".join(paths)


def main() -> int:
    """Build, test, and return the exit status of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "NEUROSPYKE_KERNELS": str(build(folder)),
            "LD_PRELOAD": runtimes(),
            # Python and torch keep memory until they end; an abort shows which test it was
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
        }
        tests = [sys.executable, "-m", "pytest", "tests/sim/ops", "-p", "no:cacheprovider"]
        tests += ["--ignore=tests/sim/ops/kernels", "--capture=sys", *sys.argv[1:]]
        return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
