"""Regresses boxes with each loss and plots how fast they get there.

    python examples/regress_boxes.py --steps 300 --out convergence.png

As in the simulation of Zheng et al. (AAAI 2020): anchors of several centres, sizes and shapes are moved by plain
gradient descent, each along the gradient of its loss, onto targets; what is shown is the mean IoU after each step.
A table is printed; the picture needs matplotlib and is left out without `--out`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch
from torch import Tensor

import ptdet
from ptdet import nn

IMAGE = 64.0

LOSSES: dict[str, Callable[[], torch.nn.Module]] = {
    "IoU": lambda: nn.IoULoss("sum"),
    "GIoU": lambda: nn.GIoULoss("sum"),
    "DIoU": lambda: nn.DIoULoss("sum"),
    "CIoU": lambda: nn.CIoULoss("sum"),
    "EIoU": lambda: nn.EIoULoss("sum"),
    "Focal-EIoU": lambda: nn.FocalEIoULoss(reduction="sum"),
    "SIoU": lambda: nn.SIoULoss(reduction="sum"),
    "Alpha-CIoU": lambda: nn.AlphaIoULoss(base="ciou", reduction="sum"),
    "MPDIoU": lambda: nn.MPDIoULoss((IMAGE, IMAGE), "sum"),
    "Inner-SIoU": lambda: nn.InnerIoULoss(base="siou", reduction="sum"),
    "NWD": lambda: nn.NWDLoss(reduction="sum"),
    "WIoU v1": lambda: nn.WIoULoss(version=1, reduction="sum"),
    "WIoU v2": lambda: nn.WIoULoss(version=2, momentum=0.05, reduction="sum"),
    "WIoU v3": lambda: nn.WIoULoss(version=3, momentum=0.05, reduction="sum"),
}


def scene(anchors: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Anchors and their targets, (anchors, 4): targets of area 100 px^2 and seven shapes at the centre of the image."""
    random = torch.Generator().manual_seed(seed)
    shape = 2.0 ** (torch.randint(-3, 4, (anchors,), generator=random) / 2)
    targets = torch.stack([torch.full((anchors,), IMAGE / 2)] * 2 + [10 * shape.sqrt(), 10 / shape.sqrt()], dim=1)
    centres = IMAGE / 2 + 12 * (2 * torch.rand(anchors, 2, generator=random) - 1)
    sizes = 10 * 2.0 ** (2 * torch.rand(anchors, 2, generator=random) - 1)
    start = torch.cat([centres, sizes], dim=1)
    return tuple(ptdet.box_convert(boxes, "cxcywh", "xyxy") for boxes in (start, targets))  # type: ignore[return-value]


def regress(loss: torch.nn.Module, start: Tensor, targets: Tensor, steps: int, rate: float = 5.0) -> list[float]:
    """The mean IoU before the first step and after each one.

    A step is that of the paper's simulation, rate (2 - IoU) times the gradient; the rate falls to 0.
    """
    boxes = start.clone().requires_grad_()
    history = []
    for step in range(steps + 1):
        with torch.no_grad():
            iou = 1 - ptdet.box_iou_loss(boxes, targets)
        history.append(float(iou.mean()))
        (gradient,) = torch.autograd.grad(loss(boxes, targets), boxes)
        decay = 1 - step / steps
        with torch.no_grad():
            boxes -= rate * decay * (2 - iou)[:, None] * gradient
    return history


def plot(curves: dict[str, list[float]], path: str) -> None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("regress_boxes.py: --out needs matplotlib (pip install matplotlib); without --out it prints a table")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    colours = pyplot.get_cmap("tab20").colors
    for position, (name, history) in enumerate(sorted(curves.items(), key=lambda curve: -curve[1][-1])):
        dashed = "--" if position % 2 else "-"
        axes.plot(history, dashed, color=colours[position % 20], label=f"{name}  {history[-1]:.3f}", linewidth=1.6)
    axes.set(xlabel="step", ylabel="mean IoU with the target", ylim=(0, 1.02), title="Boxes regressed with each loss")
    axes.grid(alpha=0.3)
    axes.legend(title="loss, IoU at the end", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    parser = argparse.ArgumentParser(description="Regresses boxes with each of ptdet's losses.")
    parser.add_argument("--steps", type=int, default=300, help="steps of gradient descent (300)")
    parser.add_argument("--anchors", type=int, default=1000, help="boxes that are regressed at once (1000)")
    parser.add_argument("--out", help="a picture to write, .png or .svg; needs matplotlib")
    options = parser.parse_args(arguments)
    if options.steps < 1 or options.anchors < 1:
        parser.error("--steps and --anchors: expected at least 1")
    start, targets = scene(options.anchors)
    curves = {name: regress(build(), start, targets, options.steps) for name, build in LOSSES.items()}
    half = options.steps // 2
    print(f"mean IoU of {options.anchors} boxes")
    print(f"{'loss':<12} {'start':>7} {f'step {half}':>9} {f'step {options.steps}':>9}")
    for name, history in curves.items():
        print(f"{name:<12} {history[0]:7.3f} {history[half]:9.3f} {history[-1]:9.3f}")
    if options.out:
        plot(curves, options.out)
        print(f"wrote {options.out}")
    return curves


if __name__ == "__main__":
    main()
