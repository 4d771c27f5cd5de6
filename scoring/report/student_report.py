"""For families and teachers: what one student has mastered, in plain words, in English or Spanish; and a class."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from scoring.analysis.result import Analysis
from scoring.report import blocks
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns
from scoring.standard_setting import DOMAIN_SHARE

#: A concept counts as mastered from this chance on, as not yet up to the other; between them it is open.
MASTERED, NOT_YET = 0.80, 0.20
#: The share of the points that a reader takes for enough: where the bar stands while teachers have set none.
EXPECTED = DOMAIN_SHARE
TEXT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Math, topic by topic: {who}", "kicker": "{what} · for the student and the family",
        "yes": "Has mastered", "no": "Still learning", "open": "Cannot say yet",
        "none": "None on this assessment.",
        "open_why": "The answers were too few or too mixed to be sure. Classwork will say more.",
        "lead": "Of {n} topics, {who} {told}.", "and": " and ",
        "k": "has mastered {0}", "all": "has mastered all {0}", "k0": "has mastered none yet",
        "m": "is still learning {0}",
        "u": "; for {0} we cannot say yet",
        "how": "How to read this",
        "how1": "“Has mastered”: of 100 students who answered like this, at least 80 have reached the goal. “Still "
                "learning”: at most 20 have. Between the two we cannot say yet.",
        "how2": "One assessment is one day. It does not decide a grade or a class.",
        "how3": "Ask the teacher which topic to practice first.",
        "table": "Topic by topic", "topic": "Topic", "points": "Points", "of": "{0} of {1}",
        "says": "What the answers say", "details": "The answers",
        "chance": "Of 100 who answered like this, so many have reached the goal",
        "about": "about {0}", "few": "fewer than 1", "most": "more than 99", "thin": "too few questions",
        "weighs": "The points alone do not decide. A hard question says more than an easy one, and the answers on the "
                  "other topics count too, because students who know one topic well often know the others. So the "
                  "same points can lead to another result.",
        "less": "{topic}: {right} of {of} points, and still learning. This happens when the questions answered well "
                "were among the easier ones, or when the answers on the other topics speak against it. Of 100 "
                "students who answered like this, {chance} have reached the goal. Show the teacher this line.",
        "more": "{topic}: {right} of {of} points, and mastered. This happens when the questions answered well were "
                "among the harder ones, or when the answers on the other topics speak for it. Of 100 students who "
                "answered like this, {chance} have reached the goal.",
        "goal": "The goal for each topic is provisional: teachers have not set it yet.",
        "old": "Overtaken: newer answers or keys exist, so this may change",
        "simulated": "Simulated student: no real child", "private": "Private: for this family and its teachers",
        "footer": "Made by itembank {version}. Nobody else receives this page.",
        "source": "Calculation {run} of {day}; questions, goals and scale are those of this calculation · answers as "
                  "read: {answers} · The school can look it up: itembank why {run}",
    },
    "es": {
        "title": "Matemáticas, tema por tema: {who}", "kicker": "{what} · para el estudiante y la familia",
        "yes": "Ya domina", "no": "Todavía está aprendiendo", "open": "Aún no se puede decir",
        "none": "Ninguno en esta evaluación.",
        "open_why": "Hubo muy pocas respuestas, o fueron muy dispares, para saberlo con seguridad. El trabajo en "
                    "clase dirá más.",
        "lead": "De {n} temas, {who} {told}.", "and": " y ",
        "k": "ya domina {0}", "all": "ya domina los {0}", "k0": "aún no domina ninguno",
        "m": "todavía está aprendiendo {0}",
        "u": "; de {0} aún no se puede decir",
        "how": "Cómo leer esta página",
        "how1": "«Ya domina»: de cada 100 estudiantes que respondieron así, por lo menos 80 alcanzaron la meta. "
                "«Todavía está aprendiendo»: la alcanzaron 20 o menos. Entre esos dos casos aún no se puede decir.",
        "how2": "Una evaluación muestra un solo día. No decide la calificación ni el grupo de clase.",
        "how3": "Pregunte a la maestra o al maestro qué tema practicar primero.",
        "table": "Tema por tema", "topic": "Tema", "points": "Puntos", "of": "{0} de {1}",
        "says": "Lo que dicen las respuestas", "details": "Las respuestas",
        "chance": "De cada 100 que respondieron así, cuántos alcanzaron la meta",
        "about": "unos {0}", "few": "menos de 1", "most": "más de 99", "thin": "muy pocas preguntas",
        "weighs": "Los puntos no deciden por sí solos. Una pregunta difícil dice más que una fácil, y también cuentan "
                  "las respuestas de los otros temas, porque quien sabe bien un tema a menudo sabe los demás. Por eso, "
                  "con los mismos puntos, el resultado puede ser distinto.",
        "less": "{topic}: {right} de {of} puntos, y todavía está aprendiendo. Esto pasa cuando las preguntas bien "
                "contestadas eran de las más fáciles, o cuando las respuestas de los otros temas indican lo contrario. "
                "De cada 100 estudiantes que respondieron así, {chance} alcanzaron la meta. Muestre esta línea a la "
                "maestra o al maestro.",
        "more": "{topic}: {right} de {of} puntos, y ya domina el tema. Esto pasa cuando las preguntas bien contestadas "
                "eran de las más difíciles, o cuando las respuestas de los otros temas lo confirman. De cada 100 "
                "estudiantes que respondieron así, {chance} alcanzaron la meta.",
        "goal": "La meta de cada tema es provisional: los maestros todavía no la han fijado.",
        "old": "Ya hay respuestas o claves más recientes: esto puede cambiar",
        "simulated": "Estudiante simulado: no es un niño real", "private": "Privado: para esta familia y sus maestros",
        "footer": "Hecho con itembank {version}. Nadie más recibe esta página.",
        "source": "Cálculo {run} del {day}; las preguntas, las metas y la escala son las de este cálculo · respuestas "
                  "leídas: {answers} · La escuela puede consultarlo: itembank why {run}",
    },
}  # fmt: skip
ENGLISH_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
MONTHS = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
          "noviembre", "diciembre")  # fmt: skip


def verdict(chance: float) -> str:
    """`yes`, `no` or `open` from the chance that the bar is reached."""
    if chance >= MASTERED:
        return "yes"
    return "no" if chance <= NOT_YET else "open"


def told_chance(chance: float, language: str = "en") -> str:
    """The chance as students of 100, never sharper than whole ones and never on the other side of the verdict."""
    t = TEXT[language]
    if chance != chance:
        return t["thin"]
    if chance < 0.005:
        return t["few"]
    if chance > 0.995:
        return t["most"]
    least, most = {"yes": (80, 99), "no": (1, 20), "open": (21, 79)}[verdict(chance)]
    return t["about"].format(min(max(round(100 * chance), least), most))


def surprising(right: float, of: float, chance: float) -> str:
    """`less` or `more` where the verdict and the points beside it seem to contradict each other; else empty."""
    if not of or chance != chance:
        return ""
    found, enough = verdict(chance), right / of >= EXPECTED
    return "less" if found == "no" and enough else "more" if found == "yes" and not enough else ""


def window_in_spanish(opens: date | None, closes: date | None) -> str:
    """What a Spanish page calls an assessment whose title has no Spanish: its days."""
    if opens is None:
        return "Evaluación"
    last = closes or opens
    end = f"{last.day} de {MONTHS[last.month - 1]} de {last.year}"
    if last == opens:
        return f"Evaluación del {end}"
    month = "" if (opens.year, opens.month) == (last.year, last.month) else f" de {MONTHS[opens.month - 1]}"
    year = "" if opens.year == last.year else f" de {opens.year}"
    return f"Evaluación del {opens.day}{month}{year} al {end}"


def source(analysis: Analysis, language: str = "en") -> str:
    """Small print: which calculation the page comes from, of which day, from which answers; empty without a bank."""
    facts = analysis.provenance
    if "run" not in facts:
        return ""
    day = date.fromisoformat(str(facts["made"])[:10])
    told = f"{ENGLISH_MONTHS[day.month - 1]} {day.day}, {day.year}"
    if language == "es":
        told = f"{day.day} de {MONTHS[day.month - 1]} de {day.year}"
    answers = str(facts["inputs"]).removeprefix("sha256 ")
    return TEXT[language]["source"].format(run=facts["run"], day=told, answers=answers)


def _overtaken(analysis: Analysis, language: str = "en") -> tuple[str, ...]:
    """A stamp where the bank has moved on since and the page was written all the same."""
    return (TEXT[language]["old"],) if "stale" in analysis.provenance else ()


def _lead(t: Mapping[str, str], who: str, told: Mapping[str, str]) -> str:
    yes, no, open_ = (sum(found == v for found in told.values()) for v in ("yes", "no", "open"))
    whole = "all" if 1 < yes == len(told) else "k"
    clauses = [t[whole].format(yes) if yes else t["k0"], *([t["m"].format(no)] if no else [])]
    words = t["and"].join(clauses) + (t["u"].format(open_) if open_ else "")
    return t["lead"].format(who=who, n=len(told), told=words)


def student_page(
    analysis: Analysis,
    marks: pd.DataFrame,
    who: str,
    language: str = "en",
    names: Mapping[str, str] | None = None,
    what: str = "",
) -> Page:
    """The page of one student.

    Args:
        analysis: for the assessment's name and the bars.
        marks: of `scoring.runs.reporting.student_marks`.
        who: what the page calls the student: the district's own identifier, or "Student 3".
        language: en or es.
        names: concept -> name in that language; the analysis' own where missing.
        what: name of the assessment in that language; the analysis' title without one.
    """
    t = TEXT[language]
    told = {str(c): verdict(float(r["p_mastery"])) for c, r in marks.iterrows()}
    name = {str(c): (names or {}).get(str(c), str(r["name"])) for c, r in marks.iterrows()}
    lists = {v: tuple(name[c] for c in told if told[c] == v) for v in ("yes", "no", "open")}
    cards = [
        Card(t["yes"], lists["yes"], "" if lists["yes"] else t["none"], "g0"),
        Card(t["no"], lists["no"], "" if lists["no"] else t["none"], "g1"),
    ]
    if lists["open"]:
        cards.append(Card(t["open"], lists["open"], t["open_why"]))
    provisional = (analysis.concepts["cut_kind"] == "provisional").any()
    cards.append(Card(t["how"], (t["how1"], t["how2"], t["how3"], *((t["goal"],) if provisional else ())), style="not"))
    rows, notes = [], []
    for c, r in marks.iterrows():
        chance = float(r["p_mastery"])
        points = t["of"].format(int(r["right"]), int(r["of"]))
        rows.append((Cell(name[str(c)]), Cell(t[told[str(c)]]), Cell(told_chance(chance, language)), Cell(points)))
        if odd := surprising(float(r["right"]), float(r["of"]), chance):
            beside = {"right": int(r["right"]), "of": int(r["of"]), "chance": told_chance(chance, language)}
            notes.append(t[odd].format(topic=name[str(c)], **beside))
    heads = columns(t["topic"], t["says"], f"#{t['chance']}", f"#{t['points']}")
    parts = [blocks.table(Table(t["table"], heads, tuple(rows))), blocks.text(t["weighs"])]
    return Page(
        title=t["title"].format(who=who),
        kicker=t["kicker"].format(what=what or analysis.title),
        lead=_lead(t, who, told),
        stamps=(*((t["simulated"],) if analysis.simulated else ()), *_overtaken(analysis, language), t["private"]),
        cards=tuple(cards),
        sections=(Section("details", t["details"], (*parts, *([blocks.bullets(notes)] if notes else []))),),
        footer=t["footer"].format(version=analysis.provenance.get("itembank", "")),
        provenance=source(analysis, language),
        language=language,
    )


def roster_page(analysis: Analysis, students: Sequence[tuple[str, pd.DataFrame]], title: str) -> Page:
    """A class for its teacher: a row per student, a column per concept, and who might work together.

    Args:
        analysis: as above. students: (what the teacher calls the student, marks). title: of the class.
    """
    concepts = {str(c): str(n) for c, n in analysis.concepts["name"].items()}
    word = {"yes": "mastered", "no": "still learning", "open": "cannot say"}
    rows, counts = [], {c: {"yes": 0, "no": 0, "open": 0} for c in concepts}
    for who, marks in students:
        cells = [Cell(who)]
        for c in concepts:
            found = verdict(float(marks.at[c, "p_mastery"])) if c in marks.index else "open"
            counts[c][found] += 1
            cells.append(Cell(word[found], {"yes": 2.0, "open": 1.0, "no": 0.0}[found]))
        rows.append(tuple(cells))
    first = sorted(concepts, key=lambda c: -counts[c]["no"])
    lines = tuple(f"{concepts[c]}: {counts[c]['no']} still learning, {counts[c]['yes']} mastered" for c in first)
    heads = columns("Student", *concepts.values())
    parts: tuple[dict[str, Any], ...] = (
        blocks.table(Table("Who has mastered what", heads, tuple(rows), True)),
        blocks.text("“Cannot say” means that the answers were too few or too mixed; classwork says more than a guess."),
        blocks.text(
            "A result weighs how hard the questions were and looks at the answers on the other concepts too, so two "
            "students with the same points can have different results."
        ),
    )
    return Page(
        title=title,
        kicker=f"{analysis.title} · class roster",
        lead=_hardest(len(rows), [(concepts[c], counts[c]["no"]) for c in first]) or title,
        stamps=(
            *(("Simulated students: no real child",) if analysis.simulated else ()),
            *_overtaken(analysis),
            "Private: for the teachers of this class",
        ),
        cards=(Card("Where to start", lines),),
        sections=(Section("roster", "Students", parts),),
        footer=f"Made by itembank {analysis.provenance.get('itembank', '')}.",
        provenance=source(analysis),
    )


def _hardest(students: int, learning: Sequence[tuple[str, int]]) -> str:
    """How many students there are, and where most of them are still learning; concepts with the most first."""
    if not students or not learning:
        return ""
    who = "1 student" if students == 1 else f"{students} students"
    most = learning[0][1]
    if not most:
        return f"{who}. In no concept is anybody clearly still learning."
    where = " and ".join(name.lower() for name, count in learning if count == most)
    if sum(count == most for _, count in learning) > 2:
        return (
            f"{who}. In several concepts {most} of {students} {'is' if most == 1 else 'are'} still learning; see below."
        )
    return f"{who}. {most} of {students} {'is' if most == 1 else 'are'} still learning {where}."
