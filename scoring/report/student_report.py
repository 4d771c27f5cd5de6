"""For families and teachers: what one student has mastered, in plain words, in English or Spanish; and a class."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scoring.analysis.result import Analysis
from scoring.report import blocks
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns

#: A concept counts as mastered from this chance on, as not yet up to the other; between them it is open.
MASTERED, NOT_YET = 0.80, 0.20
TEXT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "What {who} can do in math", "kicker": "{what} · for the student and the family",
        "yes": "Has mastered", "no": "Still learning", "open": "Cannot say yet",
        "none": "None on this assessment.",
        "open_why": "The answers were too few or too mixed to be sure. Classwork will say more.",
        "lead": "{who} answered questions on {n} topics: {k} mastered, {m} still being learned.",
        "how": "How to read this",
        "how1": "“Mastered” means: with at least 8 chances in 10, the answers show that the goal is reached.",
        "how2": "One assessment is one day. It does not decide a grade or a class.",
        "how3": "Ask the teacher which topic to practice first.",
        "table": "Topic by topic", "topic": "Topic", "right": "Points earned", "of": "Points possible",
        "says": "What the answers say", "details": "The answers",
        "goal": "The goal for each topic is provisional: teachers have not set it yet.",
        "simulated": "Simulated student: no real child", "private": "Private: for this family and its teachers",
        "footer": "Made by itembank {version}. Nobody else receives this page.",
    },
    "es": {
        "title": "Lo que {who} sabe hacer en matemáticas", "kicker": "{what} · para el estudiante y la familia",
        "yes": "Ya domina", "no": "Todavía está aprendiendo", "open": "Aún no se puede decir",
        "none": "Ninguno en esta evaluación.",
        "open_why": "Las respuestas fueron pocas o muy variadas para estar seguros. El trabajo en clase dirá más.",
        "lead": "{who} respondió preguntas de {n} temas: domina {k} y todavía aprende {m}.",
        "how": "Cómo leer esta página",
        "how1": "«Domina» quiere decir: con al menos 8 de 10 posibilidades, las respuestas muestran que "
                "se alcanzó la meta.",
        "how2": "Una evaluación es un solo día. No decide una calificación ni una clase.",
        "how3": "Pregunte a la maestra o al maestro qué tema practicar primero.",
        "table": "Tema por tema", "topic": "Tema", "right": "Puntos obtenidos", "of": "Puntos posibles",
        "says": "Lo que dicen las respuestas", "details": "Las respuestas",
        "goal": "La meta de cada tema es provisional: los maestros todavía no la han fijado.",
        "simulated": "Estudiante simulado: no es un niño real", "private": "Privado: para esta familia y sus maestros",
        "footer": "Hecho con itembank {version}. Nadie más recibe esta página.",
    },
}  # fmt: skip


def verdict(chance: float) -> str:
    """`yes`, `no` or `open` from the chance that the bar is reached."""
    if chance >= MASTERED:
        return "yes"
    return "no" if chance <= NOT_YET else "open"


def student_page(
    analysis: Analysis, marks: pd.DataFrame, who: str, language: str = "en", names: Mapping[str, str] | None = None
) -> Page:
    """The page of one student.

    Args:
        analysis: for the assessment's name and the bars.
        marks: of `scoring.runs.reporting.student_marks`.
        who: what the page calls the student: the district's own identifier, or "Student 3".
        language: en or es.
        names: concept -> name in that language; the analysis' own where missing.
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
    rows = tuple(
        (Cell(name[str(c)]), blocks.count(r["right"]), blocks.count(r["of"]), Cell(t[told[str(c)]]))
        for c, r in marks.iterrows()
    )
    heads = columns(t["topic"], f"#{t['right']}", f"#{t['of']}", t["says"])
    lead = t["lead"].format(who=who, n=len(told), k=len(lists["yes"]), m=len(lists["no"]))
    return Page(
        title=t["title"].format(who=who),
        kicker=t["kicker"].format(what=analysis.title),
        lead=lead,
        stamps=((t["simulated"],) if analysis.simulated else ()) + (t["private"],),
        cards=tuple(cards),
        sections=(Section("details", t["details"], (blocks.table(Table(t["table"], heads, rows)),)),),
        footer=t["footer"].format(version=analysis.provenance.get("itembank", "")),
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
    )
    return Page(
        title=title,
        kicker=f"{analysis.title} · class roster",
        lead=_hardest(len(rows), [(concepts[c], counts[c]["no"]) for c in first]) or title,
        stamps=(("Simulated students: no real child",) if analysis.simulated else ())
        + ("Private: for the teachers of this class",),
        cards=(Card("Where to start", lines),),
        sections=(Section("roster", "Students", parts),),
        footer=f"Made by itembank {analysis.provenance.get('itembank', '')}.",
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
