"""QTI: valid packages, a round trip that changes nothing, what is left behind is named, hostile packages refused."""

import contextlib
import io
import os
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from itembank import item_file, typeset
from itembank.errors import Rejected
from itembank.exchange import qti, qti_dialect, qti_write, safe

ROOT = Path(__file__).parents[3]
EXAMPLES = [item_file.read(p).item for p in sorted((ROOT / "tests/itembank/items").glob("X-*.md"))]
TAGS = (
    "id", "title", "grade", "concepts", "type", "standards", "claim", "dok", "practices", "calculator", "points",
    "difficulty", "enemies", "why", "authors", "misconceptions", "keys",
)  # fmt: skip


@pytest.fixture(scope="module")
def schemas():
    place = os.environ.get("ITEMBANK_QTI_SCHEMAS", "")
    if not place or not Path(place).is_dir():
        pytest.skip("no QTI schemas: ITEMBANK_QTI_SCHEMAS does not name a folder")
    from lxml import etree

    names = {
        ("3.0", "item"): "qti30/qtiv3p0/imsqti_asiv3p0_sbacv1p0_v1p0.xsd",
        ("3.0", "manifest"): "qti30/qtiv3p0/imsqtiv3p0_imscpv1p2_v1p0.xsd",
        ("2.2", "item"): "qti22/qtiv2p2p4/imsqti_v2p2p4.xsd",
        ("2.2", "manifest"): "qti22/imscp_v1p1.xsd",
    }
    return {k: etree.XMLSchema(etree.parse(str(Path(place) / v))) for k, v in names.items()}


@pytest.fixture(scope="module")
def joint():
    """Every fourth item of the joint bank; every one with ITEMBANK_ALL_ITEMS=1."""
    step = 1 if os.environ.get("ITEMBANK_ALL_ITEMS") else 4
    return [item_file.read(p).item for p in sorted((ROOT / "items").glob("*/*-*.md"))[::step]]


def test_packages_are_valid(schemas, joint):
    from lxml import etree

    items = EXAMPLES + joint
    for version in ("3.0", "2.2"):
        for language in ("en", "es"):
            made = qti.package(items, "T", "t", version, [("Part 1", [i.id for i in items])], language)
            for name, content in safe.unzipped(made.content).items():
                if name.endswith(".xml"):
                    schema = schemas[version, "manifest" if name == "imsmanifest.xml" else "item"]
                    assert schema.validate(etree.fromstring(content)), (version, name, schema.error_log[0])


@pytest.mark.parametrize("version", ["3.0", "2.2"])
def test_our_own_packages_come_back_exactly(version, joint):
    items = EXAMPLES + joint
    made = qti.package(items, version=version)
    assert made.content == qti.package(items, version=version).content
    back, found = qti.read(made.content)
    assert [b.content_hash for b in back] == [i.content_hash for i in items]
    assert found == []


@pytest.mark.parametrize("version", ["3.0", "2.2"])
def test_what_the_xml_says_is_the_item(version, joint):
    items = EXAMPLES + joint
    back, found = qti.read(qti.package(items, version=version, sources=False).content)
    assert found == []
    for one, two in zip(items, back, strict=True):
        names = {f.name: "(figure)" for f in (*one.figures, *two.figures)}

        def shown(text, names=names):
            return " ".join(typeset.html(text, names, annotated=True).split())

        def plain(part, shown=shown):
            return {k: shown(v) if k == "text" else v for k, v in asdict(part).items() if k != "line"}

        for tag in TAGS:
            assert getattr(one, tag) == getattr(two, tag), (one.id, tag)
        for text in ("stem", "solution", "stimulus_text"):
            assert shown(getattr(one, text)) == shown(getattr(two, text)), one.id
        for group in ("options", "answers", "columns", "rows", "levels", "errors"):
            assert [plain(p) for p in getattr(one, group)] == [plain(p) for p in getattr(two, group)], one.id
        assert [f.alt for f in one.figures] == [f.alt for f in two.figures]
        assert all(f.content for f in two.figures)


def test_a_changed_package_is_read_as_it_stands_not_from_its_source():
    item = next(i for i in EXAMPLES if i.type == "choice")
    files = safe.unzipped(qti.package([item]).content)
    path = f"items/{item.id}.xml"
    files[path] = files[path].replace(b"is reflected", b"was reflected")
    back, _ = qti.read(safe.zipped(files))
    assert "was reflected" in back[0].stem


