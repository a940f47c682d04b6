"""`neurospyke train NETWORK`: a published network learns from a data set or from images."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running, on_device, whole
from neurospyke.commands.stimuli import LABELLED, add_image_options, check_images, read_labelled
from neurospyke.offered import NETWORKS

if TYPE_CHECKING:
    import numpy as np

    from neurospyke.images import Images
    from neurospyke.sim import Network
    from neurospyke.sim.curriculum import Curriculum

_WORDS = {
    "`source`": "--data",
    "`images`": "--data",
    "`labels`": "the labels of --data",
    "`epochs`": "--epochs",
    "`until`": "--until",
    "`size=(height, width)`": "--size HEIGHT WIDTH",
    "`size`": "--size",
}
_DESCRIPTION = """\
A published network learns from images, layer by layer: by STDP, then by reward where it has a layer
for that and the images have labels. What has been learned is kept on the way in a folder beside
FILE; after an interruption of any kind the same command goes on, and the result is the same bit for
bit as without one."""
_EPILOG = """\
comes out:
  FILE, the network with its weights; on standard output a line a layer with its convergence and
  the images a second, and, where a layer learns by reward, how often the network is right

examples:
  neurospyke train rezghi2022 --data mnist --out digits.safetensors
  neurospyke train mozafari2019 --data fashion-mnist --epochs conv1=2,conv2=4,conv3=20 \\
      --out clothes.safetensors
  neurospyke train kheradpisheh2018 --data stimuli/ --size 56 56 --out stimuli.safetensors

