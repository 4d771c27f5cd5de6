"""Rosters: read without what must not be read, stored under pseudonyms, and every student accounted for."""

import contextlib
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itembank import database, rosters
from itembank.errors import Rejected, UsageFault
from itembank.models import Background, Enrollment, Student

ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\nd,,,Dist,district,,\ns1,,,North,school,N1,d\ns2,,,South,school,S1,d\n"  # noqa: E501
USERS11 = """sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password
u1,,,true,s1,student,ann,,Ann,Secretname,,1001,ann@x,555,555,,07,hunter2
u2,,,true,s1,student,ben,,Ben,Secretname,,1002,,,,,07,
u3,,,true,s2,student,cy,,Cy,Secretname,,1003,,,,,08,
u4,,,true,s2,teacher,di,,Di,Secretname,,1004,,,,,,
u5,,,true,"s2,s1",student,ed,,Ed,Secretname,,1005,,,,,07,
u6,,,false,s2,student,fy,,Fy,Secretname,,1006,,,,,07,
"""  # noqa: E501
CLASSES = "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds\nc1,,,Math 7,07,x,,scheduled,,s1,t\nc2,,,Math 8,08,x,,scheduled,,s2,t\n"  # noqa: E501
ENROLLMENTS = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\ne1,,,c1,s1,u1,student,true,2025-08-15,2026-06-10\ne2,,,c1,s1,u2,student,true,2025-08-15,2026-01-15\ne3,,,c2,s2,u3,student,true,,\ne4,,,c2,s2,u4,teacher,true,,\n"  # noqa: E501
DEMOGRAPHICS = "sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,metadata.elas\nu1,,,2013-02-03,female,false,true,false,false,true,false,false,EL\nu2,,,2013-02-04,male,false,false,false,false,true,false,true,EO\n"  # noqa: E501
FILES = {
    "orgs.csv": ORGS,
    "users.csv": USERS11,
    "classes.csv": CLASSES,
    "enrollments.csv": ENROLLMENTS,
    "demographics.csv": DEMOGRAPHICS,
    "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,bulk\n",
}


def package(path, files=FILES, **changed):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in {**files, **{f"{k}.csv": v for k, v in changed.items()}}.items():
            if text is not None:
                bundle.writestr(name, text)
    return path


def version_12():
    """The same roster in the form of 1.2: roles in a file of their own."""
    lines = [line.split(",") for line in USERS11.replace('"s2,s1"', "s2").splitlines()]
    users = "\n".join(
        ",".join([*r[:4], *r[6:]]) + ("," + ("primaryOrgSourcedId" if i == 0 else r[4])) for i, r in enumerate(lines)
    )
    roles = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n"
    roles += "".join(f"r{r[0]},,,{r[0]},primary,{r[5]},,,{r[4]}\n" for r in lines[1:])
    return {**FILES, "users.csv": users + "\n", "roles.csv": roles}


@pytest.mark.parametrize("files", [FILES, version_12()], ids=["1.1", "1.2"])
def test_both_versions_are_read_alike(tmp_path, files):
    roster = rosters.read_roster(package(tmp_path / "r.zip", files), attributes=("metadata.elas",))
    assert roster.schools == {"N1": "North", "S1": "South"}
    assert roster.classes == {("N1", "c1"): "Math 7", ("S1", "c2"): "Math 8"}
    assert [(p.identifier, p.grade, p.places) for p in roster.pupils] == [
        ("1001", "7", (("N1", "c1"),)),
        ("1002", "7", (("N1", "c1"),)),
        ("1003", "8", (("S1", "c2"),)),
        ("1005", "7", (("S1", ""),)),  # no enrollment: the school of the user's own row
    ]
    assert roster.pupils[0].attributes == {"sex": "female", "ethnicity": "Two or more races", "elas": "EL"}
    assert roster.pupils[1].attributes == {"sex": "male", "ethnicity": "Hispanic or Latino", "elas": "EO"}
    assert "Secretname" not in repr(roster)
    assert "2013" not in repr(roster)


def test_enrollments_hold_on_a_day(tmp_path):
    from datetime import date

    path = package(tmp_path / "r.zip")
    places = {p.identifier: p.places for p in rosters.read_roster(path, date(2026, 1, 15)).pupils}
    assert places["1002"] == (("N1", ""),)  # the end date is exclusive
    places = {p.identifier: p.places for p in rosters.read_roster(path, date(2026, 1, 14)).pupils}
    assert places["1002"] == (("N1", "c1"),)