FOREIGN = """<?xml version="1.0"?>
<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="choice 1" title="Half" adaptive="false"
 timeDependent="false" xml:lang="en-US">
<responseDeclaration identifier="R" cardinality="single" baseType="identifier"><correctResponse><value>y</value>
</correctResponse></responseDeclaration>
<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float" normalMaximum="2"/>
<itemBody><p>It costs $5 for <math xmlns="http://www.w3.org/1998/Math/MathML"><mfrac><mn>1</mn><mn>2</mn></mfrac></math>
<em>pound</em>.</p>
<choiceInteraction responseIdentifier="R" shuffle="true" maxChoices="1"><prompt>How much is one?</prompt>
<simpleChoice identifier="x">$2.50</simpleChoice><simpleChoice identifier="y">$10</simpleChoice></choiceInteraction>
<rubricBlock view="author"><p>secret</p></rubricBlock></itemBody>
<responseProcessing template="http://example.org/odd"/>
<modalFeedback outcomeIdentifier="F" identifier="z" showHide="show">no</modalFeedback></assessmentItem>"""


def test_an_item_of_others_is_read_and_every_loss_is_named():
    (item,), found = qti.read(FOREIGN.encode())
    assert item.id == "choice-1"
    assert item.stem == "It costs \\$5 for $\\frac{1}{2}$\n*pound*.\n\nHow much is one?"
    assert [(o.letter, o.key, o.text) for o in item.options] == [("A", False, "\\$2.50"), ("B", True, "\\$10")]
    assert item.points == 2
    assert {f.code for f in found} == {"left-behind", "left-rubric", "left-shuffle", "left-scoring", "renamed"}
    assert all(f.line for f in found if f.code != "renamed")


def test_an_entry_inside_a_sentence_and_a_tolerance():
    text = (
        FOREIGN[: FOREIGN.index("<responseDeclaration")]
        + '<responseDeclaration identifier="R" cardinality="single" baseType="float"><correctResponse>'
        "<value>2.5</value></correctResponse></responseDeclaration><itemBody><p>It is <textEntryInteraction "
        "responseIdentifier='R'/> m.</p></itemBody><responseProcessing><responseCondition><responseIf>"
        "<equal toleranceMode='absolute' "
        "tolerance='0.1 0.1'><variable identifier='R'/><correct identifier='R'/></equal><setOutcomeValue "
        "identifier='SCORE'><baseValue baseType='float'>1</baseValue></setOutcomeValue></responseIf>"
        "</responseCondition></responseProcessing></assessmentItem>"
    )
    (item,), found = qti.read(text.encode())
    assert item.stem == "It is ______ m."
    assert [(a.text, a.tolerance) for a in item.answers] == [("2.5", "0.1")]
    assert item.type == "numeric"
    assert {f.code for f in found} == {"renamed"}


def test_an_unsupported_item_is_left_behind_with_its_kind():
    text = FOREIGN.replace("choiceInteraction", "orderInteraction")
    with pytest.raises(Rejected) as refused:
        qti.read(text.encode())
    assert "order-interaction" in refused.value.findings[0].message


def test_a_player_scores_as_we_do():
    """Our own small interpreter of the processing that we write, against the keys' rules."""
    from itembank import authoring, keys

    for item in EXAMPLES:
        if item.type not in ("multi-select", "match"):
            continue
        rule = authoring.rule_of(item)
        root = safe.xml(qti_write.written(item).xml)
        q = f"{{{qti_write.QTI3}}}"
        correct = {v.text for v in root.find(f"{q}qti-response-declaration/{q}qti-correct-response")}
        entries = {e.get("map-key"): float(e.get("mapped-value")) for e in root.iter(f"{q}qti-map-entry")}
        assert item.points > 1, "the examples show partial credit"
        if item.type == "match":
            answers = [{"R1 S", "R2 S", "R3 D"}, correct, {"R1 D", "R2 S", "R3 S"}]
            given = ["1S 2S 3D", "".join(r.keys[0] for r in item.rows), "1D 2S 3S"]
            count = len(item.rows)
        else:
            letters = [o.letter for o in item.options]
            answers = [correct, {letters[0]}, set(letters), correct | set(letters[:2])]
            given = ["".join(sorted(a)) for a in answers]
            count = len(correct)
        for chosen, text in zip(answers, given, strict=True):
            mapped = max(0.0, sum(entries.get(c, 0.0) for c in chosen))
            assert int(mapped * item.points / count) == keys.points_of(rule, text), (item.id, text)


