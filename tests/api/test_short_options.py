"""Options that stand for settings of the recipe, and what they refuse."""

import pytest
from test_job import decided, listing, refused

from lenext.api.options import TrainOptions
from lenext.api.run.prepare import check
from lenext.api.run.short_options import check_options, unevenness
from lenext.data.item import Item
from lenext.errors import UsageError
from lenext.recipes import Average, BalancedSampling, ClassWeights
from lenext.training.practical import practical


@pytest.mark.parametrize(
    ("asked", "field", "value"),
    [
        ({"balance": "sampling"}, "balance", BalancedSampling()),
        ({"balance": "weights"}, "balance", ClassWeights()),
        ({"balance": "none"}, "balance", None),
        ({"patience": 4}, "patience", 4),
        ({"average": True, "epochs": 10_000}, "average", Average()),
        ({"balance": "sampling", "settings": ("balance.power=0.5",)}, "balance", BalancedSampling(power=0.5)),
    ],
)
def test_they_are_settings_of_the_recipe(asked, field, value):
    job = decided(**asked)
    assert getattr(job.recipe, field) == value
    assert (field in " ".join(job.deviations)) == (value is not None)


def test_they_count_as_changes_of_the_recipe():
    for asked in ({"balance": "weights"}, {"patience": 3}, {"average": True}):
        assert TrainOptions(**asked).changes_recipe
    assert not TrainOptions(save_memory=True, time_limit="3m").changes_recipe


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"balance": "wieghts"}, "wieghts"),
        ({"time_limit": "soon"}, "soon"),
        ({"tune": 3, "time_limit": "2h"}, "together"),
    ],
)
def test_what_no_run_can_have(asked, word):
    with pytest.raises(UsageError, match=word) as found:
        check_options(TrainOptions(**asked))
    assert found.value.remedy


@pytest.mark.parametrize("asked", [{"patience": 0}, {"tune": 0}, {"precision": "fp8"}])
def test_what_check_refuses(asked):
    with pytest.raises(UsageError):
        check(TrainOptions(**asked))


def test_patience_needs_validation():
    refused("validation", "--validation", patience=3, validation=0.0)


def test_numbers_out_of_bounds():
    refused("balance.power", settings=("balance=BalancedSampling", "balance.power=1.5"))
    refused("balance.beta", settings=("balance=ClassWeights", "balance.beta=1"))


def uneven(ratio):
    data = listing(count=2 * (ratio + 1))
    items = tuple(Item(f"{n}", "b" if n == 0 else "a", "train" if n <= ratio else "test") for n in range(2 * ratio + 2))
    object.__setattr__(data, "items", items)
    return data


def test_very_uneven_classes_are_remarked():
    assert "30 times" in unevenness(uneven(30), practical(32))[0]
    assert unevenness(uneven(9), practical(32)) == ()
    assert "--balance" in " ".join(decided(data=uneven(40), validation=0.0).rules)
    assert not decided(data=uneven(40), validation=0.0, balance="weights").rules


def test_what_is_to_be_found_out_first():
    job = decided(time_limit="90s", find_rate=True)
    assert (job.settled, job.time_limit, job.find_rate, job.end) == (False, 90.0, True, None)
    assert decided().settled


def test_automatic_precision_is_decided_by_the_machine(monkeypatch):
    for capabilities, precision in (({}, "fp32"), ({"amx_bf16": True}, "bf16"), ({"avx512_bf16": True}, "bf16")):
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda found=capabilities: found)
        assert decided(precision="auto", device="cpu").precision == precision
    assert decided().precision == "fp32"
