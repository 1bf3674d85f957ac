"""Elements: well formed whatever they hold, and nothing that is given becomes markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.lab.page.html import Markup, anchor, element, join, section, table
from tests.chsnn.lab.page.reading import asks_for, read

# What html.parser hands on as it is: no control characters, which HTML has no way to write.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")))


@given(texts, texts)
def test_texts_and_attributes_come_back_as_they_were(text, value):
    root = read(element("p", text, title=value))
    (p,) = root.inside
    assert p.text == text
    assert p.attributes == {"title": value}
    assert p.inside == []


@given(texts)
def test_nothing_given_becomes_an_element(text):
    root = read(join(section(text, text, about=text), table([text], [[text, text]])))
    names = {e.name for e in root.all()} - {""}
    assert names <= {"section", "h2", "p", "div", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title>&lt;", "'`$"]
)
def test_scripts_stay_text(text):
    root = read(element("div", element("b", text, class_=text), text, None))
    assert [e.name for e in root.all()] == ["", "div", "b"]
    assert root.find("b")[0].attributes["class"] == text


def test_markup_is_taken_as_it_is():
    assert element("p", Markup("<b>1</b>"), "<") == "<p><b>1</b>&lt;</p>"


def test_attributes_without_value_and_none():
    assert element("input", disabled=True, hidden=False, value=None, max=3) == (
        '<input disabled max="3">'
    )


def test_anchors_are_words():
    assert anchor("Links of A & <b>") == "links-of-a-b"


def test_what_is_fetched_and_what_is_not_closed_is_found():
    for text in (
        '<img src="https://a.b/c.png">',
        '<script src="a.js"></script>',
        "<style>@import 'x'</style>",
        "<style>p { background: url(x) }</style>",
        '<a href="javascript:alert(1)">x</a>',
        "<script>fetch('x')</script>",
        '<link href="//a.b">',
    ):
        reader = text.replace("<link", "<img")
        assert asks_for(read(reader)) != []
    assert asks_for(read('<a href="a/b.html">x</a><a href="#c">y</a>')) == []
    for text in ("<p><b></p></b>", "<p>", "</p>", '<p class="a" class="b"></p>'):
        with pytest.raises(AssertionError):
            read(text)
