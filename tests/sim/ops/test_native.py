"""The compiled kernels: the same on every way through them, no work in vain, safe in processes."""

import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops import native
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.inhibited_convolution import reference as inhibited_reference
from neurospyke.sim.ops.learning_step import learning_step
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.pool import reference as pool_reference
from neurospyke.sim.ops.pooled_convolution import pooled_convolution
from neurospyke.sim.ops.pooled_convolution import reference as pooled_reference
from neurospyke.sim.ops.spiking_convolution import reference as convolution_reference
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from tests.conformance import (
    assert_same,
    computed,
    instruction_sets,
    latencies,
    paths,
    quarters,
)

if os.environ.get("NEUROSPYKE_KERNELS") == "":
    pytest.skip("NEUROSPYKE_KERNELS is empty: the kernels are off", allow_module_level=True)


def compiled_paths():
    return [path for path in paths() if path.instructions != "torch"]


def test_there_are_kernels():
    assert instruction_sets()[0] == "baseline"
    assert native.instruction_set() == instruction_sets()[-1]


# --- the same on every way -----------------------------------------------------------------------

# batch, channel, height, width; map, height, width; signs of the weights
ROUGH = [
    ((3, 5, 11, 9), (40, 5, 5), "positive"),  # spikes are counted
    ((2, 6, 9, 9), (300, 3, 3), "positive"),
    ((2, 40, 7, 7), (70, 3, 3), "positive"),  # two bytes an input
    ((3, 5, 11, 9), (40, 5, 5), "signed"),
    ((2, 40, 7, 7), (300, 3, 3), "signed"),
    ((2, 1, 5, 5), (1, 1, 1), "signed"),
    ((9, 7, 5, 6), (131, 3, 2), "signed"),  # read out, several samples are taken together
]


def rough(
    size: Any, kernel: Any, signs: str, dtype: torch.dtype = torch.float32
) -> tuple[Any, Any, Any]:
    """Latencies, weights and thresholds of no round numbers, of which about half are reached."""
    generator = torch.Generator().manual_seed(0)
    latency = latencies(*size, n_bins=15, seed=1)
    weight = torch.rand(kernel[0], size[1], *kernel[1:], generator=generator, dtype=dtype)
    if signs == "signed":
        weight = weight * 2 - 0.9
    typical = weight.clamp(min=0).mean() * weight[0].numel() / 3
    threshold = typical * (0.5 + torch.rand(kernel[0], generator=generator, dtype=dtype))
    return latency, weight, threshold


def every_op(latency: Any, weight: Any, threshold: Any, **options: Any) -> list[Any]:
    """Results of all ops on one layer, in a row."""
    layer = {"n_bins": 15, "stride": (2, 1), "padding": (1, 0, 2, 1), **options}
    step = learning_step(
        weight, latency, threshold, 0.04, -0.03, **layer, k=3, radius=1, online=True, upper=2.0
    )
    return [
        *spiking_convolution(latency, weight, threshold, **layer),
        spiking_convolution(latency, weight, threshold, **layer, return_potential=False),
        *spiking_convolution(latency, weight, None, **layer),
        spiking_convolution(latency, weight, threshold[0].item(), **layer, return_potential=False),
        *inhibited_convolution(latency, weight, threshold, **layer),
        *inhibited_convolution(latency, weight, None, **layer),
        pooled_convolution(latency, weight, threshold, **layer, kernel=2),
        *step,
    ]


