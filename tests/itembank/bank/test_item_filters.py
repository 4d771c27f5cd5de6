"""Items are found by what their newest calibration said of them, on either kind of bank."""

import json

from sqlmodel import select

from itembank import database
from itembank.models import Item, ItemParameter, ItemVersion, Run


def rated(values, kind="calibrate", status="stored"):
    with database.writing() as session:
        run = Run(kind=kind, status=status)
        session.add(run)
        session.flush()
        for code, (a, p) in values.items():
            version = session.exec(
                select(ItemVersion.id).join(Item, Item.id == ItemVersion.item_id).where(Item.code == code)
            ).one()
            further = {} if p is None else {"proportion_correct": p}
            session.add(
                ItemParameter(run_id=run.id, scale="total", item_version_id=version, model="2pl", a=a, further=further)
            )


def found(run, *words):
    code, out, err = run("items", "list", "--json", *words)
    assert code == 0, err
    return [r["item"] for r in json.loads(out)]


def test_items_are_found_by_share_right_and_discrimination(any_furnished, run):
    rated({"Q1": (0.5, 0.9), "Q2": (1.0, 0.5), "Q3": (1.5, None)})
    assert found(run, "--p-min", "0.5") == ["Q1", "Q2"]
    assert found(run, "--p-max", "0.6") == ["Q2"]
    assert found(run, "--p-min", "0.6", "--a", "0.6..") == []
    assert found(run, "--a", "0.9..") == ["Q2", "Q3"]
    rated({"Q1": (2.0, 0.2)})  # a newer calibration of one item leaves the others findable
    assert found(run, "--p-max", "0.6") == ["Q1", "Q2"]
    assert found(run, "--a", "0.9..") == ["Q1", "Q2", "Q3"]
    rated({"Q1": (0.1, 0.99)}, kind="compare")
    rated({"Q1": (0.1, 0.99)}, status="withdrawn")
    assert found(run, "--p-min", "0.1", "--p-max", "0.3") == ["Q1"]
