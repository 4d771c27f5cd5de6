"""The tutorials' commands run as they stand, and the demo finds what was planted."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from scoring.demo import script
from scoring.demo.script import Demo, how_to_type, is_demo, run_demo
from tests.command_line import run

ROOT = Path(__file__).resolve().parents[2]


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One line of a tutorial, run as a user would."""
    return run(shlex.split(line.removeprefix("$ itembank")), folder)


def commands(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ itembank ")]
    assert len(lines) > 10
    return lines


def here(call: list[str], cwd: Path, **kept: object) -> subprocess.CompletedProcess[str]:
    """What the demo runs in a process of its own, without the start-up: python -m cli WORDS."""
    assert call[:3] == [sys.executable, "-m", "cli"]
    return run(call[3:], cwd)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Demo:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "subprocess", SimpleNamespace(run=here))
        return run_demo(tmp_path_factory.mktemp("demo") / "demo", 2400, 1, lambda line: None)


def test_the_demo_finds_what_was_planted(demo):
    truth = demo.truth
    gaps = truth[truth["what"].str.contains("minus")]
    # five intervals of nominal 95 % that share the same schools: at most one may miss
    assert (gaps["inside"] == "no").sum() <= 1
    turned = gaps[gaps["what"].str.contains("reversed")].iloc[0]
    assert turned["estimate"] > 0 > gaps["estimate"].drop(turned.name).max()
    planted = truth[truth["what"].str.contains("logits")]
    assert list(planted["inside"]) == ["found", "found"]
    assert truth.iloc[-1]["inside"] == "yes"  # no other item is class C


def test_the_demo_says_that_it_is_simulated_and_leaves_a_whole_folder(demo):
    page = demo.report.read_text(encoding="utf-8")
    assert "Simulated students" in page
    assert "Planted and found" in page
    assert {"report.html", "itembank.db", "itembank.toml", "commands.txt", "README.txt", "items.csv", "form.yaml"} <= {
        p.name for p in demo.folder.iterdir()
    }
    for name in ("district-a.csv", "district-b.csv"):
        assert pd.read_csv(demo.folder / "data" / name, dtype=str)["student"].str.startswith("SIM-").all()


def test_students_numbers_are_not_in_the_bank(demo):
    content = (demo.folder / "itembank.db").read_bytes()
    assert b"SIM-A-" not in content
    assert b"SIM-B-" not in content


def test_the_analysts_tutorial_runs(demo):
    text = (ROOT / "docs" / "tutorial-analyst.md").read_text(encoding="utf-8")
    joined = re.search(r"<!-- two files -->\n```python\n(.*?)```", text, re.S).group(1)
    subprocess.run([sys.executable, "-c", joined], cwd=demo.folder, check=True, timeout=300)
    for line in commands("tutorial-analyst.md"):
        done = typed(line, demo.folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    code = re.search(r"<!-- python -->\n```python\n(.*?)```", text, re.S).group(1)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=demo.folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_authors_tutorial_runs(tmp_path):
    (tmp_path / "items").symlink_to(ROOT / "items", target_is_directory=True)
    text = (ROOT / "docs" / "tutorial-author.md").read_text(encoding="utf-8")
    written = re.search(r"<!-- file: (\S+) -->\n```markdown\n(.*?)```", text, re.S)
    for line in commands("tutorial-author.md"):
        done = typed(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        if " items new " in line:
            (tmp_path / written.group(1)).write_text(written.group(2), encoding="utf-8")
        if " items show " in line:
            assert "approved" in done.stdout


def test_two_districts_and_one_bank_run(tmp_path):
    """Two folders, two banks; the file that one writes is what the other merges, under the fingerprint it read out."""
    text = (ROOT / "docs" / "working-together.md").read_text(encoding="utf-8")
    parts = re.findall(r"<!-- in district ([AB]) -->\n```console\n(.*?)```", text, re.S)
    assert [district for district, _ in parts] == ["A", "B", "A", "A"]
    assert sum(block.count("$ itembank ") for _, block in parts) == text.count("$ itembank ")
    for district in "AB":
        (tmp_path / district).mkdir()
        (tmp_path / district / "items").symlink_to(ROOT / "items", target_is_directory=True)
    fingerprint = ""
    for district, block in parts:
        for line in block.splitlines():
            done = typed(line.replace("FINGERPRINT", fingerprint), tmp_path / district)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            if " bank export " in line:
                fingerprint = re.search(r"\b[0-9a-f]{4}(?:-[0-9a-f]{4}){5}\b", done.stderr + done.stdout).group()
                shutil.copy(tmp_path / "A" / "to-b.zip", tmp_path / "B" / "to-b.zip")
            if " bank merge " in line:
                assert "G7-RP-001 version 1 may be used" in done.stdout


def test_the_demo_says_how_to_type_in_its_folder(demo, monkeypatch):
    note = (demo.folder / "README.txt").read_text(encoding="utf-8")
    assert "To type more: cd " in note
    taken = [line for line in (demo.folder / "commands.txt").read_text().splitlines() if " people add ana " in line]
    assert typed(f"$ {taken[0]}", demo.folder).returncode == 6  # as the note says
    again = [line for line in (demo.folder / "commands.txt").read_text().splitlines() if " forms freeze " in line]
    assert typed(f"$ {again[0]}", demo.folder).returncode == 0
    monkeypatch.setenv("PATH", "/nowhere")
    told = how_to_type(demo.folder)
    if (Path(sys.executable).parent / "itembank").exists():
        assert f"source {Path(sys.executable).parent / 'activate'}" in told


def test_somebody_else_can_type_the_demos_commands_in_another_folder(demo, tmp_path, monkeypatch):
    """Only what the README names is copied; the lines up to the loaded answers run as written, none holds a path."""
    lines = (demo.folder / "commands.txt").read_text(encoding="utf-8").splitlines()
    words = [w for line in lines for w in shlex.split(line)]
    assert [w for w in words if Path(w).is_absolute() or str(demo.folder) in w or str(ROOT) in w] == []
    for name in ("data", "items"):
        shutil.copytree(demo.folder / name, tmp_path / name)
    for name in ("form.yaml", "itembank.toml"):
        shutil.copyfile(demo.folder / name, tmp_path / name)
    for name in ("ITEMBANK_URL", "ITEMBANK_PERSON", "ITEMBANK_KEYS"):
        monkeypatch.delenv(name, raising=False)
    loaded = max(k for k, line in enumerate(lines) if " responses load " in line)
    for line in lines[: loaded + 1]:
        done = typed(f"$ {line}", tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert is_demo(demo.folder)
    assert not is_demo(tmp_path)
