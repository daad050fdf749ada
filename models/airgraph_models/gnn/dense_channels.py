"""What the networks over dense channel matrices share: their input, and the aggregation over the other pairs.

All read ``snr[b, k, j] = gain[k, j] * max_power[j] / noise_power[k]``, receiver first: noise power and budgets become
one, so that a network can hold over SNR although none of the papers feeds it the noise.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
import torch
from torch import Tensor, nn

TRANSFORMS = ("amplitude", "gain", "log")


def other_pairs(snr: Tensor) -> Tensor:
    """``[K, K]`` bool, true off the diagonal."""
    pair = torch.arange(snr.shape[2], device=snr.device)
    return pair.unsqueeze(0) != pair.unsqueeze(1)


def strongest_message(messages: Tensor, others: Tensor) -> Tensor:
    """Maximum over the other pairs j: ``[B, K, K, F]`` (node k, neighbour j) to ``[B, K, F]``; 0 for a lone pair."""
    lowest = float("-inf")
    heard = messages.masked_fill(~others.unsqueeze(2), lowest).amax(dim=2)
    return torch.where(heard == lowest, torch.zeros_like(heard), heard)


class ChannelInput(nn.Module):
    r"""The channels as a network reads them: :math:`(f(\mathrm{snr}) - \mathrm{mean}) / \mathrm{deviation}`.

    f is one of

    - ``"amplitude"``: the square root, :math:`|h_{kj}| \sqrt{P_j} / \sigma_k`; what papers 000 to 003 feed, who fix
      noise and budgets and so write :math:`|h_{kj}|`;
    - ``"gain"``: the SNR itself;
    - ``"log"``: ``log(1 + snr)``, which keeps 100 dB of path loss inside one decade.

    Mean and deviation are 0 and 1 until `standardise` is called. Direct and interfering channels have their own, as in
    the published code of paper 001; papers 000 and 003 do not standardise Rayleigh channels.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, transform: str = "amplitude") -> None:
        """Raises ValueError for a transform that is not in `TRANSFORMS`."""
        super().__init__()
        if transform not in TRANSFORMS:
            raise ValueError(f"transform must be one of {TRANSFORMS}, got {transform!r}")
        self.transform = transform
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("deviation", torch.ones(2))

    def forward(self, snr: Tensor) -> Tensor:
        """``[B, K, K]`` to ``[B, K, K]``."""
        others = other_pairs(snr)
        mean = torch.where(others, self.mean[1], self.mean[0])
        deviation = torch.where(others, self.deviation[1], self.deviation[0])
        return (self.shape(snr) - mean) / deviation

    def shape(self, snr: Tensor) -> Tensor:
        """The transform f alone."""
        if self.transform == "amplitude":
            return torch.sqrt(snr)
        if self.transform == "log":
            return torch.log1p(snr)
        return snr

    @torch.jit.unused
    def standardise(self, snr: Tensor) -> None:
        """Takes mean and deviation of a training set ``[B, K, K]``, which has more than one channel of each kind."""
        shaped, others = self.shape(snr.double()), other_pairs(snr)
        for kind, chosen in enumerate((~others, others)):
            deviation, mean = torch.std_mean(shaped[:, chosen])
            self.mean[kind] = mean
            # Channels that never change in training pass unscaled.
            self.deviation[kind] = deviation if deviation > 1e-6 else 1.0
