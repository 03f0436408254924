from . import (
    compat as compat,
    evaluation as evaluation,
    integrations as integrations,
    io as io,
    nn as nn,
    numpy as numpy,
    onnx as onnx,
    ray as ray,
    reference as reference,
    rotated as rotated,
    testing as testing,
    tuning as tuning,
    yolo as yolo,
)
from ._library.register import (
    backend as backend,
    register as register,
)
from ._shared.config import load_config as load_config
from .evaluation import evaluate as evaluate
from .info import build_info as build_info
from .integrations._patch import (
    Patch as Patch,
    patch as patch,
)
from .ops.batch import (
    combined_nms as combined_nms,
    ragged_nms as ragged_nms,
)
from .ops.box_fusion import (
    non_maximum_weighted as non_maximum_weighted,
    weighted_boxes_fusion as weighted_boxes_fusion,
)
from .ops.boxes import (
    box_area as box_area,
    box_convert as box_convert,
    clip_boxes_to_image as clip_boxes_to_image,
    remove_small_boxes as remove_small_boxes,
)
from .ops.channel_norm import (
    ChannelNormFunction as ChannelNormFunction,
    channel_norm as channel_norm,
)
from .ops.decode import (
    decode_ssd as decode_ssd,
    decode_yolox as decode_yolox,
    prior_boxes as prior_boxes,
)
from .ops.letterbox import (
    Letterbox as Letterbox,
    letterbox as letterbox,
    unletterbox as unletterbox,
)
from .ops.losses import (
    alpha_iou_loss as alpha_iou_loss,
    box_iou_loss as box_iou_loss,
    complete_box_iou_loss as complete_box_iou_loss,
    distance_box_iou_loss as distance_box_iou_loss,
    efficient_iou_loss as efficient_iou_loss,
    focal_efficient_iou_loss as focal_efficient_iou_loss,
    generalized_box_iou_loss as generalized_box_iou_loss,
    inner_iou_loss as inner_iou_loss,
    mpd_iou_loss as mpd_iou_loss,
    normalized_wasserstein_loss as normalized_wasserstein_loss,
    scylla_iou_loss as scylla_iou_loss,
    wise_iou_loss as wise_iou_loss,
)
from .ops.matrix_nms import (
    fast_nms as fast_nms,
    matrix_nms as matrix_nms,
)
from .ops.merge_nms import (
    cluster_nms as cluster_nms,
    merge_nms as merge_nms,
)
from .ops.nmm import (
    greedy_nmm as greedy_nmm,
    nmm as nmm,
)
from .ops.nms import (
    batched_nms as batched_nms,
    nms as nms,
)
from .ops.nms_variants import *
from .ops.overlap import (
    bbox_iou as bbox_iou,
    box_iof as box_iof,
    box_ios as box_ios,
    box_iou as box_iou,
    complete_box_iou as complete_box_iou,
    distance_box_iou as distance_box_iou,
    generalized_box_iou as generalized_box_iou,
    overlap as overlap,
    pairwise_overlap as pairwise_overlap,
)
from .ops.soft_nms import soft_nms as soft_nms
from .ops.tiles import merge_tiles as merge_tiles
from .tuning import tune as tune
from .yolo import non_max_suppression as non_max_suppression

__version__: str
