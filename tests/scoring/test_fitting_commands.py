"""`itembank simulate`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cli
import scoring


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    theta = random.standard_normal(400)
    p = 1 / (1 + np.exp(-(theta[:, None] - np.linspace(-1, 1, 6))))
    data = pd.DataFrame((random.random(p.shape) < p).astype(int), columns=[f"i{j}" for j in range(6)])
    path = tmp_path / "fit.json"
    scoring.calibrate(data, groups=pd.Series(np.repeat(["A", "B"], 200))).save(path)
    return path


def test_responses_are_data_on_stdout(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["simulate", "responses", str(saved), "-n", "30", "--seed", "3", "--truth", str(tmp_path / "t.csv")])
    assert end.value.code == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "student,i0,i1,i2,i3,i4,i5"
    assert len(out.splitlines()) == 31
    assert "30 simulated students" in err
    truth = pd.read_csv(tmp_path / "t.csv")
    assert truth["group"].tolist() == ["A"] * 15 + ["B"] * 15


def test_dry_run_writes_nothing_and_json_is_json(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["simulate", "responses", str(saved), "--dry-run", "-o", str(saved.parent / "x.csv")])
    assert not (saved.parent / "x.csv").exists()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli.main(["simulate", "responses", str(saved), "-n", "2", "--group", "B", "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_recovery_prints_bias_and_coverage(capsys: pytest.CaptureFixture[str]) -> None:
    words = "simulate recovery --students 200 --replications 2 --common 4 --own 2 --json"
    with pytest.raises(SystemExit) as end:
        cli.main(words.split())
    assert end.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"block", "parameter", "bias", "coverage"} <= set(rows[0])
    assert {r["block"] for r in rows} == {"common", "only A", "only B", "districts"}


@pytest.mark.parametrize(("words", "code"), [("simulate recovery --model 9pl", 2), ("simulate responses none.json", 3),
                                             ("simulate recovery --schools 1", 2)])  # fmt: skip
def test_faults_are_sentences(words: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words.split())
    assert end.value.code == code
    assert "Traceback" not in capsys.readouterr().err
