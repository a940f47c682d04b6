"""The models of a study: layers of a network, baselines, and responses from files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurospyke.offered import NETWORKS
from neurospyke.responses import Responses
from neurospyke.study.counts import read_responses
from neurospyke.study.keys import Keys

if TYPE_CHECKING:
    from neurospyke.images import Images
    from neurospyke.sim import Network

Track = Callable[[Iterable[Any], str], Iterable[Any]]
NETWORK_KEYS = ("model", "checkpoint", "seed", "layers", "measure", "training")
TRAINING_KEYS = ("images", "size", "epochs", "batch_size", "rates", "constant_rates", "shuffled")
MODELS_KEYS = ("baselines", "files")
BASELINES = ("pixels",)


@dataclass(frozen=True)
class Training:
    """How a network learns by STDP before it is compared.

    Args:
        path: images to learn from; the stimuli when not given.
        size: (height, width) to resize them to.
        epochs: passes over them.
        batch_size: images in a batch.
        rates: factor of the published learning rates.
        constant_rates: whether rates stay as they begin.
        shuffled: whether images come in random order, the same in every pass.
    """

    path: Path | None
    size: tuple[int, int] | None
    epochs: int
    batch_size: int
    rates: float
    constant_rates: bool
    shuffled: bool

    @classmethod
    def from_keys(cls, keys: Keys, folder: Path) -> "Training":
        """From a table of a configuration.

        Args:
            keys: the table.
            folder: where relative paths start.

        Returns:
            The choice.

        Raises:
            ValueError: if a value does not fit.
        """
        return cls(
            keys.path("images", folder) if "images" in keys else None,
            keys.wholes("size", None, least=1, n=2),
            keys.whole("epochs", 1, least=1),
            keys.whole("batch_size", 64, least=1),
            keys.number("rates", 1.0, above=0),
            keys.flag("constant_rates"),
            keys.flag("shuffled", True),
        )

    def teach(self, network: "Network", images: "Images", seed: int, track: Track) -> "Network":
        """The network after learning.

        Args:
            network: the network, whose rules take the rates chosen here.
            images: the stimuli, learned from where no others are given.
            seed: of the order of images.
            track: called with (batches, label).

        Returns:
            A new network.
        """
        from neurospyke.images import read_images
        from neurospyke.sim import learn_by_stdp

        if self.path is not None:
            images, _ = read_images(self.path, size=self.size, colour=network.n_channels == 3)
        order = np.arange(len(images))
        if self.shuffled:
            np.random.default_rng(seed).shuffle(order)
        batches = images[order].split(self.batch_size)
        return learn_by_stdp(
            self._with_rates(network), track(batches, "learning"), epochs=self.epochs
        )

    def _with_rates(self, network: "Network") -> "Network":
        for layer in network.layers.values():
            rule: Any = getattr(layer, "rule", None)
            if not hasattr(rule, "rate_positive"):
                continue
            rates = {
                "rate_positive": self.rates * rule.rate_positive,
                "rate_negative": self.rates * rule.rate_negative,
            }
            constant = {"schedule": None} if self.constant_rates else {}
            layer.rule = replace(rule, **rates, **constant)
        return network

    def sentence(self, n_images: int) -> str:
        """How it learned, for the methods.

        Args:
            n_images: number of stimuli.

        Returns:
            Sentences.
        """
        shown = (
            f"the {n_images} stimuli" if self.path is None else f"the images of {self.path.name}"
        )
        order = "in random order" if self.shuffled else "in the order given"
        passes = "one pass" if self.epochs == 1 else f"{self.epochs} passes"
        rates = "the published learning rates"
        rates = rates if self.rates == 1 else f"{self.rates:g} times {rates}"
        held = ", which stay as they begin" if self.constant_rates else ""
        return (
            f"Its layers learned one after the other by STDP, without labels, in {passes} over "
            f"{shown} {order}, in batches of {self.batch_size}, at {rates}{held}."
        )


@dataclass(frozen=True)
class NetworkChoice:
    """Which network.

    Args:
        model: name of a published network.
        checkpoint: a file of a network that has learned.
        seed: of its weights.
        layers: which layers; all when empty.
        measure: "latency" or "spike".
        training: how it learns here; None leaves it as it is.
    """

    model: str | None
    checkpoint: Path | None
    seed: int | None
    layers: tuple[str, ...]
    measure: str
    training: Training | None

    @classmethod
    def from_keys(cls, keys: Keys, folder: Path) -> "NetworkChoice":
        """From a table of a configuration.

        Args:
            keys: the table.
            folder: where relative paths start.

        Returns:
            The choice.

        Raises:
            ValueError: if a value does not fit.
        """
        which = keys.only_one("model", "checkpoint")
        training = keys.section("training", TRAINING_KEYS)
        return cls(
            keys.text("model", among=NETWORKS) if which == "model" else None,
            keys.path("checkpoint", folder) if which == "checkpoint" else None,
            keys.whole("seed", None),
            keys.texts("layers", ()),
            keys.text("measure", "latency", among=("latency", "spike")),
            None if training is None else Training.from_keys(training, folder),
        )

    def make(self, images: "Images", seed: int, device: str, track: Track) -> "Network":
        """The network, learned.

        Args:
            images: the stimuli.
            seed: of the study, where the network has none of its own.
            device: where it runs.
            track: called with (batches, label).

        Returns:
            The network.

        Raises:
            ValueError: if the device or a layer is not there, or the file is damaged.
        """
        from neurospyke import sim

        if self.checkpoint is not None:
            network = sim.read_network(self.checkpoint)
        else:
            assert self.model is not None
            network = getattr(sim, self.model)(seed=self._seed(seed))
        absent = sorted(set(self.layers) - set(network.layer_names))
        if absent:
            raise ValueError(f"`network.layers` must be among {network.layer_names}; got {absent}")
        try:
            network = network.to(device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"`device` must be one that torch has here; {error}") from error
        if self.training is None:
            return network
        return self.training.teach(network, images, self._seed(seed), track)

    def _seed(self, seed: int) -> int:
        return seed if self.seed is None else self.seed

    def sentences(self, n_images: int, seed: int) -> str:
        """What the network is and how it learned, for the methods.

        Args:
            n_images: number of stimuli.
            seed: of the study.

        Returns:
            Sentences.
        """
        if self.model is not None:
            made = (
                f"The network is {self.model} [@{self.model}], its weights drawn from the seed "
                f"{self._seed(seed)}."
            )
        else:
            assert self.checkpoint is not None
            made = f"The network was read, as it had learned, from {self.checkpoint.name}."
        learned = "" if self.training is None else f" {self.training.sentence(n_images)}"
        pattern = {
            "latency": "the latency of every unit's first spike, silence counting as the end of "
            "the last time step",
            "spike": "who spikes in each time step",
        }[self.measure]
        return f"{made}{learned} A layer's pattern is {pattern}."


@dataclass(frozen=True)
class Models:
    """Every model of a study by name.

    Args:
        network: the network, or None.
        baselines: names in `BASELINES`.
        files: responses by name.
    """

    network: NetworkChoice | None
    baselines: tuple[str, ...]
    files: Mapping[str, Path]

    @classmethod
    def from_keys(cls, study: Keys, folder: Path) -> "Models":
        """From the tables [network] and [models].

        Args:
            study: the whole configuration.
            folder: where relative paths start.

        Returns:
            The choice.

        Raises:
            ValueError: if a value does not fit, or there is no model.
        """
        network = study.section("network", NETWORK_KEYS)
        keys = study.section("models", MODELS_KEYS) or Keys({}, "models", MODELS_KEYS)
        named = keys.mapping("files")
        files = Keys(named, keys.path_to("files"), tuple(named))
        found = cls(
            None if network is None else NetworkChoice.from_keys(network, folder),
            keys.texts("baselines", (), among=BASELINES),
            {name: files.path(name, folder) for name in named},
        )
        if found.network is None and not found.baselines and not files_of(found):
            raise ValueError("a study must have a [network], or `baselines` or `files` in [models]")
        return found

    @property
    def needs_images(self) -> bool:
        """Whether a model sees the stimuli."""
        return self.network is not None or bool(self.baselines)

    def respond(
        self, images: "Images | None", stimuli: pd.DataFrame | None, network: "Network | None"
    ) -> dict[str, Responses]:
        """Responses of every model, baselines first.

        Args:
            images: the stimuli; None where no model sees them.
            stimuli: their labels.
            network: the network, as `NetworkChoice.make` gave it.

        Returns:
            Responses by name.

        Raises:
            ValueError: if a file cannot be read, or two models have one name.
        """
        found: dict[str, Responses] = {}
        if images is not None and stimuli is not None and self.baselines:
            from neurospyke.sim import pixel_responses

            found["pixels"] = pixel_responses(images, stimuli)
        if images is not None and stimuli is not None and network is not None and self.network:
            for layer in self.network.layers or network.layer_names:
                found[layer] = network.responses(
                    images, stimuli, layer, measure=self.network.measure
                )
        twice = sorted(set(found) & set(self.files))
        if twice:
            raise ValueError(f"`models.files` must have names of their own; {twice} are taken")
        return found | {name: read_responses(path) for name, path in self.files.items()}


def files_of(models: Models) -> list[Path]:
    """Every file that models are read from.

    Args:
        models: the models.

    Returns:
        Paths.
    """
    network = models.network
    learned_from = network.training.path if network and network.training else None
    checkpoint = network.checkpoint if network else None
    return [path for path in (*models.files.values(), checkpoint, learned_from) if path is not None]
