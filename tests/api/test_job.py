"""From what was asked to a job: recipe, deviations, sizes, network; and what cannot be is refused before it begins."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lenext.api.options import TrainOptions
from lenext.api.run.chosen_recipe import changes, read_recipe, training_shape
from lenext.api.run.job import Job, build, check_input, decide, smallest_pass, statistics
from lenext.data.images import ArrayImages
from lenext.data.item import Content, Item
from lenext.data.listing import Listing, part
from lenext.data.loader import Loader
from lenext.errors import UsageError
from lenext.models import FILES, create_model, entry, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import SGD, Cosine, RandomCrop, RandomFlip, ShortSide, Steps
from lenext.training.fitting import to_image_size
from lenext.training.practical import practical
from lenext.values import encode


def listing(count=320, side=32, name="toy", sizes=(), splits=("train", "test")):
    """Small images of two classes, half of them in each split; with ``sizes`` as if they were scanned files."""
    array = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    items = tuple(
        Item(f"{number:03d}", "ab"[number % 2], splits[number * len(splits) // count]) for number in range(count)
    )
    contents = tuple(Content("", "png", *sizes[number % len(sizes)]) for number in range(count)) if sizes else ()
    return Listing(name, Path(), "built-in", ("a", "b"), items, ArrayImages(array, name), contents=contents)


def decided(model="resnet20_cifar", data=None, **asked):
    return decide(TrainOptions(model=model, **asked), data or listing())


def refused(word, remedy="", **asked):
    with pytest.raises(UsageError) as caught:
        decided(**asked)
    assert word in str(caught.value)
    assert caught.value.remedy
    assert remedy in caught.value.remedy


class TestRecipes:
    def test_without_a_word_it_is_the_practical_one(self):
        job = decided()
        assert job.recipe == practical(32)
        assert job.deviations == ()
        assert (job.reading, job.seed, job.precision, job.validation) == ("paper", 0, "fp32", 0.1)

    def test_a_network_with_a_practical_recipe_of_its_own_has_that(self):
        assert decided("lenet5").recipe.name == "lenet5:practical"

    @pytest.mark.parametrize("name", ["digits", "mnist"])
    def test_characters_are_never_mirrored(self, name):
        assert RandomFlip() not in decided(data=listing(name=name)).recipe.augment
        assert RandomFlip() in decided(data=listing(name="flowers")).recipe.augment

    @pytest.mark.parametrize(
        ("word", "name"),
        [("paper", "resnet:cifar"), ("paper:paper", "resnet:cifar"), ("practical", "practical")],
    )
    def test_by_name(self, word, name):
        assert decided(recipe=word).recipe.name == name

    def test_a_variant_of_the_paper(self):
        assert decided("vgg16", recipe="paper:glorot").recipe.name == "vgg:glorot"
        assert decided("VGG-D", recipe="glorot").model == "vgg16"

    def test_from_the_file_of_another_run(self, tmp_path):
        recipe = replace(practical(32), batch_size=7)
        (tmp_path / "recipe.json").write_text(json.dumps(encode(recipe)))
        job = decided(recipe=str(tmp_path / "recipe.json"))
        assert job.recipe == recipe
        assert job.deviations == ()

    @pytest.mark.parametrize(
        ("asked", "word", "remedy"),
        [
            ({"model": None}, "No network was named", "lenext models"),
            ({"model": "resnet5"}, "no network called 'resnet5'", "resnet50"),
            ({"recipe": "papre"}, "has no recipe 'papre'", "paper"),
            ({"recipe": "zzzzzz"}, "has no recipe", "It has: practical, paper, fb."),
            ({"model": "lenet5", "recipe": "zzzzzz"}, "has no recipe", "It has: practical, paper"),
            ({"recipe": "gone.json"}, "gone.json cannot be read", "recipe.json"),
        ],
    )
    def test_unknown_ones_are_refused(self, asked, word, remedy):
        refused(word, remedy, **asked)

    @pytest.mark.parametrize("text", ["", "{", '{"kind": "SGD"}', '{"name": 5}', "\xff", "[" * 9999, '{"a":1,"a":2}'])
    def test_a_file_that_is_no_recipe(self, tmp_path, text):
        (tmp_path / "recipe.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(UsageError) as caught:
            read_recipe(tmp_path / "recipe.json")
        assert caught.value.remedy


class TestDeviations:
    def test_what_was_asked_is_listed_as_before_and_after(self):
        job = decided(recipe="paper", batch_size=10, settings=("optimizer.lr=0.2", "schedule=Constant"))
        assert job.deviations == (
            "batch_size: 128 -> 10",
            "optimizer.lr: 0.1 -> 0.2",
            "schedule: Steps -> Constant",
            "schedule.at: (32000, 48000) -> not there",
            "schedule.factor: 0.1 -> not there",
            "schedule.warmup_lr: 0.0 -> not there",
            "schedule.warmup_iterations: 0 -> not there",
        )

    def test_the_same_value_is_no_deviation(self):
        assert decided(recipe="paper", batch_size=128, image_size=32).deviations == ()

    def test_steps_that_come_and_go(self):
        before = replace(practical(32), augment=(RandomCrop(size=32),))
        after = replace(before, augment=(RandomCrop(size=32), RandomFlip()))
        assert changes(before, after) == ("augment.1: not there -> RandomFlip(p=0.5)",)
        assert changes(after, before) == ("augment.1: RandomFlip(p=0.5) -> not there",)
        assert changes(after, after) == ()

    def test_settings_come_last(self):
        job = decided(batch_size=10, epochs=3, settings=("batch_size=5", "epochs=2"))
        assert (job.recipe.batch_size, job.recipe.epochs) == (5, 2)


class TestLength:
    def test_epochs_of_a_recipe_in_iterations_are_counted_without_the_images_held_out(self):
        """1000 images train, 900 of them once a tenth is held out: 9 batches of 100 each epoch."""
        data = listing(2000, side=2)
        job = decided(data=data, recipe="paper", epochs=20, batch_size=100)
        assert job.recipe.iterations == 180
        assert job.recipe.schedule == Steps(at=(90, 135))
        assert decided(data=data, recipe="paper", epochs=20, batch_size=100, validation=0.0).recipe.iterations == 200

    def test_where_the_data_have_a_validation_split_all_training_images_count(self):
        data = listing(2000, side=2, splits=("train", "val"))
        assert decided(data=data, recipe="paper", epochs=20, batch_size=100).recipe.iterations == 200

    def test_epochs_of_a_recipe_in_epochs(self):
        assert decided(epochs=2).recipe.epochs == 2

    @pytest.mark.parametrize("asked", [{"batch_size": 100}, {"settings": ("batch_size=100",)}])
    def test_the_batch_that_is_asked_for_counts_however_it_is_asked(self, asked):
        assert decided(data=listing(2000, side=2), recipe="paper", epochs=20, **asked).recipe.iterations == 180

    def test_from_epochs_to_iterations_takes_two_settings(self):
        recipe = decided(settings=("epochs=null", "iterations=3")).recipe
        assert (recipe.epochs, recipe.iterations) == (None, 3)


class TestRules:
    """What was scaled, and by which rule, is said in words beside the fields."""

    def test_size_and_length(self):
        job = decided("resnet18", listing(2000, side=8), recipe="paper", image_size=112, epochs=2, batch_size=100)
        assert job.rules[0] == "image size 224 -> 112: every length of augment and view times 0.5"
        assert "18 iterations (2 epochs)" in job.rules[1]
        assert len(job.rules) == 2

    def test_a_batch_of_more_images_than_there_are(self):
        job = decided(data=listing(40))
        assert job.rules == ("batch 32 -> 18: there are no more images",)
        assert job.deviations == ("batch_size: 32 -> 18",)
        assert decided(data=listing(40), settings=("batch_size=500",)).recipe.batch_size == 18

    def test_an_average_that_would_never_forget(self):
        job = decided(settings=("average=Average",))  # 30 epochs of 5 steps
        assert job.rules == ("average over 10,000 -> 30 steps: a fifth of the run's 150",)

    def test_as_it_is_written_nothing_is_said(self):
        assert decided().rules == ()


class TestRates:
    """Dropout and drop path are the recipe's, the network is built with them."""

    def test_they_are_options_of_the_build(self):
        assert decided("vgg11", settings=("dropout=0.25",), image_size=224).options == {"dropout": 0.25}
        assert decided("convnext_tiny", settings=("drop_path=0.3",), image_size=224).options == {"drop_path": 0.3}
        job = decided("densenet40_k12_cifar", settings=("dropout=0.25",))
        rates = {part.p for part in build(job, listing()).modules() if isinstance(part, torch.nn.Dropout)}
        assert rates == {0.25}

    def test_an_option_wins_and_is_a_deviation(self):
        job = decided("vgg11", settings=("dropout=0.25",), options={"dropout": 0.1}, image_size=224)
        assert (job.recipe.dropout, job.options) == (0.1, {"dropout": 0.1})
        assert "dropout: None -> 0.1" in job.deviations

    def test_a_network_that_has_none_refuses(self):
        refused("sets drop_path to 0.3, and resnet20_cifar", "drop_path=null", settings=("drop_path=0.3",))

    def test_auxiliary_heads_are_built_where_their_loss_counts(self):
        job = decided("googlenet", listing(side=224, count=40), settings=("auxiliary=0.3",), image_size=224)
        assert job.options == {"auxiliary": True}
        with pytest.raises(UsageError, match="has none"):
            build(decided(settings=("auxiliary=0.3",)), listing())


