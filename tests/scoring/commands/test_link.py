"""`itembank link` as it is typed."""

import json


def test_plan_run_and_show(compared, run):
    code, out, err = run("link", "plan", "--items", "4", "--items", "8", "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert [r["repeated_items"] for r in rows] == [4, 8]
    assert rows[1]["detectable"] < rows[0]["detectable"]
    assert len(json.loads(run("link", "plan", "--which", "--json")[1])) == 16
    assert run("calibrate", "run", "--model", "rasch")[0] == 0
    assert run("link", "run", "1", "3", "--dry-run")[0] == 0
    assert run("link", "show")[0] == 3
    code, out, err = run("link", "run", "1", "3", "--method", "haebara", "--json")
    assert code == 0, err
    [facts] = json.loads(out)
    assert (facts["from"], facts["to"], facts["method"]) == ("run 1", "run 3", "haebara")
    assert facts["anchors"] + facts["removed"] == 16
    drift = json.loads(run("link", "show", "--drift", "--json")[1])
    assert sum(r["used"] for r in drift) == facts["anchors"]
    trend = json.loads(run("link", "show", "--trend", "--json")[1])
    assert [r["group"] for r in trend] == ["both together", "District A", "District B"]
    assert run("link", "run", "1", "9")[0] == 3
    assert run("link", "run", "1")[0] != 0