@pytest.mark.parametrize("name", ["password", "birthDate", "familyName", "metadata.phone"])
def test_what_is_never_read_cannot_be_asked_for(tmp_path, name):
    with pytest.raises(UsageFault):
        rosters.read_roster(package(tmp_path / "r.zip"), attributes=(name,))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"orgs": None}, "missing-file"),
        ({"users": USERS11.replace("1002", "1001")}, "duplicate-student"),
        ({"users": USERS11.replace(",1002,", ",,")}, "no-student"),
        ({"users": USERS11.replace("identifier", "ident")}, "missing-column"),
        ({"users": USERS11.replace(",student,", ",parent,")}, "no-students"),
        ({"enrollments": ENROLLMENTS.replace("c1,s1,u1", "c1,s9,u1")}, "unknown-school"),
        ({"users": USERS11[:-40]}, "truncated"),
    ],
)
def test_bad_rosters_are_refused_with_places(tmp_path, changed, code):
    with pytest.raises(Rejected) as refused:
        rosters.read_roster(package(tmp_path / "r.zip", **changed))
    assert code in {f.code for f in refused.value.findings}
    assert "1001" not in str([f.message for f in refused.value.findings])


def test_hostile_packages_are_refused_or_not_touched(tmp_path, monkeypatch):
    files = {**FILES, "../../evil.csv": "x", "/etc/passwd": "x", "sub/users.csv": "x"}
    assert len(rosters.read_roster(package(tmp_path / "a.zip", files)).pupils) == 4
    assert not (tmp_path.parent / "evil.csv").exists()
    monkeypatch.setattr(rosters, "LARGEST", 1000)
    bomb = {**FILES, "users.csv": USERS11 + "\n" * 100_000}
    for name, data in (
        ("b.zip", package(tmp_path / "b.zip", bomb).read_bytes()),
        ("c.zip", b"PK\x03\x04junk"),
        ("d.zip", b""),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Rejected):
            rosters.read_roster(tmp_path / name)
    with pytest.raises(Rejected):
        rosters.read_roster(tmp_path / "absent.zip")


@given(st.binary(max_size=120), st.integers(0, 1500))
def test_no_damage_to_a_package_crashes_the_reader(junk, at):
    import tempfile
    from pathlib import Path

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in FILES.items():
            bundle.writestr(name, text)
    data = bytearray(buffer.getvalue())
    data[at : at + len(junk)] = junk
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.zip"
        path.write_bytes(bytes(data))
        with contextlib.suppress(Rejected):
            rosters.read_roster(path)


def test_import_and_account_for_every_student(any_furnished, run, tmp_path):
    package(tmp_path / "r.zip")
    words = ("rosters", "import", "r.zip", "--district", "A", "--attribute", "metadata.elas", "--as", "leadA")
    assert run(*words, "--dry-run")[0] == 0
    with database.reading() as session:
        assert session.exec(database.sa.select(Enrollment)).all() == []
    assert run(*words[:-1], "authorA")[0] == 4
    assert run(*words, "--on", "2026-01-10")[0] == 0
    assert "nothing was changed" in run(*words, "--on", "2026-01-10")[2]
    (tmp_path / "resp.csv").write_text("student,Q1\n1001,A\n1003,B\n9999,C\n")
    assert run("responses", "load", "resp.csv", "--district", "A")[0] == 0
    rows = json.loads(run("administrations", "status", "--by", "school", "--json")[1])
    counts = [(r["school"], r["expected"], r["scored"], r["missing"], r["unknown"]) for r in rows]
    assert counts == [("", 0, 0, 0, 1), ("N1", 2, 1, 1, 0), ("S1", 2, 1, 1, 0)]
    total = json.loads(run("administrations", "status", "--by", "district", "--json")[1])[0]
    assert (total["expected"], total["scored"], total["missing"], total["unknown"]) == (4, 2, 2, 1)
    with database.reading() as session:  # sittings took school, grade and attributes from the roster
        from scoring import bank as gate

        persons = gate.scored_responses(session).persons
        assert persons["school"].tolist()[:2] == ["A-N1", "A-S1"]
        assert persons["grade"].tolist()[:2] == ["7", "8"]
        assert persons["elas"].tolist()[:1] == ["EL"]
        assert session.exec(database.sa.select(Student)).all()
        assert session.exec(database.sa.select(Background)).all()
    files = [p.read_bytes() for p in tmp_path.glob("bank.db*")]
    assert not any(word in data for data in files for word in (b"Secretname", b"hunter2", b"2013-02-03", b"ann@x"))
