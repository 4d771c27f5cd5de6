"""Items as a QTI 1.2 package in the dialect that Canvas reads (Classic and New Quizzes), and what Canvas loses of them.

Canvas' own table of answers names neither items nor letters: its headers are the questions' text, its cells the
options' text, and a formula in either leaves nothing. So each question ends with its item's code, and each option
begins with its letter; `responses load` reads them back.

Sources: what Canvas itself exports and imports (`instructure/canvas-lms` lib/cc/qti, gems/plugins/qti_exporter), and
the issues of `gpoore/text2qti` on what New Quizzes takes in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from itembank import mathtext, presentation, typeset
from itembank.answers import value_of
from itembank.exchange import canvas_losses, safe
from itembank.exchange.qti_text import MATHML, tex
from itembank.exchange.qti_write import element, serialised, spellings
from itembank.findings import Finding
from itembank.item_model import Figure, Item

QTI12 = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
_SCHEMA = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2p1.xsd"
_CC = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
_CC_SCHEMA = "http://www.imsglobal.org/xsd/imscp_v1p1.xsd"
_META = "http://canvas.instructure.com/xsd/cccv1p0"
_META_SCHEMA = "https://canvas.instructure.com/xsd/cccv1p0.xsd"
_META_TYPE = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
FILES = "$IMS-CC-FILEBASE$/"  # Canvas: the package's root
_SCALE = 2  # pixels per unit of a drawing, for sharp screens


@dataclass
class _Work:
    item: Item
    number: int
    language: str
    texts: presentation.Words
    figures: dict[str, str] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)

    def ident(self, place: int) -> str:
        """A number for an answer, unique in the package: Canvas keeps numbers and replaces other names."""
        return str(1000 * self.number + place + 1)


def package(
    items: Sequence[Item], title: str, identifier: str, language: str = "en"
) -> tuple[bytes, tuple[Finding, ...]]:
    """The items as one quiz, and for each item what Canvas drops or does differently.

    Args:
        items: in order; ids are unique.
        title, identifier: of the quiz.
        language: "en" or "es"; an item without a translation stays in its own.

    Returns:
        The zip, the same bytes for the same items, and the losses as findings (column = what is concerned).
    """
    files: dict[str, bytes] = {}
    made = []
    losses: list[Finding] = []
    for number, item in enumerate(items, 1):
        work = _Work(item, number, language, presentation.words(item, language))
        for figure in item.figures:
            _draw(work, figure)
        kind, node = _item(work)
        made.append(node)
        files |= work.media
        losses += canvas_losses.of(item, kind, language)
        missing = [f.name for f in item.figures if f.name not in work.figures]
        losses += [canvas_losses.loss(item, "figure", f"figure {n} cannot be drawn and is left out") for n in missing]
    quiz = f"quiz-{safe.file_name(identifier)}"
    attempts = element("qtimetadata", {}, _field("cc_maxattempts", "1"))
    section = element("section", {"ident": "root_section"}, *made)
    assessment = element("assessment", {"ident": quiz, "title": title}, attempts, section)
    files[f"{quiz}/{quiz}.xml"] = serialised(element("questestinterop", {}, assessment), QTI12, _SCHEMA)
    files[f"{quiz}/assessment_meta.xml"] = _meta(quiz, title, sum(i.points for i in items))
    files["imsmanifest.xml"] = _manifest(quiz, [n for n in files if n.startswith("images/")])
    return safe.zipped(files), tuple(losses)


def _manifest(quiz: str, images: Sequence[str]) -> bytes:
    meta = f"{quiz}/assessment_meta.xml"
    resources = [
        element("resource", {"identifier": quiz, "type": "imsqti_xmlv1p2"},
                element("file", {"href": f"{quiz}/{quiz}.xml"}),
                element("dependency", {"identifierref": f"{quiz}-meta"})),
        element("resource", {"identifier": f"{quiz}-meta", "type": _META_TYPE, "href": meta},
                element("file", {"href": meta})),
    ]  # fmt: skip
    for number, path in enumerate(sorted(images), 1):
        attributes = {"identifier": f"{quiz}-image-{number}", "type": "webcontent", "href": path}
        resources.append(element("resource", attributes, element("file", {"href": path})))
    words = [element("schema", {}, "IMS Content"), element("schemaversion", {}, "1.1.3")]
    parts = [element("metadata", {}, *words), element("organizations"), element("resources", {}, *resources)]
    return serialised(element("manifest", {"identifier": f"M-{quiz}"}, *parts), _CC, _CC_SCHEMA)


def _meta(quiz: str, title: str, points: int) -> bytes:
    """The quiz's settings: options in our order, one attempt, and no answers shown to students."""
    settings = {
        "title": title,
        "description": "",
        "shuffle_answers": "false",
        "scoring_policy": "keep_highest",
        "hide_results": "always",
        "quiz_type": "assignment",
        "points_possible": f"{points:.1f}",
        "show_correct_answers": "false",
        "anonymous_submissions": "false",
        "allowed_attempts": "1",
        "one_question_at_a_time": "false",
        "cant_go_back": "false",
        "available": "false",
    }
    root = element("quiz", {"identifier": quiz}, *[element(k, {}, *([v] if v else [])) for k, v in settings.items()])
    return serialised(root, _META, _META_SCHEMA)


