import pytest
import torch

from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs, strongest_message


@pytest.mark.parametrize(
    ("transform", "function"), [("amplitude", torch.sqrt), ("gain", lambda snr: snr), ("log", torch.log1p)]
)
def test_direct_and_interfering_channels_are_standardised_apart(transform, function):
    snr = torch.rand(20, 4, 4, generator=torch.Generator().manual_seed(0))
    snr += 1e3 * torch.eye(4) * torch.rand(20, 1, 1, generator=torch.Generator().manual_seed(1))
    inputs = ChannelInput(transform)
    torch.testing.assert_close(inputs(snr), function(snr))
    inputs.standardise(snr)
    for chosen in (other_pairs(snr), ~other_pairs(snr)):
        values = inputs(snr)[:, chosen]
        assert values.mean().abs() < 1e-4
        assert (values.std() - 1).abs() < 1e-4


def test_channels_that_never_change_pass_unscaled():
    snr = torch.ones(5, 3, 3)
    inputs = ChannelInput()
    inputs.standardise(snr)
    torch.testing.assert_close(inputs(4 * snr), torch.ones(5, 3, 3))


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="decibel"):
        ChannelInput("decibel")


def test_the_strongest_message_comes_from_another_pair():
    messages = torch.tensor([[-1.0, -5.0, -3.0], [2.0, 9.0, 1.0], [4.0, 0.0, 7.0]]).reshape(1, 3, 3, 1)
    heard = strongest_message(messages, other_pairs(torch.ones(1, 3, 3)))
    assert heard.flatten().tolist() == [-3.0, 2.0, 4.0]
    assert strongest_message(messages[:, :1, :1], other_pairs(torch.ones(1, 1, 1))).flatten().tolist() == [0.0]
