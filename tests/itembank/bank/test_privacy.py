"""Every stored field is accounted for; old administrations lose their students' rows and keep their groups'."""

import sqlite3
from datetime import date
from pathlib import Path

from sqlmodel import select

from itembank import administrations, database, models, people, privacy, students


def test_every_field_of_every_table_about_students_is_described():
    rows = privacy.fields()
    assert [r for r in rows if not all(r.values())] == []
    tables = {r["table"] for r in rows}
    about = {
        t.name for t in models.Base.metadata.tables.values() if {"student_id", "sitting_id"} & set(t.columns.keys())
    }
    assert about <= tables
    for table, known in privacy.FIELDS.items():  # nothing is described that is not there
        assert set(known) == set(models.Base.metadata.tables[table.__tablename__].columns.keys())
    assert "| pseudonym |" in privacy.page()


def sit(session, n=3):
    """Some students of A with answers and scores."""
    adm = administrations.administration_of(session, "spring")
    form = session.exec(select(models.Form)).one()
    home = people.district_of(session, "A")
    run = models.Run(kind="score", administration_id=adm.id)
    session.add(run)
    session.flush()
    for k in range(n):
        student = models.Student(district_id=home.id, pseudonym=f"{k:064x}")
        session.add(student)
        session.flush()
        sitting = models.Sitting(administration_id=adm.id, district_id=home.id, student_id=student.id, form_id=form.id)
        session.add(sitting)
        session.flush()
        session.add(models.RawResponse(sitting_id=sitting.id, district_id=home.id, packed=b"\x04" * 5))
        session.add(models.Score(run_id=run.id, sitting_id=sitting.id, district_id=home.id, packed=b"\x00" * 25))
    session.flush()


def counts(session):
    tables = (models.Student, models.Sitting, models.RawResponse, models.Score)
    return [len(session.exec(select(t)).all()) for t in tables]


def test_purging_deletes_students_rows_and_keeps_the_run(furnished, run):
    with database.writing() as session:
        sit(session)
        assert students.purge(session, date(2026, 5, 15)) == []  # it ended on that day, not before it
        assert students.purge(session, date(2026, 6, 1), dry_run=True) == [
            {"administration": "spring", "sittings": 3, "scores": 3}
        ]
        assert counts(session) == [3, 3, 3, 3]
    code, _, err = run("administrations", "purge", "--before", "2026-06-01", "--as", "leadA")
    assert code == 0, err
    assert "backup" in err
    with database.reading() as session:
        assert counts(session) == [0, 0, 0, 0]
        assert administrations.administration_of(session, "spring").status == "purged"
        assert len(session.exec(select(models.Run)).all()) == 1
    code, _, err = run("administrations", "purge", "--before", "2026-06-01", "--as", "authorA")
    assert code == 4


def test_a_purged_students_bytes_are_nowhere_in_the_banks_files(furnished, run):
    """Deleted rows lie on in a file until they are overwritten; the bank's file and its log are read as bytes."""
    secret = "5ec4e7" * 10 + "abcd"
    with database.writing() as session:
        sit(session, 1)
        student = session.exec(select(models.Student)).one()
        student.pseudonym = secret
        session.add(student)
        answers = session.exec(select(models.RawResponse)).one()
        answers.packed = b"an answer that nobody else gave"
        session.add(answers)
        assert session.connection().exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    looked_for = (secret.encode(), b"an answer that nobody else gave")
    assert all(any(w in file.read_bytes() for file in files()) for w in looked_for)
    assert run("administrations", "purge", "--before", "2026-06-01", "--as", "leadA")[0] == 0
    with database.reading() as session:
        assert session.exec(select(models.Student)).all() == []
        assert secret not in str(session.exec(select(models.AuditEvent)).all())
    database.engine().dispose()
    found = sqlite3.connect(database.file_of(database.location()))
    found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found.close()
    assert not any(w in file.read_bytes() for w in looked_for for file in files())


def files():
    place = Path(database.file_of(database.location()))
    return [p for p in place.parent.glob(place.name + "*") if p.is_file()]
