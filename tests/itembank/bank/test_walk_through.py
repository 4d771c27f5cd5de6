"""The whole way of an item through the command line, and authors who get in each other's way."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from itembank import audit, authoring, database
from itembank.errors import Conflict
from itembank.models import Item, ItemVersion

from .conftest import _use
from .test_workflow import item, status

PEOPLE = {"ana": ("Ana Lima", "A", "author"), "al": ("Al Oda", "A", "reviewer"), "bo": ("Bo Chen", "B", "reviewer")}


@pytest.fixture(params=["sqlite", "postgresql"])
def speak(request, run, tmp_path, monkeypatch):
    """A function that runs a command as one of the people: by name in a file, by their own login on a server."""
    if request.param == "sqlite":
        _use(monkeypatch, tmp_path, str(tmp_path / "bank.db"))
        urls = {}
    else:
        url = _use(monkeypatch, tmp_path, request.getfixturevalue("server")())
        urls = {p: url.replace("://postgres:@", f"://{p}_walker:@") for p in PEOPLE}
        with database.engine().connect() as connection, connection.begin():
            for person in PEOPLE:
                connection.exec_driver_sql(f"DROP ROLE IF EXISTS {person}_walker")
                connection.exec_driver_sql(f"CREATE ROLE {person}_walker LOGIN")

    def said(person, *words):
        if not person:
            return run(*words)
        if not urls:
            return run(*words, "--as", person)
        with monkeypatch.context() as here:
            here.setenv("ITEMBANK_URL", urls[person])
            return run(*words)

    assert run("init", "--district", "A=District A", "--district", "B=District B")[0] == 0
    for person, (name, district, role) in PEOPLE.items():
        login = ("--login", f"{person}_walker") if urls else ()
        code, _, err = run("people", "add", person, "--name", name, "--district", district, "--role", role, *login)
        assert code == 0, err
    said.identity = "login" if urls else "declared"
    yield said
    if urls:
        for place in urls.values():
            database.engine_of(database.location(place)).dispose()
        with database.engine().connect() as connection, connection.begin():
            for person in PEOPLE:
                connection.exec_driver_sql(f"DROP OWNED BY {person}_walker")
                connection.exec_driver_sql(f"DROP ROLE {person}_walker")
        database.engine().dispose()


def test_an_item_from_its_first_line_to_operational(speak, run, tmp_path):
    def done(person, *words):
        code, out, err = speak(person, *words)
        assert code == 0, (person, words, err)
        return out

    done("", "concepts", "add", "proportional-relationships", "--title", "Proportional relationships", "--grade", "7")
    new = ("items", "new", "--type", "choice", "--id", "G7-RP-901", "--title", "A walk", "--grade", "7")
    tags = ("--concept", "proportional-relationships", "--standard", "7.RP.A.1", "--spanish")
    assert run(*new, *tags, "--author", "Ana Lima", "--district", "A", "-o", tmp_path)[0] == 0
    file = tmp_path / "G7-RP-901.md"
    assert "spanish-math" in run("items", "check", file)[1]  # the Spanish text is still to be written
    spanish = "Una cinta de $12$ pies se corta en $4$ partes iguales. ¿Cuánto mide cada parte?"
    begun = file.read_text("utf-8").replace("El enunciado en español.", spanish)
    for word, feet in (("uno", 3), ("dos", 48), ("tres", 8), ("cuatro", 16)):
        begun = begun.replace(f": {word}\n", f": ${feet}$ pies\n")
    begun = begun.replace("La solución.", "$12 \\div 4 = 3$; cada parte mide $3$ pies.")
    file.write_text(begun.replace("misconception-id", "rate-multiplied"), "utf-8")
    code, out, _ = run("items", "check", file)
    assert (code, out) == (0, "")
    assert run("items", "preview", file, "-o", tmp_path / "p.html")[0] == 0
    assert speak("ana", "items", "import", file)[0] == 0
    assert speak("ana", "reviews", "submit", "G7-RP-901")[0] == 0
    waiting = json.loads(done("bo", "reviews", "queue", "--json"))
    assert [t["item"] for t in waiting] == ["G7-RP-901"]
    approve = ("reviews", "review", "G7-RP-901", "--verdict", "approve", "--yes", "all", "--angoff", "0.6")
    assert speak("ana", *approve)[0] == 4  # her own
    asked = ("reviews", "review", "G7-RP-901", "--verdict", "change", "--comment", "Say where she walks.")
    assert speak("bo", *asked)[0] == 0
    text = file.read_text("utf-8")
    mended = text.replace("\n---\n\n", "\n---\n\nIn the park. ", 1)
    assert mended != text
    file.write_text(mended, "utf-8")
    assert speak("ana", "items", "import", file)[0] == 0
    assert "In the park." in run("items", "diff", "G7-RP-901")[1]
    assert speak("ana", "reviews", "submit", "G7-RP-901")[0] == 0
    assert speak("bo", *approve, "--version", "1")[0] == 6  # read the old text
    assert speak("bo", *approve)[0] == 0
    assert status("G7-RP-901") == "in review"  # one district alone cannot
    assert speak("al", *approve)[0] == 0
    assert status("G7-RP-901") == "approved"
    for to, shown in (("field-test", "field test"), ("operational", "operational")):
        assert speak("ana", "reviews", "submit", "G7-RP-901", "--to", to, "--reason", "agreed in March")[0] == 0
        number = json.loads(run("decisions", "list", "--json")[1])[-1]["decision"]
        assert speak("ana", "decisions", "agree", number)[0] == 4  # she proposed it
        assert speak("al", "decisions", "agree", number)[0] == 0
        assert speak("bo", "decisions", "agree", number)[0] == 0
        assert status("G7-RP-901") == shown
        votes = json.loads(run("decisions", "show", number, "--json")[1])["votes"]
        assert {v["identity"] for v in votes} == {speak.identity}
    reviews = json.loads(run("reviews", "show", "G7-RP-901", "--json")[1])
    assert [(r["version"], r["person"], r["verdict"], r["identity"]) for r in reviews] == [
        (1, "bo", "change", speak.identity),
        (2, "bo", "approve", speak.identity),
        (2, "al", "approve", speak.identity),
    ]
    assert [r["item"] for r in json.loads(run("items", "list", "--status", "operational", "--json")[1])] == [
        "G7-RP-901"
    ]
    assert run("bank", "verify")[0] == 0


STEPS = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["read", "write"])), min_size=4, max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_in_every_order_of_reading_and_writing_no_text_is_lost_or_stored_twice(bank, migrated, steps):
    """Authors read a version and write from it; only who read the newest may store, and each stored text stays."""
    database.engine_of.cache_clear()
    shutil.copy(migrated, database.file_of(database.location()))
    seen = {}
    kept = []
    refused = 0
    for number, (who, action) in enumerate(steps):
        if action == "read":
            seen[who] = len(kept)
            continue
        parsed, text = item(1, f"Step {number} of author {who}.")
        try:
            with database.writing() as session:
                stored = authoring.store_item(session, parsed, text, None, seen.get(who, 0), "draft", True)
        except Conflict:
            refused += 1
            assert seen.get(who, 0) != len(kept)
            continue
        assert seen.get(who, 0) == len(kept)
        kept.append(text)
        seen[who] = stored.version.number
    with database.reading() as session:
        versions = session.exec(select(ItemVersion).order_by(ItemVersion.number)).all()
        assert [v.source for v in versions] == kept
        assert [v.number for v in versions] == list(range(1, len(kept) + 1))
        assert [i.latest for i in session.exec(select(Item)).all()] == [len(kept)] * bool(kept)
        assert audit.verify(session) == []
    assert refused + len(kept) == sum(a == "write" for _, a in steps)
