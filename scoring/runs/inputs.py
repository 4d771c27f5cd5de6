"""From an administration in the bank to what an analysis is given."""

from typing import Any

import pandas as pd

from itembank.answers import letters_of
from itembank.keys import same_answer
from scoring import bank
from scoring.analysis.inputs import AnalysisInput
from scoring.data import ANSWERED, INVALID, NOT_REACHED, OMITTED

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
    order = tuple(n for n in names.values() if n in set(groups))
    adm = data.administration
    used = list(dict.fromkeys(c for c in data.items["concept"] if c))
    titles = bank.concept_titles(session)
    attributes = data.persons.drop(columns=["student", "tested_on"], errors="ignore")
    return (
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
            gate=tuple(_gate(session, data, names)),
            provenance={"administration": adm.code, "inputs": f"sha256 {data.input_hash[:16]}"},
            simulated=bool((adm.details or {}).get("simulated")),
        ),
        data,
    )


def answers_with_blanks(data: Any) -> pd.DataFrame:
    """Answers as given, categorical, with `O`, `R`, `M` where a blank or a double mark stood."""
    raw = data.raw()
    for j, item in enumerate(raw.columns):
        column = raw[item].cat.add_categories([b for b in _BLANKS.values() if b not in raw[item].cat.categories])
        for status, blank in _BLANKS.items():
            column = column.where(data.status[:, j] != status, blank)
        raw[item] = column
    return raw


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


def _gate(session: Any, data: Any, names: dict[str, str]) -> list[tuple[str, str, str]]:
    adm = data.administration
    rows = [
        ("testing window", "passed", f"{adm.opens_on:%Y-%m-%d} to {adm.closes_on:%Y-%m-%d}"),
        ("paper or screen", "passed" if adm.mode else "not recorded", adm.mode or "not recorded"),
    ]
    taught = pd.DataFrame(bank.taught(session, adm), columns=["district", "concept", "taught"])
    used = {c for c in data.items["concept"] if c}
    known = taught[(taught["taught"] != "unknown") & taught["concept"].isin(used)]
    missing = len(used) * len(names) - len(known.drop_duplicates(["district", "concept"]))
    if missing:
        rows.append(
            (
                "taught before the test",
                "not recorded",
                f"for {missing} of {len(used) * len(names)} concepts and districts",
            )
        )
    else:
        late = known[known["taught"] == "no"]
        told = "; ".join(f"{r.concept} not yet in {names.get(r.district, r.district)}" for r in late.itertuples())
        rows.append(
            ("taught before the test", "failed" if len(late) else "passed", told or "every concept in both districts")
        )
    answered = int((data.status == ANSWERED).sum())
    rows.append(("answers that count", "passed", f"{answered:,} of {data.status.size:,} places"))
    return rows
