"""Diagnostics through the commands: a wrong key is found before scoring, planted differences are found and decided."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from scoring.demo.form import simulated
from scoring.demo.world import simulate_districts
from tests.command_line import run

ROOT = Path(__file__).resolve().parents[3]
CONCEPTS = ("proportional-relationships", "rational-numbers")


class Bank:
    """A bank with one administration of ten items, in which one key is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int = 0, person: str = "cora") -> subprocess.CompletedProcess[str]:
        named = {"ITEMBANK_PERSON": person} if person else {}
        done = run(list(words), self.folder, {"ITEMBANK_URL": str(self.folder / "bank.db"), **named})
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Bank:
    from itembank.item_folder import check

    made = Bank(tmp_path_factory.mktemp("diagnose"))
    choice = [i for i in check([ROOT / "items" / "grade-7"]).items if i.type == "choice"]
    items = [i for c in CONCEPTS for i in [j for j in choice if j.concepts[0] == c][:5]]
    world = simulate_districts([s for i in items if (s := simulated(i)) is not None], 1600, seed=2, dif=1.6)
    made.truth = world.truth  # type: ignore[attr-defined]
    made.names = [i.id for i in items]  # type: ignore[attr-defined]
    environment = made.run
    environment("init", "--district=A=District A", "--district=B=District B", person="")
    for code, district in (("cora", "A"), ("ada", "A"), ("ben", "B")):
        environment("people", "add", code, "--district", district, "--role", "analyst", person="")
    files = [str(ROOT / "items" / "grade-7" / f"{n}.md") for n in made.names]  # type: ignore[attr-defined]
    environment("items", "import", *files, "--status", "released", "--create-concepts")
    environment("forms", "freeze", *made.names, "--id", "F")  # type: ignore[attr-defined]
    environment("administrations", "open", "adm", "--form", "F", "--district", "A", "--district", "B",
                "--from", "2026-10-05", "--to", "2026-10-16", "--mode", "paper", "--simulated")  # fmt: skip
    answers = world.answers.copy()
    wrong = made.names[0]  # type: ignore[attr-defined]
    key = next(i for i in items if i.id == wrong).keys[0]
    other = "B" if key != "B" else "C"
    answers[wrong] = answers[wrong].replace({key: other, other: key})  # as if the key on file were another letter
    made.wrong, made.right = wrong, other  # type: ignore[attr-defined]
    people = world.persons.loc[answers.index]
    for district, code in (("District A", "A"), ("District B", "B")):
        here = people["district"] == district
        table = people.loc[here, ["school", "sex"]].join(answers[here]).rename_axis("student")
        path = made.folder / f"{code}.csv"
        table.to_csv(path)
        environment("responses", "load", str(path), "--district", code, "--attribute", "sex")
    return made


def test_a_wrong_key_is_found_before_scoring(bank):
    done = bank.run("keys", "check", "--format", "csv", code=1)
    rows = done.stdout.splitlines()
    assert len(rows) == 2  # the head and the one item
    assert rows[1].startswith(bank.wrong)
    assert bank.wrong in done.stderr
    assert f"suggested: {bank.right}" in done.stderr


def test_items_model_persons_and_history_answer(bank):
    bank.run("calibrate", "run")
    table = bank.run("diagnose", "items", "--json").stdout
    reasons = {row["item"]: row["reasons"] for row in json.loads(table)}
    assert "key" in reasons[bank.wrong]
    model = json.loads(bank.run("diagnose", "model", "--json").stdout)
    assert model["model"]["available"] is True
    persons = bank.run("diagnose", "persons", "--json").stdout
    assert sum(row["students"] for row in json.loads(persons)) > 1000
    assert "SIM-" not in persons
    assert json.loads(bank.run("items", "stats", bank.wrong, "--json").stdout)[0]["run"] == 1
    bank.run("items", "stats", "G7-XX-999", code=3)


def test_planted_differences_are_found_and_the_comparison_obeys_the_decision(bank):
    table = pd.DataFrame(json.loads(bank.run("diagnose", "dif", "--json").stdout)).set_index("item")
    planted = [i for i in bank.truth.dif if i != bank.wrong]
    assert planted
    for item in planted:
        assert table.at[item, "ets_class"] == "C"
        assert (table.at[item, "effect"] < 0) == (bank.truth.dif[item] > 0)  # harder in B: B earns less there
    bank.run("diagnose", "decide", planted[0], "--action", "nonsense", "--reason", "x", code=2)
    bank.run("diagnose", "decide", planted[0], "--action", "leave-out", "--reason", "wording")
    number = json.loads(bank.run("decisions", "list", "--json").stdout)[0]["decision"]
    bank.run("decisions", "agree", str(number), person="cora", code=4)  # not by who proposed it
    bank.run("decisions", "agree", str(number), person="ada")
    bank.run("decisions", "agree", str(number), person="ben")
    done = bank.run("compare", "run")
    assert f"Left out of the comparison by joint decision: {planted[0]}" in done.stderr
    items = json.loads(bank.run("compare", "show", "--table", "items", "--json").stdout)
    assert planted[0] not in {row["item"] for row in items}


def test_dif_by_an_attribute_and_unknown_words(bank):
    by_sex = json.loads(bank.run("diagnose", "dif", "--by", "sex", "--focal", "female", "--json").stdout)
    assert len(by_sex) == len(bank.names)
    bank.run("diagnose", "dif", "--by", "nosuch", code=2)
    bank.run("diagnose", "dif", "--matching", "nosuch", code=2)
