# ruff: noqa: E501
"""`itembank items` at the command line: what it prints, what it writes, how it ends."""

import csv
import io
import json
import stat
import sys
from pathlib import Path

import pytest

import cli
from itembank import database, form_paper, terminal

HERE = Path(__file__).parent / "items"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs a command in an empty folder; gives (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ITEMBANK_URL", f"sqlite:///{tmp_path / 'bank.db'}")
    monkeypatch.delenv("ITEMBANK_DEBUG", raising=False)
    monkeypatch.delenv("ITEMBANK_PERSON", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        code = 0
        try:
            cli.main([str(w) for w in words])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def bank(run, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A bank with the example items."""
    database.migrate()
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in HERE.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(HERE)).parent.mkdir(exist_ok=True)
            (folder / path.relative_to(HERE)).write_bytes(path.read_bytes())
    code, _, err = run("items", "import", folder)
    assert code == 0, err
    assert "6 new" in err
    return folder


def last(err: str) -> str:
    return err.strip().split("\n")[-1]


def test_check_is_silent_on_good_items_and_exits_1_on_findings(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("items", "check", HERE)
    assert (code, out) == (0, "")
    assert last(err).startswith("Next: itembank items preview")
    bad = tmp_path / "bad.md"
    bad.write_text((HERE / "X-SHORT.md").read_text("utf-8").replace("- 2x$ with", "- 9x$ with", 1))
    code, out, err = run("items", "check", bad)
    assert code == 1
    assert f"{bad}:" in out
    assert "given-not-in-stem" in out
    code, out, _ = run("items", "check", bad, "--json")
    assert code == 1
    assert {f["code"] for f in json.loads(out)} >= {"given-not-in-stem"}
    code, out, _ = run("items", "check", bad, "--format", "csv")
    assert next(csv.DictReader(io.StringIO(out)))["severity"] in ("error", "warning")


def test_a_dash_is_stdin(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    text = (HERE / "X-MATCH.md").read_text("utf-8").replace("- 2 [D; S", "- 2 [Q; S")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))
    code, out, _ = run("items", "check", "-")
    assert code == 1
    assert "stdin:" in out
    assert "unknown-column" in out


def test_what_is_not_there_is_a_usage_error(run) -> None:  # type: ignore[no-untyped-def]
    assert run("items", "check", "nowhere")[0] == 2
    assert run("items", "check", HERE, "--format", "xml")[0] == 2
    assert run("items", "new", "--type", "essay", "--id", "A-1")[0] == 2
    assert run("items", "import", "nowhere.md")[0] == 3


def test_preview_writes_a_page_and_paper(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("items", "preview", HERE, "-o", "p.html", "--pdf")
    assert code == 0
    assert "6 items" in err
    assert (tmp_path / "p.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert (tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "p-key.pdf").read_bytes().startswith(b"%PDF")
    assert "p.html, p.pdf (for students), p-key.pdf (for teachers)" in err


def test_preview_says_what_it_cannot_write(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    item = HERE / "X-CHOICE.md"
    code, _, err = run("items", "preview", item, "-o", "p.docx")
    assert code == 2
    assert "-o p.html" in err
    assert not (tmp_path / "p.docx").exists()
    code, _, err = run("items", "preview", item, "-o", "nowhere/p.pdf")
    assert code == 2
    assert "There is no folder nowhere." in err
    code, _, err = run("items", "preview", item, "-o", "P.html")
    assert "1 item in P.html." in err


def test_a_folder_without_items_is_no_clean_check(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    code, _, err = run("items", "check", "empty")
    assert code == 2
    assert "There is no item file in empty." in err
    assert "Next:" not in err


def test_watching_writes_the_page_again_at_each_save(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    item = tmp_path / "x.md"
    text = (
        (HERE / "X-RUBRIC.md")
        .read_text("utf-8")
        .replace(
            "  - name: picture\n    kind: file\n    file: figures/pool.svg\n",
            "  - name: picture\n    kind: circle\n    radius: r\n",
        )
    )
    item.write_text(text)
    waits = iter([lambda: item.write_text(text.replace("A season pass", "The season pass"))])

    def sleep(_: float) -> None:
        act = next(waits, None)
        if act is None:
            raise terminal.Interrupted
        act()

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    code, _, err = run("items", "preview", item, "-o", "w.html", "--watch")
    assert code == 130
    assert "written again" in err
    page = (tmp_path / "w.html").read_text("utf-8")
    assert "The season pass" in page
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize("kind", ["choice", "multi-select", "numeric", "short-text", "match", "rubric"])
def test_a_new_item_lacks_only_what_its_author_must_say(run, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run(
        "items",
        "new",
        "--type",
        kind,
        "--id",
        "N-1",
        "--concept",
        "rates",
        "--standard",
        "7.rp.1",
        "--author",
        "Ana",
        "--district",
        "A",
        "--spanish",
    )
    assert code == 0, err
    for name in ("concepts.yaml", "misconceptions.yaml"):
        (tmp_path / name).write_text((HERE / name).read_text("utf-8"))
    code, out, _ = run("items", "check", "N-1.md", "--json")
    assert {f["code"] for f in json.loads(out)} <= {"unknown-misconception", "spanish-math", "spanish-incomplete"}
    assert run("items", "new", "--type", kind, "--id", "N-1")[0] == 6
    code, out, _ = run("items", "template", "--type", kind)
    assert code == 0
    assert out.startswith("---\n")


def test_new_dry_run_writes_nothing_and_the_editor_opens(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("items", "new", "--id", "N-2", "--dry-run")
    assert code == 0
    assert "id: N-2" in out
    assert not (tmp_path / "N-2.md").exists()
    editor = script(tmp_path, "text.replace('title: Title', 'title: Edited')")
    assert run("items", "new", "--id", "N-2", "--editor", editor)[0] == 0
    assert "title: Edited" in (tmp_path / "N-2.md").read_text("utf-8")
    assert run("items", "new", "--id", "N-3", "--editor", "no-such-editor")[0] == 2


def script(folder: Path, change: str) -> str:
    """An 'editor': a program that changes the text of the file it is given."""
    path = folder / "editor.py"
    path.write_text(
        f"#!{sys.executable}\nimport sys, pathlib\np = pathlib.Path(sys.argv[1])\ntext = p.read_text('utf-8')\n"
        f"p.write_text({change}, 'utf-8')\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"{sys.executable} {path}"


def test_import_is_all_or_nothing_and_again_changes_nothing(run, bank: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("items", "import", bank)
    assert code == 0
    assert "6 unchanged" in err
    broken = bank / "X-SHORT.md"
    text = broken.read_text("utf-8")
    broken.write_text(text.replace("- [key]: x + 12", "- [key]: x + 13"))
    (bank / "X-NEW.md").write_text(
        (bank / "X-CHOICE.md").read_text("utf-8").replace("X-CHOICE", "X-NEW").replace("Point", "The point")
    )
    code, _, err = run("items", "import", bank)
    assert code == 3
    assert "verify-mismatch" in err
    assert run("items", "show", "X-NEW")[0] == 3
    broken.write_text(text.replace("Write $3", "Simplify $3"))
    code, _, err = run("items", "import", bank, "--dry-run")
    assert "1 new, 1 changed, 5 unchanged" in err
    assert run("items", "show", "X-NEW")[0] == 3
    assert run("items", "import", bank)[0] == 0
    assert run("items", "show", "X-NEW")[0] == 0


def test_list_and_search_filter(run, bank: Path) -> None:  # type: ignore[no-untyped-def]
    def codes(*words: str) -> list[str]:
        code, out, err = run("items", *words, "--json")
        assert code == 0, err
        return [row["item"] for row in json.loads(out)]

    assert len(codes("list")) == 6
    assert codes("list", "--concept", "data") == ["X-MULTI"]
    assert codes("list", "--standard", "7.RP.2a") == ["X-MATCH"]
    assert set(codes("list", "--standard", "7.EE")) == {"X-SHORT", "X-RUBRIC"}
    assert codes("list", "--type", "numeric") == ["X-NUMERIC"]
    assert codes("list", "--misconception", "swapped") == ["X-CHOICE"]
    assert codes("list", "--dok", "1") == ["X-CHOICE"]
    assert codes("list", "--grade", "8") == []
    assert codes("list", "--status", "released") == []
    assert codes("list", "--a", "0.5..") == []
    assert codes("search", "REFLECTED", "axis") == ["X-CHOICE"]
    assert codes("search", "reflected", "homework") == []
    assert codes("search", "100%_") == []
    assert run("items", "list", "--a", "high")[0] == 2


def test_show_history_and_diff(run, bank: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("items", "show", "X-CHOICE")
    assert code == 0
    assert "(key)" in out
    code, out, _ = run("items", "show", "X-CHOICE", "--source")
    assert out.strip() == (bank / "X-CHOICE.md").read_text("utf-8").strip()
    assert run("items", "diff", "X-SHORT")[0] == 2
    path = bank / "X-SHORT.md"
    path.write_text(path.read_text("utf-8").replace("Write $3(x + 4) - 2x$ with", "Simplify $3(x + 4) - 2x$ with"))
    assert run("items", "import", path)[0] == 0
    code, out, err = run("items", "diff", "X-SHORT")
    assert out == "stem:\n  [-Write-]{+Simplify+} $3(x + 4) - 2x$ with as few terms as possible.\n"
    assert "X-SHORT@1 -> X-SHORT@2: 1 parts differ." in err
    code, out, _ = run("items", "history", "X-SHORT", "--json")
    rows = json.loads(out)
    assert [(r["version"], r["changed"]) for r in rows] == [(1, ""), (2, "stem")]
    assert run("items", "diff", "X-SHORT@1", "X-SHORT@1")[1] == ""
    assert run("items", "show", "X-SHRT")[0] == 3
    assert run("items", "show", "X-SHORT@9")[0] == 3


def test_edit_stores_a_version_and_a_conflict_loses_nothing(run, bank: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    editor = script(tmp_path, "text.replace('Write $3', 'Please write $3')")
    out = tmp_path / "work.md"
    (tmp_path / "concepts.yaml").write_text((HERE / "concepts.yaml").read_text("utf-8"))
    (tmp_path / "stimuli").mkdir()
    (tmp_path / "stimuli" / "garden.md").write_text((HERE / "stimuli" / "garden.md").read_text("utf-8"))
    code, _, err = run("items", "edit", "X-SHORT", "--editor", editor, "-o", out)
    assert code == 0, err
    assert "X-SHORT@2" in err
    out.unlink()
    # somebody stores a version while the editor is open
    meanwhile = bank / "X-SHORT.md"
    meanwhile.write_text(meanwhile.read_text("utf-8").replace("Write $3", "Simplify $3"))
    path = tmp_path / "other.py"
    path.write_text(
        "import sys, pathlib, cli\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text('utf-8').replace('Please write', 'Now write'), 'utf-8')\n"
        f"cli.main(['items', 'import', {str(meanwhile)!r}])\n"
    )
    import os

    os.environ["PYTHONPATH"] = str(Path(cli.__file__).parent)
    code, _, err = run("items", "edit", "X-SHORT", "--editor", f"{sys.executable} {path}", "-o", out)
    os.environ.pop("PYTHONPATH")
    assert code == 6, err
    assert "Now write" in out.read_text("utf-8")
    assert run("items", "show", "X-SHORT@4")[0] == 3


def test_a_spreadsheet_of_whole_items(run, bank: Path) -> None:  # type: ignore[no-untyped-def]
    for suffix in ("csv", "xlsx"):
        sheet = bank / f"new.{suffix}"
        assert run("items", "template", "--spreadsheet", sheet)[0] == 0
        (bank / "concepts.yaml").write_text(
            "- id: proportional-relationships\n- id: rates\n- id: graphs\n- id: data\n- id: expressions\n- id: geometry\n"
        )
        (bank / "misconceptions.yaml").write_text(
            "".join(f"- id: {m}\n" for m in ("rate-inverted", "rate-multiplied", "rate-added"))
        )
        code, _, err = run("items", "import", sheet, "--to", bank / suffix)
        assert code == 0, err
        assert run("items", "check", bank / suffix / "G7-RP-900.md")[0] == 0
        code, _, err = run("items", "import", sheet)
        assert code == 0, err
        assert ("1 new" if suffix == "csv" else "1 unchanged") in err
    bad = bank / "bad.csv"
    bad.write_text(
        (bank / "new.csv").read_text("utf-8-sig").replace("$2$ miles", "$3$ miles").replace("7.RP.A.1", "7.RP.Z.1")
    )
    code, _, err = run("items", "import", bad)
    assert code == 3
    assert "bad.csv:2" in err
    assert "verify-mismatch" in err
    assert "unknown-standard" in err
    (bank / "empty.csv").write_text("")
    assert run("items", "import", bank / "empty.csv")[0] == 3
    (bank / "fake.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    assert run("items", "import", bank / "fake.xlsx")[0] == 3


def test_a_register_of_items_whose_text_lives_elsewhere(run, bank: Path) -> None:  # type: ignore[no-untyped-def]
    register = bank / "register.csv"
    register.write_text("id,title,concepts,type,key,points\nR-1,Elsewhere,rates,choice,B,1\n")
    code, _, err = run("items", "import", register)
    assert code == 0, err
    assert "1 new" in err
    assert "R-1" in run("items", "list")[1]
    assert run("items", "show", "R-1")[0] == 3


def test_a_frozen_form_on_paper(run, bank: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("forms", "freeze", "X-CHOICE", "X-RUBRIC", "X-NUMERIC", "--id", "F1", "--title", "Autumn")
    assert code == 0, err
    for path in bank.rglob("*"):  # the paper needs the bank alone
        if path.is_file():
            path.unlink()
    for edition in ("booklet", "answer-sheet", "key"):
        code, _, err = run("forms", "booklet", "F1", "--edition", edition, "--language", "es")
        assert code == 0, err
        assert "3 questions" in err
        assert (tmp_path / f"F1-{edition}-es.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "names.yaml").write_text("- {id: graphs, name: Graphs, name-es: Gráficas, grades: [7]}\n", "utf-8")
    code, _, err = run("concepts", "import", "names.yaml")
    assert code == 0, err
    with database.reading() as session:
        paper = form_paper.paper(session, "F1")
    assert paper.concepts_in("es")["graphs"] == "Gráficas"
    assert paper.concepts_in("en")["graphs"] == "Graphs"
    assert paper.concepts_in("es")["rates"] == paper.concepts["rates"]  # without a Spanish name its own
    assert run("forms", "booklet", "F1", "-o", "no.pdf", "--dry-run")[0] == 0
    assert not (tmp_path / "no.pdf").exists()
    assert run("forms", "booklet", "F9")[0] == 3
    assert run("forms", "booklet", "F1", "--edition", "poster")[0] == 2
    (tmp_path / "register.csv").write_text("id,title,concepts,type,key,points\nR-1,Elsewhere,rates,choice,B,1\n")
    assert run("items", "import", "register.csv")[0] == 0
    assert run("forms", "freeze", "R-1", "--id", "F2")[0] == 0
    code, _, err = run("forms", "booklet", "F2")
    assert code == 3
    assert "no-text" in err
