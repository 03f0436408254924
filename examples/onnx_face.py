"""An SSD-like face detector, UltraFace RFB-320 without its decoding, picture in, picture out.

python examples/onnx_face.py version-RFB-320_without_postprocessing.onnx IN OUT
Its input is stretched to 320x240; its outputs are scores (1, 4420, 2), background first, and offsets from 4420 priors.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageOps

import ptdet.numpy as ptdet

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
picture = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
image = np.asarray(picture.resize((320, 240), Image.Resampling.BILINEAR), np.float32).transpose(2, 0, 1)[None]
scores, offsets = session.run(["scores", "boxes"], {"input": (image - 127) / 128})
sizes = [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]]
boxes = ptdet.decode_ssd(offsets[0], ptdet.prior_boxes((240, 320), [8, 16, 32, 64], sizes, clip=True))
for box in boxes[ptdet.nms(boxes, scores[0, :, 1], 0.3, score_threshold=0.6)] * np.tile(picture.size, 2):
    ImageDraw.Draw(picture).rectangle(box.tolist(), outline="red", width=3)
picture.save(sys.argv[3])
