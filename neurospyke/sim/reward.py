"""Learning by reward and punishment, as plain settings."""

from dataclasses import dataclass

import torch
from torch import Tensor

from neurospyke.sim.plasticity import check_bounds, check_clamp, check_rates
from neurospyke.sim.whole import check_whole


@dataclass(frozen=True)
class RewardSTDP:
    """STDP of the neuron that decides: one rule where its class is right, one where it is wrong.

    Maps stand for classes in equal runs: of 200 maps for 10 classes, 0 to 19 stand for class 0. The
    neuron that spikes first, ties by the larger potential, decides.

        right   a+ = reward[0] * f_wrong,       a- = reward[1] * f_wrong
        wrong   a+ = punishment[0] * f_right,   a- = punishment[1] * f_right

    with f_wrong and f_right the shares of wrong and right decisions in the batch before (at first
    those of chance), if adaptive, and 1 otherwise. Where no neuron spikes, nothing is learned.

    Args:
        n_classes: number of classes, at least 2.
        reward: potentiation and depression rate of right decisions.
        punishment: the same of wrong decisions; the opposite signs make it anti-STDP.
        lower: least weight.
        upper: greatest weight.
        stabilizer: True slows change down towards both bounds.
        clamp: "winners" or "all" maps are kept within the bounds.
        adaptive: True scales the rates by the performance.
        dropout: share of maps that take no part in a batch, drawn anew for each, 0 up to 1.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Mozafari, Kheradpisheh, Masquelier, Nowzari-Dalini and Ganjtabesh (2018), First-spike-based
        visual categorization using reward-modulated STDP, IEEE Transactions on Neural Networks and
        Learning Systems 29: 6178-6190.

    Example:
        Three of four decisions were wrong: rewards count 3/4, punishments 1/4.

        >>> rule = RewardSTDP(10, reward=(0.5, -0.25), punishment=(-0.5, 0.125))
        >>> rule.rates(n_right=1, n_wrong=3, n_silent=0)
        ((0.375, -0.1875), (-0.125, 0.03125))
    """

    n_classes: int
    reward: tuple[float, float]
    punishment: tuple[float, float]
    lower: float = 0.2
    upper: float = 0.8
    stabilizer: bool = False
    clamp: str = "winners"
    adaptive: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_whole("n_classes", self.n_classes, 2)
        check_rates("reward", self.reward)
        check_rates("punishment", self.punishment)
        if len(self.reward) != 2 or len(self.punishment) != 2:
            raise ValueError(
                "`reward` and `punishment` must each be a potentiation and a depression rate; "
                f"got {self.reward} and {self.punishment}"
            )
        check_bounds(self.lower, self.upper)
        check_clamp(self.clamp)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be from 0 up, below 1; got {self.dropout}")

    def rates(
        self, *, n_right: int, n_wrong: int, n_silent: int
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Rates of right and of wrong decisions, after a batch with that performance.

        Args:
            n_right: right decisions of the batch before; with `n_wrong` and `n_silent` 0 as well,
                performance is at chance.
            n_wrong: wrong decisions of the batch before.
            n_silent: samples of the batch before on which no neuron spiked.

        Returns:
            ((potentiation, depression) of right decisions, the same of wrong ones).
        """
        if not self.adaptive:
            return self.reward, self.punishment
        n = n_right + n_wrong + n_silent
        right = n_right / n if n else 1 / self.n_classes
        wrong = n_wrong / n if n else 1 - 1 / self.n_classes
        reward, punishment = self.reward, self.punishment
        return (reward[0] * wrong, reward[1] * wrong), (
            punishment[0] * right,
            punishment[1] * right,
        )

    def classes(self, n_maps: int) -> Tensor:
        """Class for which each map stands.

        Args:
            n_maps: number of maps, a multiple of the number of classes.

        Returns:
            int64 (map,).

        Raises:
            ValueError: the classes cannot have equal numbers of maps.

        Example:
            >>> RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1)).classes(4).tolist()
            [0, 0, 1, 1]
        """
        if n_maps % self.n_classes:
            raise ValueError(
                f"`n_classes` must divide the number of maps, {n_maps}; got {self.n_classes}"
            )
        return torch.arange(n_maps) // (n_maps // self.n_classes)