In Python, neurospyke.sim.read_network("digits.safetensors") gives the network."""


def add_train(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    train = commands.add_parser(
        "train",
        help="a published network learns from images; goes on after an interruption",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    train.add_argument("network", choices=NETWORKS, metavar="NETWORK", help=", ".join(NETWORKS))
    train.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=f"{', '.join(LABELLED)}, or images: a folder, a .zip, or a .csv with the columns "
        "`stimulus`, `path` and, to learn by reward, `label` (0, 1, ...)",
    )
    train.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .safetensors")
    train.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    train.add_argument(
        "--epochs",
        type=_epochs,
        default=1,
        metavar="N",
        help="passes over the images: a number, or one a layer, as conv1=2,conv2=4 [1]",
    )
    train.add_argument("--batch-size", type=whole(1), default=64, metavar="N", help="for STDP [64]")
    train.add_argument("--online", action="store_true", help="STDP goes image by image")
    train.add_argument(
        "--until",
        type=float,
        default=0.01,
        metavar="C",
        help="a layer stops learning by STDP when its convergence, the mean of w (1 - w), falls "
        "below this; 0 goes through all passes [0.01]",
    )
    add_image_options(train)
    train.add_argument(
        "--save-every",
        type=whole(1),
        default=6400,
        metavar="N",
        help="images between checkpoints [6400]",
    )
    add_running(train, seed="weights and dropout")
    train.set_defaults(run=run_train, error_words=_WORDS)


def run_train(options: argparse.Namespace, command: str) -> None:
    """Learn, or go on learning, and write the network.

    Args:
        options: what `add_train` understood.
        command: the command as it was given.

    Raises:
        ValueError: the output exists, or data and network do not fit.
        KeyboardInterrupt: with a note that tells how to go on.
    """
    unfinished = options.out.with_name(f"{options.out.name}.unfinished")
    # what needs no torch is checked before seconds go into importing it
    _check_out(options.out, unfinished, options.overwrite)
    check_images("--data", options.data, options.size, LABELLED)
    from neurospyke.sim.threads import on_threads

    with on_threads(options.threads):
        images, labels = _read(options)
        curriculum = _curriculum(options, images, labels)
        _check_course(options, unfinished, curriculum)
        learned = _learn(options, command, curriculum, unfinished)
        _write(options.out, unfinished, learned, curriculum)
        if not options.quiet:
            _tell(options, learned, curriculum)
    shutil.rmtree(unfinished)


def _learn(
    options: argparse.Namespace, command: str, curriculum: "Curriculum", unfinished: Path
) -> "Network":
    from neurospyke.commands.follow import Follower

    try:
        if not options.quiet:
            _announce(options, curriculum, unfinished)
        with Follower(curriculum.stages, quiet=options.quiet) as follower:
            return curriculum.learn(unfinished, save_every=options.save_every, observe=follower)
    except BaseException as error:
        reached = curriculum.reached(unfinished)
        if reached is None:
            shutil.rmtree(unfinished, ignore_errors=True)
        elif isinstance(error, KeyboardInterrupt):
            stage, n_seen = reached
            error.add_note(f"to go on after image {n_seen} of {stage.layer}: {command}")
        raise


def _check_out(out: Path, unfinished: Path, overwrite: bool) -> None:
    if not out.parent.is_dir():
        raise ValueError(f"--out must be in an existing folder; got {out}; create {out.parent}")
    if out.is_dir():
        raise ValueError(f"--out must be a file; {out} is a folder")
    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors; got {out}")
    # with something unfinished beside it, it may be of the same course; that is seen later
    if out.exists() and not overwrite and not unfinished.exists():
        raise ValueError(f"{out} exists; give --overwrite to replace it, or another --out")


def _check_course(options: argparse.Namespace, unfinished: Path, curriculum: "Curriculum") -> None:
    from neurospyke.sim.checkpoint import read_checkpoint

    curriculum.reached(unfinished)
    if options.out.exists() and not options.overwrite:
        progress = read_checkpoint(options.out)[1] or {}
        if progress.get("course") != curriculum.about:
            raise ValueError(
                f"{options.out} exists and is of another course; give --overwrite to replace it, "
                "or another --out"
            )


def _read(options: argparse.Namespace) -> "tuple[Images, np.ndarray | None]":
    images, labels = _read_data(options.data, options.size, "train")
    if options.first is None:
        return images, labels
    if not 1 <= options.first <= len(images):
        raise ValueError(
            f"--first must be from 1 to {len(images)}, as many as {options.data} has; "
            f"got {options.first}"
        )
    kept = None if labels is None else labels[: options.first]
    return images[: options.first], kept


def _read_data(data: str, size: list[int] | None, split: str) -> "tuple[Images, np.ndarray | None]":
    if data in LABELLED:
        return read_labelled(data, split)
    from neurospyke.images import read_images

    images, stimuli = read_images(data, size=None if size is None else (size[0], size[1]))
    if "label" not in stimuli:
        return images, None
    labels = stimuli["label"].to_numpy()
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"{data} must have whole numbers in the column 'label'; got {labels.dtype}"
        )
    return images, labels.astype("int64")


def _curriculum(
    options: argparse.Namespace, images: "Images", labels: "np.ndarray | None"
) -> "Curriculum":
    from neurospyke import sim
    from neurospyke.sim.curriculum import Curriculum

    made: dict[str, Any] = {"seed": options.seed}
    if options.network == "mozafari2018" and labels is not None:
        made["n_classes"] = int(labels.max()) + 1
    return Curriculum(
        on_device(getattr(sim, options.network)(**made), options.device),
        images,
        labels,
        epochs=options.epochs,
        batch_size=options.batch_size,
        online=options.online,
        until=options.until,
        seed=options.seed,
    )


def _write(out: Path, unfinished: Path, learned: "Network", curriculum: "Curriculum") -> None:
    from neurospyke.sim import write_network

    # made inside the folder that goes away, so that no interruption leaves half a file outside
    made = unfinished / "learned.safetensors"
    write_network(made, learned, progress={"course": curriculum.about})
    made.replace(out)


def _announce(options: argparse.Namespace, curriculum: "Curriculum", unfinished: Path) -> None:
    from neurospyke.sim import RewardSTDP

    reached = curriculum.reached(unfinished)
    if reached is not None:
        stage, n_seen = reached
        say(f"Going on after image {n_seen} of {stage.layer}, kept in {typed([str(unfinished)])}")
    learning = {stage.layer for stage in curriculum.stages}
    for name, layer in curriculum.network.layers.items():
        if isinstance(getattr(layer, "rule", None), RewardSTDP) and name not in learning:
            say(f"{name} learns by reward and stays as it is: {options.data} has no labels")


def _tell(options: argparse.Namespace, learned: "Network", curriculum: "Curriculum") -> None:
    from neurospyke.sim import convergence

    parts = []
    for stage in curriculum.stages:
        layer: Any = learned.layers[stage.layer]
        settled = convergence(layer.weight, layer.rule.lower, layer.rule.upper)
        parts.append(f"{stage.layer} (convergence {settled:.4f})")
    say(f"Learned: {', '.join(parts)}")
    if any(stage.by_reward for stage in curriculum.stages):
        _tell_decisions(options, learned, curriculum)
    say(f"The network is in {typed([str(options.out)])}")


def _tell_decisions(
    options: argparse.Namespace, learned: "Network", curriculum: "Curriculum"
) -> None:
    from neurospyke.sim import decide

    images, labels, which = curriculum.images, curriculum.labels, "training"
    if options.data in LABELLED:
        (images, labels), which = _read_data(options.data, None, "test"), "test"
    answers = decide(learned, images).numpy()
    n_right, n_silent = int((answers == labels).sum()), int((answers < 0).sum())
    say(
        f"Right on {n_right} of {len(answers)} {which} images ({n_right / len(answers):.1%}), "
        f"without an answer on {n_silent}"
    )


def _epochs(text: str) -> int | dict[str, int]:
    try:
        if "=" not in text:
            return int(text)
        pairs = [part.partition("=") for part in text.split(",")]
        passes = {name.strip(): int(number) for name, _, number in pairs}
        if len(passes) == len(pairs):
            return passes
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"must be a whole number, or one for each layer once, as conv1=2,conv2=4; got {text!r}"
    )
