"""Names that cannot act, figures that do not promise more than the images hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenext.evaluation.text import columns, cut, duration, per_cent, visible

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Straße 猫 👩\u200d🚀", "Straße 猫 👩\u200d🚀"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("invoice\u202egnp.exe", "invoice\\u202egnp.exe"),
        ("caf\udce9.png", "caf\\udce9.png"),
        ("one\u2028two", "one\\u2028two"),
    ],
)
def test_what_acts_is_written_out_and_what_shows_stays(text, shown):
    assert visible(text) == shown


@given(ANY_TEXT)
def test_visible_text_is_one_printable_line_of_utf_8(text):
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert visible(shown) == shown


@given(ANY_TEXT, st.integers(3, 20))
def test_cut_text_fits_and_short_text_is_whole(text, width):
    assert columns(cut(text, width)) <= width
    if columns(visible(text)) <= width:
        assert cut(text, width) == visible(text)


def test_both_ends_of_a_long_name_stay():
    assert cut("northern blue-winged warbler", 13) == "northe…arbler"


@pytest.mark.parametrize(
    ("fraction", "images", "figure"),
    [
        (0.9861, 360, "98.6"),
        (0.99046, 10_000, "99.05"),
        (1.0, 360, "100.0"),
        (0.99999, 60_000, "99.99"),
        (0.9999, 4_000, "99.9"),
        (0.0, 10, "0.0"),
        (None, 0, "-"),
    ],
)
def test_per_cent_has_the_decimals_that_the_images_support(fraction, images, figure):
    assert per_cent(fraction, images) == figure


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.44, "0.4 s"), (192, "3 min 12 s"), (59.97, "1 min 0 s"), (7_260, "2 h 1 min")]
)
def test_durations_are_read_at_a_glance(seconds, words):
    assert duration(seconds) == words
