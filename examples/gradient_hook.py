"""What gradient reaches the input of a module: a hook on it sees what ChannelNorm sends back."""

import torch
from torch import Tensor

import ptdet

seen: dict[str, Tensor] = {}


def keep(module: torch.nn.Module, grad_input: tuple[Tensor, ...], grad_output: tuple[Tensor, ...]) -> None:
    seen["in"], seen["out"] = grad_input[0], grad_output[0]


norm = ptdet.nn.ChannelNorm()
norm.register_full_backward_hook(keep)

flow = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]], requires_grad=True)  # two channels, two pixels; the second stands still
norm(flow).sum().backward()

print("arrives ", seen["out"].tolist())
print("leaves  ", seen["in"].tolist())
assert torch.allclose(seen["in"], torch.tensor([[[0.6, 0.0], [0.8, 0.0]]]))  # a unit vector, and 0 where there is none
