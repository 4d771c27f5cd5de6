"""Versions of a form: options in another order, keys that follow them, responses read by version, wrong marks found."""

import csv
import io
import json
import shutil
from collections import Counter
from datetime import date

import numpy as np
import pytest
from sqlmodel import select

from itembank import (
    administrations,
    candidates,
    database,
    exchanging,
    form_paper,
    form_versions,
    forms,
    item_folder,
    keys,
    people,
    shuffling,
    version_doubts,
    version_fit,
)
from itembank.answers import letters_of
from itembank.blueprint import Blueprint
from itembank.models import Form
from tests.itembank.bank.conftest import _use, migrated, run
from tests.itembank.test_booklet import BANK

__all__ = ["migrated", "run"]


@pytest.fixture(scope="module")
def joint():
    return item_folder.check([BANK / "grade-7"]).items


def test_keys_change_place_on_every_version_and_use_all_places(joint):
    items = [i for i in joint if i.type in shuffling.TYPES][:40]
    kept = [not shuffling.shuffles(i) for i in items]
    assert 0 < sum(kept) < 10  # a few solutions name options by letter
    listed = shuffling.orders(items, 4, "a seed")
    assert listed == shuffling.orders(items, 4, "a seed") != shuffling.orders(items, 4, "another")
    assert set(listed[0]) == {""}
    assert [all(v[j] == "" for v in listed) for j in range(len(items))] == kept
    used = [Counter() for _ in listed]
    for j, item in enumerate(items):
        printed = [shuffling.shuffled(item, letters[j]) for letters in listed]
        for n, version in enumerate(printed):
            assert [o.letter for o in version.options] == [o.letter for o in item.options]
            # an option keeps its text, its misconception and whether it is right, in every language
            assert {(o.text, o.misconception, o.key) for o in version.options} == {
                (o.text, o.misconception, o.key) for o in item.options
            }
            own = {v.options[o.letter]: i for v in item.variants for i, o in enumerate(item.options) if v.options}
            for variant in version.variants:
                for option in version.options if variant.options else ():
                    assert item.options[own[variant.options[option.letter]]].text == option.text
            if item.type == "choice" and not kept[j]:
                used[n].update(version.keys)
        if item.type == "choice" and len(item.options) >= 4 and not kept[j]:
            assert len({v.keys for v in printed}) == 4  # the same letter is right on no two versions
    for places in used[1:]:  # about 8 each; on the last version the place of a key is what the others have left
        assert max(places[c] for c in "ABCD") - min(places[c] for c in "ABCD") <= 5


def test_options_that_speak_of_each_other_keep_their_order(joint):
    from dataclasses import replace

    item = next(i for i in joint if i.type == "choice")
    assert shuffling.shuffles(item)
    spoken = replace(item.options[3], text="None of the above")
    assert not shuffling.shuffles(replace(item, options=(*item.options[:3], spoken)))
    assert not shuffling.shuffles(replace(item, options=(*item.options[:3], replace(spoken, text="Both A and C"))))
    for solution in (
        "So option B is right.",
        "Por eso la respuesta C es correcta.",
        "Solve C: $x = 1$.",
        "A is false.",
    ):
        assert not shuffling.shuffles(replace(item, solution=solution)), solution
    for solution in (
        "A store sells 3 bags.",
        "The side $B$ is longest.",
        "It is a B-flat.",
        "A las 6 bajó.",
        "Car K wins.",
    ):
        assert shuffling.shuffles(replace(item, solution=solution)), solution
    assert not shuffling.shuffles(next(i for i in joint if i.type == "numeric"))


@pytest.mark.parametrize(
    ("marked", "own"), [("A", "C"), ("b", "A"), ("AC", "CD"), ("a;d", "BC"), ("O", "O"), ("X", "X"), ("", "")]
)
def test_a_mark_is_read_back_to_the_item_s_own_option(marked, own):
    assert shuffling.own_answer(marked, "CADB") == own
    if letters_of(marked, frozenset("ABCD")) and own != marked:
        assert shuffling.printed_answer(own, "CADB") == "".join(sorted(letters_of(marked, frozenset("ABCD"))))


@pytest.fixture(scope="module")
def chosen(joint):
    """24 choices, 2 multi-selects and a numeric item that may stand together."""
    calm = [i for i in joint if not i.enemies and (i.type == "numeric" or shuffling.shuffles(i))]
    kinds = [[i for i in calm if i.type == t] for t in ("choice", "multi-select", "numeric")]
    return [*kinds[0][:24], *kinds[1][:2], kinds[2][0]]


