"""Frozen values to JSON and back, strictly, and one field changed at a time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lenext.errors import UsageError
from lenext.models import FILES, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import (
    SGD,
    AdamW,
    ChannelMean,
    Constant,
    Cosine,
    He,
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    ShortSide,
    Steps,
)
from lenext.training.practical import practical
from lenext.values import assign, decode, encode, fields, show

RECIPES = [
    *(
        recipe
        for names in FILES.values()
        for table in model_file(names[0]).RECIPES.values()
        for recipe in table.values()
    ),
    practical(32),
    practical(224, mirror=False),
]
RECIPE = practical(224)


@dataclass(frozen=True)
class Inner:
    number: float = 1.0


@dataclass(frozen=True)
class Outer:
    count: int
    yes: bool = False
    ratio: float = 0.5
    name: str = ""
    pair: tuple[float, int] = (0.5, 1)
    names: tuple[str, ...] = ()
    inner: Inner = Inner()
    maybe: Inner | None = None
    limit: int | None = None
    free: Mapping[str, Any] = field(default_factory=dict)


def again(value):
    return decode(type(value), json.loads(json.dumps(encode(value))))


class TestRoundTrip:
    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
    def test_every_recipe_comes_back_equal_through_json(self, recipe):
        assert again(recipe) == recipe
        assert [type(step) for step in again(recipe).augment] == [type(step) for step in recipe.augment]

    def test_every_kind_of_field_comes_back(self):
        value = Outer(
            3,
            True,
            0.1 + 0.2,
            'ü "\n',
            (1e-300, 7),
            ("a", "b"),
            Inner(2.0),
            Inner(3.0),
            5,
            {"x": [1, None, {"y": 2.5}]},
        )
        assert again(value) == value
        assert again(Outer(3)) == Outer(3)

    def test_kinds_are_named(self):
        assert encode(Inner()) == {"kind": "Inner", "number": 1.0}
        assert encode(RECIPE)["optimizer"]["kind"] == "AdamW"

    def test_what_is_left_out_has_its_default(self):
        assert decode(Outer, {"count": 2}) == Outer(2)

    def test_whole_numbers_are_numbers(self):
        found = decode(Outer, {"count": 2, "ratio": 3})
        assert found.ratio == 3.0
        assert type(found.ratio) is float


def refused(document, kind=Outer):
    with pytest.raises(UsageError) as caught:
        decode(kind, document, "recipe")
    assert caught.value.remedy
    return caught.value


class TestStrictness:
    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("count", [True, 2.0, "2", None, [2], {}]),
            ("yes", [1, 0, "true", None]),
            ("ratio", [True, "0.5", None, [], {}, float("nan"), float("inf"), 10**400]),
            ("name", [1, None, [], True]),
            ("pair", [[0.5], [0.5, 1, 2], [0.5, 1.5], ["a", 1], 0.5, "ab", None, {}]),
            ("names", ["abc", [1], [None], {}, None]),
            ("inner", [1, None, [], "Innner", {"kind": "Outer"}, {"kind": ["Inner"]}, {"kind": None}]),
            ("maybe", [1, [], "Innner", {"kind": "Outer"}, {"kind": ["Inner"]}, {"kind": {}}, {}]),
            ("limit", [True, 2.5, "2", []]),
            ("free", [[], 1, None, "x"]),
        ],
    )
    def test_another_type_is_refused_where_it_stands(self, name, wrong):
        for document in wrong:
            assert f"recipe.{name}" in str(refused({"count": 1, name: document}))

    @pytest.mark.parametrize("document", [None, [], 3, "Outer", {"kind": "Inner"}, {"kind": []}])
    def test_what_is_no_object_of_the_kind(self, document):
        assert "recipe is not of kind Outer" in str(refused(document))

    def test_an_unknown_field_is_refused_with_a_near_one(self):
        error = refused({"count": 1, "nmae": "x"})
        assert "Outer has no field 'nmae'" in str(error)
        assert "name" in error.remedy

    def test_a_field_like_nothing_is_answered_with_the_list(self):
        assert "ratio" in refused({"count": 1, "zzzzzzzz": 1}).remedy

    def test_a_missing_field_is_named(self):
        assert str(refused({})) == "recipe: Outer needs count."
        assert "batch_size" in str(refused({"name": "x"}, Recipe))

    def test_an_unknown_kind_is_refused_with_a_near_one(self):
        document = encode(RECIPE)
        document["schedule"]["kind"] = "Cosinus"
        error = refused(document, Recipe)
        assert "recipe.schedule" in str(error)
        assert "Cosine" in error.remedy

    def test_a_field_deep_inside_is_named_by_its_path(self):
        document = encode(RECIPE)
        document["augment"][0]["size"] = "big"
        assert "recipe.augment.0.size is 'big'" in str(refused(document, Recipe))

    def test_a_recipe_that_breaks_its_own_rule(self):
        assert "epochs or iterations" in str(refused({**encode(RECIPE), "iterations": 5}, Recipe))


class TestAssignment:
    @pytest.mark.parametrize(
        ("setting", "expected"),
        [
            ("batch_size=8", replace(RECIPE, batch_size=8)),
            ("name=mine", replace(RECIPE, name="mine")),
            ("name=a=b", replace(RECIPE, name="a=b")),
            ("optimizer.lr=0.01", replace(RECIPE, optimizer=replace(RECIPE.optimizer, lr=0.01))),
            ("optimizer.lr=1", replace(RECIPE, optimizer=replace(RECIPE.optimizer, lr=1.0))),
            ("optimizer.betas=[0.8, 0.9]", replace(RECIPE, optimizer=replace(RECIPE.optimizer, betas=(0.8, 0.9)))),
            ("optimizer.betas.1=0.95", replace(RECIPE, optimizer=replace(RECIPE.optimizer, betas=(0.9, 0.95)))),
            ("view.squash=true", replace(RECIPE, view=replace(RECIPE.view, squash=True))),
            ("view.squash=True", replace(RECIPE, view=replace(RECIPE.view, squash=True))),
            ("schedule=Constant", replace(RECIPE, schedule=Constant())),
            ('schedule={"kind": "Cosine", "warmup": 0.5}', replace(RECIPE, schedule=Cosine(warmup=0.5))),
            ('optimizer={"kind":"AdamW","lr":0.001}', replace(RECIPE, optimizer=AdamW(lr=0.001))),
            ('optimizer={"kind":"SGD","lr":1}', replace(RECIPE, optimizer=SGD(lr=1.0))),
            ("normalise=ChannelMean", replace(RECIPE, normalise=ChannelMean())),
            ("init=none", replace(RECIPE, init=None)),
            ("init=null", replace(RECIPE, init=None)),
            ("init=He", replace(RECIPE, init=He())),
            ("view.crop=64", replace(RECIPE, view=SingleCrop(resize=256, crop=64))),
            ('view={"resize": 9, "crop": 8}', replace(RECIPE, view=SingleCrop(resize=9, crop=8))),
            ("augment.1.p=0.1", replace(RECIPE, augment=(RECIPE.augment[0], RandomFlip(p=0.1)))),
            (
                "augment.0.area.0=0.2",
                replace(RECIPE, augment=(RandomResizedCrop(size=224, area=(0.2, 1.0)), RandomFlip())),
            ),
            (
                'augment.0={"kind": "RandomCrop", "size": 9}',
                replace(RECIPE, augment=(RandomCrop(size=9), RandomFlip())),
            ),
            ("augment.0=RandomFlip", replace(RECIPE, augment=(RandomFlip(), RandomFlip()))),
            ("augment=[]", replace(RECIPE, augment=())),
            (
                'augment=[{"kind": "ShortSide", "low": 8, "high": 9}, "RandomFlip"]',
                replace(RECIPE, augment=(ShortSide(low=8, high=9), RandomFlip())),
            ),
        ],
    )
    def test_one_field_is_changed_and_nothing_else(self, setting, expected):
        assert assign(RECIPE, setting) == expected

    def test_the_value_given_stays_as_it_is(self):
        before = encode(RECIPE)
        assign(RECIPE, "optimizer.lr=0.5")
        assert encode(RECIPE) == before

    @pytest.mark.parametrize(
        ("setting", "word", "remedy"),
        [
            ("batch_size", "has no value", "--set optimizer.lr=0.01"),
            ("", "has no value", "--set"),
            ("=3", "no field ''", "batch_size"),
            ("batchsize=3", "no field 'batchsize'", "batch_size"),
            ("optimizer.lrr=3", "no field 'lrr'", "lr"),
            ("optimizer.=3", "no field ''", "lr"),
            ("optimizer.lr.x=3", "no field 'x'", "none"),
            ("schedule.at=3", "no field 'at'", "warmup"),
            ("augment.2.p=1", "no item '2'", "0 to 1"),
            ("augment.-1.p=1", "no item '-1'", "0 to 1"),
            ("augment.².p=1", "no item '²'", "0 to 1"),
            ("augment.first=1", "no item 'first'", "0 to 1"),
            ("batch_size=many", "batch_size is 'many'", "whole number"),
            ("batch_size=2.5", "batch_size is 2.5", "whole number"),
            ("batch_size=", "batch_size is ''", "whole number"),
            ("optimizer.lr=fast", "optimizer.lr is 'fast'", "number"),
            ("optimizer.lr=NaN", "optimizer.lr is nan", "number"),
            ("optimizer.lr=1e999", "optimizer.lr is inf", "number"),
            ("optimizer.lr=" + "9" * 400, "optimizer.lr is 999", "number"),
            ("optimizer.lr=" + "9" * 5000, "optimizer.lr is '999", "number"),
            ("optimizer.lr=" + "[" * 100_000, "optimizer.lr is '[[", "number"),
            ("optimizer.betas=[0.9]", "optimizer.betas is [0.9]", "2 items"),
            ("optimizer=SGD", "SGD needs lr", "default"),
            ("optimizer=Adam", "optimizer is 'Adam'", "AdamW"),
            ('optimizer={"kind":"Adam"}', "no kind 'Adam'", "AdamW"),
            ('optimizer={"lr":1}', "no kind None", "SGD"),
            ("schedule=3", "schedule is 3", "Constant"),
            ("augment=RandomFlip", "augment is 'RandomFlip'", "JSON list"),
            ("epochs=none", "either epochs or iterations", "Set one"),
            ("iterations=10", "either epochs or iterations", "Set one"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_a_remedy(self, setting, word, remedy):
        with pytest.raises(UsageError) as caught:
            assign(RECIPE, setting)
        assert word in str(caught.value)
        assert remedy in caught.value.remedy

    def test_fields_that_go_together_are_checked_after_the_last_setting(self):
        found = assign(RECIPE, "epochs=null", "iterations=3")
        assert (found.epochs, found.iterations) == (None, 3)
        assert assign(RECIPE, "iterations=3", "epochs=null") == found
        with pytest.raises(UsageError, match="either epochs or iterations"):
            assign(RECIPE, "epochs=null", "batch_size=3")

    def test_a_later_setting_sees_the_earlier_ones(self):
        found = assign(
            RECIPE, 'optimizer={"kind": "SGD", "lr": 1}', "optimizer.momentum=0.5", 'optimizer.spared=["norms"]'
        )
        assert (found.optimizer.lr, found.optimizer.momentum, found.optimizer.spared) == (1.0, 0.5, ("norms",))

    @pytest.mark.parametrize(
        ("setting", "found"),
        [
            ('mixing={"kind": "Mixing", "mixup": 0.8}', "Mixing(mixup=0.8, cutmix=0.0, p=1.0, switch=0.5)"),
            ("average=Average", "Average(decay=0.9999, rising=False)"),
            ("clip=5", "5.0"),
            ("schedule=Polynomial", None),
            ('schedule={"kind": "EpochSteps", "at": [1.5, 3]}', "EpochSteps(at=(1.5, 3.0), factor=0.1)"),
            (
                'inherit={"kind": "Inherit", "network": "vgg11", "layers": ["fc6"]}',
                "Inherit(network='vgg11', layers=('fc6',))",
            ),
            ("loss=Logistic", "Logistic()"),
            ("normalise=PixelMean", "PixelMean(before_crop=False, side=None)"),
        ],
    )
    def test_every_part_can_become_another_kind(self, setting, found):
        if found is None:
            with pytest.raises(UsageError, match="needs power"):
                assign(RECIPE, setting)
        else:
            assert repr(getattr(assign(RECIPE, setting), setting.partition("=")[0])) == found

    def test_an_item_of_nothing(self):
        with pytest.raises(UsageError, match="no item '0'"):
            assign(replace(RECIPE, augment=()), "augment.0.p=1")


class TestForPeople:
    def test_fields_open_the_parts_in_order(self):
        assert fields(Outer(3, maybe=Inner(2.0), names=("a",))) == [
            ("count", "3"), ("yes", "False"), ("ratio", "0.5"), ("name", "''"), ("pair", "(0.5, 1)"),
            ("names", "('a',)"), ("inner", "Inner"), ("inner.number", "1.0"), ("maybe", "Inner"),
            ("maybe.number", "2.0"), ("limit", "None"), ("free", "{}"),
        ]  # fmt: skip

    def test_steps_are_numbered(self):
        rows = dict(fields(RECIPE))
        assert rows["augment.1"] == "RandomFlip(p=0.5)"
        assert rows["optimizer"] == "AdamW"
        assert rows["optimizer.lr"] == "0.0005"

    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
    def test_every_path_that_is_shown_can_be_set(self, recipe):
        """What a person reads in a recipe is what ``--set`` takes."""
        leaves = [path for path, _ in fields(recipe) if path not in ("epochs", "iterations")]
        assert len(leaves) > 10
        for path in leaves:
            value = recipe
            for name in path.split("."):
                value = value[int(name)] if name.isdigit() else getattr(value, name)
            assert assign(recipe, f"{path}={json.dumps(encode(value))}") == recipe

    def test_show_is_python(self):
        value = Steps(at=(1, 2), factor=0.5)
        assert show(value) == "Steps(at=(1, 2), factor=0.5, warmup_lr=0.0, warmup_iterations=0)"
        assert eval(show(value)) == value
