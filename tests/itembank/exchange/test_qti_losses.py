# ruff: noqa: E501
"""Items in the manner of other tools: what ours cannot hold is named, one by one, and never ends up in the text."""

import pytest

from itembank import item_file, item_writer
from itembank.errors import Rejected
from itembank.exchange import qti

NS = "http://www.imsglobal.org/xsd/imsqti_v2p1"
RP = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/"
KEY = (
    '<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier"><correctResponse>'
    "<value>c2</value></correctResponse>{more}</responseDeclaration>"
)
CHOICE = (
    '<choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1"><prompt>Which?</prompt>'
    '<simpleChoice identifier="c1">one</simpleChoice><simpleChoice identifier="c2">two</simpleChoice>'
    "</choiceInteraction>"
)
TYPED = '<p>It is <textEntryInteraction responseIdentifier="RESPONSE"/> m.</p>'
SET = '<setOutcomeValue identifier="SCORE"><baseValue baseType="float">1</baseValue></setOutcomeValue>'
BOTH = '<variable identifier="RESPONSE"/><correct identifier="RESPONSE"/>'


def processing(inside, tail=""):
    return f"<responseProcessing><responseCondition><responseIf>{inside}{SET}</responseIf>{tail}</responseCondition></responseProcessing>"


def document(
    body=CHOICE, key=KEY.format(more=""), scoring=f'<responseProcessing template="{RP}match_correct"/>', head=""
):
    return (
        f'<assessmentItem xmlns="{NS}" identifier="i1" title="T" adaptive="false" timeDependent="false">{key}'
        f'<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>{head}'
        f"<itemBody>{body}</itemBody>{scoring}</assessmentItem>"
    )


def prefixed(text):
    import re

    return re.sub(r"<(/?)(\w)", r"<\1q:\2", text).replace("xmlns=", "xmlns:q=")


def typed(base, value, scoring, more=""):
    key = (
        f'<responseDeclaration identifier="RESPONSE" cardinality="single" baseType="{base}"><correctResponse><value>'
        f"{value}</value></correctResponse>{more}</responseDeclaration>"
    )
    return document(TYPED, key, scoring)


TEMPLATES = [
    "http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct",
    "http://www.imsglobal.org/question/qti_v2p2/rptemplates/match_correct",
    "http://www.imsglobal.org/question/qti_v2p2/rptemplates/match_correct.xml",
    "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml",
    "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct",
    "https://www.imsglobal.org/question/qti_v3p0/rptemplates/match_correct.xml",
    "https://www.imsglobal.org/question/qti_v3p0/rptemplates/match_correct",
]
WHOLE = [
    *[document(scoring=f'<responseProcessing template="{t}"/>') for t in TEMPLATES],
    document().replace(f' xmlns="{NS}"', ""),
    prefixed(document()),
    document(f'<div class="grid-row"><div class="col-12"><div>{CHOICE}</div></div></div>'),
    document(scoring=processing(f"<match>{BOTH}</match>")),
    document("<!-- a remark -->" + CHOICE + "<!-- another -->"),
]


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_whole_is_read_without_a_word(text):
    (item,), found = qti.read(text.encode())
    assert (item.stem, item.keys, [o.text for o in item.options]) == ("Which?", ("B",), ["one", "two"])
    assert found == []


