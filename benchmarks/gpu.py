"""Time the spiking convolution on a GPU against a dense wave in torch on the same card.

    python benchmarks/gpu.py [--samples 20] [--batch 8] [--peak fp16=790e12 ...]

The layers are those of a network for 224 x 224 images and of one for MNIST, with weights as they
start and as learning leaves them. Spikes are random, uniform in time; weights are not negative, so
that a dense wave can count its bins. Outputs are compared with float64 before anything is timed.

What is timed, in turn, medians of CUDA events round as many calls as take 10 ms:

    ours      tensor cores in each precision, events, the choice by density, and that replayed as a
              CUDA graph; latencies in, latencies out, weights prepared in each call
    theirs    conv2d on float waves that are made beforehand and not timed, threshold, count of the
              bins; all samples and bins in one batch, or sample by sample; TF32 on and off

Beside each figure of ours stands the share of the roofline: the least time that its operations
(multiplications and additions of the blocks that were computed) and bytes (inputs, weights and
outputs once through memory; the rows of weights of events through the cache) take at this card's
peaks, over the time taken. Peaks are measured here: products of 8192 x 8192 matrices, copies of
4 GB and of 16 MB. `--peak name=value` replaces one: fp16 and int8 in operations a second, memory
and cache in bytes a second.
"""

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.window import output_size

RESULTS = Path(__file__).parent / "results" / "gpu.json"
# a potential this near its threshold may fall on either side of it in float32
NEAR = 1e-4
OURS = [("dense", p) for p in ("full", "fast", "reproducible")] + [
    ("events", "full"),
    ("events", "reproducible"),
    ("auto", "full"),
]
SWEEP = (0.01, 0.03, 0.1, 0.3)


