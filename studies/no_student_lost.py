"""No student is lost: a simulated administration with everything that goes wrong, and the bookkeeping of it.

    python studies/no_student_lost.py [--students 40000] [--keep FOLDER]

Two districts with their schools and classes in OneRoster packages (1.1 and 1.2), answer sheets in two versions and a
second form, in files of different encodings, and a planted fate for every student: present, late, at another school,
moved to the other district, absent, exempt, absent and made up later, missing, an empty sheet, two forms, two rows, an
impossible answer that is mended afterwards, the wrong version marked; and sheets of students whom no roster knows. All
goes through the commands that a coordinator types. Then what `administrations status` says is compared with what was
planted: every count by district, school and class, and every student by number. The table of counts is written to
studies/no_student_lost.csv.
"""

import argparse
import csv
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ITEMS = 20
SECRET = ("hunter2-secret", "555-0100-secret", "2013-02-03", "secret@mail", "1600 Secret Street")
#: Share of the students of each fate.
FATES = {
    "present": 0.855, "late": 0.015, "elsewhere": 0.015, "moved": 0.01, "absent": 0.03, "exempt": 0.015,
    "made up": 0.01, "missing": 0.02, "empty": 0.005, "two forms": 0.005, "two rows": 0.005, "bad row": 0.005,
    "wrong version": 0.01,
}  # fmt: skip
Run = Callable[..., tuple[int, str, str]]


def fates(students: int, rng: np.random.Generator) -> list[str]:
    """One fate per student, every fate at least twice."""
    names = list(FATES)
    counts = np.maximum(2, np.round(np.array([FATES[n] for n in names]) * students)).astype(int)
    counts[0] = students - counts[1:].sum()
    found = np.repeat(names, counts)
    rng.shuffle(found)
    return [str(f) for f in found]


