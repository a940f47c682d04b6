from pathlib import Path

import pytest

from neurospyke.sim import ops

# What several ops share is not an op itself.
SHARED = {"crossing", "native", "native_scan", "registration", "scan", "torch_scan", "window"}
MODULES = sorted(
    path.stem for path in Path(str(ops.__file__)).parent.glob("*.py") if path.stem[0] != "_"
)


def test_modules_are_found():
    assert {"spiking_convolution", "pool", "stdp"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_every_op_has_its_tests(module):
    tests = (Path(__file__).parent / f"test_{module}.py").read_text()
    if module not in SHARED:
        assert "def test_conforms" in tests
