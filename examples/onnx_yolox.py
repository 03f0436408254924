"""YOLOX as its authors export it to ONNX, picture in, picture out: python examples/onnx_yolox.py MODEL IN OUT

416 is the input of nano and tiny, 640 that of the others. The model takes BGR from 0 to 255, and does not decode.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageOps

import ptdet.numpy as ptdet

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
picture = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
image, fitted = ptdet.letterbox(np.asarray(picture)[..., ::-1], 416, center=False)
(raw,) = session.run(None, {"images": image.transpose(2, 0, 1)[None].astype(np.float32)})
(found,) = ptdet.postprocess(ptdet.decode_yolox(raw, 416), 0.25, 0.45, head="x")
for *box, score, label in ptdet.unletterbox(found, fitted).tolist():
    ImageDraw.Draw(picture).rectangle(box, outline="red", width=3)
    print(f"class {label:.0f}, confidence {score:.2f}, box {box}")
picture.save(sys.argv[3])
