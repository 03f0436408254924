"""`ptdet run` over whole data sets: a plan of shards, workers that make them, and results that are whole or not there.

A shard is a fixed range of one input. Its result depends on its range and the settings alone, and it appears under its
name at once (durable.py), so that a run may be killed anywhere and goes on where it was. Nothing here needs torch.
"""

# here, so that the command line need not load NumPy
PACKED = (".parquet", ".tar")  # inputs that only such a run reads
FORMATS = ("parquet", "coco", "npz", "yolo")
STEPS = ("suppress", "merge-tiles", "ensemble")
