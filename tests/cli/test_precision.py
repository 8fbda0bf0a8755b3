"""A precision that the processor only imitates is said before the time is lost; "auto" takes what it has."""

import pytest


@pytest.fixture(params=[True, False])
def able(request, monkeypatch):
    """Whether the processor has instructions for bf16."""
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": request.param})
    return request.param


@pytest.mark.parametrize("verb", ["predict", "evaluate", "compare", "train"])
def test_an_imitated_precision_is_said(lenext, trained, photos, tmp_path, able, verb):
    words = {
        "predict": ["predict", trained, photos],
        "evaluate": ["evaluate", trained, photos],
        "compare": ["compare", trained, trained, "--data", photos],
        "train": ["train", photos, "--model", "lenet5", "--epochs", "1", "--out", tmp_path / "run"],
    }[verb]
    status, _, said = lenext(*words, "--precision", "bf16", "--device", "cpu")
    assert status == 0, said
    assert ("instructions for bf16" in said) is not able
    assert said.count("--precision auto") == (not able)


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_auto_says_nothing_and_computes(lenext, trained, photos, verb):
    status, _, said = lenext(verb, trained, photos, "--precision", "auto", "--device", "cpu")
    assert status == 0, said
    assert "instructions" not in said
