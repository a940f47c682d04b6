"""`neurospyke respond NETWORK IMAGES`: responses of a network's layers to images, as files."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running, bar, on_device, whole
from neurospyke.commands.stimuli import (
    DATASETS,
    SPLITS,
    add_image_options,
    check_images,
    read_stimuli,
)
from neurospyke.offered import NETWORKS

if TYPE_CHECKING:
    from neurospyke.commands.exposure import Exposure
    from neurospyke.commands.growing import Growing
    from neurospyke.responses import Responses

_MEASURES = ("latency", "spike")
_ADVICE = "larger or stronger images, or learning, may help; neurospyke.sim.diagnose says which"
_WORDS = {"`source`": "IMAGES", "`size=(height, width)`": "--size HEIGHT WIDTH", "`size`": "--size"}
_DESCRIPTION = """\
Show images to a network and write what its layers respond, one file a layer. Images go through all
layers once, in batches, and values go to disk, so that memory does not grow with them. After an
interruption of any kind the same command goes on, with the same result."""
_EPILOG = """\
comes out, in FOLDER:
  LAYER.npz   responses (image, unit, time) with the labels of images and units; compare takes
              them, and so does neurospyke.responses.Responses.load in Python
  LAYER.csv   with --csv: a row an image, a column a unit

examples:
  neurospyke respond digits.safetensors mnist --out digits
  neurospyke respond kheradpisheh2018 stimuli/ --size 56 56 --layer pool2 --layer pixels --out shown
  neurospyke respond stimuli.safetensors shown.csv --layer pool2 --csv --out tables
