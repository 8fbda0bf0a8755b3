"""timm as its training script trains: the loop of ``train.py``, which is not in the wheel, with its default arguments.

hfdocs/source/training_script.mdx ("Scripts") and the defaults of ``train.py``: SGD of 0.1 for a batch of 256 (here 128,
so 0.05), momentum 0.9, weight decay 2e-5, cosine with 5 epochs of warm-up, label smoothing 0.1, random resized crops of
0.08 to 1, mirroring, colour jitter 0.4, the best epoch by validation top-1. As the page's examples: ``--amp``, here in
bfloat16 as a CPU has it; ``--channels-last`` as is faster. Model ``resnet18`` at 32 pixels, for 28-pixel images.
"""

from trial import Trial  # isort: skip

import copy

import timm
import torch
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import accuracy, random_seed

SIZE, BATCH, WARMUP = 32, 128, 5
CPU = torch.device("cpu")


def loader(dataset: object, config: dict, *, training: bool) -> object:
    more = (
        {"scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3), "hflip": 0.5, "color_jitter": 0.4, "interpolation": "random"}
        if training
        else {"interpolation": config["interpolation"], "crop_pct": config["crop_pct"]}
    )
    return create_loader(
        dataset,
        input_size=config["input_size"],
        batch_size=BATCH,
        is_training=training,
        mean=config["mean"],
        std=config["std"],
        num_workers=2,
        device=CPU,
        **more,
    )


def main() -> None:
    trial = Trial()
    random_seed(trial.seed, 0)
    train = create_dataset("", root=str(trial.data), split="train", is_training=True)
    val = create_dataset("", root=str(trial.data), split="val")
    names = list(train.reader.class_to_idx)
    model = timm.create_model("resnet18", pretrained=False, num_classes=len(names))
    model.to(memory_format=torch.channels_last)
    config = resolve_data_config({"input_size": (3, SIZE, SIZE)}, model=model)
    loaders = loader(train, config, training=True), loader(val, config, training=False)
    optimizer = create_optimizer_v2(model, opt="sgd", lr=0.1 * BATCH / 256, weight_decay=2e-5, momentum=0.9)
    schedule, epochs = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=trial.epochs,
        warmup_epochs=min(WARMUP, trial.epochs - 1),
        warmup_lr=1e-5,
        min_lr=0.0,
        updates_per_epoch=len(loaders[0]),
    )
    loss_of = LabelSmoothingCrossEntropy(0.1)
    best, kept = -1.0, model.state_dict()
    for epoch in range(epochs):
        model.train()
        for images, labels in loaders[0]:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_of(model(images.contiguous(memory_format=torch.channels_last)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        top1 = validated(model, loaders[1])
        print(f"epoch {epoch + 1}: {top1:.2f} %", flush=True)
        if top1 > best:
            best, kept = top1, copy.deepcopy(model.state_dict())
        schedule.step(epoch + 1, top1)
    trial.trained()
    model.load_state_dict(kept)
    test = create_dataset("", root=str(trial.test), split="", search_split=False)
    answers = answered(model, loader(test, config, training=False))
    named = dict(zip(test.filenames(absolute=True), [names[index] for index in answers], strict=True))
    trial.write(
        [named[str(path)] for path in trial.images()],
        {"timm": timm.__version__, "torch": torch.__version__},
        validation=best / 100,
        what="the loop of train.py with its defaults, --model resnet18 --input-size 3 32 32 --amp --amp-dtype bfloat16 "
        "--channels-last, best epoch of the validation",
        documentation="huggingface.co/docs/timm/training_script; defaults of train.py",
    )


def answered(model: torch.nn.Module, images: object) -> list[int]:
    model.eval()
    found: list[int] = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for batch, _ in images:
            found += model(batch.contiguous(memory_format=torch.channels_last)).argmax(1).tolist()
    return found


def validated(model: torch.nn.Module, images: object) -> float:
    """Top-1 in per cent, weighted by batch as train.py does."""
    model.eval()
    right = total = 0.0
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for batch, labels in images:
            scores = model(batch.contiguous(memory_format=torch.channels_last))
            right += float(accuracy(scores, labels)[0]) * len(labels)
            total += len(labels)
    return right / total


if __name__ == "__main__":
    main()
