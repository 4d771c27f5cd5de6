"""A console without the sign gets its name, and never an exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itembank import spelling


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A = πr²", "A = pi r²"),
        ("√2 ≤ θ", "sqrt 2 <= theta"),
        ("x⁴ − y₁ → Δ", "x^4 - y_1 -> Delta"),
        ("⅓ of España, “so” – 5 €", "1/3 of España, “so” – 5 €"),
        ("Łódź", "?ódz"),
        ("你", "?"),
    ],
)
def test_signs_are_spelled_where_the_console_lacks_them(text, shown):
    assert text.encode("cp1252", spelling.register()).decode("cp1252") == shown


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20))
def test_any_text_can_be_written_on_any_console(text):
    text = "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF)
    for encoding in ("ascii", "cp1252", "cp437"):
        text.encode(encoding, spelling.register())
