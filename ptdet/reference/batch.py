"""What lies around a pass over many images."""

import math

import torch
from torch import Tensor

from .overlap import computed
from .thresholds import above


def ragged_groups(images: Tensor, idxs: Tensor | None, num_images: int) -> Tensor:
    """images * n + how many of the n different ids are below the own one (N,): equal for one image and class."""
    _check_images(images)
    if images.dim() != 1 or (idxs is not None and idxs.shape != images.shape):
        raise ValueError(f"images: expected shape (N,), and idxs of the same, got {tuple(images.shape)}")
    if len(images) and not 0 <= int(images.min()) <= int(images.max()) < num_images:
        raise ValueError(f"images: expected ids in [0, {num_images}), got {int(images.min())} to {int(images.max())}")
    groups = images.to(torch.int64, copy=True)
    if idxs is None:
        return groups
    if idxs.is_floating_point() and bool(torch.isnan(idxs).any()):
        raise ValueError("idxs: expected ids that equal themselves, got NaN")
    ids, places = torch.unique(idxs, return_inverse=True)
    numbered: Tensor = groups * len(ids) + places
    return numbered


def image_order(
    keep: Tensor, images: Tensor, num_images: int, max_per_image: int | None = None, with_places: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Entries of keep that are not negative, image by image, at most so many of each.

    Args:
        keep: (M,) indices into `images`; negative ones are nobody.
        images: (N,) the image of each.

    Returns:
        places (K,) in keep, rising within an image, keep[places], and num (num_images,).
        Without `with_places`, places is empty.
    """
    _check_images(images)
    if num_images < 0 or (max_per_image is not None and max_per_image < 0):
        raise ValueError(f"num_images, max_per_image: expected numbers >= 0, got {num_images}, {max_per_image}")
    if keep.dim() != 1 or keep.dtype != torch.int64:
        raise ValueError(f"keep: expected int64 of one dimension, got {keep.dtype} {tuple(keep.shape)}")
    places = torch.nonzero(keep >= 0)[:, 0]
    if bool((keep[places] >= len(images)).any()):
        raise ValueError(f"keep: expected indices below {len(images)}, got {int(keep.max())}")
    mine = images[keep[places]].to(torch.int64)
    if bool(((mine < 0) | (mine >= num_images)).any()):
        raise ValueError(f"images: expected ids in [0, {num_images})")
    found = [places[mine == image][:max_per_image] for image in range(num_images)]
    num = torch.tensor([len(one) for one in found], dtype=torch.int64, device=keep.device)
    places = torch.cat([places[:0], *found])
    return places if with_places else places[:0].clone(), keep[places], num


def rows_at(values: Tensor, places: Tensor, padding: int = 0) -> Tensor:
    """values[places], and `padding` where a place is -1."""
    if values.dim() not in (1, 2) or places.dtype != torch.int64:
        raise ValueError(f"values, places: expected (N,) or (N, M) and int64, got {values.dim()} and {places.dtype}")
    if values.is_floating_point() and padding != 0:
        raise ValueError(f"padding: expected 0 for floats, got {padding}")
    if bool(((places < -1) | (places >= len(values))).any()):
        raise ValueError("places: expected -1 or indices of values")
    return torch.cat([values, values.new_full((1, *values.shape[1:]), padding)])[places]


def class_candidates(
    boxes: Tensor, scores: Tensor, score_threshold: float | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Every (box, class) with a score above the threshold, by image, class and box.

    Args:
        boxes: (B, N, M), or (B, N, C, M), of M numbers: 4, or 5 if they are rotated.
        scores: (B, N, C).

    Returns:
        Its box (K, M), its score, image * C + class, image, class, and which of the N boxes (K,).
    """
    if scores.dim() != 3 or boxes.shape[:-1] not in (scores.shape[:2], scores.shape) or boxes.shape[-1] not in (4, 5):
        raise ValueError(f"boxes: expected (B, N, M) or (B, N, C, M), M 4 or 5, got {tuple(boxes.shape)}")
    if score_threshold is not None and math.isnan(score_threshold):
        raise ValueError("score_threshold: expected a number, got nan")
    by_class = scores.permute(0, 2, 1)
    chosen = torch.ones_like(by_class, dtype=torch.bool)
    if score_threshold is not None:
        chosen = above(computed(by_class), score_threshold)
    images, labels, rows = torch.nonzero(chosen).unbind(1)
    own = boxes[images, rows, labels] if boxes.dim() == 4 else boxes[images, rows]
    return own, by_class[images, labels, rows], images * scores.shape[2] + labels, images, labels, rows


def _check_images(images: Tensor) -> None:
    if images.is_floating_point() or images.is_complex() or images.dtype == torch.bool:
        raise TypeError(f"images: expected integers, got {images.dtype}")
