"""QTI packages: forms and items out (3.0, 2.2), packages of others in, with a list of what is lost on the way."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import unquote

from itembank import item_file, item_writer
from itembank.errors import Rejected
from itembank.exchange import qti_dialect, qti_read, qti_write, safe
from itembank.exchange.qti_read import IMPORTED
from itembank.exchange.qti_text import name
from itembank.exchange.qti_write import QTI3, SCHEMA3, element, serialised
from itembank.findings import Finding
from itembank.item_model import Item

Version = Literal["3.0", "2.2"]
CP3 = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
CP22 = "http://www.imsglobal.org/xsd/imscp_v1p1"
CSM3 = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscsmd_v1p1"
_SCHEMA_CP = {
    "3.0": "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqtiv3p0_imscpv1p2_v1p0.xsd",
    "2.2": "http://www.imsglobal.org/xsd/qti/qtiv2p2/qtiv2p2_imscpv1p2_v1p0.xsd",
}


@dataclass(frozen=True)
class Package:
    """A package that was written.

    Attributes:
        content: the zip, the same bytes for the same items.
        losses: what the format or its players do not carry, as findings.
    """

    content: bytes
    losses: tuple[Finding, ...]


def package(
    items: Sequence[Item],
    title: str = "Items",
    identifier: str = "package",
    version: Version = "3.0",
    sections: Sequence[tuple[str, Sequence[str]]] = (),
    language: str = "en",
    sources: bool = True,
    case: Mapping[str, tuple[str, str]] | None = None,
) -> Package:
    """Items, and with `sections` a test of them, as a package.

    Args:
        items: in order; ids are unique.
        title, identifier: of the test.
        version: of QTI.
        sections: (name, ids of its items) of a test; none for a package of single items.
        language: "en" or "es"; an item without a translation stays in its own.
        sources: put our own item files in, so that `read` gives back exactly these items; they hold what QTI does not.
        case: standard -> (CASE URI, identifier), for the manifest; without it the code stands as identifier.
    """
    files: dict[str, bytes] = {}
    losses: list[Finding] = []
    resources = []
    new = version == "3.0"
    for item in items:
        made = qti_write.written(item, language)
        path = f"items/{item.id}.xml"
        files[path] = made.xml if new else qti_dialect.to_22(made.xml)
        own = [path]
        for media, content in made.media.items():
            files[f"items/{media}"] = content
            own.append(f"items/{media}")
        if sources:
            files[f"source/{item.id}.md"] = item_writer.write(item).encode()
            own.append(f"source/{item.id}.md")
            if item.stimulus_text or any(f.content for f in item.figures):
                extra = {
                    "stimulus": item.stimulus_text,
                    "stimuli": {v.language: v.stimulus_text for v in item.variants if v.stimulus_text},
                    "pictures": {f.name: f.content for f in item.figures if f.content},
                }
                files[f"source/{item.id}.json"] = json.dumps(extra, sort_keys=True).encode()
                own.append(f"source/{item.id}.json")
        losses += [Finding(item.id, 0, "qti-loss", "notice", message) for message in made.losses]
        kind = "imsqti_item_xmlv3p0" if new else "imsqti_item_xmlv2p2"
        resources.append(_resource(f"I-{item.id}", kind, path, own, _standards(item, case or {}) if new else None))
    if sections:
        test = _test(title, identifier, sections, {i.id: i.points for i in items})
        raw = serialised(test, QTI3, SCHEMA3)
        files["test.xml"] = raw if new else qti_dialect.to_22(raw)
        kind = "imsqti_test_xmlv3p0" if new else "imsqti_test_xmlv2p2"
        needs = [f"I-{item.id}" for item in items]
        resources.insert(0, _resource("TEST", kind, "test.xml", ["test.xml"], None, needs))
    words = ("QTI Package", "3.0.0") if new else ("QTIv2.2 Package", "1.0.0")
    metadata = element("metadata", {}, element("schema", {}, words[0]), element("schemaversion", {}, words[1]))
    manifest = element(
        "manifest", {"identifier": f"M-{safe.file_name(identifier)}"}, metadata, element("organizations")
    )
    manifest.append(element("resources", {}, *resources))
    files["imsmanifest.xml"] = serialised(manifest, CP3 if new else CP22, _SCHEMA_CP[version])
    return Package(safe.zipped(files), tuple(losses))


def _resource(
    identifier: str, kind: str, href: str, files: Sequence[str], metadata: Any = None, needs: Sequence[str] = ()
) -> Any:
    made = element("resource", {"identifier": identifier, "type": kind, "href": href})
    if metadata is not None:
        made.append(metadata)
    made.extend([element("file", {"href": f}) for f in files])
    made.extend([element("dependency", {"identifierref": n}) for n in needs])
    return made


def _standards(item: Item, case: Mapping[str, tuple[str, str]]) -> Any:
    from lxml import etree

    if not item.standards:
        return None
    csm = f"{{{CSM3}}}"
    root = etree.Element(f"{csm}curriculumStandardsMetadataSet", nsmap={"csm": CSM3})
    guids = etree.SubElement(etree.SubElement(root, f"{csm}curriculumStandardsMetadata"), f"{csm}setOfGUIDs")
    for standard in item.standards:
        uri, guid = case.get(standard, ("", standard))
        entry = etree.SubElement(guids, f"{csm}labelledGUID")
        etree.SubElement(entry, f"{csm}label").text = standard
        if uri:
            etree.SubElement(entry, f"{csm}caseItemURI").text = uri
        etree.SubElement(entry, f"{csm}GUID").text = guid
    return element("metadata", {}, root)


def _test(title: str, identifier: str, sections: Sequence[tuple[str, Sequence[str]]], points: Mapping[str, int]) -> Any:
    made = []
    for n, (named, ids) in enumerate(sections, 1):
        refs = [element("qti-assessment-item-ref", {"identifier": f"I-{i}", "href": f"items/{i}.xml"}) for i in ids]
        attributes = {"identifier": f"S{n}", "title": named or title, "visible": "true"}
        made.append(element("qti-assessment-section", attributes, *refs))
    part = element(
        "qti-test-part",
        {"identifier": "P1", "navigation-mode": "nonlinear", "submission-mode": "simultaneous"},
        *made,
    )
    outcome = {"identifier": "SCORE", "cardinality": "single", "base-type": "float"}
    outcome["normal-maximum"] = str(sum(points[i] for _, ids in sections for i in ids))
    total = element("qti-sum", {}, element("qti-test-variables", {"variable-identifier": "SCORE"}))
    processing = element("qti-outcome-processing", {}, element("qti-set-outcome-value", {"identifier": "SCORE"}, total))
    return element(
        "qti-assessment-test",
        {"identifier": f"T-{safe.file_name(identifier)}", "title": title},
        element("qti-outcome-declaration", outcome),
        part,
        processing,
    )


def read(raw: bytes, source: str = "package.zip") -> tuple[list[Item], list[Finding]]:
    """The items of a package, or of one item's XML.

    Args:
        raw: a zip or an XML document of 2.1, 2.2 or 3.0.
        source: name for the findings.

    Returns:
        The items in the manifest's order, and a finding for every thing that was left behind.

    Raises:
        Rejected: the package is unsafe or unreadable (see `safe`), or holds no item.
    """
    if raw[:2] != b"PK":
        item, found = qti_read.read(safe.xml(raw, source), source, lambda _: None)
        if item is None:
            raise Rejected("no-items", f"{source} holds no item that can be read.", "", found)
        return [item], found
    files = safe.unzipped(raw, source)
    listed, labels, found = _listed(files, source)
    items: dict[str, Item] = {}
    for path in listed:
        own = "/".join(path.split("/")[-2:])  # other tools call every item's file the same
        item, more = _item(files, path, own)
        found += more
        if item is None:
            continue
        if not item.standards and labels.get(path):
            item = replace(item, standards=tuple(labels[path]))
        if item.id in items:
            found.append(Finding(own, 0, "item-twice", "warning", f"left behind: a second item {item.id}"))
            continue
        items[item.id] = item
    if not items:
        raise Rejected("no-items", f"{source} holds no item that can be read.", "", found)
    return list(items.values()), found


def _listed(files: Mapping[str, bytes], source: str) -> tuple[list[str], dict[str, list[str]], list[Finding]]:
    """Paths of the items, standards by path, and what else was there."""
    found: list[Finding] = []
    labels: dict[str, list[str]] = {}
    if "imsmanifest.xml" not in files:
        found.append(
            Finding(source, 0, "no-manifest", "warning", "the package has no manifest; every XML file is tried")
        )
        return [p for p in files if p.lower().endswith(".xml")], labels, found
    paths = []
    for resource in safe.xml(files["imsmanifest.xml"], "imsmanifest.xml").iter():
        if name(resource) != "resource":
            continue
        kind = resource.get("type") or ""
        if not re.search(r"_(apip)?item_", kind):
            if "_test_" in kind or "_section_" in kind:
                message = "left behind: the test's own structure; freeze a form of the items instead"
                found.append(Finding(source, resource.sourceline or 0, "left-test", "notice", message))
            elif "associatedcontent" not in kind and "webcontent" not in kind and "css" not in kind:
                message = f"left behind: a resource of type {kind[:60]!r}"
                found.append(Finding(source, resource.sourceline or 0, "left-resource", "notice", message))
            continue
        path = safe.inner_path(resource.get("href") or "")
        if path not in files and "%" in path:
            path = safe.inner_path(unquote(path))
        if path not in files:
            found.append(Finding(source, resource.sourceline or 0, "no-file", "warning", f"{path[:80]} is not there"))
            continue
        paths.append(path)
        labels[path] = [(n.text or "").strip() for n in resource.iter() if name(n) == "label" and n.text]
    return paths, labels, found


def _item(files: Mapping[str, bytes], path: str, own: str) -> tuple[Item | None, list[Finding]]:
    exact = _source(files, path)
    if exact is not None:
        return exact, []
    folder = path.rpartition("/")[0]

    def media(href: str) -> bytes | None:
        if not href or ":" in href:
            return None
        inner = (safe.inner_path(h, folder) for h in (href, unquote(href)) if ":" not in h)
        return next((files[p] for p in inner if p in files), None)

    try:
        return qti_read.read(safe.xml(files[path], own), own, media)
    except Rejected as refused:
        if refused.code.startswith(("xml-doctype", "path-outside")):
            raise
        return None, [Finding(own, 0, refused.code, "warning", f"left behind: {refused.sentence}")]


def _source(files: Mapping[str, bytes], path: str) -> Item | None:
    """Our own item file out of the package, when exporting it again gives the very XML that is there."""
    called = path.rpartition("/")[2].removesuffix(".xml")
    text = files.get(f"source/{called}.md")
    if text is None:
        return None
    item = item_file.read_bytes(text, f"{called}.md").item
    if item is None:
        return None
    try:
        extra = json.loads(files.get(f"source/{called}.json", b"{}"))
        pictures = dict(extra.get("pictures", {}))
        shared = str(extra.get("stimulus", ""))
        others = dict(extra.get("stimuli", {}))
        item = replace(
            item,
            stimulus_text=shared or item.stimulus_text,
            variants=tuple(replace(v, stimulus_text=str(others.get(v.language, ""))) for v in item.variants),
            figures=tuple(replace(f, content=str(pictures.get(f.name, f.content))) for f in item.figures),
        )
        for language in ("en", "es"):
            made = qti_write.written(item, language)
            if files[path] in (made.xml, qti_dialect.to_22(made.xml)) and all(
                files.get(f"items/{media}") == content for media, content in made.media.items()
            ):
                return item
    except (ValueError, TypeError, AttributeError, Rejected):
        return None
    return None


__all__ = ["IMPORTED", "Package", "package", "read"]
