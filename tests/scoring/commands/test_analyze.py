"""`itembank analyze` on bare files: what it writes, what it refuses, and that refusing leaves nothing behind."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.command_line import run


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(["analyze", *words], folder)


def answers(n: int = 900, seed: int = 5) -> pd.DataFrame:
    """Two districts, twelve schools each, eight items of two concepts; B is ahead by 1.2 SD in the second."""
    rng = np.random.default_rng(seed)
    side = np.arange(n) % 2
    theta = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], n)
    theta[:, 1] += 1.2 * side
    b = np.linspace(-1, 1, 4)
    table = pd.DataFrame({"student": [f"s{k:04d}" for k in range(n)], "district": np.where(side, "B", "A")})
    table["school"] = [f"{d}{k}" for d, k in zip(table["district"], rng.integers(0, 12, n), strict=True)]
    table["sex"] = np.where(np.arange(n) % 3, "girl", "boy")
    for j in range(8):
        p = 1 / (1 + np.exp(-1.4 * (theta[:, j // 4] - b[j % 4])))
        table[f"q{j}"] = (rng.random(n) < p).astype(int)
    return table


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("analyze")
    answers().to_csv(folder / "r.csv", index=False)
    items = "item,concept\n" + "".join(f"q{j},{'number' if j < 4 else 'algebra'}\n" for j in range(8))
    (folder / "i.csv").write_text(items)
    ran = analyze(
        folder, "r.csv", "--group", "district", "--labels", "A=Alpha,B=Beta", "--cluster", "school", "--id", "student",
        "--by", "sex", "--items", "i.csv", "-o", "out", "--summary",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder / "out", ran


def test_the_summary_and_the_page_say_who_is_ahead_where(done):
    folder, ran = done
    assert len(ran.stdout.strip().splitlines()) == 5
    assert "Beta is ahead in algebra" in ran.stdout
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Beta is ahead in algebra" in page
    assert "not recorded" in page  # what a bare file cannot say is listed


def test_every_column_of_every_table_is_in_the_dictionary(done):
    folder, _ = done
    dictionary = pd.read_csv(folder / "tables" / "data-dictionary.csv")
    for path in (folder / "tables").glob("*.csv"):
        if path.name == "data-dictionary.csv":
            continue
        known = set(dictionary.loc[dictionary["file"] == path.name, "column"])
        columns = pd.read_csv(path, comment="#").columns
        unknown = [c for c in columns if c not in known and "..." not in known]
        unknown = [c for c in unknown if re.sub(r": .*", ": GROUP", c) not in known]
        assert unknown == [], path.name


def test_groups_of_students_are_compared_within_the_districts(done):
    folder, _ = done
    rows = pd.read_csv(folder / "tables" / "subgroups.csv")
    assert set(rows["contrast"]) >= {"boy - girl in Alpha", "boy - girl in Beta", "Alpha - Beta in girl"}
    counts = answers().groupby(["district", "sex"]).size()
    row = rows[rows["contrast"] == "boy - girl in Alpha"].iloc[0]
    assert (row["students_1"], row["students_2"]) == (counts["A", "boy"], counts["A", "girl"])
    assert "Groups of students" in (folder / "report.html").read_text(encoding="utf-8")


def test_student_level_files_say_so(done):
    folder, _ = done
    students = [p for p in (folder / "tables").glob("*.csv") if "s0001" in p.read_text(encoding="utf-8")]
    assert students
    for path in students:
        assert path.name.startswith("student-level")
        assert path.read_text(encoding="utf-8").startswith("# Student-level data")


def test_numbers_are_those_of_the_python_face(done):
    import scoring

    folder, _ = done
    data = answers().set_index("student")
    fit = scoring.calibrate(
        data[[f"q{j}" for j in range(8)]], groups=data["district"], partner=data["district"], clusters=data["school"]
    )
    table = pd.read_csv(folder / "tables" / "parameters.csv", index_col="item")
    assert np.allclose(table[["a", "b", "se_b"]], fit.items[["a", "b", "se_b"]], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda t: t.assign(**{f"q{j}": t[f"q{j}"].where((t["district"] == "A") == (j < 4)) for j in range(8)}),
         ["--group", "district"], "q0"),
        (lambda t: t.assign(district=["B", *["A"] * (len(t) - 1)]), ["--group", "district"], "B"),
        (lambda t: t.assign(q3="x"), [], "q3"),
        (lambda t: t.assign(**{f"q{j}": 1 for j in range(8)}), [], "tells"),
    ],
)  # fmt: skip
def test_refusals_name_the_place_and_leave_nothing(tmp_path, change, options, said):
    change(answers(300)).to_csv(tmp_path / "r.csv", index=False)
    ran = analyze(tmp_path, "r.csv", "--id", "student", "--ignore", "school,sex", *options, *(
        [] if options else ["--ignore", "district"]), "-o", "out")  # fmt: skip
    assert ran.returncode == 3, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


def test_an_item_that_everybody_gets_right_is_left_out_and_named(tmp_path):
    answers(400).assign(q2=1).to_csv(tmp_path / "r.csv", index=False)
    ran = analyze(tmp_path, "r.csv", "--columns", "q*", "-o", "out", "--summary")
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "q2 has the same score, 1, for everybody" in page
