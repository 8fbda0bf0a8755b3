"""What computes probabilities of pixels: torch as it comes, compiled torch, OpenVINO, ONNX Runtime."""
