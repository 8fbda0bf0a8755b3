"""torchvision on a torch that was built without its operators: two of them must be known before the import."""  # noqa: INP001

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

# torchvision describes what these give as it is imported; no network of the line calls them.
OPERATORS = torch.library.Library("torchvision", "DEF")
OPERATORS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OPERATORS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
