"""Item statistics go out as QTI usage data: valid, and the numbers of the analysis."""

import math
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from itembank.exchange import usage
from scoring import bank as gate
from scoring.runs import calibrating, diagnosing

from .conftest import ITEMS

U = f"{{{usage.USAGE}}}"


def schema():
    place = os.environ.get("ITEMBANK_QTI_SCHEMAS", "")
    if not place or not Path(place).is_dir():
        pytest.skip("no QTI schemas: ITEMBANK_QTI_SCHEMAS does not name a folder")
    from lxml import etree

    return etree.XMLSchema(etree.parse(str(Path(place) / "qti30/qtiv3p0/imsqti_usagedatav3p0_v1p0.xsd")))


def statistics(raw):
    """(item, option, name) -> (value, attributes), read with another parser."""
    return {
        (node.find(f"{U}targetObject").get("identifier"), node.find(f"{U}targetObject").get("partIdentifier"),
         node.get("name")): (float(node.find(f"{U}value").text), node.attrib)
        for node in ElementTree.fromstring(raw).iter(f"{U}ordinaryStatistic")
    }  # fmt: skip


def test_a_calibration_is_written_with_the_numbers_of_its_analysis(compared, run, tmp_path):
    code, _, err = run("calibrate", "export", "-o", "usage.xml")
    assert code == 0, err
    raw = (tmp_path / "usage.xml").read_bytes()
    found = statistics(raw)
    with gate.reading() as session:
        fit = calibrating.stored_fit(session, gate.run_of(session, None, "calibrate"))
        scored = diagnosing.sitting(session, "spring").scored
    for item in ITEMS:
        value, about = found[item, None, "P-value"]
        assert value == pytest.approx(scored[item].mean(), rel=1e-5)  # six figures are written
        assert int(about["caseCount"]) == scored[item].notna().sum()
        value, _ = found[item, None, "PTbis"]
        assert value == pytest.approx(scored[item].corr(scored.sum(axis=1)), rel=1e-4)
        for column, name in (("a", "A-Parm"), ("b", "B-Parm")):
            value, about = found[item, None, name]
            assert value == pytest.approx(fit.items.at[item, column], rel=1e-5)
            assert float(about["stdError"]) == pytest.approx(fit.items.at[item, f"se_{column}"], rel=1e-5)
            assert about["context"].startswith("urn:itembank:administration:spring:calibration:")
    assert not any(name == "C-Parm" for _, _, name in found)


def test_the_document_is_valid(compared, run, tmp_path):
    from lxml import etree

    valid = schema()
    assert run("calibrate", "export", "-o", "usage.xml")[0] == 0
    raw = (tmp_path / "usage.xml").read_bytes()
    assert valid.validate(etree.fromstring(raw)), valid.error_log
    made = usage.document(
        [
            usage.Statistic("Q1", "D-Parm", n=9, steps={"1": -0.5, "2": 0.7, "3": math.nan}),
            usage.Statistic("Q1", "Proportion", 0.25, 9, part="A"),
            usage.Statistic("Q2", "PTbis"),
        ],
        "urn:itembank:test",
        "2026-05-04",
    )
    assert valid.validate(etree.fromstring(made)), valid.error_log
    root = ElementTree.fromstring(made)
    assert [(e.get("mapKey"), e.get("mappedValue")) for e in root.iter(f"{U}mapEntry")] == [("1", "-0.5"), ("2", "0.7")]
    assert [t.get("objectType") for t in root.iter(f"{U}targetObject")] == ["item", "choice"]
