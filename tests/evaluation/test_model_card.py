"""The model card, read back by a Markdown parser: figures stand in it, and names are nothing but names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample_runs import HOSTILE, noisy_evaluation, record

from lenext.evaluation.model_card import card, plain, write_card
from lenext.evaluation.text import visible

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def kinds(markdown):
    """Every kind of element in the text."""
    tokens = [token for block in READER.parse(markdown) for token in [block, *(block.children or [])]]
    return {token.type for token in tokens}


def test_it_says_what_how_good_and_under_which_licence(digits_record):
    text = card(digits_record)
    evaluation = digits_record.headline[1]
    interval = f"{100 * evaluation.top1.low:.1f} to {100 * evaluation.top1.high:.1f} %"
    assert f"| test | 360 | {100 * evaluation.top1.value:.1f} % | {interval} |" in text
    assert "none: trained from scratch" in text
    assert "The validation images chose the best epoch" in text
    assert "lenext predict runs/digits image.png --top 3" in text
    assert "60,000 parameters" in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [f"## {name}" for name in ("Use", "Accuracy", "Limits", "Data", "Training", "Licence")]


def test_markup_in_names_stays_text(hostile_record):
    text = card(hostile_record)
    assert kinds(text) & {"html_inline", "html_block", "image", "link_open"} == set()
    shown = READER.render(text)
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in shown
    assert "<img" not in shown
    assert shown.count("<table>") == 3
    text.encode("utf-8")


@pytest.mark.parametrize(
    "text", ["- a", "1. a", "2) a", "+ a", "# a", "> a", "| a", "a_b_c", "https://a.b", "a\nb", "&lt;"]
)
def test_an_escaped_text_reads_as_itself(text):
    assert rendered(text) == visible(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_printable_text_reads_as_itself(text):
    assert rendered(text) == text


def rendered(text):
    """What a reader sees of ``text`` at the beginning of a list's point: all of it must be plain words."""
    tokens = READER.parse(f"- {plain(text)}")
    assert [token.type for token in tokens[:3]] == ["bullet_list_open", "list_item_open", "paragraph_open"]
    children = tokens[3].children
    assert {child.type for child in children} <= {"text", "text_special"}
    return "".join(child.content for child in children)


def test_classes_without_images_are_named_as_unmeasured():
    classes = ["a", "b", "never seen"]
    evaluation = noisy_evaluation(classes, 2)
    text = card(record(classes, {"test": evaluation}))
    unseen = [score.name for score in evaluation.per_class if score.support == 0]
    assert unseen
    assert f"Never measured, for want of images: {', '.join(unseen)}." in text


def test_a_fence_is_longer_than_the_ticks_within(digits_record, tmp_path):
    write_card(tmp_path / "README.md", digits_record)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == card(digits_record)
    run = digits_record.run
    ticked = record(["a"], digits_record.evaluations, run=type(run)(**{**vars(run), "command": "echo ````"}))
    assert "`````sh\necho ````\n`````" in card(ticked)