FEEDBACK = '<feedbackInline outcomeIdentifier="F" identifier="c1" showHide="show">SECRET</feedbackInline>'
LOSSES = [
    (document(CHOICE.replace("one", "one" + FEEDBACK)), {"feedback to students"}),
    (document(f"<p>x {FEEDBACK}</p>" + CHOICE), {"feedback to students"}),
    (
        document(CHOICE + '<feedbackBlock outcomeIdentifier="F" identifier="a" showHide="show"><p>SECRET</p></feedbackBlock>'),
        {"feedback to students"},
    ),
    (document(head='<stylesheet href="tao.css" type="text/css"/>'), {"a style sheet"}),
    (
        document(
            '<p>Value <printedVariable identifier="X"/></p>' + CHOICE,
            head='<templateDeclaration identifier="X" cardinality="single" baseType="integer"/><templateProcessing>'
            '<setTemplateValue identifier="X"><baseValue baseType="integer">3</baseValue></setTemplateValue>'
            "</templateProcessing>",
        ),
        {"a template", "a number that a template fills in"},
    ),
    (document(CHOICE.replace('identifier="c1"', 'identifier="c1" fixed="true"')), {"an option's fixed place"}),
    (
        document(CHOICE.replace('identifier="c1"', 'identifier="c1" templateIdentifier="T" showHide="hide"')),
        {"an option that a template shows or hides"},
    ),
    (document(CHOICE.replace('maxChoices="1"', 'maxChoices="1" minChoices="1"')), {"the least number of choices"}),
    (document(CHOICE.replace('shuffle="false"', 'shuffle="true"')), {"the options' random order"}),
    (document().replace('adaptive="false"', 'adaptive="true"'), {"several attempts that build on each other"}),
    (
        document(key=KEY.format(more="").replace("<correct", "<defaultValue><value>c1</value></defaultValue><correct")),
        {"an answer that is filled in before"},
    ),
    (
        document(
            '<p><audio src="a.mp3"/><video src="b.mp4"/></p><iframe src="x">SECRET</iframe><svg '
            'xmlns="http://www.w3.org/2000/svg"><text>SECRET</text></svg><p><a href="http://example.org">y</a></p>'
            '<p><u>x</u></p><object data="a.swf"/>' + CHOICE
        ),
        {"sound", "a video", "an embedded page", "a drawing inside of the text", "a link", "underlining", "the picture"},
    ),
    (
        document('<table><caption>SECRET</caption><tr><td colspan="2">a</td></tr></table>' + CHOICE),
        {"the caption of a table", "a table cell over several columns"},
    ),
    (document('<rubricBlock view="candidate"><p>SECRET</p></rubricBlock>' + CHOICE), {"a rubric block"}),
    (
        document(scoring=processing('<match><variable identifier="RESPONSE"/><baseValue baseType="identifier">c1'
                                    "</baseValue></match>")),
        {"its own scoring"},
    ),
    (
        document(scoring=processing(f"<match>{BOTH}</match>", f"<responseElseIf><match>{BOTH}</match>{SET}</responseElseIf>")),
        {"its own scoring"},
    ),
    (document(scoring=f'<responseProcessing template="{RP}map_response_point"/>'), {"its own scoring"}),
    (document(scoring=""), {"it says no scoring"}),
    (
        document(
            key=KEY.format(more='<mapping><mapEntry mapKey="c2" mappedValue="2"/><mapEntry mapKey="c1" mappedValue="1"/>'
                                "</mapping>"),
            scoring=f'<responseProcessing template="{RP}map_response"/>',
        ),
        {"credit for parts of the answer"},
    ),
    (
        typed("string", "ab", f'<responseProcessing template="{RP}map_response"/>',
              '<mapping><mapEntry mapKey="ab" mappedValue="1" caseSensitive="true"/></mapping>').replace(
            "<textEntryInteraction", '<textEntryInteraction patternMask="[a-z]" placeholderText="SECRET"'),
        {"capitals and small letters", "a rule for what can be typed", "a text inside of the entry field"},
    ),
    (
        typed("float", "2.5", processing(f'<equal toleranceMode="relative" tolerance="5">{BOTH}</equal>')),
        {"relative or lopsided tolerance"},
    ),
    (
        typed("float", "2.5", processing(f'<equal toleranceMode="absolute" tolerance="0.1 0.3">{BOTH}</equal>')),
        {"relative or lopsided tolerance"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), LOSSES)
def test_every_loss_is_named_and_none_stays_in_the_text(text, wanted):
    (item,), found = qti.read(text.encode(), "x.xml")
    messages = [f.message for f in found]
    assert all(any(w in m for m in messages) for w in wanted), messages
    assert len(messages) == len(wanted), messages
    assert all(f.source == "x.xml" and f.line for f in found)
    assert "SECRET" not in item_writer.write(item)
    assert item_file.read_text(item_writer.write(item)).item is not None


@pytest.mark.parametrize(
    "kind", ["custom", "hottext", "order", "gapMatch", "graphicOrder", "slider", "drawing", "upload"]
)
def test_an_interaction_of_another_kind_leaves_the_item_behind_by_name(kind):
    body = f'<{kind}Interaction responseIdentifier="RESPONSE"/>'
    with pytest.raises(Rejected) as refused:
        qti.read(document(body).encode())
    assert "left behind: the whole item (1 ×" in refused.value.findings[0].message
    both = document(CHOICE + body)
    with pytest.raises(Rejected) as refused:
        qti.read(both.encode())
    assert "2 ×" in refused.value.findings[0].message


def test_an_interaction_inside_of_a_part_that_a_template_shows_is_read_and_said():
    inner = f'<templateBlock templateIdentifier="T" identifier="a" showHide="show">{CHOICE}</templateBlock>'
    (item,), found = qti.read(document(inner).encode())
    assert item.keys == ("B",)
    assert "a part that a template shows" in " ".join(f.message for f in found)


def test_raised_and_lowered_text_keeps_its_meaning():
    body = "<p>x<sub>2</sub> y<sup>3</sup> z<sup>n+1</sup> w<sub>max</sub></p>" + CHOICE
    (item,), _ = qti.read(document(body).encode())
    assert item.stem.startswith("x₂ y³ zⁿ⁺¹ w\\_(max)")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_items_in_any_declared_encoding_are_read(encoding):
    named = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = f"<?xml version='1.0' encoding='{named}'?>" + document("<p>¿Cuánto?</p>" + CHOICE)
    (item,), found = qti.read(text.encode(encoding))
    assert item.stem == "¿Cuánto?\n\nWhich?"
    assert found == []


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def test_a_package_with_folders_of_the_same_names_a_test_and_shared_files():
    """As several platforms write it: each item a folder with qti.xml and its style, names written for the web."""
    picture = document('<p><img src="assets/Field%201.svg" alt="A field."/></p>' + CHOICE)
    second = document().replace('identifier="i1"', 'identifier="i2"')
    manifest = """<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1"><resources>
<resource identifier="t" type="imsqti_test_xmlv2p1" href="tests/t/test.xml"/>
<resource identifier="a" type="imsqti_apipitem_xmlv2p1" href="items/a/qti.xml"><file href="items/a/style/tao.css"/></resource>
<resource identifier="b" type="imsqti_item_xmlv2p1" href="items/b%20c/qti.xml"/>
<resource identifier="n" type="imsqti_item_xmlv2p1" href="items/none/qti.xml"/>
<resource identifier="s" type="imsqti_stimulus_xmlv3p0" href="s.xml"/>
<resource identifier="w" type="webcontent" href="items/a/assets/Field%201.svg"/></resources></manifest>"""
    from tests.itembank.exchange.test_qti import zip_of

    files = {"imsmanifest.xml": manifest, "items/a/qti.xml": picture, "items/a/assets/Field 1.svg": SVG}
    files |= {"items/b c/qti.xml": second.replace("one", "one" + FEEDBACK), "tests/t/test.xml": "<assessmentTest/>"}
    items, found = qti.read(zip_of(files))
    assert [i.id for i in items] == ["i1", "i2"]
    assert [f.alt for f in items[0].figures] == ["A field."]
    assert [(f.source, f.code) for f in found] == [
        ("package.zip", "left-test"), ("package.zip", "no-file"), ("package.zip", "left-resource"),
        ("b c/qti.xml", "left-behind"),
    ]  # fmt: skip
