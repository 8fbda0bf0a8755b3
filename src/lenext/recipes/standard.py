"""Values that several papers share because one code or one paper brought them into use, each with its source."""

from __future__ import annotations

from dataclasses import replace

from lenext.protocol import SingleCrop
from lenext.recipes import SGD, Recipe
from lenext.recipes.augmentations import (
    Augmentation,
    ColourJitter,
    PCAColour,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
)
from lenext.recipes.initial import He
from lenext.recipes.inputs import ChannelMean, FixedChannels
from lenext.recipes.schedules import EpochSteps

# ImageNet's mean and deviation in 0..1, which most published networks expect.
IMAGENET = FixedChannels(
    mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),                          # fb.resnet.torch
)  # fmt: skip

# Scale and aspect ratio: ResNeXt, DenseNet and most later networks were trained on this.
SCALE_AND_ASPECT: tuple[Augmentation, ...] = (
    RandomResizedCrop(
        size=224, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3), interpolation="bicubic",     # fb.resnet.torch
        drawn="fb.resnet.torch",                                    # fb.resnet.torch: RandomSizedCrop
    ),
    ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4),                     # fb.resnet.torch
    PCAColour(std=0.1, size="eigenvalue"),                                          # fb.resnet.torch
    RandomFlip(p=0.5),                                                              # fb.resnet.torch
)  # fmt: skip

# How Torch trained a ResNet on ImageNet; ResNeXt and DenseNet say that they did the same.
FB_RESNET_TORCH = Recipe(
    name="fb.resnet.torch",
    epochs=90,                                                                      # fb.resnet.torch
    batch_size=256,                                                                 # fb.resnet.torch
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),          # fb.resnet.torch
    schedule=EpochSteps(at=(30, 60), factor=0.1),                                   # fb.resnet.torch
    augment=SCALE_AND_ASPECT,
    normalise=IMAGENET,
    view=SingleCrop(resize=256, crop=224, interpolation="bicubic"),                 # fb.resnet.torch
    init=He(fan="out", linear=False),                                               # fb.resnet.torch
)  # fmt: skip

# CIFAR: the image or its mirror image, moved by up to 4 pixels.
PAD_AND_CROP: tuple[Augmentation, ...] = (
    RandomCrop(size=32, pad=4, mean=True),                          # 1512.03385, 4.2; fb.resnet.torch: the mean first
    RandomFlip(p=0.5),                                                              # 1512.03385, 4.2
)  # fmt: skip

# How Torch trained a ResNet on CIFAR; DenseNet and ResNeXt went on from it.
FB_CIFAR = replace(
    FB_RESNET_TORCH, name="fb.resnet.torch:cifar",
    epochs=164, batch_size=128,                                                     # fb.resnet.torch
    schedule=EpochSteps(at=(80, 121), factor=0.1),                                  # fb.resnet.torch: epochs 81 and 122
    augment=PAD_AND_CROP,
    normalise=ChannelMean(),                                                        # fb.resnet.torch
    view=SingleCrop(resize=32, crop=32),                                            # fb.resnet.torch
)  # fmt: skip

# What ConvNeXt was trained on, and every step of the way to it.
RAND_AUGMENT_AND_ERASING: tuple[Augmentation, ...] = (
    RandomResizedCrop(size=224, area=(0.08, 1.0), interpolation="bicubic"),         # ours: the code's; not printed
    RandomFlip(p=0.5),                                                              # ours: the code's; not printed
    RandAugment(operations=2, magnitude=9, std=0.5, p=0.5, interpolation="bicubic"),    # 2201.03545, Table 5; its code
    RandomErasing(p=0.25),                                                          # 2201.03545, Table 5
)  # fmt: skip