class TestPasses:
    @pytest.mark.parametrize(("asked", "least"), [({}, 16), ({"micro_batch": 6}, 5), ({"micro_batch": 1}, 1)])
    def test_the_smallest(self, asked, least):
        assert smallest_pass(decided(**asked), 144) == least  # batches of 32, the last of 16

    def test_single_images_need_a_network_that_takes_them(self):
        job = decided("densenet_bc100_k12_cifar", micro_batch=1)
        assert build(job, listing()).num_classes == 2  # 8 x 8 pixels at the end
        job = decided("mobilenet_v1_025", micro_batch=1, image_size=32)
        with pytest.raises(UsageError, match="one image of 32 x 32 at a time") as caught:
            build(job, listing())
        assert "--micro-batch 2" in caught.value.remedy


class TestSizes:
    @pytest.mark.parametrize(
        ("sizes", "size"),
        [(((500, 400),), 224), (((100, 90), (700, 95), (20, 900)), 96), (((8, 8),), 32)],
    )
    def test_the_practical_size_follows_the_shorter_sides_of_the_images(self, sizes, size):
        assert decided("resnet18", listing(sizes=sizes)).recipe.view.crop == size

    def test_images_in_memory_say_their_size_themselves(self):
        assert decided("resnet18", listing(side=70)).recipe.view.crop == 96

    def test_the_size_that_was_asked_for(self):
        job = decided("resnet18", recipe="paper", image_size=112)
        assert job.recipe.view == SingleCrop(resize=128, crop=112)
        assert "view.crop: 224 -> 112" in job.deviations

    def test_vgg_is_built_for_the_size(self):
        assert decided("vgg11", image_size=64).options == {"image_size": 64}
        assert decided("vgg11", image_size=224).options == {}
        assert decided("vgg11", image_size=64, options={"dropout": 0.0}).options == {"dropout": 0.0, "image_size": 64}
        assert decided("resnet18", image_size=64).options == {}

    @pytest.mark.parametrize(
        ("model", "size", "fits"),
        [("resnet20_cifar", 8, True), ("lenet5", 32, True), ("lenet5", 64, False), ("lenet5", 8, False)],
    )
    def test_sizes_that_the_layers_cannot_take_are_refused(self, model, size, fits):
        network = create_model(model)
        if fits:
            check_input(network, (size, size))
        else:
            with pytest.raises(UsageError, match=f"{model} cannot take images of {size} x {size}") as caught:
                check_input(network, (size, size))
            assert "--image-size 32" in caught.value.remedy

    def test_vgg_refuses_eight_pixels(self):
        with pytest.raises(UsageError, match="8 pixels"):
            build(decided("vgg11", image_size=8), listing())
        with torch.device("meta"):
            network = create_model("vgg11", image_size=32)
            check_input(network, (32, 32))
            with pytest.raises(UsageError, match=r"8 x 8 pixels .*too small") as caught:
                check_input(network, (8, 8))
        assert "--image-size 32" in caught.value.remedy

    def test_what_training_shows_is_checked_too(self):
        job = decided("lenet5", settings=("augment.0.crop=20", "augment.0.resize=20"))
        with pytest.raises(UsageError, match="20 x 20"):
            build(job, listing())


