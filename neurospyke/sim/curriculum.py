"""All that a network can learn, layer by layer, in a folder from which to go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurospyke.sim.checkpoint import read_checkpoint
from neurospyke.sim.course import Observer, checksum
from neurospyke.sim.intensity import check_images
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import learn_by_reward, learn_by_stdp
from neurospyke.sim.whole import check_whole
from neurospyke.storage import whole_file

_COURSE = "course.json"


@dataclass(frozen=True)
class Stage:
    """One layer's part in a curriculum.

    Args:
        layer: name of the layer.
        by_reward: whether it learns by reward, or by STDP.
        epochs: passes over the images, at most.
        n_images: images in each pass.
    """

    layer: str
    by_reward: bool
    epochs: int
    n_images: int


@dataclass(frozen=True, eq=False)
class Curriculum:
    """What a network learns from a set of images: its STDP layers, then its reward layer.

    Every layer learns once those below it have finished, as `learn_by_stdp` and `learn_by_reward`
    say, in batches of consecutive images.

    Args:
        network: network to start from; left unchanged.
        images: (image, channel, height, width), float32 or float64 in [0, 1].
        labels: (image,) whole numbers, classes from 0 up; None leaves out layers that learn by
            reward.
        epochs: passes over the images, one number for all layers, or one a layer by name; layers
            not named go through them once.
        batch_size: images in a batch of STDP.
        reward_batch_size: images in a batch of learning by reward, whose rates follow the
            performance in the batch before; 1000 as in Mozafari et al. (2019).
        online: as in `learn_by_stdp`.
        until: as in `learn_by_stdp`.
        seed: of the maps that drop out, as in `learn_by_reward`; from 0 up.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: nothing to learn, a layer that does not learn, labels that do not fit, or a
            number out of range.

    Example:
        >>> from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
        >>> curriculum = Curriculum(kheradpisheh2018(), torch.rand(6, 1, 8, 8), epochs={"conv1": 2})
        >>> [(stage.layer, stage.epochs) for stage in curriculum.stages]
        [('conv1', 2), ('conv2', 1)]
    """

    network: Network
    images: Tensor
    labels: np.ndarray | Tensor | None = None
    epochs: int | Mapping[str, int] = 1
    batch_size: int = 64
    reward_batch_size: int = 1000
    online: bool = False
    until: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_images(self.images, self.network.n_channels)
        for name in ("batch_size", "reward_batch_size"):
            check_whole(name, getattr(self, name), 1)
        check_whole("seed", self.seed, 0)
        if not self.stages:
            raise ValueError(
                f"`labels` must be given for a network that learns by reward only, as "
                f"{self.network.name}; got None"
            )
        self._check_epochs()
        self._check_labels()
        # what does not fit is found now, not hours later
        try:
            with torch.no_grad():
                self.network(self.images[:1].to(self._device))
        except ValueError as error:
            height, width = self.images.shape[2:]
            raise ValueError(
                f"`images` must suit {self.network.name}; got {height} x {width} pixels: {error}"
            ) from error

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The layers that learn, in order, those by reward last."""
        kinds = (STDP,) if self.labels is None else (STDP, RewardSTDP)
        return tuple(
            Stage(name, kind is RewardSTDP, self._epochs(name), len(self.images))
            for kind in kinds
            for name, layer in self.network.layers.items()
            if isinstance(getattr(layer, "rule", None), kind)
        )

    @cached_property
    def about(self) -> dict[str, Any]:
        """What decides the result, as JSON values."""
        return {
            "network": self.network.name,
            "seed": self.seed,
            "epochs": {stage.layer: stage.epochs for stage in self.stages},
            "batch_size": self.batch_size,
            "reward_batch_size": self.reward_batch_size,
            "online": self.online,
            "until": self.until,
            "n_images": len(self.images),
            "device": self._device.type,
            "images": checksum([self.images]),
            "labels": None if self.labels is None else checksum([torch.as_tensor(self.labels)]),
        }

    def reached(self, folder: str | Path) -> tuple[Stage, int] | None:
        """How far learning has come in a folder.

        Args:
            folder: the folder given to `learn`; it need not exist.

        Returns:
            The last stage that has begun, and the images that it has learned from; None if none
            has.

        Raises:
            ValueError: the folder is that of another curriculum.
        """
        self._check_folder(Path(folder))
        for stage in reversed(self.stages):
            path = _kept(folder, stage)
            if path.exists():
                progress = read_checkpoint(path)[1] or {}
                return stage, int(progress.get("step", {}).get("n_seen", 0))
        return None

    def learn(
        self, folder: str | Path, *, save_every: int = 6400, observe: Observer | None = None
    ) -> Network:
        """Copy of the network that has learned everything.

        Args:
            folder: where each layer keeps how far it has come; made if absent. A run that was
                interrupted at any moment and is started again ends with the same weights. Nothing
                in it is needed once all is learned.
            save_every: images between two checkpoints.
            observe: called with a `LearningStep` after each batch.

        Returns:
            The trained copy.

        Raises:
            ValueError: the folder is that of another curriculum, or `save_every` is out of range.
        """
        check_whole("save_every", save_every, 1)
        self._begin(Path(folder))
        learned = self.network
        for stage in self.stages:
            size = self.reward_batch_size if stage.by_reward else self.batch_size
            kept = {
                "epochs": stage.epochs,
                "checkpoint": _kept(folder, stage),
                "save_every": max(1, save_every // size),
                "observe": observe,
            }
            if stage.by_reward:
                pairs = list(zip(self.images.split(size), self._labels().split(size), strict=True))
                learned = learn_by_reward(learned, pairs, layer=stage.layer, seed=self.seed, **kept)
            else:
                learned = learn_by_stdp(
                    learned,
                    self.images.split(size),
                    layers=[stage.layer],
                    online=self.online,
                    until=self.until,
                    **kept,
                )
        return learned

    @property
    def _device(self) -> torch.device:
        return next(iter(self.network.parameters())).device

    def _epochs(self, layer: str) -> int:
        return self.epochs if isinstance(self.epochs, int) else self.epochs.get(layer, 1)

    def _check_epochs(self) -> None:
        names = [stage.layer for stage in self.stages]
        for name in () if isinstance(self.epochs, int) else self.epochs:
            if name not in names:
                raise ValueError(
                    f"`epochs` must name layers that learn, here {names}; got {name!r}"
                )
        for stage in self.stages:
            check_whole("epochs", stage.epochs, 1)

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        if len(self.labels) != len(self.images):
            raise ValueError(
                f"`labels` must be one for each of {len(self.images)} images; "
                f"got {len(self.labels)}"
            )
        low, high = (int(bound) for bound in self._labels().aminmax())
        for stage in self.stages:
            rule = self.network.layers[stage.layer].rule
            if isinstance(rule, RewardSTDP) and not 0 <= low <= high < rule.n_classes:
                raise ValueError(
                    f"`labels` must be from 0 to {rule.n_classes - 1}, the classes of "
                    f"{stage.layer}; got {low} to {high}"
                )

    def _labels(self) -> Tensor:
        return torch.as_tensor(self.labels)

    def _begin(self, folder: Path) -> None:
        self._check_folder(folder)
        folder.mkdir(exist_ok=True)
        with whole_file(folder / _COURSE) as temporary:
            temporary.write_text(json.dumps(self.about, indent=1) + "\n")

    def _check_folder(self, folder: Path) -> None:
        path = folder / _COURSE
        if not path.exists() or not any(_kept(folder, stage).exists() for stage in self.stages):
            return
        found = json.loads(path.read_text())
        other = {
            key: (found.get(key), value)
            for key, value in self.about.items()
            if found.get(key) != value
        }
        if other:
            differences = "; ".join(
                f"{key} {old!r}, now {new!r}" for key, (old, new) in other.items()
            )
            raise ValueError(
                f"`folder` must hold the same course; {folder} was begun with {differences}; "
                "ask for the same, or remove it to start anew"
            )


def _kept(folder: str | Path, stage: Stage) -> Path:
    return Path(folder) / f"{stage.layer}.safetensors"