def _draw(work: _Work, figure: Figure) -> None:
    """A figure as PNG: not every page of Canvas shows SVG."""
    import re
    from html import escape

    import vl_convert

    content = presentation.file_bytes(figure) if figure.kind == "file" else None
    drawn = content[0].decode("utf-8", "replace") if content and content[1] == ".svg" else None
    if content is None:
        drawn = presentation.svg(figure, f"{work.item.id}-{figure.name}", work.language)
        if drawn is None:
            return
    width = ""
    if drawn is not None:
        try:
            paper = re.sub(r"(<svg[^>]*>)", r'\1<rect width="100%" height="100%" fill="#fff"/>', drawn, count=1)
            png = bytes(vl_convert.svg_to_png(paper, scale=_SCALE))
        except ValueError:
            return
        size = re.search(r"<svg[^>]*\swidth=\"([\d.]+)", drawn)
        width = f' width="{float(size.group(1)):.0f}"' if size else ""
    else:
        png = content[0] if content else b""
    path = f"images/{work.item.id}-{figure.name}{'-es' * (work.language == 'es')}.png"
    work.media[path] = png
    alt = escape(figure.description(work.language))
    work.figures[figure.name] = f'<img src="{FILES}{path}" alt="{alt}"{width}/>'


def _html(work: _Work, text: str, inline: bool = False) -> str:
    """Markdown as the HTML that Canvas keeps, formulas as its own equation images."""
    from lxml import etree

    root = etree.fromstring(f"<div>{typeset.html(text, work.figures, inline, annotated=True)}</div>".encode())
    for math in list(root.iter(f"{{{MATHML}}}math", "math")):
        source = tex(math)
        image = etree.Element("img", {
            "class": "equation_image",
            "title": source,
            "src": f"/equation_images/{quote(quote(source))}",
            "alt": f"LaTeX: {source}",
            "data-equation-content": source,
        })  # fmt: skip
        image.tail = math.tail
        math.getparent().replace(math, image)
    for table in root.iter("table"):
        table.set("border", "1")
        table.set("cellpadding", "6")
    inside = (root.text or "") + "".join(etree.tostring(c, encoding="unicode", method="html") for c in root)
    return inside.strip()


def _material(html: str, plain: bool = False) -> Any:
    kind = {"texttype": "text/plain" if plain else "text/html"}
    return element("material", {}, element("mattext", kind, html))


def _field(label: str, entry: str) -> Any:
    return element("qtimetadatafield", {}, element("fieldlabel", {}, label), element("fieldentry", {}, entry))


def _item(work: _Work) -> tuple[str, Any]:
    """(Canvas' question type, item element)."""
    item, texts = work.item, work.texts
    kind, response, conditions, answers = _KINDS[item.type](work)
    called = presentation.called(item, [texts.stem, *texts.options.values(), texts.solution])
    parts = [_html(work, texts.stimulus)] if texts.stimulus else []
    parts.append(_html(work, texts.stem))
    parts += [f"<p>{picture}</p>" for name, picture in work.figures.items() if name not in called]
    parts.append(f"<p><small>[{item.id}]</small></p>")
    metadata = [
        _field("question_type", kind),
        _field("points_possible", f"{item.points:.1f}"),
        _field("original_answer_ids", ",".join(answers)),
        _field("assessment_question_identifierref", f"ref-{item.id}"),
    ]
    outcome = {"maxvalue": "100", "minvalue": "0", "varname": "SCORE", "vartype": "Decimal"}
    node = element(
        "item",
        {"ident": item.id, "title": item.id},
        element("itemmetadata", {}, element("qtimetadata", {}, *metadata)),
        element("presentation", {}, _material("".join(parts)), *response),
        element("resprocessing", {}, element("outcomes", {}, element("decvar", outcome)), *conditions),
    )
    return kind, node


Made = tuple[str, list[Any], list[Any], list[str]]  # question type, responses, conditions, ids of the answers


def _marked(letter: str, shown: str) -> str:
    return f"{letter}) {shown}"


def _equal(value: str, response: str = "response1") -> Any:
    return element("varequal", {"respident": response}, value)


def _condition(*tests: Any, score: str = "100", add: bool = False) -> Any:
    setting = element("setvar", {"action": "Add" if add else "Set", "varname": "SCORE"}, score)
    go_on = {} if add else {"continue": "No"}
    return element("respcondition", go_on, element("conditionvar", {}, *tests), setting)


