"""MTCNN of facenet-pytorch, with ptdet behind it and without, finds the same face in scikit-image's astronaut.

Weights and picture are in the two wheels: pip install --no-deps facenet-pytorch; pip install scikit-image
"""

from __future__ import annotations

import warnings

import torch
from before_and_after import Detections, compare
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils import detect_face
from skimage.data import astronaut


def detect(network: MTCNN) -> Detections:
    """Boxes, probabilities and five landmarks of each face."""
    boxes, probabilities, points = network.detect(astronaut(), landmarks=True)
    return [tuple(torch.as_tensor(each.astype("float64")) for each in (boxes, probabilities, points))]


def main() -> int:
    warnings.simplefilter("ignore")  # of facenet-pytorch, written for an older torch and NumPy
    network = MTCNN(keep_all=True).eval()
    same = compare("MTCNN", lambda: detect(network), detect_face, "batched_nms")
    boxes, probabilities, points = detect(network)[0]
    best = boxes[probabilities.argmax()]
    print(f"the face: {best.round().int().tolist()}, probability {float(probabilities.max()):.3f}")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