@pytest.mark.parametrize("layer", ROUGH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_instruction_sets_and_threads_change_no_bit(layer, dtype):
    size, kernel, signs = layer
    args = rough(size, kernel, signs, dtype)
    expected = every_op(*args)
    assert 0.02 < (expected[0] != SILENT).double().mean() < 0.98
    for path in compiled_paths():
        with computed(path):
            assert_same(every_op(*args), expected)


@pytest.mark.parametrize(
    "n", [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 254, 255, 256, 257, 300]
)
@pytest.mark.parametrize("potential", [False, True])
def test_every_spike_has_its_time(n, potential):
    """As many maps as inputs: each spikes with the one input that it looks at."""
    generator = torch.Generator().manual_seed(n)
    times = (torch.arange(n) * 253 // max(n - 1, 1)).to(torch.uint8)
    times = times[torch.randperm(n, generator=generator)]
    expected = times.view(1, n, 1, 1)
    args = (expected, torch.eye(n).view(n, n, 1, 1), 0.5)
    for path in compiled_paths():
        with computed(path):
            found = spiking_convolution(*args, n_bins=254, return_potential=potential)
            assert_same(found[0] if potential else found, expected)
            first = inhibited_convolution(*args, n_bins=254)
            assert_same(first[0], expected.amin(1, keepdim=True))
            assert_same(first[1], expected.long().argmin(1, keepdim=True))


@pytest.mark.parametrize("n_bins", [1, 2, 5, 40, 254])
@pytest.mark.parametrize(("channels", "height"), [(1, 1), (5, 3), (85, 3), (64, 4), (19, 5)])
@pytest.mark.parametrize("one", [True, False])
def test_spikes_are_counted_as_they_are_summed(n_bins, channels, height, one):
    """Bins of few and of many spikes, of odd numbers, windows of none and of 255 side by side."""
    generator = torch.Generator().manual_seed(n_bins + channels)
    size = (2, channels, 23, 9)
    latency = torch.randint(n_bins, size, generator=generator, dtype=torch.uint8)
    # from left to right, and once in each sample from the top down, from all to no spikes
    shares = torch.linspace(1, 0, 9) * torch.linspace(1, 0.5, 23)[:, None]
    latency[torch.rand(size, generator=generator) >= shares] = SILENT
    # sums of quarters are exact, so that most thresholds are met exactly
    weight = torch.randint(5, (70, channels, height, 1), generator=generator) / 4
    threshold = channels * height / 4 * torch.ones(70)
    if not one:
        threshold = (threshold * torch.linspace(0, 3, 70)).round()
    options: dict[str, Any] = {"n_bins": n_bins, "return_potential": False}
    expected = convolution_reference(latency, weight.double(), threshold.double(), **options)
    assert isinstance(expected, torch.Tensor)
    assert 0 < (expected != SILENT).sum() < expected.numel()
    larger, twice = torch.ones(80, 2 * channels, height, 1), latency.repeat(1, 2, 1, 1)
    for path in compiled_paths():
        with computed(path):
            # leaves weights where the next ones, fewer, will lie
            spiking_convolution(twice, larger, 1.0, **options)
            assert_same(spiking_convolution(latency, weight, threshold, **options), expected)


def test_tall_images_of_few_spikes_are_counted_from_top_to_bottom():
    generator = torch.Generator().manual_seed(3)
    latency = torch.randint(40, (1, 1, 1100, 4), generator=generator, dtype=torch.uint8)
    latency[torch.rand(latency.shape, generator=generator) < 0.9] = SILENT
    weight = torch.randint(1, 9, (20, 1, 3, 3), generator=generator) / 4
    options: dict[str, Any] = {"n_bins": 40, "return_potential": False}
    expected = convolution_reference(latency, weight.double(), 1.5, **options)
    for path in compiled_paths():
        with computed(path):
            assert_same(spiking_convolution(latency, weight, 1.5, **options), expected)


@pytest.mark.parametrize("layer", ROUGH)
def test_the_batch_and_the_layout_change_no_bit(layer):
    latency, weight, threshold = rough(*layer)
    # all but the step, which learns online, sample after sample
    expected = every_op(latency, weight, threshold)[:-2]
    one_by_one = [every_op(sample, weight, threshold)[:-2] for sample in latency.split(1)]
    assert_same([torch.cat(outs) for outs in zip(*one_by_one, strict=True)], expected)

    last = torch.channels_last
    sliced = torch.full((*latency.shape[:2], 3 * latency.shape[2], 40), 7, dtype=torch.uint8)
    sliced = sliced[:, :, 1::3, 3 : 3 + 2 * latency.shape[3] : 2].copy_(latency)
    for arranged in (
        latency.contiguous(memory_format=last),
        sliced,
        latency.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
    ):
        assert_same(every_op(arranged, weight, threshold)[:-2], expected)
    for arranged in (
        weight.contiguous(memory_format=last),
        weight.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1),
        torch.stack([weight, -weight], 2).flatten(1, 2)[:, ::2],
        F.pad(weight, (1, 2, 3, 4))[:, :, 3:-4, 1:-2],
    ):
        assert_same(every_op(latency, arranged, threshold)[:-2], expected)

    alike = latency[:1].expand(3, -1, -1, -1)
    whole = every_op(alike, weight, threshold)[:-2]
    assert_same(whole, [out[:1].expand(3, *out.shape[1:]) for out in expected])


def initial(generator, shape):
    return 0.2 + 0.6 * torch.rand(shape, generator=generator)


def learned(generator, shape):
    """Near one bound or the other, most of them near the lower one."""
    weight = torch.rand(shape, generator=generator) / 16
    return torch.where(torch.rand(shape, generator=generator) < 0.15, 1 - weight, weight)


@pytest.mark.parametrize(
    ("size", "kernel", "weights", "threshold", "silent", "allowed"),
    [
        ((64, 6, 28, 28), (100, 5, 5), initial, 15.0, 0.8, 2e-6),
        ((64, 100, 14, 14), (200, 3, 3), learned, 10.0, 0.9, 2e-6),
        # hundreds of spikes a window, and half of all maps end up next to their thresholds
        ((64, 100, 14, 14), (200, 3, 3), initial, 180.0, 0.6, 5e-5),
    ],
)
def test_rounding_matters_only_next_to_the_threshold(
    size, kernel, weights, threshold, silent, allowed
):
    generator = torch.Generator().manual_seed(0)
    latency = latencies(*size, n_bins=15, seed=1, silent=silent)
    weight = weights(generator, (kernel[0], size[1], *kernel[1:]))
    spikes, _ = spiking_convolution(latency, weight, threshold, n_bins=15)
    alone = spiking_convolution(latency, weight, threshold, n_bins=15, return_potential=False)
    assert_same(alone, spikes)
    # in float64 no two of these sums are so close
    exact, drive = spiking_convolution(latency, weight.double(), threshold, n_bins=15)
    assert 0.1 < (exact != SILENT).double().mean() < 0.97
    wrong = (spikes != exact).nonzero()
    assert len(wrong) <= allowed * exact.numel()
    for sample, m, y, x in wrong.tolist():
        window = latency[sample, :, y : y + kernel[1], x : x + kernel[2]]
        v = [(weight[m].double() * (window <= t)).sum().item() for t in range(15)]
        assert min(abs(one - threshold) for one in v) < 1e-5 * threshold
    # and float64 itself follows the equations, on some of the samples
    few = slice(0, 64, 16)
    expected = convolution_reference(latency[few], weight.double(), threshold, n_bins=15)
    assert_same(exact[few], expected[0])
    torch.testing.assert_close(drive[few], expected[1], rtol=1e-12, atol=0)


def test_thresholds_that_are_no_numbers_are_never_passed_and_minus_infinity_always():
    latency = latencies(2, 3, 6, 6, n_bins=9, seed=0)
    weight = quarters(5, 3, 3, 3, low=-1, high=4, seed=1)
    for row in (
        [torch.nan, 2.0, 2.0, 2.0, 2.0],
        [2.0, torch.nan, 2.0, 2.0, 2.0],
        [torch.inf, 2.0, -torch.inf, torch.nan, 0.0],
        [torch.nan] * 5,
        [-torch.inf] * 5,
    ):
        for weights in (weight, weight.abs()):
            args = (latency, weights, torch.tensor(row))
            expected = convolution_reference(*args, n_bins=9)
            for path in paths():
                with computed(path):
                    assert_same(spiking_convolution(*args, n_bins=9), expected)
                    alone = spiking_convolution(*args, n_bins=9, return_potential=False)
                    assert_same(alone, expected[0])


# --- no work in vain -----------------------------------------------------------------------------


def work(latency, weight, threshold, n_bins=254, potential=False, op="convolution", more=()):
    """The counters after one call."""
    counters = torch.zeros(len(native.WORK), dtype=torch.int64)
    floor = threshold
    if isinstance(threshold, float):
        floor = torch.full((len(weight),), threshold, dtype=weight.dtype)
    layer = (latency, weight, floor, n_bins, (1, 1), (0, 0, 0, 0))
    last = (potential,) if op == "convolution" else ()
    getattr(native, op)(*layer, *more, "full", *last, work=counters)
    return dict(zip(native.WORK, counters.tolist(), strict=True))


def window(times, n=300):
    """One window of n inputs, of which the first spike at these times."""
    latency = torch.full((1, n, 1, 1), SILENT, dtype=torch.uint8)
    latency[0, : len(times), 0, 0] = torch.tensor(times, dtype=torch.uint8)
    return latency


def ones(maps, n=300, dtype=torch.float32):
    return torch.ones(maps, n, 1, 1, dtype=dtype)


ONE_BY_ONE = list(range(250))
AT_ONCE = [4] * 250


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("potential", [False, True])
def test_windows_that_cannot_reach_a_threshold_are_passed_over(signed, potential):
    latency = latencies(3, 4, 12, 12, n_bins=40, seed=0, silent=0.8)
    weight = quarters(5, 4, 3, 3, low=-4 if signed else 0, high=4, seed=1)
    thresholds = torch.tensor([9.0, 5.0, 9.0, 7.0, 9.0])
    n = F.conv2d((latency < 30).float(), torch.ones(1, 4, 3, 3))
    found = work(latency, weight, thresholds, 30, potential)
    # no weight exceeds 1, so it takes more than 5 spikes; those from bin 30 on do not count
    assert 100 < (n <= 5).sum() < n.numel() - 100
    assert found["windows"] == n.numel()
    assert found["windows passed over"] == (n <= 5).sum()
    assert found["events"] == n.sum()
    bound = 5 * n[n > 5].sum()
    if signed or potential:
        assert 0 < found["additions"] <= bound
    else:
        # few inputs and no weight below zero: spikes are counted, all of them
        assert found["additions"] == bound


@pytest.mark.parametrize("op", ["convolution", "inhibited_convolution"])
def test_silence_costs_nothing(op):
    latency = torch.full((2, 300, 3, 3), SILENT, dtype=torch.uint8)
    found = work(latency, ones(4), 0.0, op=op)
    expected = {"windows": 18, "windows passed over": 18, "events": 0, "additions": 0}
    assert found == expected
    assert work(latency, -ones(4), -0.5, op=op)["additions"] == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("maps", [1, 40, 600])
@pytest.mark.parametrize(("signed", "potential"), [(False, False), (True, False), (False, True)])
def test_nothing_is_added_after_the_last_map_has_spiked(dtype, maps, signed, potential):
    weight = ones(maps, dtype=dtype)
    if signed:
        weight[:, -1] = -1.0  # of an input that is silent
    for path in compiled_paths():
        with computed(path):
            # the third spike takes V over 2.5
            found = work(window(ONE_BY_ONE), weight, 2.5, potential=potential)
            assert (found["events"], found["additions"]) == (250, 3 * maps)
            thresholds = torch.full((maps,), 2.5, dtype=dtype)
            thresholds[0] = 99.5
            found = work(window(ONE_BY_ONE), weight, thresholds, potential=potential)
            # maps go in blocks, of which only the first has to go on, to the hundredth spike
            block, rest = divmod(found["additions"] - 3 * maps, 100 - 3)
            assert rest == 0
            assert min(maps, 8) <= block <= min(maps, 256)


def test_within_a_bin_sums_that_only_grow_are_looked_at():
    assert work(window(AT_ONCE), ones(40), 2.5)["additions"] <= 8 * 40
    assert work(window(AT_ONCE), ones(40), 99.5)["additions"] <= 2 * 100 * 40
    # the potential is that of the whole bin, but of no later one
    assert work(window(AT_ONCE), ones(40), 2.5, potential=True)["additions"] == 250 * 40
    later = [4] * 10 + [5] * 240
    assert work(window(later), ones(40), 2.5, potential=True)["additions"] == 10 * 40
    # a later spike may take a sum back below its threshold
    signed = ones(40)
    signed[:, -1] = -1.0
    assert work(window(AT_ONCE), signed, 2.5)["additions"] == 250 * 40
    assert work(window(later), signed, 2.5)["additions"] == 10 * 40


@pytest.mark.parametrize("maps", [40, 600])
def test_inhibition_adds_nothing_after_the_first_spike(maps):
    weight = ones(maps) / 1024
    weight[3] = 1.0
    for path in compiled_paths():
        with computed(path):
            assert work(window(ONE_BY_ONE), weight, 2.5)["additions"] >= 250 * (maps - 256)
            found = work(window(ONE_BY_ONE), weight, 2.5, op="inhibited_convolution")
            assert found["additions"] == 3 * maps


def test_a_read_out_adds_every_spike_once():
    assert work(window(ONE_BY_ONE), ones(40), None)["additions"] == 250 * 40
    latency = latencies(9, 5, 6, 7, n_bins=15, seed=0)
    n = F.avg_pool2d((latency < 9).double(), (4, 3), 1, divisor_override=1).sum()
    found = work(latency, torch.ones(70, 5, 4, 3), None, 9)
    assert (found["windows"], found["events"]) == (9 * 15, n.item())
    assert found["additions"] == 70 * n.item()


@pytest.mark.parametrize("signs", ["positive", "signed"])
@pytest.mark.parametrize("potential", [False, True])
def test_more_bins_cost_no_additions(signs, potential):
    latency, weight, threshold = rough((2, 40, 9, 9), (30, 3, 3), signs)
    later = (latency.long() * 10).masked_fill(latency == SILENT, SILENT).to(torch.uint8)
    few = work(latency, weight, threshold, 15, potential)
    assert 0 < few["additions"] <= 30 * few["events"]
    assert work(later, weight, threshold, 150, potential) == few


@pytest.mark.parametrize("layer", ROUGH)
def test_work_does_not_depend_on_threads(layer):
    args = rough(*layer)
    pooling = {"op": "pooled_convolution", "more": ((2, 2), (2, 2), (0, 0, 0, 0))}
    options: dict[str, Any]
    for options in ({}, {"potential": True}, {"op": "inhibited_convolution"}, pooling):
        found = []
        for threads in (1, 2):
            with computed(compiled_paths()[-1]._replace(threads=threads)):
                found.append(work(*args, 15, **options))
        assert found[0] == found[1]


def test_pooling_computes_no_window_twice():
    latency, weight, threshold = rough((2, 4, 11, 10), (9, 3, 3), "positive")
    plain = work(latency, weight, threshold, 15)
    for kernel in (1, 3, 9):
        pooling = ((kernel, 1), (kernel, 1), (0, 0, 0, 0))
        assert work(latency, weight, threshold, 15, op="pooled_convolution", more=pooling) == plain


# --- processes and threads -----------------------------------------------------------------------


def run_script(text):
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


FORK = """
import os, threading, torch
from neurospyke.sim.ops import native

torch.set_num_threads(2)
generator = torch.Generator().manual_seed(0)
latency = torch.randint(20, (8, 6, 20, 20), generator=generator, dtype=torch.uint8)
weight = torch.rand(50, 6, 5, 5, generator=generator)
threshold = torch.full((50,), 20.0)

def call():
    outs = native.convolution(
        latency, weight, threshold, 15, (1, 1), (0, 0, 0, 0), "full", True
    )
    return [out.numpy().tobytes() for out in outs]

def fork():
    child = os.fork()
    if child == 0:
        same = call() == expected and call() == expected
        os._exit(0 if same and len(os.listdir("/proc/self/task")) == 2 else 7)
    return os.waitpid(child, 0)[1]

expected = call()
assert fork() == 0, "after a call"
assert call() == expected
# the address sanitizer's own memory may be locked by another thread when a process forks
times = 0 if "asan" in os.environ.get("LD_PRELOAD", "") else 5
going = True
def busy():
    while going:
        call()
others = threading.Thread(target=busy)
others.start()
found = [fork() for _ in range(times)]
going = False
others.join()
assert found == [0] * times, found
assert call() == expected
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_a_forked_child_computes_the_same_on_threads_of_its_own():
    run_script(FORK)


def test_python_threads_may_call_at_once():
    layers = [rough(*layer) for layer in ROUGH]
    expected = [every_op(*layer) for layer in layers]
    with computed(compiled_paths()[-1]), ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(every_op, *layers[i % len(layers)]) for i in range(24)]
        for i, call in enumerate(calls):
            assert_same(call.result(), expected[i % len(layers)])


def test_other_python_threads_run_meanwhile():
    """A thread that wakes every millisecond; with the interpreter locked it would not once."""
    latency, weight, threshold = rough((1, 40, 9, 9), (64, 3, 3), "signed")
    ticks, going = [], True

    def tick():
        while going:
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    other = threading.Thread(target=tick)
    other.start()
    try:
        batch, start, end = 64, 0.0, 0.0
        while end - start < 0.3:
            batch *= 2
            many = latency.expand(batch, -1, -1, -1)
            start = time.perf_counter()
            work(many, weight, threshold, 15, op="inhibited_convolution")
            end = time.perf_counter()
    finally:
        going = False
        other.join()
    edge = 0.1 * (end - start)
    assert sum(start + edge < at < end - edge for at in ticks) >= 5


# --- with and without the library ----------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch):
    """The library as not yet loaded."""
    native.library.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    native.library.cache_clear()


def gone(monkeypatch):
    monkeypatch.delenv("NEUROSPYKE_KERNELS", raising=False)
    monkeypatch.setattr(native.importlib.util, "find_spec", lambda name: None)


def misplaced(monkeypatch):
    monkeypatch.setenv("NEUROSPYKE_KERNELS", "/nowhere/_kernels.so")


@pytest.mark.parametrize("lose", [gone, misplaced])
def test_without_the_library_it_says_so_once_and_goes_on(fresh, lose):
    latency, weight = (
        latencies(2, 3, 6, 6, n_bins=9, seed=0),
        quarters(5, 3, 3, 3, low=-1, high=4, seed=1),
    )
    expected = convolution_reference(latency, weight, 2.0, n_bins=9)
    lose(fresh)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            assert_same(spiking_convolution(latency, weight, 2.0, n_bins=9), expected)
            assert_same(pool(latency, 2), pool_reference(latency, 2))
    assert [one.category for one in said] == [RuntimeWarning]
    assert "without its compiled kernels" in str(said[0].message)
    assert native.instruction_set() == "none"


def test_the_environment_switches_the_library_off_or_names_another(fresh):
    original = os.environ.get("NEUROSPYKE_KERNELS") or native._installed()
    fresh.setenv("NEUROSPYKE_KERNELS", "")
    assert native.library() is None
    native.library.cache_clear()
    fresh.setenv("NEUROSPYKE_KERNELS", original)
    library = native.library()
    assert library is not None
    assert library._name == original


# --- anything at all -----------------------------------------------------------------------------

SIDES = st.sampled_from([0, 1, 2, 3, 6])


@st.composite
def calls(draw):
    """(latency, weight, threshold), named arguments, and whether they make sense."""
    odd = draw(st.sampled_from(["nothing"] * 9 + ["sizes", "numbers", "ranks"]))
    sizes = [draw(st.sampled_from([0, 1, 2])), draw(st.sampled_from([1, 2, 33]))]
    sizes += [draw(SIDES), draw(SIDES)]
    kernel = [draw(st.sampled_from([1, 3, 17, 257])), sizes[1]]
    kernel += [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    n_bins = draw(st.sampled_from([1, 2, 9, 254]))
    stride = draw(st.sampled_from([1, 2, (3, 1), (1, 7), 2**20]))
    padding = draw(st.sampled_from([0, 1, 3, (0, 3, 1, 0), (5, 3, 0, 40)]))
    if odd == "sizes":
        sizes[1] = draw(st.integers(0, 1))
        kernel = [draw(st.integers(0, 1)) for _ in kernel]
    if odd == "numbers":
        n_bins = draw(st.sampled_from([-1, 0, 9, 255, 300]))
        stride = draw(st.sampled_from([0, -1, 1, 2**40, 2**64]))
        padding = draw(st.sampled_from([-1, 0, 2**20, 2**64]))
    seed = draw(st.integers(0, 9999))
    latency = latencies(*sizes, n_bins=20, seed=seed)
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    low = draw(st.sampled_from([-3, 0]))
    weight = quarters(*kernel, low=low, high=4, seed=seed, dtype=dtype)
    each = quarters(kernel[0], low=-2, high=9, seed=seed)
    threshold = draw(st.sampled_from([None, -0.5, 0.0, 2.0, each]))
    ranks = draw(st.sampled_from([(3, 4), (4, 3), (0, 4)])) if odd == "ranks" else (4, 4)
    sense = (
        ranks == (4, 4)
        and kernel[1] == sizes[1]
        and 0 not in kernel
        and 1 <= n_bins <= 254
        and 1 <= (stride if isinstance(stride, int) else 1) <= 2**20
        and padding not in {-1, 2**20, 2**64}
    )
    top, bottom, left, right = padding if isinstance(padding, tuple) else (padding,) * 4
    sense = sense and sizes[2] + top + bottom >= kernel[2] and sizes[3] + left + right >= kernel[3]
    for tensor, rank in ((latency, ranks[0]), (weight, ranks[1])):
        tensor.resize_(tensor.shape[4 - rank :])
    options = {"n_bins": n_bins, "stride": stride, "padding": padding}
    return (latency, weight, threshold), options, sense


def result_or_refusal(op, *args, **options):
    """Results in main memory on every path, all alike; None where the op refuses by name."""
    found = []
    for path in (compiled_paths()[0], *paths()[-2:]):
        with computed(path):
            try:
                found.append(op(*args, **options))
            except (TypeError, ValueError) as error:
                if "`" not in str(error):
                    raise
                found.append(None)
    for one in found[1:]:
        assert (one is None) == (found[0] is None)
        if one is not None:
            assert_same(one, found[0])
    return found[0]


@settings(max_examples=60, deadline=None)
@given(call=calls(), potential=st.booleans())
def test_any_convolution_is_served_or_refused(call, potential):
    args, options, sense = call
    found = result_or_refusal(spiking_convolution, *args, **options, return_potential=potential)
    assert (found is not None) == sense
    if sense:
        expected = convolution_reference(*args, **options)
        assert_same(found, expected if potential else expected[0])


@settings(max_examples=60, deadline=None)
@given(call=calls())
def test_any_inhibited_convolution_is_served_or_refused(call):
    args, options, sense = call
    found = result_or_refusal(inhibited_convolution, *args, **options)
    assert (found is not None) == sense
    if sense:
        assert_same(found, inhibited_reference(*args, **options))


@settings(max_examples=60, deadline=None)
@given(
    call=calls(),
    kernel=st.sampled_from([1, 2, (3, 1), (1, 40), 0, 2**40]),
    stride=st.sampled_from([None, 1, 3, 2**20, 0, 2**40]),
    padding=st.sampled_from([0, 1, (0, 3, 0, 9), -1, 2**40]),
)
def test_any_pooled_convolution_is_served_or_refused(call, kernel, stride, padding):
    args, options, sense = call
    pooling = {"kernel": kernel, "pool_stride": stride, "pool_padding": padding}
    found = result_or_refusal(pooled_convolution, *args, **options, **pooling)
    assert sense or found is None
    if found is not None:
        assert_same(found, pooled_reference(*args, **options, **pooling))


@settings(max_examples=60, deadline=None)
@given(
    call=calls(),
    k=st.sampled_from([1, 2, 500, 0]),
    radius=st.sampled_from([None, 0, 1, 2**31 - 1, 2**31]),
    clamp=st.sampled_from(["winners", "all", "none"]),
    online=st.booleans(),
)
def test_any_learning_step_is_served_or_refused(call, k, radius, clamp, online):
    (latency, weight, threshold), options, sense = call
    options |= {"k": k, "radius": radius, "clamp": clamp, "online": online, "stabilizer": False}
    args = (weight, latency, threshold, 0.25, -0.25)
    found = result_or_refusal(learning_step, *args, **options)
    assert (found is not None) == (sense and k > 0 and radius != 2**31 and clamp != "none")


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([0, 1, 300]), SIDES, SIDES),
    kernel=st.sampled_from([1, 2, (3, 1), (1, 9), 0, 2**40]),
    stride=st.sampled_from([None, 1, 3, 2**20, 2**40]),
    padding=st.sampled_from([0, 1, (0, 3, 0, 9), -1, 2**40]),
)
def test_any_pooling_is_served_or_refused(size, kernel, stride, padding):
    latency = latencies(*size, n_bins=20, seed=0)
    found = result_or_refusal(pool, latency, kernel, stride, padding)
    if found is not None:
        assert_same(found, pool_reference(latency, kernel, stride, padding))


@pytest.mark.parametrize("axis", [0, 1])
def test_windows_may_lie_far_apart(axis):
    """The input is in the middle one of three windows, a million rows or columns apart."""
    far = 2**20
    latency = torch.full((1, 1, 1, 1), 3, dtype=torch.uint8)
    args = (latency, torch.ones(2, 1, 1, 1), 0.5)
    padding, size = ((far, far, 0, 0), (3, 1)) if axis == 0 else ((0, 0, far, far), (1, 3))
    found = spiking_convolution(*args, n_bins=5, stride=far, padding=padding)[0]
    assert found.shape[2:] == size
    assert found[0, 0].flatten().tolist() == [SILENT, 3, SILENT]
    assert pool(latency, 1, far, padding).flatten().tolist() == [SILENT, 3, SILENT]


@pytest.mark.parametrize("potential", [False, True])
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_map_with_odd_weights_leaves_the_others_alone(odd, potential):
    weight = torch.full((32, 2, 1, 1), 0.1)
    weight[0, 0], weight[16, 0], weight[16, 1] = 9.0, -odd, odd
    latency = torch.tensor([0, 2], dtype=torch.uint8).view(1, 2, 1, 1)
    for name in native.INSTRUCTION_SETS:
        native.instruction_set(name)
        found = spiking_convolution(latency, weight, 1.0, n_bins=3, return_potential=potential)
        spikes = (found[0] if potential else found).flatten()
        assert spikes[0] == 0
        assert (spikes[1:16] == SILENT).all()
    native.instruction_set("best")


def test_what_would_not_fit_into_memory_is_refused():
    latency = torch.zeros(1, 1000, 1, 1, dtype=torch.uint8)
    with pytest.raises(ValueError, match="must leave windows that fit"):
        pool(latency, 1, (1, 2**20), (400, 400, 2**20, 2**20))
    latency = torch.zeros(1, 100_000, 1, 1, dtype=torch.uint8)
    padding, stride = (0, 0, 2**20, 2**20), (1, 2**20)
    with pytest.raises(ValueError, match="must leave windows that fit"):
        spiking_convolution(
            latency, torch.ones(1, 100_000, 1, 1), 1.0, n_bins=2, stride=stride, padding=padding
        )
