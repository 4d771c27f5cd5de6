"""QTI 3.0 as 2.2 and 2.x as 3.0: names, namespaces, rubric blocks, templates. One model, two spellings."""

import re
from typing import Any

QTI22 = "http://www.imsglobal.org/xsd/imsqti_v2p2"
SCHEMA22 = "http://www.imsglobal.org/xsd/qti/qtiv2p2/imsqti_v2p2p2.xsd"
TEMPLATES22 = "http://www.imsglobal.org/question/qti_v2p2/rptemplates/"
_HTML = frozenset({
    "a", "abbr", "acronym", "address", "audio", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "cite",
    "code", "col", "colgroup", "dd", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "i", "iframe", "img", "kbd", "label", "li", "math", "object", "ol", "p", "param",
    "picture", "pre", "q", "ruby", "samp", "script", "small", "source", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "video",
})  # fmt: skip


def local(node: Any) -> str:
    """The name without its namespace; "" for comments."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def camel(name: str) -> str:
    first, *rest = name.removeprefix("qti-").split("-")
    return first + "".join(part.capitalize() for part in rest)


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def to_22(document: bytes) -> bytes:
    """A 3.0 item of ours as 2.2."""
    from itembank.exchange.qti_write import MATHML, QTI3, serialised
    from itembank.exchange.safe import xml

    root = xml(document)
    for node in list(root.iter(f"{{{QTI3}}}qti-content-body")):
        parent = node.getparent()
        for child in list(node):
            parent.insert(parent.index(node), child)
        parent.remove(node)
    for node in root.iter():
        name = local(node)
        if not name or node.tag.startswith(f"{{{MATHML}}}"):
            continue
        if not name.startswith("qti-"):
            node.tag = name
            continue
        node.tag = camel(name)
        attributes = {k if k.startswith("{") else camel(k): v for k, v in node.attrib.items()}
        if name == "qti-response-processing" and "template" in attributes:
            attributes["template"] = TEMPLATES22 + attributes["template"].rpartition("/")[2].removesuffix(".xml")
        if name == "qti-rubric-block":
            attributes.pop("use", None)
        node.attrib.clear()
        node.attrib.update({k: v for k, v in attributes.items() if not k.endswith("schemaLocation")})
    return serialised(root, QTI22, SCHEMA22)


def to_3(root: Any) -> Any:
    """An item of 2.x or 3.0 with 3.0's names and no namespaces, in place; None when it is no item."""
    is_new = local(root).startswith("qti-")
    if not is_new and local(root) != "assessmentItem":
        return None
    home = root.tag.rpartition("}")[0]
    for node in root.iter():
        name = local(node)
        if not name:
            continue
        space = node.tag.rpartition("}")[0]
        foreign = bool(space) and space != home  # MathML, SVG, XHTML
        if foreign or is_new or name in _HTML:
            node.tag = name
            continue
        node.tag = "qti-" + kebab(name)
        attributes = {k if k.startswith("{") else kebab(k): v for k, v in node.attrib.items()}
        node.attrib.clear()
        node.attrib.update(attributes)
    return root if root.tag == "qti-assessment-item" else None