"""


def add_respond(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    respond = commands.add_parser(
        "respond",
        help="responses of a network's layers to images; goes on after an interruption",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    respond.add_argument(
        "network",
        metavar="NETWORK",
        help=f"a .safetensors that train has written, or, untrained, {', '.join(NETWORKS)}",
    )
    respond.add_argument(
        "images",
        metavar="IMAGES",
        help="a folder, a .zip, a .csv with the columns `stimulus` and `path`, or "
        f"{', '.join(DATASETS)}",
    )
    respond.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="made if absent")
    respond.add_argument("--overwrite", action="store_true", help="replace files that are there")
    respond.add_argument(
        "--layer",
        action="append",
        metavar="LAYER",
        help="a layer, or pixels for the images themselves; repeatable [every layer]",
    )
    respond.add_argument(
        "--measure",
        choices=_MEASURES,
        default="latency",
        help="latency: the time step of the spike, the number of steps where silent; "
        "spike: 1 in the step of the spike, else 0 [latency]",
    )
    respond.add_argument("--csv", action="store_true", help="tables as well; of latencies only")
    add_image_options(respond)
    respond.add_argument(
        "--split", choices=SPLITS, default="test", help="part of mnist and fashion-mnist [test]"
    )
    respond.add_argument(
        "--batch-size",
        type=whole(1),
        default=64,
        metavar="N",
        help="images at a time; changes no result [64]",
    )
    add_running(respond, seed="the weights of an untrained network")
    respond.set_defaults(run=run_respond, error_words=_WORDS)


def run_respond(options: argparse.Namespace, command: str) -> None:
    """Write the responses of layers, or go on writing them.

    Args:
        options: what `add_respond` understood.
        command: the command as it was given.

    Raises:
        ValueError: a file exists, or network and images do not fit.
        KeyboardInterrupt: with a note that tells how to go on.
    """
    # what needs no torch is checked before seconds go into importing it
    _check(options)
    from neurospyke.commands.growing import Growing
    from neurospyke.sim.threads import on_threads

    with on_threads(options.threads):
        exposure = _expose(options)
        _check_free(options, exposure.layers)
        growing = Growing(_unfinished(options), exposure.about, exposure.like, exposure.n_images)
        try:
            _grow(options, exposure, growing)
            for layer in exposure.layers:
                _write(options, exposure, growing, layer)
        except BaseException as error:
            # an error is no reason to lose what an interruption would not
            growing.mark()
            if not growing.n_done:
                growing.remove()
            elif isinstance(error, KeyboardInterrupt):
                reached = f"image {growing.n_done} of {exposure.n_images}"
                error.add_note(f"to go on after {reached}: {command}")
            raise
    growing.remove()


def _unfinished(options: argparse.Namespace) -> Path:
    return options.out / "respond.unfinished"


def _check(options: argparse.Namespace) -> None:
    if not options.out.parent.is_dir():
        raise ValueError(
            f"--out must be in an existing folder; got {options.out}; create {options.out.parent}"
        )
    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out must be a folder; {options.out} is a file")
    if options.csv and options.measure != "latency":
        raise ValueError("--csv must go with --measure latency, one number an image and unit")
    if options.network not in NETWORKS and not Path(options.network).is_file():
        raise ValueError(
            f"NETWORK must be one of {list(NETWORKS)} or an existing file; got {options.network!r}"
        )
    check_images("IMAGES", options.images, options.size)
    _check_free(options, options.layer or ())


def _check_free(options: argparse.Namespace, layers: Sequence[str]) -> None:
    # one that was interrupted while it wrote its files may find some of them
    allowed = options.overwrite or _unfinished(options).exists()
    for path in [options.out / f"{layer}.npz" for layer in layers]:
        if path.exists() and not allowed:
            raise ValueError(f"{path} exists; give --overwrite to replace it, or another --out")


def _expose(options: argparse.Namespace) -> "Exposure":
    from neurospyke import sim
    from neurospyke.commands.exposure import Exposure, checksum

    if options.network in NETWORKS:
        network = getattr(sim, options.network)(seed=options.seed)
        weights = f"untrained, seed {options.seed}"
    else:
        network = sim.read_network(options.network)
        weights = f"weights of {checksum(Path(options.network).read_bytes())}"
    images, stimuli = read_stimuli(
        options.images, size=options.size, split=options.split, colour=network.n_channels == 3
    )
    n_images = options.first or len(images)
    if n_images > len(images):
        raise ValueError(
            f"--first must be at most {len(images)}, as many as {options.images} has; "
            f"got {n_images}"
        )
    return Exposure(
        on_device(network, options.device),
        weights,
        images[:n_images],
        # where an image lies says nothing about what it shows, and need not be text
        stimuli[:n_images].drop(columns="path", errors="ignore"),
        tuple(dict.fromkeys(options.layer or network.layer_names)),
        options.measure,
    )


def _grow(options: argparse.Namespace, exposure: "Exposure", growing: "Growing") -> None:
    n_images = exposure.n_images
    if growing.n_done and not options.quiet:
        say(f"Going on after image {growing.n_done} of {n_images}")
    with bar(n_images, " images", quiet=options.quiet, initial=growing.n_done) as shown:
        for start in range(growing.n_done, n_images, options.batch_size):
            stop = min(start + options.batch_size, n_images)
            growing.add(exposure.values(start, stop))
            shown.update(stop - start)
    growing.mark()


def _write(
    options: argparse.Namespace, exposure: "Exposure", growing: "Growing", layer: str
) -> None:
    responses = exposure.responses(layer, growing.values(layer))
    path = options.out / f"{layer}.npz"
    responses.save(path)
    if options.csv:
        _write_table(responses, path.with_suffix(".csv"))
    if options.quiet:
        return
    line = (
        f"{layer}: {responses.n_trials} images x {responses.n_units} units in {typed([str(path)])}"
    )
    if layer in exposure.network.layer_names:
        share = _share_spiking(responses)
        line += f"; {share:.1%} spike" if share else f"; nothing spikes: {_ADVICE}"
    say(line)


def _share_spiking(responses: "Responses") -> float:
    n_spikes = 0
    for values in responses.values:
        if responses.measure == "spike":
            n_spikes += int(values.sum())
        else:
            n_spikes += int((values < responses.edges[-1]).sum())
    return n_spikes / (responses.n_trials * responses.n_units)


def _write_table(responses: "Responses", path: Path) -> None:
    import pandas as pd

    from neurospyke.storage import whole_file

    names = [f"unit{unit}" for unit in responses.units["unit"]]
    values = pd.DataFrame(responses.values[:, :, 0], columns=names)
    with whole_file(path) as temporary:
        pd.concat([responses.trials, values], axis=1).to_csv(
            temporary, index=False, errors="backslashreplace"
        )