class TestNonsense:
    """Numbers that no run can have are refused before a folder is made."""

    @pytest.mark.parametrize(
        "setting",
        [
            "batch_size=0", "batch_size=-1", "epochs=0", "optimizer.lr=-1", "optimizer.weight_decay=-1",
            "optimizer.betas.0=1", "optimizer.betas.1=-0.5", "schedule.warmup=2", "schedule.final=-1",
            "loss.label_smoothing=1.5", "augment.0.crop=0", "augment.1.size=-3", "augment.1.pad=-1",
            "augment.1.fill=256", "augment.2.p=1.1", "normalise.std=0", "view.crop=0", "view.resize=-1",
            'schedule={"kind": "Plateau", "patience": 0}',
            'optimizer={"kind": "SGD", "lr": 0.1, "nesterov": true}',
            'augment=[{"kind": "RandomResizedCrop", "size": 32, "aspect": [0, 1]}]',
            'augment=[{"kind": "RandomResizedCrop", "size": 32, "area": [0.1, 1.1]}]',
            'augment=[{"kind": "SingleCrop", "resize": 32, "crop": 32}, {"kind": "RandomAffine", "scale": 1}]',
        ],
    )  # fmt: skip
    def test_numbers_out_of_bounds(self, setting):
        refused("", settings=(setting,))

    @pytest.mark.parametrize("setting", ["normalise.mean=-1", "optimizer.weight_decay=0", "augment.2.p=0"])
    def test_numbers_at_their_bounds_pass(self, setting):
        assert len(decided(settings=(setting,)).deviations) == 1

    def test_the_place_is_named(self):
        refused("augment.1.fill is 256", "255 or less", settings=("augment.1.fill=256",))
        refused("batch_size is 0", "1 or more", settings=("batch_size=0",))

    @pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
    def test_seeds_that_no_generator_takes(self, seed):
        refused(f"The seed is {seed}", "whole number", seed=seed)

    @pytest.mark.parametrize("augment", ["[]", '["RandomFlip"]', '[{"kind": "ShortSide", "low": 32, "high": 40}]'])
    def test_images_of_many_sizes_make_no_batch(self, augment):
        refused("many sizes", "RandomCrop", settings=(f"augment={augment}",))

    def test_a_mean_image_needs_crops_of_its_size(self):
        refused("mean image", "same size", model="resnet18", recipe="paper", settings=("augment.1.size=160",))

    def test_an_unknown_reading_or_option(self):
        data = listing()
        for asked in ({"reading": "torchvision"}, {"options": {"depth": 3}}, {"options": {"num_classes": 3}}):
            with pytest.raises(UsageError) as caught:
                build(decided(**asked), data)
            assert caught.value.remedy