# ---------------------------------------------------------------- hostile packages


def zip_of(files):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>'
)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (BOMB.encode(), "xml-doctype"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "xml-doctype"),
        (b"<a>" * 101 + b"</a>" * 101, "xml-too-deep"),
        (b"<a>", "bad-xml"),
        (b"PK\x03\x04 nothing", "bad-zip"),
        (zip_of({"a.xml": b"0" * 20_000_000}), "zip-bomb"),
        (zip_of({"../a.xml": b"x"}), "path-outside"),
        (zip_of({"/etc/a.xml": b"x"}), "path-outside"),
        (zip_of({"c:\\a.xml": b"x"}), "path-outside"),
        (zip_of({"imsmanifest.xml": BOMB}), "xml-doctype"),
        (
            zip_of(
                {"imsmanifest.xml": '<manifest><resource type="imsqti_item_xmlv2p1" href="../../x.xml"/></manifest>'}
            ),
            "path-outside",
        ),
    ],
)
def test_hostile_files_are_refused(raw, code):
    with pytest.raises(Rejected) as refused:
        qti.read(raw)
    assert refused.value.code == code


def test_a_link_and_a_lie_about_the_size_are_refused():
    info = zipfile.ZipInfo("link.xml")
    info.external_attr = 0o120777 << 16
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Rejected) as refused:
        qti.read(held.getvalue())
    assert refused.value.code == "zip-link"
    raw = bytearray(zip_of({"a.xml": b"0" * 5000}))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = raw.index(mark) + offset
        raw[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(Rejected) as refused:
        qti.read(bytes(raw))
    assert refused.value.code in ("bad-zip", "zip-bomb")


def test_pictures_outside_of_the_package_are_not_fetched():
    for href in ("file:///etc/passwd", "http://example.org/x.png", "data:image/png;base64,AA=="):
        text = FOREIGN.replace("<em>", f'<img src="{href}" alt="x"/><em>')
        (item,), found = qti.read(zip_of({"i.xml": text}))
        assert not item.figures
        assert "left-picture" in {f.code for f in found}
    with pytest.raises(Rejected) as refused:
        qti.read(zip_of({"i.xml": FOREIGN.replace("<em>", '<img src="../../x.png" alt="x"/><em>')}))
    assert refused.value.code == "path-outside"


WHOLE = [qti_write.written(i).xml for i in EXAMPLES]
WHOLE += [qti_dialect.to_22(w) for w in WHOLE] + [FOREIGN.encode()]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_change_of_an_item_crashes_the_reader(data):
    raw = data.draw(st.sampled_from(WHOLE))
    for _ in range(data.draw(st.integers(1, 4))):
        a = data.draw(st.integers(0, len(raw) - 1))
        b = data.draw(st.integers(a, min(len(raw), a + 200)))
        new = data.draw(st.sampled_from([b"", b"x", b"<p/>", b"0", b'"', b"&amp;", raw[a:b] * 2]))
        raw = raw[:a] + new + raw[b:]
    try:
        items, _ = qti.read(zip_of({"a.xml": raw}))
    except Rejected:
        return
    for item in items:
        again = item_file.read_text(item_file.write(item))
        assert again.item is not None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_change_of_the_tree_crashes_the_reader(data):
    """Elements dropped, doubled and emptied: well-formed documents that no writer meant."""
    import copy

    from lxml import etree

    root = etree.fromstring(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 5))):
        nodes = [n for n in root.iter() if n.getparent() is not None]
        if not nodes:
            break
        node = nodes[data.draw(st.integers(0, len(nodes) - 1))]
        kind = data.draw(st.sampled_from(["drop", "double", "empty", "attributes"]))
        if kind == "drop":
            node.getparent().remove(node)
        elif kind == "double":
            node.getparent().append(copy.deepcopy(node))
        elif kind == "empty":
            for child in list(node):
                node.remove(child)
        else:
            node.attrib.clear()
    with contextlib.suppress(Rejected):
        qti.read(zip_of({"a.xml": etree.tostring(root)}))


def test_replaced_ids_do_not_escape_the_package():
    item = replace(EXAMPLES[0], id="A-1")
    names = set(safe.unzipped(qti.package([item]).content))
    assert {"imsmanifest.xml", "items/A-1.xml", "source/A-1.md"} <= names