def _label(ident: str, html: str, plain: bool = False) -> Any:
    return element("response_label", {"ident": ident}, _material(html, plain))


def _options(work: _Work, shown: Sequence[tuple[str, bool]], many: bool) -> Made:
    """Options as (HTML, whether a key)."""
    ids = [work.ident(i) for i in range(len(shown))]
    labels = [_label(ident, html) for ident, (html, _) in zip(ids, shown, strict=True)]
    lid = {"ident": "response1", "rcardinality": "Multiple" if many else "Single"}
    response = element("response_lid", lid, element("render_choice", {}, *labels))
    right = [ident for ident, (_, key) in zip(ids, shown, strict=True) if key]
    if many:
        tests = [_equal(i) if i in right else element("not", {}, _equal(i)) for i in ids]
        return "multiple_answers_question", [response], [_condition(element("and", {}, *tests))], ids
    return "multiple_choice_question", [response], [_condition(_equal(right[0]))] if right else [], ids


def _choice(work: _Work) -> Made:
    options = work.item.options
    shown = [(_marked(o.letter, _html(work, work.texts.options[o.letter], True)), o.key) for o in options]
    return _options(work, shown, work.item.type == "multi-select")


def _typed(work: _Work) -> Made:
    keys = [(mathtext.typed(a.text), a.tolerance) for a in work.item.answers if a.key]
    numbers = [(value_of(text), value_of(within) if within else None) for text, within in keys]
    written_so = work.item.type == "numeric" and all(v is not None for v, _ in numbers)
    if written_so and not any("/" in text for text, _ in keys):
        return _number(work, [(v, t or Fraction(0)) for v, t in numbers if v is not None])
    numeric = work.item.type == "numeric"
    accepted = dict.fromkeys(s for text, _ in keys for s in (spellings(text) if numeric else [text]))
    label = element("response_label", {"ident": "answer1", "rshuffle": "No"})
    response = element("response_str", _ONE, element("render_fib", {}, label))
    ids = [work.ident(i) for i in range(len(accepted))]
    return "short_answer_question", [response], [_condition(*[_equal(s) for s in accepted])], ids


_ONE = {"ident": "response1", "rcardinality": "Single"}


def _number(work: _Work, keys: Sequence[tuple[Fraction, Fraction]]) -> Made:
    label = element("response_label", {"ident": "answer1"})
    response = element("response_str", _ONE, element("render_fib", {"fibtype": "Decimal"}, label))
    conditions = []
    for value, within in keys:
        low, high = (f"{float(end):.12g}" for end in (value - within, value + within))
        ends = [element(n, {"respident": "response1"}, e) for n, e in (("vargte", low), ("varlte", high))]
        test = element("or", {}, _equal(f"{float(value):.12g}"), element("and", {}, *ends))
        conditions.append(_condition(test))
    return "numerical_question", [response], conditions, [work.ident(i) for i in range(len(keys))]


def _match(work: _Work) -> Made:
    item, texts = work.item, work.texts
    if any(len(r.keys) != 1 for r in item.rows):  # Canvas matches each row once: the cells become options
        shown = [
            (
                _marked(r.id + c.letter, f"{_html(work, texts.rows[r.id], True)}: ")
                + _html(work, texts.columns[c.letter], True),
                c.letter in r.keys,
            )
            for r in item.rows
            for c in item.columns
        ]
        return _options(work, shown, True)
    columns = {c.letter: work.ident(100 + i) for i, c in enumerate(item.columns)}
    responses, conditions, ids = [], [], []
    share = f"{100 / len(item.rows):.2f}"
    for i, row in enumerate(item.rows):
        ids.append(work.ident(i))
        place = f"response_{ids[-1]}"
        labels = [_label(n, _marked(c, mathtext.plain(texts.columns[c])), True) for c, n in columns.items()]
        named = _material(_marked(row.id, mathtext.plain(texts.rows[row.id])), True)
        responses.append(element("response_lid", {"ident": place}, named, element("render_choice", {}, *labels)))
        conditions.append(_condition(_equal(columns[row.keys[0]], place), score=share, add=True))
    return "matching_question", responses, conditions, ids


def _essay(work: _Work) -> Made:
    label = element("response_label", {"ident": "answer1", "rshuffle": "No"})
    response = element("response_str", _ONE, element("render_fib", {}, label))
    waits = element("respcondition", {"continue": "No"}, element("conditionvar", {}, element("other")))
    return "essay_question", [response], [waits], []


_KINDS = {
    "choice": _choice,
    "multi-select": _choice,
    "numeric": _typed,
    "short-text": _typed,
    "match": _match,
    "rubric": _essay,
}
__all__ = ["package"]