def test_the_size_of_training_is_the_last_crops():
    recipe = practical(32)
    assert training_shape(recipe) == (32, 32)
    assert training_shape(replace(recipe, augment=(RandomCrop(size=9), SingleCrop(resize=7, crop=8)))) == (8, 8)
    assert training_shape(replace(recipe, augment=(ShortSide(low=8, high=9), RandomCrop(size=7), RandomFlip()))) == (
        7,
        7,
    )


SMALL_ENOUGH = [
    "lenet5", "vgg11", "resnet18", "preresnet110_cifar", "resnet20_cifar", "resnet110_cifar", "alexnet", "nin_cifar",
    "googlenet", "inception_v3", "densenet40_k12_cifar", "resnext29_8x64d_cifar", "xception", "mobilenet_v1_025",
    "efficientnet_b0", "convnext_tiny", "convnext_roadmap_resnet50_07",
]  # fmt: skip
OTHER_SIDES = {"lenet5": 32, "alexnet": 224, "inception_v3": 299}  # all others take 40 pixels too


class TestBuilding:
    def test_the_weights_are_a_function_of_the_seed(self):
        data = listing()
        first, again, other = (build(decided(seed=seed), data) for seed in (3, 3, 4))
        torch.manual_seed(99)
        for name, tensor in first.state_dict().items():
            assert tensor.equal(again.state_dict()[name])
        assert not first.get_classifier().weight.equal(other.get_classifier().weight)
        assert first.num_classes == 2

    @pytest.mark.parametrize("name", SMALL_ENOUGH)
    def test_every_recipe_of_the_line_builds_at_another_size_and_takes_a_view(self, name):
        side = OTHER_SIDES.get(name, 40)
        recipes = [practical(side), *entry(model_file(name).RECIPES, name).values()]
        options = {"image_size": side} if name.startswith("vgg") else {}
        with torch.device("meta"):
            network = create_model(name, **options)
            for recipe in recipes:
                scaled = to_image_size(recipe, side).recipe
                check_input(network, scaled.view.shape)
                check_input(network, training_shape(scaled))

    def test_every_file_of_the_line_was_tried(self):
        assert {file for file, names in FILES.items() if set(names) & set(SMALL_ENOUGH)} == set(FILES)


class TestStatistics:
    def job(self, **changed):
        return replace(decided(), recipe=replace(practical(32), **changed))

    def read(self, job):
        data = part(listing(), "train")
        reads = []

        class Counted(Loader):
            def views(self, view, batch_size):
                for batch in super().views(view, batch_size):
                    reads.append(len(batch))
                    yield batch

        return statistics(job, Counted(data, 3)), sum(reads)

    def test_constants_need_no_pass_over_the_data(self):
        found, reads = self.read(decided())
        assert reads == 0
        assert found.mean == (0.5,) * 3

    def test_means_and_colours_come_from_the_training_images(self):
        paper = decided(recipe="paper").recipe
        found, reads = self.read(self.job(normalise=paper.normalise))
        assert reads == 160
        assert found.pixel_mean.shape == (3, 32, 32)
        assert found.subtract_first
        colours = model_file("vgg16").RECIPE.augment[-1]
        found, reads = self.read(self.job(augment=(RandomCrop(size=32), colours)))
        assert reads == 160
        assert found.colour_axes.any()


def test_a_job_is_a_value():
    assert decided() == decided()
    assert isinstance(decided(), Job)
    assert decided(settings=("schedule=Cosine", 'optimizer={"kind": "SGD", "lr": 0.1}')).recipe == replace(
        practical(32), schedule=Cosine(), optimizer=SGD(lr=0.1)
    )