@dataclass(frozen=True)
class Case:
    """A layer: sizes, threshold, share of inputs that spike."""

    name: str
    batch: int
    channels: int
    size: int
    maps: int
    kernel: int
    threshold: float
    n_bins: int
    density: float
    weights: str

    @property
    def padding(self) -> tuple[int, int, int, int]:
        return (self.kernel // 2,) * 4

    @property
    def taps(self) -> int:
        return self.channels * self.kernel**2


def cases(batch: int) -> list[Case]:
    return [
        Case(f"{name} {weights}", n, *sizes, weights)
        for name, n, *sizes in [
            ("large 1", batch, 2, 224, 64, 7, 8.0, 30, 0.2),
            ("large 2", batch, 64, 112, 128, 5, 30.0, 30, 0.2),
            ("digits 1", 64, 6, 28, 100, 5, 16.0, 15, 0.22),
            ("digits 2", 64, 100, 14, 200, 3, 5.0, 15, 0.2),
        ]
        for weights in ("initial", "converged")
    ]


@dataclass(frozen=True)
class Problem:
    """A case's tensors on the device."""

    case: Case
    latency: Tensor
    weight: Tensor
    threshold: Tensor


def problem(case: Case, device: str) -> Problem:
    generator = torch.Generator().manual_seed(0)
    shape = (case.batch, case.channels, case.size, case.size)
    latency = torch.randint(case.n_bins, shape, generator=generator, dtype=torch.uint8)
    latency[torch.rand(shape, generator=generator) >= case.density] = SILENT
    weight = torch.randn((case.maps, case.channels, case.kernel, case.kernel), generator=generator)
    if case.weights == "initial":
        weight = (0.5 + 0.02 * weight).clamp(0, 1)
    else:
        # as many strong ones as end at half as much again as the threshold
        share = min(1.0, 1.5 * case.threshold / (case.density * case.taps))
        strong = torch.rand(weight.shape, generator=generator) < share
        weight = (torch.where(strong, 0.97, 0.03) + 0.01 * weight).clamp(0, 1)
    return Problem(
        case,
        latency.to(device).contiguous(memory_format=torch.channels_last),
        weight.to(device),
        torch.full((case.maps,), case.threshold, device=device),
    )


def ours(
    given: Problem, route: str, precision: str, work: Tensor | None = None
) -> Callable[[], Tensor]:
    from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution

    case = given.case
    arguments = (given.latency, given.weight, given.threshold, case.n_bins, (1, 1), case.padding)
    return lambda: spiking_convolution(*arguments, precision, False, route=route, work=work)[0]


def wave(latency: Tensor, n_bins: int) -> Tensor:
    """Spikes so far: float32 (batch, time, channel, height, width)."""
    times = torch.arange(n_bins, dtype=torch.uint8, device=latency.device).view(1, -1, 1, 1, 1)
    return (latency.contiguous()[:, None] <= times).float()


def batched(given: Problem, spikes: Tensor) -> Callable[[], Tensor]:
    batch, n_bins = spikes.shape[:2]

    def run() -> Tensor:
        v = F.conv2d(spikes.flatten(0, 1), given.weight, padding=given.case.kernel // 2)
        return n_bins - (v > given.case.threshold).view(batch, n_bins, *v.shape[1:]).sum(1)

    return run


def per_sample(given: Problem, spikes: Tensor) -> Callable[[], list[Tensor]]:
    def run() -> list[Tensor]:
        waves = (F.conv2d(one, given.weight, padding=given.case.kernel // 2) for one in spikes)
        return [len(v) - (v > given.case.threshold).sum(0) for v in waves]

    return run


def disagreement(given: Problem, latency: Tensor, relative: float) -> float:
    """Share of the first sample's latencies that differ from float64; ends where inexcusable.

    Excused is a unit with a potential within `relative` of its threshold.
    """
    case, wrong, excused = given.case, 0, 0
    spikes = wave(given.latency[:1], case.n_bins)[0].double()
    # maps in parts: all bins of all maps are many numbers
    for weight, mine in zip(given.weight.split(16), latency[0].split(16), strict=True):
        v = F.conv2d(spikes, weight.double(), padding=case.kernel // 2)
        first = case.n_bins - (v > case.threshold).sum(0)
        differs = torch.where(mine == SILENT, case.n_bins, mine.long()) != first
        near = (v - case.threshold).abs().amin(0) <= relative * max(1.0, case.threshold)
        wrong += int(differs.sum())
        excused += int((differs & near).sum())
    if wrong > excused:
        raise SystemExit(f"{case.name}: {wrong - excused} latencies are wrong; times mean nothing")
    return wrong / latency[0].numel()


def agreement(given: Problem) -> dict[str, float]:
    """Share of latencies that differ from float64, for each route and precision."""
    found, kept = {}, {}
    for route, precision in OURS:
        out = kept[route, precision] = ours(given, route, precision)()
        near = 2.0**-9 if precision == "fast" else NEAR
        found[f"{route} {precision}"] = disagreement(given, out, near)
    if not torch.equal(kept["dense", "reproducible"], kept["events", "reproducible"]):
        raise SystemExit(f"{given.case.name}: the reproducible routes are not the same bit for bit")
    return found


def least_seconds(given: Problem, route: str, precision: str, peaks: dict[str, float]) -> float:
    """What the operations and bytes of one call take at the card's peaks."""
    from neurospyke.sim.ops.kernels import dense
    from neurospyke.sim.ops.kernels.parts import PASSES

    case = given.case
    work = torch.zeros(2, dtype=torch.int32, device=given.latency.device)
    ours(given, route, precision, work)()
    size = output_size((case.size,) * 2, (case.kernel,) * 2, (1, 1), case.padding)
    outputs = case.batch * case.maps * size[0] * size[1]
    through_memory = given.latency.numel() + outputs + 8 * given.weight.numel()
    seconds = [through_memory / peaks["memory"]]
    if route == "events":
        seconds.append(int(work[0]) * case.maps * 4 / peaks["cache"])
    else:
        blocks = dense.blocks(case.n_bins, case.maps, case.taps, precision == "reproducible")
        padded = -(-case.taps // blocks["INPUTS"]) * blocks["INPUTS"]
        products = int(work[0]) * dense.ROWS * blocks["COLUMNS"] * padded * PASSES[precision]
        peak = peaks["int8" if precision == "reproducible" else "fp16"]
        seconds.append(2 * products / peak)
    return max(seconds)


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def within(on: bool, job: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with tf32(on):
            return job()

    return run


def as_graph(job: Callable[[], object]) -> Callable[[], object]:
    """A job captured once and replayed; what it reads and writes stays where it was."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        job()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = job()

    def run() -> object:
        graph.replay()
        return kept

    return run


def milliseconds(jobs: dict[str, Callable[[], object]], samples: int) -> dict[str, float]:
    """Median milliseconds of a call of each job, taken in turn."""
    calls = {}
    for name, job in jobs.items():
        for _ in range(3):
            job()
        calls[name] = max(1, min(1000, int(10 / max(sample(job, 1), 1e-3))))
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(samples):
        for name, job in jobs.items():
            taken[name].append(sample(job, calls[name]))
    return {name: statistics.median(times) for name, times in taken.items()}


def sample(job: Callable[[], object], calls: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        job()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / calls


def measured_peaks(samples: int) -> dict[str, float]:
    """Operations and bytes a second."""
    n = 8192
    half = torch.randn(n, n, device="cuda", dtype=torch.float16)
    whole = torch.randint(-64, 64, (n, n), device="cuda", dtype=torch.int8)
    large = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    small = torch.empty(2**23, dtype=torch.uint8, device="cuda")
    target, cached = torch.empty_like(large), torch.empty_like(small)

    def copies() -> None:
        for _ in range(100):
            cached.copy_(small)

    times = milliseconds(
        {
            "fp16": lambda: half @ half,
            "int8": lambda: torch._int_mm(whole, whole),
            "memory": lambda: target.copy_(large),
            "cache": as_graph(copies),
        },
        samples,
    )
    counts = {
        "fp16": 2 * n**3,
        "int8": 2 * n**3,
        "memory": 2 * large.numel(),
        "cache": 200 * small.numel(),
    }
    return {name: 1e3 * counts[name] / times[name] for name in counts}


def run_case(case: Case, samples: int, peaks: dict[str, float]) -> dict[str, object]:
    given = problem(case, "cuda")
    differing = agreement(given)
    spikes = wave(given.latency, case.n_bins)
    jobs: dict[str, Callable[[], object]] = {f"{r} {p}": ours(given, r, p) for r, p in OURS}
    jobs["auto full, graph"] = as_graph(ours(given, "auto", "full"))
    for on in (True, False):
        name = "TF32" if on else "float32"
        jobs[f"torch batched {name}"] = within(on, batched(given, spikes))
        jobs[f"torch per sample {name}"] = within(on, per_sample(given, spikes))
    times = milliseconds(jobs, samples)
    best = min(times["torch batched TF32"], times["torch per sample TF32"])
    shares = {
        f"{r} {p}": 1e3 * least_seconds(given, r, p, peaks) / times[f"{r} {p}"]
        for r, p in OURS
        if r != "auto"
    }
    print(f"\n{case.name}: {case.n_bins} bins, batch {case.batch}")
    for name, time in times.items():
        share = f"{shares[name]:8.0%} of roofline" if name in shares else ""
        print(f"  {name:28s} {time:9.3f} ms {best / time:7.1f} x torch TF32 {share}")
    return {
        **asdict(case),
        "milliseconds": times,
        "roofline_share": shares,
        "differing_from_float64": differing,
    }


def sweep(case: Case, samples: int) -> dict[str, dict[str, float]]:
    """Milliseconds of both routes over densities: where they cross, `density.BALANCE` should be."""
    found = {}
    for density in SWEEP:
        given = problem(Case(**{**asdict(case), "density": density}), "cuda")
        jobs = {route: ours(given, route, "full") for route in ("dense", "events", "auto")}
        found[str(density)] = milliseconds(jobs, samples)
        print(f"  density {density}: {found[str(density)]}")
    return found


def learning(samples: int) -> dict[str, float]:
    """Milliseconds of a step of learning of the first digits layer, a batch of 64."""
    from neurospyke.sim.ops.kernels.learning_step import learning_step

    given = problem(next(case for case in cases(1) if case.name == "digits 1 converged"), "cuda")
    rates = [torch.full_like(given.threshold, rate) for rate in (0.004, -0.003)]
    rule = (15, 5, 3, 0.0, 1.0, True, "winners", (1, 1), given.case.padding)
    jobs: dict[str, Callable[[], object]] = {}
    for name, online in (("batch", False), ("online", True)):

        def job(online: bool = online) -> object:
            return learning_step(
                given.weight, given.latency, given.threshold, *rates, *rule, online
            )

        jobs[name] = job
        jobs[f"{name}, graph"] = as_graph(job)
    return milliseconds(jobs, samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8, help="images of 224 x 224 at once")
    parser.add_argument("--peak", nargs="*", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            "No GPU that torch can use was found, so there is nothing to time here; "
            "`make bench` times the same layers on the CPU."
        )
    torch.backends.cudnn.benchmark = True
    peaks = measured_peaks(options.samples)
    peaks |= {name: float(value) for name, value in (pair.split("=") for pair in options.peak)}
    print(torch.cuda.get_device_name(), {name: f"{peak:.3g}/s" for name, peak in peaks.items()})
    figures = [run_case(case, options.samples, peaks) for case in cases(options.batch)]
    record = {
        "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
        "device": torch.cuda.get_device_name(),
        "peaks_per_second": peaks,
        "python": platform.python_version(),
        "cuda": torch.version.cuda,
        "versions": {name: version(name) for name in ("torch", "triton")},
        "samples": options.samples,
        "layers": figures,
        "density_sweep_large_2": sweep(cases(options.batch)[3], options.samples),
        "learning_step_digits_1": learning(options.samples),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["learning_step_digits_1"], indent=2))


if __name__ == "__main__":
    main()
