"""Broken and hostile item files at the command line: findings for each, never a traceback, nothing executed."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHOLE = (Path(__file__).parent / "items" / "X-CHOICE.md").read_text("utf-8")


def changed(before: str, after: str) -> bytes:
    assert before in WHOLE
    return WHOLE.replace(before, after, 1).encode()


def test_every_kind_of_broken_file_gets_its_finding_in_one_run(tmp_path: Path) -> None:
    items = tmp_path / "items"
    items.mkdir()
    mark = tmp_path / "executed"
    files = {
        "yaml.md": (changed("grade: 7", "grade: [7"), "yaml"),
        "object.md": (changed("grade: 7", f"grade: !!python/object/apply:os.system ['touch {mark}']"), "bad-value"),
        "macro.md": (changed("Point $P$", r"Point $\\write18{touch " + str(mark) + "} P$"), "unknown-macro"),
        "two-keys.md": (changed("- B [", "- B [key]: $1$\n- E ["), "two-keys"),
        "alt.md": (changed("    alt: ", "    alto: "), "no-alt-text"),
        "script.md": (changed("Point $P$", "<script>fetch('http://x')</script> Point $P$"), "raw-html"),
        "path.md": (changed("calculator: no", "calculator: no\nstimulus: ../../../etc/passwd.md"), "path-outside"),
        "bytes.md": (b"\x00\xff\xfe\x00" * 99, ""),
        "empty.md": (b"", ""),
        "deep.md": (changed("grade: 7", "grade: " + "[" * 5000), ""),
        "bomb.md": (changed("grade: 7", "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\ngrade: 7"), ""),
        "verify.md": (changed("calculator: no", "calculator: no\nverify: {given: {a: 9}, key: __import__('os')}"), ""),
    }
    for name, (content, _) in files.items():
        (items / name).write_bytes(content)
    with (items / "huge.md").open("wb") as stream:
        stream.truncate(50_000_000)
    os.symlink("/etc/hostname", items / "link.md")
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "items", "check", "items", "--json"],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)
    by = {}
    for finding in found:
        by.setdefault(Path(finding["source"]).name, set()).add(finding["code"])
    missed = {
        name: by.get(name) for name, (_, code) in files.items() if not by.get(name) or (code and code not in by[name])
    }
    assert missed == {}
    assert "file-too-large" in by["huge.md"]
    assert by.get("link.md")
    assert not mark.exists()
