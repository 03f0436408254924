"""The gradient penalty of WGAN-GP (Gulrajani et al., 2017): a loss on the size of a gradient needs its derivative.

The critic's gradient by its input has channels as an image has; the penalty asks that their norm be 1 at each pixel.
"""

import torch

import ptdet

torch.manual_seed(0)
critic = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Softplus(), ptdet.nn.ChannelNorm(), torch.nn.Flatten()
)
optimiser = torch.optim.Adam(critic.parameters(), lr=0.05)
images = torch.randn(4, 3, 16, 16)

penalties = []
for _ in range(30):
    x = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    penalty = (ptdet.channel_norm(slope) - 1).square().mean()
    optimiser.zero_grad()
    penalty.backward()  # through the gradient: the second derivative of the norm inside the critic
    optimiser.step()
    penalties.append(penalty.item())

print(f"penalty {penalties[0]:.3f} -> {penalties[-1]:.3f}")
assert penalties[-1] < penalties[0] / 2
