"""A shared PostgreSQL server keeps the districts' rows apart by itself, whatever a program asks for."""

import random
import threading
import time
from collections import Counter

import pytest
import sqlalchemy as sa
from sqlmodel import func, select

from itembank import administrations, authoring, database, people, responses, security, tabular
from itembank.errors import Conflict, ItembankError, NotPermitted
from itembank.models import AuditEvent, Item, ItemVersion, Sitting, Student
from itembank.sheets import Layout

from .conftest import _use, furnish
from .test_workflow import item

FILE = "student,Q1,Q2\n1,A,1/2\n2,B,\n"


@pytest.fixture(scope="module")
def shared(server, tmp_path_factory):
    """A bank on a server with a login for each district and one for joint runs: name -> URL."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from shared_bank(server, tmp_path_factory.mktemp("shared"), monkeypatch)


def shared_bank(server, tmp_path, monkeypatch):
    url = _use(monkeypatch, tmp_path, server())
    furnish(tmp_path)
    owner = database.engine()
    with owner.connect() as connection, connection.begin():
        for login in ("ada", "bob", "joint"):
            connection.exec_driver_sql(f"DROP ROLE IF EXISTS {login}_login")
            connection.exec_driver_sql(f"CREATE ROLE {login}_login LOGIN")
    with database.writing() as session:
        for login, district in (("ada", "A"), ("bob", "B"), ("joint", "A")):
            people.add_person(session, login, login, district, "admin", f"{login}_login")
            assert security.admit(session.connection(), f"{login}_login", login == "joint")
    for login, district in (("ada", "A"), ("bob", "B")):
        monkeypatch.setenv("ITEMBANK_URL", as_login(url, login))
        with database.writing() as session:
            table = tabular.parse_table(FILE.encode(), f"{district}.csv")
            done = responses.load(
                session, administrations.administration_of(session),
                tabular.parse_table((FILE + f"{login},C,1\n").encode(), table.source),
                Layout(fixed={"district": district}), people.acting(session),
            )  # fmt: skip
            assert done.sittings == 3
    yield {name: as_login(url, name) for name in ("ada", "bob", "joint")} | {"owner": url}
    for name in ("ada", "bob", "joint", ""):
        database.engine_of(database.location(as_login(url, name) if name else url)).dispose()
    with owner.connect() as connection, connection.begin():
        for login in ("ada", "bob", "joint"):
            connection.exec_driver_sql(f"DROP OWNED BY {login}_login")
            connection.exec_driver_sql(f"DROP ROLE {login}_login")
    owner.dispose()


def as_login(url, name):
    return url.replace("://postgres:@", f"://{name}_login:@")


def count(url, table):
    with database.reading(url) as session:
        return session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()


def attempt(url, statement):
    with database.writing(url) as session:
        return session.execute(sa.text(statement)).rowcount


def test_a_district_reads_only_its_own_students(shared):
    for table in ("students", "sittings", "raw_responses"):
        assert [count(shared[who], table) for who in ("ada", "bob", "joint", "owner")] == [3, 3, 6, 6]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE students SET pseudonym = 'x' WHERE district_id = 2",
        "DELETE FROM raw_responses WHERE district_id = 2",
        "UPDATE sittings SET district_id = 1 WHERE district_id = 2",
    ],
)
def test_the_other_districts_rows_cannot_be_changed(shared, statement):
    assert attempt(shared["ada"], statement) == 0
    assert count(shared["owner"], "students WHERE pseudonym = 'x'") == 0
    assert count(shared["bob"], "raw_responses") == 3


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO students (district_id, pseudonym) VALUES (2, 'planted')",
        "UPDATE sittings SET district_id = 2",
        "UPDATE audit_events SET person = 'nobody'",
        "DELETE FROM audit_events",
        "UPDATE item_versions SET title = 'x'",
        "UPDATE key_versions SET number = 9",
        "DELETE FROM form_items",
        "UPDATE people SET role = 'admin'",
        "DELETE FROM concept_rankings",
        "INSERT INTO concept_rankings (concept_id, person_id, district_id, ranking, reason, identity, created_at)"
        " SELECT c.id, p.id, p.district_id, '[]', '', 'login', now() FROM concepts c, people p WHERE p.code = 'bob'",
        "UPDATE people SET login = 'bob_login' WHERE code = 'ada'",
        "INSERT INTO audit_events (chain, sequence, at, person, action, subject, details, previous_hash, hash)"
        " VALUES ('B', 999, '', 'bob', 'x', '', '{}', '', '')",
        "INSERT INTO reviews (item_version_id, person_id, district_id, verdict, checklist, comment, created_at,"
        " submitted_at) SELECT 1, id, district_id, 'approve', '{}', '', now(), now() FROM people WHERE code = 'bob'",
        "ALTER TABLE students DISABLE ROW LEVEL SECURITY",
        "SET ROLE postgres",
    ],
)
def test_what_must_stay_cannot_be_changed_or_forged(shared, statement):
    with pytest.raises(ItembankError) as refused:
        attempt(shared["ada"], statement)
    assert refused.value.exit_code in (4, 6)


def test_the_login_is_the_person(shared, monkeypatch):
    with database.reading(shared["ada"]) as session:
        person = people.acting(session)
        assert person.code == "ada"
        assert people.identity_is(session, person) == "login"
        with pytest.raises(NotPermitted):
            people.acting(session, "bob")


def test_a_vote_in_anothers_name_is_refused_by_the_server(shared):
    with database.writing(shared["ada"]) as session:
        from itembank import decisions

        decisions.propose(session, "release", "item:Q1", "release", "why", people.acting(session))
    forged = (
        "INSERT INTO decision_votes (decision_id, district_id, person_id, verdict, comment, identity, created_at)"
        " SELECT 1, district_id, id, 'agree', '', 'login', now() FROM people WHERE code = 'bob'"
    )
    with pytest.raises(NotPermitted):
        attempt(shared["ada"], forged)


def test_a_joint_run_scores_both_and_each_district_sees_its_own(shared):
    from itembank.models import Run, Score

    with database.writing(shared["joint"]) as session:
        session.add(Run(kind="score"))
        session.flush()
        run = session.exec(select(Run.id)).one()
        for sitting in session.exec(select(Sitting)).all():
            session.add(Score(run_id=run, sitting_id=sitting.id, district_id=sitting.district_id, packed=b"\x00" * 25))
    assert [count(shared[who], "scores") for who in ("ada", "bob", "joint")] == [3, 3, 6]


def write_items(url, writers, each, monkeypatch=None):
    """Threads that each store several items and versions, and one item that all of them want."""
    outcomes = Counter()
    failures = []

    def writer(number):
        for k in range(each):
            for code in (f"{number}-{k}", "0-shared"):
                parsed, text = item(code, f"Writer {number}, text {k}.")
                until = time.monotonic() + 120  # a loaded machine needs more tries, not another outcome
                while time.monotonic() < until:
                    try:
                        with database.writing(url) as session:
                            authoring.store_item(session, parsed, text, create_concepts=True)
                        outcomes["stored"] += 1
                        break
                    except Conflict:
                        outcomes["again"] += 1
                        time.sleep(random.uniform(0, 0.05))
                    except Exception as error:
                        failures.append(repr(error))
                        return
                else:
                    failures.append("never stored")

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(1, writers + 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    assert outcomes["stored"] == writers * each * 2
    with database.reading(url) as session:
        assert session.exec(select(func.count()).select_from(Item)).one() == writers * each + 1
        shared_versions = session.exec(
            select(ItemVersion.number).join(Item, Item.id == ItemVersion.item_id).where(Item.code == "T-0-shared")
        ).all()
        assert sorted(shared_versions) == list(range(1, writers * each + 1))  # none lost, none twice
        from itembank import audit

        assert audit.verify(session) == []
        stored = session.exec(
            select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "store item")
        ).one()
        assert stored == writers * each * 2


def test_fifty_writers_on_a_server_lose_and_duplicate_nothing(server, tmp_path, monkeypatch):
    url = _use(monkeypatch, tmp_path, server())
    try:
        write_items(url, 50, 1)
    finally:
        database.engine_of(database.location(url)).dispose()


def test_several_writers_on_a_file_lose_and_duplicate_nothing(bank):
    write_items(bank, 6, 3)


def test_two_uploads_at_once_are_both_whole(any_furnished):
    """Two districts load at the same time; answers that both files hold get one code."""
    url = any_furnished
    failures = []

    def upload(district):
        rows = "".join(f"{i},{'ABCD'[i % 4]},{i % 9}\n" for i in range(300))
        table = tabular.parse_table(
            f"student,Q1,Q2\n{rows}".encode() + district.encode() + b"x,A,1\n", f"{district}.csv"
        )
        for _ in range(20):
            try:
                with database.writing(url) as session:
                    adm = administrations.administration_of(session)
                    responses.load(session, adm, table, Layout(fixed={"district": district}))
                return
            except Conflict:
                continue
            except Exception as error:
                failures.append(repr(error))
                return
        failures.append("never stored")

    threads = [threading.Thread(target=upload, args=(d,)) for d in "AB"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    with database.reading(url) as session:
        assert session.exec(select(func.count()).select_from(Student)).one() == 602
        assert session.exec(select(func.count()).select_from(Sitting)).one() == 602
