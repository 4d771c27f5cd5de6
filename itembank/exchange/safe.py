"""Packages and XML of strangers: bounded, without entities, network or paths that lead out."""

import io
import re
import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

from itembank.errors import Rejected

MAX_FILES = 20_000
MAX_FILE = 30_000_000
MAX_TOTAL = 400_000_000
MAX_RATIO = 200  # deflate packs plain text 3 to 20 times
#: What reading a damaged, cut, encrypted or hostile zip may end in.
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, OverflowError
)  # fmt: skip
MAX_DEPTH = 100  # elements within elements; lxml itself refuses 256


def xml(raw: bytes, name: str = "file.xml") -> Any:
    """The root element of an XML document (lxml).

    Raises:
        Rejected: it is not well-formed, declares a document type or entities, or is nested too deeply.
    """
    from lxml import etree

    if len(raw) > MAX_FILE:
        raise Rejected("xml-too-large", f"{name} is larger than {MAX_FILE // 1_000_000} MB.", "split it")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise Rejected("bad-xml", f"{name} is not well-formed XML (line {line}).", "export it again") from None
    if root.getroottree().docinfo.doctype:
        message = f"{name} declares a document type, which can hold entities that grow without end."
        raise Rejected("xml-doctype", message, "export it without <!DOCTYPE>")
    deepest, level = 0, 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        deepest = max(deepest, level)
    if deepest > MAX_DEPTH:
        raise Rejected(
            "xml-too-deep", f"{name} has more than {MAX_DEPTH} elements within each other.", "export it again"
        )
    return root


def inner_path(name: str, folder: str = "") -> str:
    """A name inside a package, from its root, `..` resolved.

    Raises:
        Rejected: it leads out, or is absolute.
    """
    refused = Rejected("path-outside", f"The package names a path outside of itself: {name[:80]!r}.", "repack it")
    if not name or "\0" in name or "\\" in name or name.startswith("/") or ":" in name:
        raise refused
    parts: list[str] = []
    for part in PurePosixPath(folder, name).parts:
        if part == "..":
            if not parts:
                raise refused
            parts.pop()
        elif part != ".":
            parts.append(part)
    if not parts:
        raise refused
    return "/".join(parts)


def file_name(text: str, otherwise: str = "package") -> str:
    """A text as a name inside a package: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".") or otherwise


def unzipped(raw: bytes, name: str = "package.zip") -> dict[str, bytes]:
    """The files of a zip, by their names, read into memory within bounds.

    Raises:
        Rejected: not a zip; a bomb; a link; an encrypted file; a path that leads out.
    """
    found: dict[str, bytes] = {}
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
        listed = archive.infolist()
        if len(listed) > MAX_FILES:
            raise Rejected("zip-too-many", f"{name} holds more than {MAX_FILES} files.", "split it")
        if sum(i.file_size for i in listed) > MAX_TOTAL:
            raise Rejected("zip-bomb", f"{name} unpacks to more than {MAX_TOTAL // 1_000_000} MB.", "split it")
        for info in listed:
            path = inner_path(info.filename.rstrip("/"))
            if info.is_dir():
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Rejected("zip-link", f"{name} holds a link.", "repack it with the files themselves")
            if info.flag_bits & 1:
                raise Rejected("zip-encrypted", f"{name} is encrypted.", "repack it without a password")
            size = info.file_size
            if size > MAX_FILE or (size > 1_000_000 and size > MAX_RATIO * max(info.compress_size, 1)):
                raise Rejected("zip-bomb", f"{name} holds a file that unpacks suspiciously large.", "repack it")
            with archive.open(info) as file:
                content = file.read(size + 1)  # never more than was declared
            if len(content) > size:
                raise Rejected("zip-bomb", f"{name} holds a file larger than it says.", "repack it")
            if path in found:
                raise Rejected("zip-twice", f"{name} holds {path[:80]} twice.", "repack it")
            found[path] = content
    except BROKEN_ZIP:
        raise Rejected("bad-zip", f"{name} is not a readable zip.", "export it again") from None
    return found


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip whose bytes depend on nothing but the files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return held.getvalue()
