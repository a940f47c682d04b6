"""Learning from spike times: what the outputs should do, and a layer that learns by gradients.

The equations of the gradients are in `ops.spike_time`.

Source: Kheradpisheh and Masquelier (2020), Temporal backpropagation for spiking neural networks
with one spike per neuron, International Journal of Neural Systems 30: 2050027 (S4NN).
"""

import torch
from torch import Tensor

from neurospyke.sim.latency import check_bins
from neurospyke.sim.layers import SpikingLinear
from neurospyke.sim.ops.spike_time import check_threshold, check_times, spike_time_linear
from neurospyke.sim.ops.spike_time_gradient import check_window


def relative_targets(times: Tensor, labels: Tensor, *, n_bins: int, gap: float = 3.0) -> Tensor:
    """When the outputs should have spiked: the right one first, the others a gap later.

        tau = earliest t                             T_right = tau
        T_j = tau + gap, at most n_bins              other j with t_j - tau < gap
        T_j = t_j                                    other j
        T_right = n_bins - gap, T_j = n_bins         where all are silent

    Args:
        times: (batch, class) in bins, n_bins where silent.
        labels: int64 (batch,), the right classes, from 0 up.
        n_bins: number of time bins, 1 to 254.
        gap: bins by which the right class should be ahead, above 0, at most `n_bins`.

    Returns:
        Times (batch, class) in bins, without a gradient.

    Raises:
        TypeError: `times` is not a floating-point tensor, or `labels` are not int64.
        ValueError: axes, labels, bins or gap do not fit.

    Source:
        Kheradpisheh and Masquelier (2020), the relative target times.

    Example:
        Class 1 is right but comes second; class 2 is late enough.

        >>> times = torch.tensor([[4.0, 5.0, 9.0]])
        >>> relative_targets(times, torch.tensor([1]), n_bins=10, gap=3).tolist()
        [[7.0, 4.0, 9.0]]
    """
    _check_outputs(times, labels)
    check_bins(n_bins)
    if not 0 < gap <= n_bins:
        raise ValueError(f"`gap` must be above 0 and at most {n_bins} bins; got {gap}")
    given = times.detach()
    first = given.amin(1, keepdim=True)
    targets = torch.where(given - first < gap, (first + gap).clamp(max=n_bins), given)
    right = torch.where(first < n_bins, first, n_bins - gap)
    return targets.scatter(1, labels[:, None], right)


def relative_target_loss(times: Tensor, labels: Tensor, *, n_bins: int, gap: float = 3.0) -> Tensor:
    """Squared distance of the outputs' times from their relative targets.

        L = mean over samples of 1/2 sum over j of ((T_j - t_j) / n_bins)^2

    The targets, see `relative_targets`, count as constants.

    Args:
        times: (batch, class) in bins, n_bins where silent, at least one sample.
        labels: int64 (batch,), the right classes, from 0 up.
        n_bins: number of time bins, 1 to 254.
        gap: bins by which the right class should be ahead, above 0, at most `n_bins`.

    Returns:
        The loss, one number without unit.

    Raises:
        TypeError: `times` is not a floating-point tensor, or `labels` are not int64.
        ValueError: axes, labels, bins or gap do not fit.

    Source:
        Kheradpisheh and Masquelier (2020), the temporal loss.

    Example:
        Targets are 7 and 4: (3^2 + 1^2) / 2 / 10^2.

        >>> loss = relative_target_loss(torch.tensor([[4.0, 5.0]]), torch.tensor([1]), n_bins=10)
        >>> round(loss.item(), 6)
        0.05
    """
    targets = relative_targets(times, labels, n_bins=n_bins, gap=gap)
    return ((targets - times) / n_bins).square().sum(1).mean() / 2


class SpikeTimeLinear(SpikingLinear):
    """Fully connected neurons that spike once and learn by the gradient of their spike times.

    Given latencies (uint8) it gives latencies, as `SpikingLinear` does; given times in bins
    (floating point) it gives times, which carry the gradients of `spike_time_linear`.

    Args:
        weight: float32 or float64 (unit, channel) initial weights; they take a gradient.
        threshold: what the potential must exceed, one number or (unit,).
        n_bins: number of time bins, 1 to 254.
        normalize: True normalizes the gradient of each sample, as `spike_time_linear` says.
        window: bins after a spike in which inputs still get a gradient, 0 (the paper) to 254.

    Raises:
        TypeError: `weight` is not a floating-point tensor.
        ValueError: axes, thresholds, bins or window do not fit, or there is no threshold.

    Source:
        Kheradpisheh and Masquelier (2020), International Journal of Neural Systems 30: 2050027.

    Example:
        >>> layer = SpikeTimeLinear(torch.ones(1, 2), threshold=1.0, n_bins=15)
        >>> layer(torch.tensor([[3, 7]], dtype=torch.uint8)).item()
        7
        >>> layer(torch.tensor([[3.0, 7.0]])).requires_grad
        True
    """

    def __init__(
        self,
        weight: Tensor,
        *,
        threshold: float | Tensor,
        n_bins: int,
        normalize: bool = True,
        window: int = 0,
    ) -> None:
        check_threshold(threshold)
        check_window(window)
        super().__init__(weight, threshold=threshold, n_bins=n_bins)
        self.weight.requires_grad_()
        self.normalize = normalize
        self.window = window

    def fire(self, latency: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes with the potential that made them, without a gradient.

        Args:
            latency: uint8 (batch, ...), time bin, 255 = silent; all other axes are flattened.

        Returns:
            Latency uint8 and potential, both (batch, unit); 0 where silent.
        """
        with torch.no_grad():
            return super().fire(latency)

    def forward(self, latency: Tensor) -> Tensor:
        """Spikes of the layer.

        Args:
            latency: (batch, ...), uint8 latencies, 255 = silent, or floating-point times in bins,
                n_bins where silent; all other axes are flattened.

        Returns:
            The same kind, (batch, unit).
        """
        if not isinstance(latency, Tensor) or not latency.is_floating_point():
            return super().forward(latency)
        assert self.threshold is not None
        return spike_time_linear(
            latency.flatten(1),
            self.weight,
            self.threshold,
            n_bins=self.n_bins,
            normalize=self.normalize,
            window=self.window,
        )

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return f"{super().extra_repr()}, normalize={self.normalize}, window={self.window}"


def _check_outputs(times: Tensor, labels: Tensor) -> None:
    check_times(times)
    if times.ndim != 2 or times.numel() == 0:
        raise ValueError(
            "`times` must have axes (batch, class), none of them empty; "
            f"got shape {tuple(times.shape)}"
        )
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(
            f"`labels` must be an int64 tensor of classes; got {kind}; "
            "convert with torch.as_tensor(labels).long()"
        )
    if labels.shape != (len(times),):
        raise ValueError(
            f"`labels` must have one class a sample, shape ({len(times)},); "
            f"got {tuple(labels.shape)}"
        )
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= times.shape[1]:
        raise ValueError(
            f"`labels` must be from 0 to {times.shape[1] - 1}, one output each; got {low} to {high}"
        )
