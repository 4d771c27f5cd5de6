"""`forms export` and `items import` of a package."""

from itembank import database, forms
from tests.itembank.bank.conftest import bank, migrated, run
from tests.itembank.exchange.test_qti import FOREIGN, ROOT, zip_of

__all__ = ["bank", "migrated", "run"]


def test_a_form_goes_out_and_comes_back(bank, run, tmp_path):
    folder = ROOT / "tests/itembank/items"
    code, _, err = run("items", "import", folder, "--create-concepts")
    assert code == 0, err
    with database.writing() as session:
        forms.freeze(session, "F", [("X-CHOICE", "one"), ("X-NUMERIC", "one"), ("X-MATCH", "two")])
    for version in ("3.0", "2.2"):
        code, _, err = run("forms", "export", "F", "--qti", version, "-o", "x.zip")
        assert code == 0, err
        assert "3 items" in err
        assert "a fraction cannot be typed there" in err
        code, _, err = run("items", "import", "x.zip")
        assert code == 0, err
        assert "Stored: 3 unchanged." in err
        assert "left behind: the test's own structure" in err
    assert run("forms", "export", "F", "--qti", "1.0")[0] == 2
    code, _, err = run("forms", "export", "F", "--qti", "1.2", "-o", "c.zip", "--dry-run")
    assert code == 0, err
    assert not (tmp_path / "c.zip").exists()
    assert not (tmp_path / "c-losses.csv").exists()
    code, _, err = run("forms", "export", "F", "--qti", "1.2", "-o", "c.zip")
    assert code == 0, err
    assert "Canvas gives a share of the points for each row" in err
    assert "X-MATCH,partial credit," in (tmp_path / "c-losses.csv").read_text()
    code, _, err = run("items", "import", "c.zip")
    assert code == 3
    assert "imsqti_xmlv1p2" in err


def test_items_of_others_come_in_with_a_report_of_losses(bank, run, tmp_path):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    text = FOREIGN.replace("<em>", '<img src="img/Field 1.svg" alt="A field."/><em>')
    (tmp_path / "x.zip").write_bytes(zip_of({"i.xml": text, "img/Field 1.svg": svg}))
    code, _, err = run("items", "import", "x.zip", "--to", "new")
    assert code == 0, err
    assert "left behind: feedback to students" in err
    assert (tmp_path / "new" / "choice-1.md").is_file()
    assert (tmp_path / "new" / "figures" / "field-1.svg").read_text() == svg
    code, _, err = run("items", "import", "x.zip")
    assert code == 0, err
    assert "Stored: 1 new." in err