@pytest.fixture(scope="module")
def made(migrated, chosen, tmp_path_factory):
    """A bank to copy: these items on the form F with three versions, in the open administration `spring`."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "items").mkdir()
    for item in chosen:
        shutil.copy(next(BANK.glob(f"grade-7/**/{item.id}.md")), folder / "items")
    for picture in (BANK / "figures").glob("*") if (BANK / "figures").is_dir() else ():
        (folder / "figures").mkdir(exist_ok=True)
        shutil.copy(picture, folder / "figures")
    with pytest.MonkeyPatch.context() as patch:
        _use(patch, folder, str(shutil.copy(migrated, folder / "bank.db")))
        import cli

        for words in (["items", "import", "items", "--create-concepts"],):
            with pytest.raises(SystemExit) as stop:
                cli.main(words)
            assert not stop.value.code
        with database.writing() as session:
            for code in "AB":
                people.add_district(session, code)
                people.add_person(session, f"lead{code}", f"Lead {code}", code, "admin")
            form, _ = forms.freeze(session, "F", [(i.id, "") for i in chosen])
            assert not form_versions.freeze(session, form, 3).kept
            days = (date(2026, 5, 1), date(2026, 5, 15))
            administrations.open_administration(session, "spring", ["F-vA", "F-vB", "F-vC"], ["A"], *days, "paper")
        database.engine_of(database.location(str(folder / "bank.db"))).dispose()
    return folder / "bank.db"


@pytest.fixture
def versions(made, chosen, tmp_path, monkeypatch):
    """A copy of that bank as the bank of the process, and its items."""
    _use(monkeypatch, tmp_path, str(shutil.copy(made, tmp_path / "bank.db")))
    return chosen


def simulated(n, wrong=0.02):
    """(rows of a file as marked, points by the item's own key, version marked, version printed)."""
    draw = np.random.default_rng(3)
    with database.reading() as session:
        papers = [forms.lines(session, forms.form_of(session, f"F-v{v}")) for v in "ABC"]
        rules = {k: v.rule for k, v in keys.first(session, [line.version_id for line in papers[0]]).items()}
    ability = draw.normal(size=n)
    rows, points, marks, truth = [], [], [], []
    for i in range(n):
        true = int(draw.integers(3))
        marked = (true + 1) % 3 if draw.random() < wrong else true
        row, own = {"student": f"S{i}", "form": f"F-v{'ABC'[marked]}"}, []
        for j, line in enumerate(papers[true]):
            rule = rules[line.version_id]
            right = draw.random() < 1 / (1 + np.exp(-(ability[i] - (j % 5 - 2) / 2)))
            if rule["type"] == "choice":
                key = next(iter(rule["credit"]))
                answer = key if right else str(draw.choice([c for c in rule["labels"] if c != key]))
            elif rule["type"] == "multi-select":
                answer = "".join(rule["key"] if right else rule["labels"][:1])
            else:
                answer = str(rule["accepted"][0]["answer"]) if right else "7777"
            own.append(keys.points_of(rule, answer))
            row[line.item] = shuffling.printed_answer(answer, line.letters)
        rows.append(row)
        points.append(own)
        marks.append(marked)
        truth.append(true)
    return rows, points, np.array(marks), np.array(truth)


def as_csv(rows):
    held = io.StringIO()
    writer = csv.DictWriter(held, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return held.getvalue()


def test_answers_are_keyed_by_the_version_that_was_marked(versions, run, tmp_path):
    from scoring import bank as gateway

    rows, points, marked, truth = simulated(600)
    (tmp_path / "r.csv").write_text(as_csv(rows))
    code, out, err = run("responses", "check", "r.csv", "--district", "A")
    doubted = (out + err).count("version-doubt")
    assert doubted == min(20, doubted) > 0
    assert run("responses", "load", "r.csv", "--district", "A", "--as", "leadA")[0] == 0
    with database.reading() as session:
        adm = administrations.administration_of(session)
        read = gateway.scored_responses(session, adm.code)
        found = version_doubts.stored(session, adm)
    scored = read.scores
    same = marked == truth
    assert np.array_equal(scored[same], np.array(points)[same])
    assert scored[~same].sum() < 0.8 * np.array(points)[~same].sum()  # read under another version, less is right
    # most wrong marks are found, no right one is accused, and the version that fits is the printed one
    assert len(found) >= 0.4 * (~same).sum()
    for row in found:
        i = row["sitting"] - 1
        assert not same[i]
        assert "ABC".index(row["fits"]) == truth[i]
        assert row["right_if_fits"] > row["right"]
    code, out, _ = run("administrations", "status", "--by", "version", "--json")
    assert code == 0
    assert [r["sitting"] for r in json.loads(out)] == [r["sitting"] for r in found]


def test_a_student_sits_one_version_only(versions, run, tmp_path):
    rows, *_ = simulated(4, wrong=0)
    twice = [rows[0], {**rows[0], "form": "F-vB" if rows[0]["form"] != "F-vB" else "F-vC"}]
    (tmp_path / "twice.csv").write_text(as_csv(twice))
    code, out, err = run("responses", "check", "twice.csv", "--district", "A")
    assert code != 0
    assert "duplicate-student" in out + err
    (tmp_path / "one.csv").write_text(as_csv(twice[:1]))
    (tmp_path / "two.csv").write_text(as_csv(twice[1:]))
    assert run("responses", "load", "one.csv", "--district", "A", "--as", "leadA")[0] == 0
    code, out, err = run("responses", "load", "two.csv", "--district", "A", "--as", "leadA")
    assert code == 3
    assert "already-stored" in out + err


def test_what_crosses_to_the_partner_reads_back_the_same(versions, run, tmp_path):
    rows, *_ = simulated(60, wrong=0)
    (tmp_path / "r.csv").write_text(as_csv(rows))
    assert run("responses", "load", "r.csv", "--district", "A", "--as", "leadA")[0] == 0
    with database.reading() as session:
        adm = administrations.administration_of(session)
        made = exchanging.exchange(session, adm, administrations.districts(session, adm)[0], (), 2)
    crossed = list(csv.DictReader(io.StringIO(made.text)))
    choices = [i.id for i in versions if i.type != "numeric"]
    assert Counter(tuple(r[c] for c in ("form", *choices)) for r in crossed) == Counter(
        tuple(r[c] for c in ("form", *choices)) for r in rows
    )


def test_the_printed_key_the_booklet_s_key_and_the_bank_s_key_agree(versions, run):
    with database.reading() as session:
        for name in ("F", "F-vA", "F-vB", "F-vC"):
            sheet = forms.key_sheet(session, forms.form_of(session, name))
            paper = form_paper.paper(session, name)
            for row, item in zip(sheet, paper.items, strict=True):
                if item.type in shuffling.TYPES:
                    assert row["key"] == " and ".join(item.keys), (name, item.id)
        assert form_paper.paper(session, "F-vB").version == "B"
        told = candidates.why_empty(session, Blueprint("x", pool={"grade": ("7",), "status": ("operational",)}))
        assert "none has status operational" in told, told
        pool, _ = candidates.candidates(session, Blueprint("x"))
        assert {c.used for c in pool} == {1}  # a form and its versions expose an item once
    assert run("forms", "key", "F-vB")[1] != run("forms", "key", "F")[1]


def test_versions_are_frozen_once_and_nothing_else_is_made_of_them(versions, run):
    with database.reading() as session:
        before = {f.code: f.content_hash for f in session.exec(select(Form)).all()}
    assert len(set(before.values())) == 3  # version A is as the form itself
    assert run("forms", "freeze", "F", "--versions", 3, "--as", "leadA")[0] == 0
    for words, code in (
        (("forms", "freeze", "F", "--versions", 4, "--as", "leadA"), 6),
        (("forms", "freeze", "F-vB", "--versions", 2, "--as", "leadA"), 2),
        (("forms", "freeze", "F", "--versions", 9, "--as", "leadA"), 2),
        (("forms", "export", "F-vB"), 2),
    ):
        assert run(*words)[0] == code, words
    with database.reading() as session:
        assert {f.code: f.content_hash for f in session.exec(select(Form)).all()} == before
        assert [f.version for f in form_versions.of(session, forms.form_of(session, "F"))] == ["A", "B", "C"]
    assert run("bank", "verify")[0] == 0


def test_wrong_marks_are_found_and_right_ones_left_alone():
    """4 versions of 30 choices, 20,000 sheets of which 1 % are marked wrongly, abilities from -3 to 3."""
    draw = np.random.default_rng(5)
    n, j, k, v = 20_000, 30, 4, 4
    key = draw.integers(0, k, j)
    right = draw.random((n, j)) < 1 / (1 + np.exp(-(draw.normal(size=(n, 1)) - draw.normal(size=j))))
    own = np.where(right, key, (key + draw.integers(1, k, (n, j))) % k)
    orders = np.stack([np.stack([draw.permutation(k) if x else np.arange(k) for _ in range(j)]) for x in range(v)])
    true = draw.integers(0, v, n)
    wrong = draw.random(n) < 0.01
    marked = np.where(wrong, (true + draw.integers(1, v, n)) % v, true)
    printed = np.argsort(orders, axis=2)[true[:, None], np.arange(j), own]
    stored = orders[marked[:, None], np.arange(j), printed]
    found = version_fit.fit(stored, marked, orders, np.arange(k) == key[:, None])
    assert np.array_equal(found.right[np.arange(n), true], right.sum(axis=1))
    assert (found.doubtful & ~wrong).sum() <= n // 5000  # what the module promises
    assert (found.doubtful & wrong).sum() > 0.5 * wrong.sum()  # weak students answer as badly under either
    able = wrong & (right.sum(axis=1) >= 20)
    assert (found.doubtful & able).sum() == able.sum()
    assert (found.best == true)[found.doubtful & wrong].mean() > 0.98


def test_few_sheets_accuse_nobody():
    orders = np.stack([np.tile(np.arange(4), (10, 1)), np.tile(np.arange(4)[::-1], (10, 1))])
    keys_ = np.tile(np.arange(4) == 0, (10, 1))
    found = version_fit.fit(np.full((5, 10), 3), np.zeros(5, np.int64), orders, keys_)
    assert not found.doubtful.any()
