"""Prints the instruction set in use and a digest of what it answers: `python -m tests.native.digest [--cases 60]`.

The instruction set is chosen once, when the library is loaded, so each takes a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json

import torch

import ptdet
from ptdet.testing import Case, fuzz_case, strange_case


def others(case: Case, seed: int) -> list[torch.Tensor]:
    """What the methods that search a tree answer to the first boxes of a case."""
    call = case.boxes[:400], case.scores[:400].abs(), None if case.idxs is None else case.idxs[:400], case.iou_threshold
    members = ("cluster", "overlapping", "later", "best")[seed % 4]
    rotated = torch.cat([call[0], call[1][:, None]], dim=1)
    call_of_models = (*call[:3], None, None, call[3])
    return [
        *torch.ops.ptdet.and_nms_walk(*call, 0.2),
        *torch.ops.ptdet.merge_nms_walk(*call, case.metric, members=members, weights="score_overlap"),
        *torch.ops.ptdet.nmm_walk(*call, case.metric, members_propagate=seed % 2 == 0),
        *torch.ops.ptdet.soft_nms_walk(*call, kind=("gaussian", "linear", "hard")[seed % 3], metric=case.metric),
        *torch.ops.ptdet.fast_nms_walk(*call, case.metric),
        *torch.ops.ptdet.matrix_nms_walk(*call[:3], metric=case.metric),
        *torch.ops.ptdet.wbf_walk(*call_of_models, metric=case.metric),
        *torch.ops.ptdet.rotated_nms_walk(rotated, *call[1:]),
        *torch.ops.ptdet.rotated_soft_nms_walk(rotated, *call[1:]),
        *torch.ops.ptdet.rotated_matrix_nms_walk(rotated, *call[1:3]),
        *torch.ops.ptdet.rotated_merge_nms_walk(rotated, *call[1:], members=members, weights="score_overlap"),
        *torch.ops.ptdet.rotated_nmm_walk(rotated, *call[1:], members_propagate=seed % 2 == 0),
        *torch.ops.ptdet.rotated_wbf_walk(rotated, *call_of_models[1:]),
        torch.ops.ptdet.rotated_pairwise_overlap(rotated, rotated[:77], ("iou", "iof", "ios")[seed % 3]),
        torch.ops.ptdet.rotated_overlap(rotated, rotated.flip(0)),
    ]


def digest(cases: int) -> str:
    """Of keep, owner and kept over plain and strange cases, at one thread and at two."""
    ptdet.build_info()
    found = hashlib.sha256()
    before = torch.get_num_threads()
    for seed in range(cases):
        torch.set_num_threads(1 + seed % 2)
        for case in (fuzz_case(seed), strange_case(seed)):
            for tensor in (*torch.ops.ptdet.nms_walk(*case.arguments), *others(case, seed)):
                found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    torch.set_num_threads(before)
    return found.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    asked = parser.parse_args()
    print(json.dumps({"instruction_set": ptdet.build_info()["instruction_set"], "digest": digest(asked.cases)}))
