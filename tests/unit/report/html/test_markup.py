from __future__ import annotations

from pytest_npuperf.report.html.markup import Markup, element, joined


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", "a < b & 'c'")
    assert element("p", inner, "<i>") == "<p><b>a &lt; b &amp; &#x27;c&#x27;</b>&lt;i&gt;</p>"


def test_attributes_are_escaped() -> None:
    made = element("a", "x", href='"><script>', title="it's")
    assert made == '<a href="&quot;&gt;&lt;script&gt;" title="it&#x27;s">x</a>'


def test_names_of_attributes() -> None:
    assert (
        element("p", class_="a", aria_label="b", viewBox="c")
        == '<p class="a" aria-label="b" viewBox="c"></p>'
    )


def test_attributes_and_children_that_are_left_out() -> None:
    assert (
        element("input", checked=True, id=None, disabled=False, tabindex=0) == '<input checked tabindex="0"/>'
    )
    assert element("p", None, 0, "") == "<p>0</p>"


def test_control_characters_and_lone_surrogates_stand_as_escapes() -> None:
    made = element("p", "a\x00\x1b[31m\u202eb\ud800", title="\r\n")
    assert made == r'<p title="\r\n">a\x00\x1b[31m\u202eb\ud800</p>'
    made.encode()


def test_what_is_made_of_markup_by_formatting_is_plain_text_again() -> None:
    inner = element("b", "x")
    assert element("p", f"{inner}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"
    assert element("p", inner + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"


def test_joined() -> None:
    assert joined(["<", None, Markup("<br/>"), 1.5]) == "&lt;<br/>1.5"
