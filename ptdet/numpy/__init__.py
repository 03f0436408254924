"""ptdet for NumPy arrays: the same names, kernels and results as the operators for tensors, and torch is not needed.

For those who run detectors with onnxruntime, OpenCV, OpenVINO or TFLite. Arrays are float64, float32, float16 (or
ml_dtypes' bfloat16) in any strides and byte order; nothing edits its inputs, and the GIL is released. Bad input
raises TypeError or ValueError that name the argument, what was expected and what came.
"""

from ._native import get_num_threads, set_num_threads
from ._suppression import batched_nms, nms

__all__ = ["batched_nms", "get_num_threads", "nms", "set_num_threads"]
