"""The libraries that one would use instead, each as its documentation shows, where it is installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lenext.benchmark import peak
from lenext.benchmark.case import Case, documented, inference, ours
from lenext.benchmark.engine_work import EngineWork
from lenext.benchmark.timing import Work, calls_of
from lenext.engines import onnxruntime, openvino
from lenext.engines.engine import ONNXRUNTIME
from lenext.errors import UsageError, did_you_mean
from lenext.weights.adapters.operators import library

# Names of the line's networks in other libraries, where they differ.
TIMM = {"mobilenet_v1": "mobilenetv1_100", "xception": "legacy_xception"}
KERAS = {
    "vgg16": "VGG16", "vgg19": "VGG19", "resnet50": "ResNet50", "resnet101": "ResNet101", "inception_v3": "InceptionV3",
    "xception": "Xception", "densenet121": "DenseNet121", "mobilenet_v1": "MobileNet",
    "efficientnet_b0": "EfficientNetB0", "convnext_tiny": "ConvNeXtTiny",
}  # fmt: skip


@dataclass(frozen=True)
class Contestant:
    """Somebody who is measured: ``prepare`` gives a case's work, or None for a network that it does not have.

    package: whose version is said, and without which it cannot be asked; single: computes in fp32 whatever is asked.
    """

    name: str
    package: str
    prepare: Callable[[Case], Work | None]
    trains: bool = False
    single: bool = False

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.package)

    def prepared(self, case: Case) -> tuple[Work | None, dict[str, Any]]:
        """A case's work after its first calls; how many calls make a sample, the bytes that preparing and a first call
        took, and the case's operations.
        """
        case.images, case.labels  # noqa: B018 - made before memory is read
        work, memory = peak.measured(lambda: started(self, case), case.compute.device)
        if work is None:
            return None, {}
        calls = calls_of(work, by_clock=case.threads > 1)
        found: dict[str, Any] = {"calls": calls, "memory": memory, "operations": case.operations}
        found["precision"] = "fp32" if self.single else case.compute.precision
        if isinstance(work, EngineWork):  # memory: of all engines that were tried, which nobody wants to know
            found["precision"] = "fp32" if work.engine.name == ONNXRUNTIME else found["precision"]
            found |= {"engine": work.engine.name, "told": work.told, "memory": None if work.told else memory}
        return work, found


def started(one: Contestant, case: Case) -> Work | None:
    """A contestant's work after its first call, with which it sets itself up."""
    work = one.prepare(case)
    if work is not None:
        work()
    return work


def by_torchvision(case: Case) -> Work | None:
    models = library("torchvision.models")
    if case.name not in models.list_models():
        return None
    settings: dict[str, Any] = {"weights": None}
    if case.name in {"googlenet", "inception_v3"}:
        settings |= {"init_weights": False, "aux_logits": False}
    return documented(case, models.get_model(case.name, **settings))


def by_timm(case: Case) -> Work | None:
    timm = library("timm")
    name = TIMM.get(case.name, case.name)
    return documented(case, timm.create_model(name)) if timm.is_model(name) else None


def by_keras(case: Case) -> Work | None:
    keras = importlib.import_module("keras")
    if case.name not in KERAS:
        return None
    channels, height, width = case.input_size
    network = getattr(keras.applications, KERAS[case.name])(weights=None, input_shape=(height, width, channels))
    images = case.images.permute(0, 2, 3, 1).contiguous().numpy()
    return lambda: network.predict_on_batch(images)


def by_torch(case: Case) -> Work:
    return documented(case, case.fresh())


def by_eager(case: Case) -> Work:
    """torch as it is tuned by hand: channels last, in the precision that was asked for."""
    network, compute = case.fresh().eval(), case.compute
    compute.place(network)
    return inference(network, case.images.to(compute.device, memory_format=torch.channels_last), compute)


def by_compile(case: Case) -> Work:
    """torch.compile on our copy, weights frozen into the program, in the precision that was asked for."""
    network, compute = case.fresh().eval(), case.compute
    compute.place(network)
    settings: Any = importlib.import_module("torch._inductor.config")
    settings.freezing = True
    return inference(torch.compile(network), case.images.to(compute.device), compute)  # type: ignore[arg-type]


def by_onnxruntime(case: Case) -> Work:
    runtime = onnxruntime.runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = case.threads
    with tempfile.TemporaryDirectory() as folder:
        session = runtime.InferenceSession(in_onnx(case, folder), options, providers=["CPUExecutionProvider"])
    images = case.images.numpy()
    return lambda: session.run(None, {"images": images})


def in_onnx(case: Case, folder: str) -> Path:
    """The network as a file, for batches of the case's size."""
    needed("onnx")
    path = Path(folder) / "model.onnx"
    torch.onnx.export(case.fresh().eval(), (case.images,), path, input_names=["images"], dynamo=False)
    return path


def by_openvino(case: Case) -> Work:
    """One request at a time: its hint for throughput was slower on two cores."""
    rival = openvino.runtime()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": case.threads,
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "fp16": "f16"}.get(case.compute.precision, case.compute.precision),
    }
    with tempfile.TemporaryDirectory() as folder:  # as a user has it: from a file, compressed weights and all
        path = Path(folder) / "model.xml"
        try:
            shape = [list(case.images.shape)]  # as it is measured: nothing is left to be found out in each call
            model = rival.convert_model(case.fresh().eval(), example_input=case.images, input=shape)
        except Exception:  # noqa: BLE001  (its errors have no common ancestor; LeNet-5 has what it cannot read)
            model = rival.convert_model(in_onnx(case, folder))
        rival.save_model(model, path)
        compiled = rival.Core().compile_model(path, "CPU", settings)
    images = case.images.numpy()
    return lambda: compiled(images)


RIVALS: Mapping[str, Contestant] = {
    one.name: one
    for one in (
        Contestant("torchvision", "torchvision", by_torchvision, trains=True, single=True),
        Contestant("timm", "timm", by_timm, trains=True, single=True),
        Contestant("torch", "torch", by_torch, trains=True, single=True),
        Contestant("eager", "torch", by_eager),
        Contestant("compile", "torch", by_compile),
        Contestant("onnxruntime", "onnxruntime", by_onnxruntime, single=True),
        Contestant("openvino", "openvino", by_openvino),
        Contestant("keras", "keras", by_keras, single=True),
    )
}


OURS = Contestant("lenext", "lenext", ours, trains=True)


def contestant(name: str) -> Contestant:
    """Ours or a rival."""
    return OURS if name == OURS.name else RIVALS[name]


def chosen(names: tuple[str, ...], *, training: bool) -> list[Contestant]:
    """The rivals of these names. Raises UsageError for what is unknown, not installed, or trains nothing."""
    found = []
    for name in names:
        if name not in RIVALS:
            hint = did_you_mean(name, RIVALS) or f"Give some of {', '.join(RIVALS)}."
            raise UsageError(f"There is no rival {name!r}.", hint)
        if training and not RIVALS[name].trains:
            able = ", ".join(one.name for one in RIVALS.values() if one.trains)
            raise UsageError(f"{name} is not measured in training.", f"Those that are: {able}.")
        needed(RIVALS[name].package)
        found.append(RIVALS[name])
    return found


def needed(package: str) -> None:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            f"{package} is not installed.",
            f"Install it into this environment (pip install {package}), or leave it out.",
        ) from None
