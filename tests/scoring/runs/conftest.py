"""A small bank of two districts with a calibrated, compared administration, made once and copied for each test."""

import os
import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sqlmodel import select

from itembank import administrations, authoring, database, forms, people, responses, tabular
from itembank.models import Item
from itembank.sheets import Layout
from scoring import bank as gate
from scoring.runs.calibrating import calibrate_administration
from scoring.runs.comparing import compare_administration
from tests.itembank.bank.conftest import bank, migrated, run

__all__ = ["bank", "migrated", "run"]

CONCEPTS = ("ratios", "geometry")
PER_CONCEPT = 8
ITEMS = [f"Q{k:02d}" for k in range(1, 2 * PER_CONCEPT + 1)]
STUDENTS = 300
#: What a year adds to each concept, in SDs of the first year.
MOVED = (0.30, -0.60)


def draw(seed, shift=0.0, n=STUDENTS):
    """Answers of a district: students × items, right and wrong; the second concept goes the other way round."""
    rng = np.random.default_rng(seed)
    theta = rng.multivariate_normal([shift, -shift], [[1.0, 0.7], [0.7, 1.0]], n)
    b = np.tile(np.linspace(-1.4, 1.4, PER_CONCEPT), 2)
    a = np.resize([1.1, 1.6, 1.3], 2 * PER_CONCEPT)
    chance = 1 / (1 + np.exp(-a * (np.repeat(theta, PER_CONCEPT, axis=1) - b)))
    return (rng.random(chance.shape) < chance).astype(int)


def load(session, district, answers, administration="spring", first=1):
    """Load a district's answers as scores, in six schools."""
    table = pd.DataFrame(answers, columns=ITEMS)
    table.insert(0, "student", [f"{district}{first + i}" for i in range(len(table))])
    table.insert(1, "school", [f"S{i % 6}" for i in range(len(table))])
    text = table.to_csv(index=False).encode()
    layout = Layout(fixed={"district": district, "grade": "7"}, cells="scores")
    adm = administrations.administration_of(session, administration)
    responses.load(session, adm, tabular.parse_table(text, f"{district}.csv"), layout)


def furnish(folder):
    """Two districts, four people each, sixteen released items of two concepts on one form, one administration."""
    lines = ["id,title,concepts,type,key,points,options"]
    lines += [f"{q},Item {q},{CONCEPTS[k // PER_CONCEPT]},choice,B,1,A;B;C;D" for k, q in enumerate(ITEMS)]
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with database.writing() as session:
        for code in "AB":
            people.add_district(session, code, f"District {code}")
            for k in range(1, 5):
                people.add_person(session, f"{code.lower()}{k}", f"Person {code}{k}", code, "analyst")
        authoring.register_items(session, folder / "items.csv")
        for item in session.exec(select(Item)).all():
            item.status = "operational"
            session.add(item)
        forms.freeze(session, "F1", [(q, "") for q in ITEMS])
        administrations.open_administration(
            session, "spring", ["F1"], ["A", "B"], date(2026, 5, 1), date(2026, 5, 15), "paper"
        )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, migrated):
    """The bank's file with its keys: responses loaded, run 1 a calibration, run 2 a comparison."""
    folder = tmp_path_factory.mktemp("prepared")
    names = ("ITEMBANK_URL", "ITEMBANK_KEYS", "ITEMBANK_PERSON")
    before = {n: os.environ.get(n) for n in names}
    os.environ["ITEMBANK_URL"] = str(shutil.copy(migrated, folder / "bank.db"))
    os.environ["ITEMBANK_KEYS"] = str(folder / "keys")
    os.environ.pop("ITEMBANK_PERSON", None)
    try:
        furnish(folder)
        with database.writing() as session:
            load(session, "A", draw(1, -0.3))
            load(session, "B", draw(2, 0.3))
        with gate.writing() as session:
            calibrate_administration(session)
            compare_administration(session)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    return folder


def as_own_bank(made, tmp_path, monkeypatch):
    """A copy of a bank as the bank of the process."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / "bank.db"))
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("ITEMBANK_PERSON", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def compared(prepared, tmp_path, monkeypatch):
    return as_own_bank(prepared, tmp_path, monkeypatch)


def later(seed, shift):
    """Answers of the same students a year later, and who of them stayed; the draws of `conftest.draw` come first."""
    rng = np.random.default_rng(seed)
    theta = rng.multivariate_normal([shift, -shift], [[1.0, 0.7], [0.7, 1.0]], STUDENTS)
    centre = np.array([shift, -shift])
    again = np.random.default_rng(seed + 50)
    noise = again.multivariate_normal([0, 0], [[1.0, 0.7], [0.7, 1.0]], STUDENTS)
    theta = centre + 0.85 * (theta - centre) + np.sqrt(1 - 0.85**2) * noise + MOVED
    b = np.tile(np.linspace(-1.4, 1.4, PER_CONCEPT), 2)
    a = np.resize([1.1, 1.6, 1.3], 2 * PER_CONCEPT)
    chance = 1 / (1 + np.exp(-a * (np.repeat(theta, PER_CONCEPT, axis=1) - b)))
    right = draw(seed, shift).mean(axis=1)
    return (again.random(chance.shape) < chance).astype(int), again.random(STUDENTS) < 0.5 + 0.5 * right


@pytest.fixture(scope="session")
def twice_made(prepared, tmp_path_factory):
    """The prepared bank with a second administration of the same form: run 3 its comparison."""
    folder = tmp_path_factory.mktemp("twice")
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    names = {"ITEMBANK_URL": str(folder / "bank.db"), "ITEMBANK_KEYS": str(folder / "keys")}
    before = {n: os.environ.get(n) for n in names}
    os.environ.update(names)
    try:
        with database.writing() as session:
            administrations.open_administration(
                session, "autumn", ["F1"], ["A", "B"], date(2026, 10, 1), date(2026, 10, 15), "paper"
            )
            for code, seed, shift in (("A", 1, -0.3), ("B", 2, 0.3)):
                answers, stays = later(seed, shift)
                _load_some(session, code, answers, stays)
        with gate.writing() as session:
            compare_administration(session, "autumn")
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    return folder


def _load_some(session, district, answers, stays):
    table = pd.DataFrame(answers, columns=ITEMS)
    table.insert(0, "student", [f"{district}{1 + i}" for i in range(len(table))])
    table.insert(1, "school", [f"S{i % 6}" for i in range(len(table))])
    text = table[stays].to_csv(index=False).encode()
    layout = Layout(fixed={"district": district, "grade": "7"}, cells="scores")
    adm = administrations.administration_of(session, "autumn")
    responses.load(session, adm, tabular.parse_table(text, f"{district}2.csv"), layout)


@pytest.fixture
def twice(twice_made, tmp_path, monkeypatch):
    return as_own_bank(twice_made, tmp_path, monkeypatch)