def world(students: int, seed: int = 7) -> list[dict[str, Any]]:
    """The students of both rosters: number, district, school, class, statewide number, fate, sheet."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, Any]] = []
    for d, district in enumerate("AB"):
        n = students // 2
        schools = max(2, n // 600)
        for i, fate in enumerate(fates(n, rng)):
            school = f"{district}{i * schools // n + 1:02d}"
            found.append(
                {
                    "district": district,
                    "number": f"{(d + 1) * 1_000_000 + i:07d}",
                    "school": school,
                    "class": f"{school}-{i % max(1, n // schools // 28) + 1}",
                    "state": f"{9_000_000_000 + d * 10_000_000 + i}",
                    "fate": fate,
                }
            )
    # who moved stands on both rosters, under two numbers and one statewide number
    homes = {d: sorted({s["school"] for s in found if s["district"] == d}) for d in "AB"}
    for s in [s for s in found if s["fate"] == "moved"]:
        other = "B" if s["district"] == "A" else "A"
        school = str(rng.choice(homes[other]))
        twin = {**s, "district": other, "number": "5" + s["number"][1:] + s["district"], "school": school,
                "class": f"{school}-1", "fate": "arrived"}  # fmt: skip
        found.append(twin)
    return found


def package(path: Path, students: list[dict[str, Any]], version: str) -> None:
    """A OneRoster package with everything in it that must not be read."""
    schools = sorted({s["school"] for s in students})
    classes = sorted({(s["school"], s["class"]) for s in students})
    rest = [("sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId")]
    rest += [(f"o{s}", "", "", f"School {s}", "school", s, "d") for s in schools]
    files = {"orgs.csv": rest}
    head = ["sourcedId", "status", "dateLastModified", "enabledUser"]
    both = ["userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone",
            "agentSourcedIds", "grades", "password", "metadata.ssid"]  # fmt: skip
    old = version == "1.1"
    users = [(*head, *(("orgSourcedIds", "role") if old else ()), "username", *both)]
    roles = [("sourcedId", "status", "dateLastModified", "userSourcedId", "roleType", "role", "orgSourcedId")]
    enrolled = [("sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId", "userSourcedId",
                 "role", "primary", "beginDate", "endDate")]  # fmt: skip
    facts = [("sourcedId", "status", "dateLastModified", "birthDate", "sex", "hispanicOrLatinoEthnicity", "white")]
    for i, s in enumerate(students):
        u = f"u{i}"
        users.append(
            (u, "", "", "true", *((f"o{s['school']}", "student") if old else ()), SECRET[3], "", f"Given{s['number']}",
             f"Family{s['number']}", "", s["number"], SECRET[3], SECRET[1], SECRET[1], "", "07", SECRET[0], s["state"])
        )  # fmt: skip
        roles.append((f"r{i}", "", "", u, "primary", "student", f"o{s['school']}"))
        enrolled.append((f"e{i}", "", "", s["class"], f"o{s['school']}", u, "student", "true", "", ""))
        facts.append((u, "", "", SECRET[2], "female" if i % 2 else "male", "false", "true"))
    files |= {"users.csv": users, "enrollments.csv": enrolled, "demographics.csv": facts}
    files["classes.csv"] = [("sourcedId", "status", "dateLastModified", "title", "schoolSourcedId")]
    files["classes.csv"] += [(c, "", "", f"Math 7 ({c})", f"o{s}") for s, c in classes]
    if not old:
        files["roles.csv"] = roles
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, rows in files.items():
            bundle.writestr(name, _text(rows))
        bundle.writestr("manifest.csv", f"propertyName,value\noneroster.version,{version}\nfile.users,bulk\n")


def _text(rows: list[Any], separator: str = ",") -> str:
    held = io.StringIO()
    csv.writer(held, delimiter=separator, lineterminator="\n").writerows(rows)
    return held.getvalue()


def sheets(students: list[dict[str, Any]], letters: dict[str, list[str]], keys: list[str], items: list[str],
           second: list[str], second_keys: list[str], seed: int = 8) -> dict[str, list[Any]]:  # fmt: skip
    """File name -> rows, header first; each student's rows are noted with the student."""
    from itembank import shuffling

    rng = np.random.default_rng(seed)
    head = ["student", "school", "form", "date", *items]
    files: dict[str, list[Any]] = {}
    for d in "AB":
        files |= {f"{d}-sheets": [head], f"{d}-late": [head], f"{d}-away": [["student", "attendance"]]}
        files |= {f"{d}-second": [["student", "school", "form", "date", *second]]}
    schools = {d: sorted({s["school"] for s in students if s["district"] == d}) for d in "AB"}

    def answers(fate: str, marked: str, taken: str) -> list[str]:
        skill = rng.normal(0.75, 0.1)
        cells = []
        for j, key in enumerate(keys):
            own = key if rng.random() < skill else str(rng.choice(list("ABCD")))
            cells.append(shuffling.printed_answer(own, letters[taken][j]))
        if fate == "bad row":
            cells[3] = "Z"
        return [""] * len(keys) if fate == "empty" else cells

    for s in students:
        d, fate = s["district"], s["fate"]
        if fate in ("absent", "exempt", "made up"):
            files[f"{d}-away"].append([s["number"], "exempt" if fate == "exempt" else "Absent"])
        if fate in ("absent", "exempt", "missing", "moved"):
            continue
        marked = "AB"[int(rng.integers(2))]
        taken = {"A": "B", "B": "A"}[marked] if fate == "wrong version" else marked
        school = s["school"]
        if fate == "elsewhere":
            school = str(rng.choice([x for x in schools[d] if x != s["school"]]))
        day = "2026-05-20" if fate in ("late", "made up") else "2026-05-07"
        row = [s["number"], school, f"F-v{marked}", day, *answers(fate, marked, taken)]
        files[f"{d}-{'late' if fate in ('late', 'made up') else 'sheets'}"].append(row)
        if fate == "two rows":
            files[f"{d}-sheets"].append(list(row))
        if fate == "two forms":
            files[f"{d}-second"].append([s["number"], school, "G", "2026-05-08", *second_keys])
    for d in "AB":
        for i in range(max(2, len(students) // 800)):
            number = f"7{i:06d}"
            files[f"{d}-sheets"].append([number, schools[d][0], "F-vA", "2026-05-07", *answers("present", "A", "A")])
    return files


def truth(students: list[dict[str, Any]], files: dict[str, list[Any]], mended: bool) -> dict[tuple[str, ...], Counter]:
    """(district, school, class) -> counts of states and marks, as planted; unknown ones under their sheets' school."""
    state = {
        "present": ("scored",), "late": ("scored", "late"), "elsewhere": ("scored", "elsewhere"),
        "moved": ("scored", "elsewhere"), "arrived": ("scored",), "absent": ("absent",), "exempt": ("exempt",),
        "made up": ("scored", "late", "answered though away"), "missing": ("missing",), "empty": ("unexplained",),
        "two forms": ("scored", "twice"), "two rows": ("scored",), "wrong version": ("scored",),
        "bad row": ("scored",) if mended else ("missing",),
    }  # fmt: skip
    found: dict[tuple[str, ...], Counter] = {}
    known = set()
    for s in students:
        known.add((s["district"], s["number"]))
        row = found.setdefault((s["district"], s["school"], s["class"]), Counter())
        row.update(("expected", *state[s["fate"]]))
    for d in "AB":
        for row in files[f"{d}-sheets"][1:]:
            if (d, row[0]) not in known:
                found.setdefault((d, row[1], ""), Counter()).update(("unknown",))
    return found


def prepare(run: Run, folder: Path, students: int) -> tuple[list[dict[str, Any]], dict[str, list[Any]]]:
    """An open administration with rosters of both districts, and the files of sheets; nothing loaded yet."""
    from itembank import database, forms, item_folder

    joint = item_folder.check([ROOT / "items" / "grade-7"]).items
    calm = [i for i in joint if not i.enemies and i.type == "choice" and len(i.options) == 4][: ITEMS + 8]
    (folder / "items").mkdir(exist_ok=True)
    for item in calm:
        text = next((ROOT / "items" / "grade-7").rglob(f"{item.id}.md")).read_bytes()
        (folder / "items" / f"{item.id}.md").write_bytes(text)
    for extra in ("figures", "stimuli"):
        for file in (ROOT / "items" / extra).glob("*") if (ROOT / "items" / extra).is_dir() else ():
            (folder / extra).mkdir(exist_ok=True)
            (folder / extra / file.name).write_bytes(file.read_bytes())
    said(run, "init", "--district", "A=District A", "--district", "B=District B")
    for who, district, role in (("ana", "A", "author"), ("cora", "A", "coordinator"), ("bo", "B", "coordinator")):
        said(run, "people", "add", who, "--name", who.title(), "--district", district, "--role", role)
    for concept in sorted({c for i in calm for c in i.concepts}):
        said(run, "concepts", "add", concept, "--title", concept, "--grade", "7")
    said(run, "items", "import", folder / "items", "--as", "ana")
    first, second = [i.id for i in calm[:ITEMS]], [i.id for i in calm[ITEMS:]]
    said(run, "forms", "freeze", *first, "--id", "F", "--grade", "7", "--versions", "2")
    said(run, "forms", "freeze", *second, "--id", "G", "--grade", "7")
    given = ("--form", "F-vA", "--form", "F-vB", "--form", "G", "--district", "A", "--district", "B")
    said(run, "administrations", "open", "spring", *given, "--from", "2026-05-04", "--to", "2026-05-15",
         "--mode", "paper", "--simulated")  # fmt: skip
    everybody = world(students)
    for d, version in (("A", "1.1"), ("B", "1.2")):
        package(folder / f"{d}.zip", [s for s in everybody if s["district"] == d], version)
    link = ("--linkage-key", folder / "shared.key", "--linkage-column", "metadata.ssid")
    said(run, "rosters", "import", folder / "A.zip", "--district", "A", "--as", "cora", *link,
         "--linkage-out", folder / "one-time.csv")  # fmt: skip
    said(run, "rosters", "import", folder / "B.zip", "--district", "B", "--as", "bo", *link,
         "--linkage-in", folder / "one-time.csv")  # fmt: skip
    with database.reading() as session:
        lines = {v: forms.lines(session, forms.form_of(session, f"F-v{v}")) for v in "AB"}
    letters = {v: [line.letters or "ABCD" for line in own] for v, own in lines.items()}
    of = {i.id: i for i in calm}
    keys = ["".join(of[i].keys) for i in first]
    return everybody, sheets(everybody, letters, keys, first, second, ["".join(of[i].keys) for i in second])


#: How each kind of file is saved: separator and encoding, as different programs do.
SAVED = {"sheets": (";", "utf-8-sig"), "late": (",", "utf-16"), "away": ("\t", "cp1252"), "second": (",", "utf-8")}


def load(run: Run, folder: Path, files: dict[str, list[Any]]) -> int:
    """Load all files, with rows that cannot be loaded set aside; how many were."""
    aside = 0
    for name, rows in files.items():
        district, kind = name.split("-")
        separator, encoding = SAVED[kind]
        (folder / f"{name}.csv").write_bytes(_text(rows, separator).encode(encoding))
        words = ("responses", "load", folder / f"{name}.csv", "--district", district, "--as",
                 {"A": "cora", "B": "bo"}[district], "--rejected", folder / f"{name}-rejected.csv")  # fmt: skip
        if len(rows) > 1:
            _, _, err = said(run, *words)
            assert "nothing was changed" in said(run, *words[:-2])[2], err  # the same file again
        if (folder / f"{name}-rejected.csv").exists():
            aside += len(_rows(folder / f"{name}-rejected.csv"))
    return aside


def mend(run: Run, folder: Path) -> None:
    """Mend the rejected rows as a coordinator would: a double row goes, an impossible mark becomes an omission."""
    for file in sorted(folder.glob("*-rejected.csv")):
        rows = _rows(file)
        kept = [r for r in rows if "already" not in r["rejected_because"]]
        mended = [{k: "" if v == "Z" else v for k, v in r.items()} for r in kept]
        if mended:
            (folder / "mended.csv").write_text(_text([list(mended[0]), *(list(r.values()) for r in mended)]))
            district = file.name[0]
            said(run, "responses", "load", folder / "mended.csv", "--district", district, "--as",
                 {"A": "cora", "B": "bo"}[district])  # fmt: skip


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def said(run: Run, *words: object) -> tuple[int, str, str]:
    """Run a command that has to succeed."""
    code, out, err = run(*map(str, words))
    if code:
        raise AssertionError(f"{' '.join(map(str, words))}\n{err[-3000:]}")
    return code, out, err


def differences(run: Run, students: list[dict[str, Any]], files: dict[str, list[Any]], mended: bool) -> list[str]:
    """Where `administrations status` and what was planted disagree; nothing, one hopes."""
    planted = truth(students, files, mended)
    wrong = []
    for depth, by in enumerate(("district", "school", "class"), 1):
        sums: dict[tuple[str, ...], Counter] = {}
        for place, counts in planted.items():
            sums.setdefault(place[:depth], Counter()).update(counts)
        names = ("district", "school", "class")[:depth]
        rows = json.loads(said(run, "administrations", "status", "spring", "--by", by, "--json")[1])
        seen = {tuple(r[n] for n in names): r for r in rows}
        for place in sorted({*sums, *seen}):
            here, told = sums.get(place, Counter()), seen.get(place, {})
            for what in ("expected", "scored", "absent", "exempt", "missing", "unexplained", "elsewhere", "late",
                         "twice", "answered though away", "unknown"):  # fmt: skip
                if here[what] != told.get(what, 0):
                    wrong.append(f"{place} {what}: planted {here[what]}, said {told.get(what, 0)}")
            parts = sum(told.get(p, 0) for p in ("scored", "absent", "exempt", "missing", "unexplained"))
            if parts != told.get("expected", 0):
                wrong.append(f"{place}: the parts do not make {told.get('expected', 0)}")
    return wrong


def named(run: Run, folder: Path, students: list[dict[str, Any]]) -> list[str]:
    """Where the lists of students with numbers from the roster differ from those planted."""
    wrong = []
    lists = {"missing": {"missing"}, "absent": {"absent"}, "exempt": {"exempt"}, "unexplained": {"empty"},
             "late": {"late", "made up"}, "twice": {"two forms"}, "elsewhere": {"elsewhere", "moved"}}  # fmt: skip
    for d in "AB":
        for kind, planted in lists.items():
            words = ("--list", kind, "--names", folder / f"{d}.zip", "--district", d, "--json")
            rows = json.loads(said(run, "administrations", "status", "spring", *words)[1])
            told = {r["student"] for r in rows}
            there = {s["number"] for s in students if s["district"] == d and s["fate"] in planted}
            if told != there:
                wrong.append(f"{d} {kind}: {len(told - there)} too many, {len(there - told)} lost")
            if any(r["name"] != f"Family{r['student']}, Given{r['student']}" for r in rows):
                wrong.append(f"{d} {kind}: names")
    return wrong


def in_process(*words: str) -> tuple[int, str, str]:
    """Run a command here."""
    import contextlib

    import cli

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(list(words))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=40_000)
    parser.add_argument("--keep", default="", help="folder to keep, with its bank")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {"ITEMBANK_URL": str(folder / "bank.db"), "ITEMBANK_KEYS": str(folder / "keys")}
        students, files = prepare(in_process, folder, given.students)
        aside = load(in_process, folder, files)
        wrong = differences(in_process, students, files, mended=False)
        mend(in_process, folder)
        wrong += differences(in_process, students, files, mended=True) + named(in_process, folder, students)
        start = time.process_time()
        rows = json.loads(in_process("administrations", "status", "spring", "--by", "class", "--json")[1])
        taken = time.process_time() - start
        doubts = json.loads(in_process("administrations", "status", "spring", "--by", "version", "--json")[1])
        in_process("administrations", "status", "spring", "--chase", str(folder / "chase"))
        chased = sum(len(_rows(f)) for f in (folder / "chase").glob("*.csv"))
        total = json.loads(in_process("administrations", "status", "spring", "--by", "district", "--json")[1])
    fate = Counter(s["fate"] for s in students)
    with (ROOT / "studies" / "no_student_lost.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(total[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(total)
    print(f"{len(students):,} places on two rosters, {len(rows):,} classes; planted: {dict(fate)}")
    print(f"rows set aside: {aside}, planted {fate['two rows'] + fate['bad row']}; on chase lists: {chased}")
    print(f"sheets that fit another version: {len(doubts)}, planted {fate['wrong version']}")
    print(f"status by class: {taken:.1f} processor seconds")
    print(f"disagreements: {len(wrong)}", *wrong[:20], sep="\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
