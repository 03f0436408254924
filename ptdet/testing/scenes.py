"""Seeded boxes and scores of any number, drawn by torch's CPU generator: equal arguments give equal tensors."""

import torch
from torch import Tensor

INT64 = torch.iinfo(torch.int64)


def generator(seed: int) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(seed)


def uniform_scores(n: int, seed: int) -> Tensor:
    """Scores in [0, 1): nearly all distinct for n far below 2^24."""
    return torch.rand(n, generator=generator(seed ^ 0x5C0FE))


def clustered(n: int, seed: int = 0, image: float = 640, per_object: int = 12) -> tuple[Tensor, Tensor]:
    """A detector's raw output: `per_object` jittered boxes around each object of one image."""
    random = generator(seed)
    objects = -(-n // per_object)
    centre = torch.rand(objects, 2, generator=random) * image
    size = 20 + 100 * torch.rand(objects, 2, generator=random)
    around = torch.arange(objects).repeat_interleave(per_object)[torch.randperm(objects * per_object, generator=random)]
    centre, size = centre[around[:n]], size[around[:n]]
    centre = centre + size * 0.08 * torch.randn(n, 2, generator=random)
    size = size * (1 + 0.1 * torch.randn(n, 2, generator=random)).clamp(min=0.5)
    return torch.cat([centre - size / 2, centre + size / 2], dim=1), uniform_scores(n, seed)


def scattered(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes of 15 to 45 px on an area that grows with n: at threshold 0.5 about 99 of 100 are kept."""
    random = generator(seed)
    corner = torch.rand(n, 2, generator=random) * (80 * max(n, 1) ** 0.5)
    size = 15 + 30 * torch.rand(n, 2, generator=random)
    return torch.cat([corner, corner + size], dim=1), uniform_scores(n, seed)


def crossing(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scattered boxes, and among each hundred seven that form a chain, link by link, from side to side.

    Cut anywhere, what becomes of a box at the cut hangs on boxes on both sides, far away ones through the chain.
    """
    random = generator(seed)
    boxes, scores = scattered(n, seed)
    links = max(n * 7 // 100, min(n, 1))
    side = 80 * max(n, 1) ** 0.5
    along = torch.arange(links) * 9 % side
    across = (torch.arange(links) * 9 / side).floor() * 40 + torch.rand(links, generator=random)
    link = torch.stack([along, across, along + 30, across + 30], dim=1)
    if seed % 2:
        link = link[:, [1, 0, 3, 2]]
    return torch.cat([boxes[links:], link])[torch.randperm(n, generator=random)], scores


def dense(n: int, seed: int = 0, image: float = 1000) -> tuple[Tensor, Tensor]:
    """Boxes of 10 to 200 px anywhere on one image, so that each meets many."""
    random = generator(seed)
    corner = torch.rand(n, 2, generator=random) * image
    size = 10 + 190 * torch.rand(n, 2, generator=random)
    return torch.cat([corner, corner + size], dim=1), uniform_scores(n, seed)


def identical(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """One box n times."""
    return torch.tensor([[10.0, 10, 60, 50]]).repeat(n, 1), uniform_scores(n, seed)


def overlapping(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes of 40 to 100 px around one point, so that all meet all."""
    edges = 30 * torch.rand(n, 4, generator=generator(seed))
    return edges + torch.tensor([0.0, 0, 70, 70]), uniform_scores(n, seed)


def nested(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Each box lies within the one before, under scores in no order."""
    inset = torch.arange(n) / max(n, 1) * 49
    return torch.stack([inset, inset, 100 - inset, 100 - inset], dim=1), uniform_scores(n, seed)


def row(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes in a row, each of which meets the next."""
    left, zero = 6.0 * torch.arange(n), torch.zeros(n)
    return torch.stack([left, zero, left + 10, zero + 10], dim=1), uniform_scores(n, seed)


def beneath_one(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scattered boxes and one that covers them all."""
    boxes, scores = scattered(n, seed)
    boxes[:1] = torch.tensor([-10.0, -10, 80 * max(n, 1) ** 0.5 + 60, 80 * max(n, 1) ** 0.5 + 60])
    return boxes, scores


def duplicated(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Each box stands about four times, with scores that tie in part."""
    random = generator(seed)
    boxes, _ = clustered(max(n // 4, 1), seed)
    boxes = boxes[torch.randint(len(boxes), (n,), generator=random)]
    return boxes, torch.randint(1, max(n // 2, 2), (n,), generator=random) / max(n // 2, 2)


def grid(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes on an integer grid with 8 different scores: IoU meets 1/2, 3/5, 7/10 and their like exactly."""
    random = generator(seed)
    span = 8 + int(n**0.5)
    corner = torch.randint(-span, span, (n, 2), generator=random)
    size = torch.randint(1, 11, (n, 2), generator=random)
    scores = torch.randint(1, 9, (n,), generator=random) / 8
    return torch.cat([corner, corner + size], dim=1).float(), scores


CLASS_KINDS = ("few", "many", "negative", "extreme", "float", "half", "bool", "uint8")


def class_ids(n: int, kind: str, seed: int = 0) -> Tensor:
    """Ids of n boxes in one of CLASS_KINDS."""
    random = generator(seed ^ 0x1D5)
    if kind == "few":
        return torch.randint(0, 10, (n,), generator=random)
    if kind == "many":
        return torch.randint(0, 10_000, (n,), generator=random)
    if kind == "negative":
        return torch.randint(-40, 40, (n,), generator=random, dtype=torch.int32)
    if kind == "extreme":  # neighbours that are one number as a double
        ends = torch.tensor([INT64.min, INT64.min + 1, -1, 0, 2**53, 2**53 + 1, INT64.max - 1, INT64.max])
        return ends[torch.randint(len(ends), (n,), generator=random)]
    if kind == "float":
        values = torch.tensor([-0.0, 0.0, 0.5, 1e-40, -3e38, torch.inf, -torch.inf])
        return values[torch.randint(len(values), (n,), generator=random)]
    if kind == "half":
        return torch.randint(0, 80, (n,), generator=random).half()
    if kind == "bool":
        return torch.randint(0, 2, (n,), generator=random).bool()
    if kind == "uint8":
        return torch.randint(0, 256, (n,), generator=random, dtype=torch.uint8)
    raise ValueError(f"kind: expected one of {', '.join(CLASS_KINDS)}, got {kind!r}")
