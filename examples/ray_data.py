"""Suppression as a step of a Ray Data pipeline: `python examples/ray_data.py`. Needs `pip install 'ptdet[ray]'`."""

from __future__ import annotations

import numpy as np


def main() -> None:
    # [docs: suppress]
    import ray

    import ptdet.ray

    ray.init(num_cpus=2, include_dashboard=False)
    pictures = ray.data.from_items(
        [
            {
                "image_id": number,
                "boxes": np.array([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [20.0, 0.0, 30.0, 10.0]]),
                "scores": np.array([0.9, 0.8, 0.7]),
                "labels": np.array([1, 1, 2]),
            }
            for number in range(8)
        ]
    )
    kept = ptdet.ray.suppress(pictures, {"method": "nms", "iou_threshold": 0.5, "confidence": 0.25}, concurrency=1)
    for row in kept.take_all():
        print(row["image_id"], row["scores"], row["labels"])
    # [docs: end]


if __name__ == "__main__":
    main()
