"""From an administration in the bank to what an analysis is given."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from itembank.answers import letters_of
from itembank.errors import Rejected
from itembank.keys import same_answer
from scoring import bank
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.obeying import obey
from scoring.comparison.gates import GateFacts
from scoring.data import ANSWERED, INVALID, NOT_REACHED, OMITTED
from scoring.runs import cutting

_BLANKS = {OMITTED: "O", NOT_REACHED: "R", INVALID: "M"}


def from_bank(session: Any, administration: str = "") -> tuple[AnalysisInput, Any]:
    """Read an administration: responses keyed, items, options, districts, schools, what makes it comparable.

    Returns:
        The input of the analysis (rows are sittings, by the bank's id), and the `BankResponses` it came from.
    """
    data = bank.scored_responses(session, administration)
    names = bank.district_names(session)
    raw = answers_with_blanks(data)
    options = options_of(session, data)
    known = options.drop_duplicates("misconception").set_index("misconception")["name"]
    groups = data.persons["district"].astype("str").map(names)
    present = set(groups.unique())
    order = tuple(n for n in names.values() if n in present)
    adm = data.administration
    used = list(dict.fromkeys(c for c in data.items["concept"] if c))
    titles = bank.concept_titles(session)
    attributes = data.persons.drop(columns=["student", "tested_on"], errors="ignore")
    return (
        obey(
            AnalysisInput(
                title=adm.title or adm.code,
                scored=data.frame(),
                items=data.items[["title", "concept", "type", "points"]].assign(key=""),
                raw=raw,
                options=options,
                misconceptions=known.drop("", errors="ignore").to_frame(),
                concept_names={c: titles.get(c, c) for c in used},
                groups=groups if len(order) > 1 else None,
                group_order=order if len(order) > 1 else (),
                group_word="district",
                clusters=data.persons["school"].astype("str") if data.persons["school"].notna().all() else None,
                persons=attributes,
                cuts=cutting.cuts_for(session, used, {str(i): int(v) for i, v in data.items["version_id"].items()}),
                gate=tuple(_gate(data)),
                facts=GateFacts(windows_recorded=True, modes_recorded=bool(adm.mode)),
                in_bank=True,
                taught=_taught(session, data, {c: n for c, n in names.items() if n in order}, used),
                provenance={"administration": adm.code, "inputs": f"sha256 {data.input_hash[:16]}"},
                simulated=bool((adm.details or {}).get("simulated")),
            ),
            decided(session, data.items),
        ),
        data,
    )


def decided(session: Any, items: pd.DataFrame) -> dict[str, str]:
    """What both districts agreed about items that work differently: item -> action, for the versions given."""
    found = {str(i): bank.agreed_action(session, str(i), str(v)) for i, v in items["version"].items()}
    return {item: action for item, action in found.items() if action}


def with_places(given: AnalysisInput, places: pd.DataFrame) -> AnalysisInput:
    """The input with attributes of schools (or classes) beside what is recorded of the students.

    Args:
        given: of `from_bank`.
        places: text columns district (code), school, optionally class, and one column per attribute.

    Raises:
        Rejected: columns are missing, a school stands twice, or no school of the table took part.
    """
    assert given.persons is not None
    keys = [c for c in ("district", "school", "class") if c in places.columns]
    attributes = [c for c in places.columns if c not in keys]
    if keys[:2] != ["district", "school"] or not attributes:
        hint = "A table with the columns district, school and, for example, program."
        raise Rejected("no-school", "The table of schools lacks columns.", hint)
    table = places.astype("str")
    names = table["district"] + "-" + table["school"]
    index = [names, table["class"]] if "class" in keys else [names]
    if pd.MultiIndex.from_arrays(index).has_duplicates:
        raise Rejected("school-twice", "A school or class stands twice in the table.", "One line for each.")
    known = table[attributes].set_axis(pd.MultiIndex.from_arrays(index))
    here = [given.persons["school"].astype("str"), *([given.persons["class"].astype("str")] if len(index) == 2 else [])]
    found = known.reindex(pd.MultiIndex.from_arrays(here)).set_axis(given.persons.index)
    if found.isna().all(axis=None):
        raise Rejected("other-schools", "No school of the table took part.", "itembank rosters show")
    return replace(given, persons=given.persons.assign(**{c: found[c] for c in attributes}))


def answers_with_blanks(data: Any) -> pd.DataFrame:
    """Answers as given, categorical, with `O`, `R`, `M` where a blank or a double mark stood."""
    raw = data.raw()
    found = {}
    for j, item in enumerate(raw.columns):
        given = raw[item].array
        known = [*given.categories, *(b for b in _BLANKS.values() if b not in given.categories)]
        codes, status = given.codes.astype(np.int32), np.ascontiguousarray(data.status[:, j])
        for blank, letter in _BLANKS.items():
            codes[status == blank] = known.index(letter)
        found[item] = pd.Categorical.from_codes(codes, categories=pd.Index(known, dtype=given.categories.dtype))
    return pd.DataFrame(found, index=raw.index)


def options_of(session: Any, data: Any) -> pd.DataFrame:
    """Options with every answer that counts as them: item, option, misconception, name, is_key, answers."""
    table = bank.options_table(session, data.items["version_id"])
    place = {int(v): str(i) for i, v in data.items["version_id"].items()}
    table["item"] = [place[int(v)] for v in table["version_id"]]
    position = {item: j for j, item in enumerate(data.items.index)}
    answers = []
    for row in table.itertuples():
        given = [a for kind, a in data.answers[row.item].values() if kind == "answer"]
        kind = str(data.items["type"].iloc[position[row.item]])
        answers.append(tuple(a for a in dict.fromkeys(given) if _counts_as(a, str(row.label), kind)))
    return pd.DataFrame(
        {
            "item": table["item"],
            "option": table["label"],
            "misconception": table["misconception"].fillna(""),
            "name": table["misconception_title"].fillna(""),
            "is_key": table["is_key"].astype(bool),
            "answers": answers,
        }
    )


def _counts_as(answer: str, label: str, kind: str) -> bool:
    if kind in ("numeric", "short-text"):
        return same_answer(answer, label)
    if kind == "multi-select":
        return label in (letters_of(answer, frozenset()) or ())
    return answer.strip().upper() == label.upper()


def _gate(data: Any) -> list[tuple[str, str, str]]:
    adm = data.administration
    answered = int((data.status == ANSWERED).sum())
    return [
        ("testing window", "passed", f"{adm.opens_on:%Y-%m-%d} to {adm.closes_on:%Y-%m-%d}"),
        ("paper or screen", "passed" if adm.mode else "not recorded", adm.mode or "not recorded"),
        ("answers that count", "passed", f"{answered:,} of {data.status.size:,} places"),
    ]


def _taught(session: Any, data: Any, names: dict[str, str], concepts: list[str]) -> pd.DataFrame:
    """Index concept, a column per district name: yes, partly, no, unknown."""
    out = pd.DataFrame("unknown", index=pd.Index(concepts, name="concept"), columns=list(names.values()))
    for row in bank.taught(session, data.administration):
        if row["concept"] in out.index and row["district"] in names:
            out.at[row["concept"], names[row["district"]]] = row["taught"]
    return out
