"""Train the ECG network from scratch, the epoch chosen on validation, and keep curve and command.

    python benchmarks/srnn_ecg.py [--seed 0] [--epochs 200] [--minutes 29]

The test set is looked at once, at the end.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from neurospyke.datasets import read_ecg_laguna1997
from neurospyke.sim.models.yin2021 import yin2021
from neurospyke.sim.through_time import StreamStep, learn_through_time, shuffled

HERE = Path(__file__).parent
N_VALIDATION = 100


def read(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (time, sample, channel) and labels (time, sample)."""
    inputs, labels = read_ecg_laguna1997(split)
    return torch.from_numpy(inputs), torch.from_numpy(labels)


class TimeUp(Exception):
    """The minutes allowed are over."""


def main() -> None:  # noqa: PLR0915 - from the first argument to the last figure
    """Train, test once, write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument(
        "--halve", type=int, default=50, help="epochs after which the rate is halved"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=29.0)
    parser.add_argument("--out", type=Path, default=HERE / "results/srnn_ecg.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    inputs, labels = read("train")
    order = torch.randperm(inputs.shape[1], generator=torch.Generator().manual_seed(given.seed))
    held, kept = order[:N_VALIDATION], order[N_VALIDATION:]
    curve: list[dict[str, float]] = []
    losses: list[float] = []
    start = time.monotonic()
    checkpoint = given.out.with_suffix(".safetensors")

    def observe(step: StreamStep) -> None:
        losses.append(step.loss / (len(inputs) - 10))
        if step.accuracy is None:
            return
        minutes = (time.monotonic() - start) / 60
        curve.append(
            {"loss": float(np.mean(losses)), "validation": step.accuracy, "minutes": minutes}
        )
        losses.clear()
        print(step.epoch, {k: round(v, 4) for k, v in curve[-1].items()}, flush=True)
        if minutes > given.minutes:
            raise TimeUp

    best = yin2021("ecg", given.seed)
    settings = {"rate": given.rate, "epochs": given.epochs, "seed": given.seed}
    try:
        best = learn_through_time(
            best,
            shuffled(inputs[:, kept], labels[:, kept], batch_size=given.batch, seed=given.seed),
            validation=(inputs[:, held], labels[:, held]),
            schedule=lambda epoch: 0.5 ** (epoch // given.halve),
            random_start=False,
            observe=observe,
            checkpoint=checkpoint,
            save_every=100,
            **settings,
        )
    except TimeUp:
        from neurospyke.sim.stream_file import read_stream_network

        best, _, state = read_stream_network(checkpoint)
        # until an epoch has been judged there are no best weights
        for name, value in best.state_dict().items():
            value.copy_(state.get(f"best.{name}", value))
    accuracy = best.accuracy(*read("test"))
    result = {
        "command": " ".join(["python", *sys.argv]),
        "test_accuracy": accuracy,
        "validation_accuracy": max(each["validation"] for each in curve),
        "minutes": (time.monotonic() - start) / 60,
        "torch": torch.__version__,
        **settings,
        "curve": curve,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"test accuracy {accuracy:.4f} after {result['minutes']:.1f} minutes")


if __name__ == "__main__":
    main()
