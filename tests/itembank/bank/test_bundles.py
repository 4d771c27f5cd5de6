"""Two districts without a common server: each keeps a bank, and their words travel in signed bundles."""

import json
import shutil
import zipfile

import pytest

from itembank import authoring, bundles, database, identity, people, signing
from itembank.errors import ItembankError
from itembank.models import AuditEvent, ConceptRanking, DecisionVote, Item, Review

from .test_workflow import item

# Section 7.1 of RFC 8032: secret, public key, message, signature
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2"
        "4655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_signatures_are_those_of_the_standard(secret, public, message, signature):
    seed, said, signed = bytes.fromhex(secret), bytes.fromhex(message), bytes.fromhex(signature)
    key = signing.public_key(seed)
    assert key.hex() == public
    assert signing.sign(seed, said) == signed
    assert signing.is_signed(key, said, signed)
    assert not signing.is_signed(key, said + b"x", signed)
    assert not signing.is_signed(key, said, signed[:32] + bytes(32))
    assert not signing.is_signed(key, said, signed[:40] + bytes([signed[40] ^ 1]) + signed[41:])
    assert not signing.is_signed(b"\xff" * 32, said, signed)
    order = 2**252 + 27742317777372353535851937790883648493
    lifted = (int.from_bytes(signed[32:], "little") + order).to_bytes(32, "little")
    assert not signing.is_signed(key, said, signed[:32] + lifted)  # the same signature in another spelling


@pytest.fixture
def two(tmp_path, monkeypatch, migrated):
    """A function that turns to district A's or B's own bank, machine and keys."""
    for code in "AB":
        (tmp_path / code).mkdir()
        shutil.copy(migrated, tmp_path / code / "bank.db")

    def at(code):
        monkeypatch.setenv("ITEMBANK_URL", str(tmp_path / code / "bank.db"))
        monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / code / "keys"))
        monkeypatch.delenv("ITEMBANK_PERSON", raising=False)
        monkeypatch.chdir(tmp_path / code)

    for code in "AB":
        at(code)
        with database.writing() as session:
            for district in "AB":
                people.add_district(session, district)
            people.add_person(session, f"author{code}", f"Author {code}", code, "author")
            people.add_person(session, f"lead{code}", f"Lead {code}", code, "admin")
    return at


def store(who, more="How many miles in one hour?", n=1, based_on=None):
    parsed, text = item(n, more)
    with database.writing() as session:
        return authoring.store_item(session, parsed, text, people.person_of(session, who), based_on, "draft", True)


def status(code="T-1"):
    with database.reading() as session:
        return session.exec(authoring.select(Item).where(Item.code == code)).one().status


def key_of(code):
    with database.writing() as session:
        district = people.district_of(session, code)
        return signing.fingerprint(signing.public_key(signing.seed_of(identity.district_key(session, district))))


@pytest.fixture
def send(two, run, tmp_path):
    """Export in one district, merge in the other; the key is read out the first time."""
    known = set()
    numbers = iter(range(100))

    def sent(code, *words):
        to = "BA"["AB".index(code)]
        two(code)
        bundle = tmp_path / f"{code}{next(numbers)}.zip"
        done, out, err = run("bank", "export", bundle, "--as", f"lead{code}")
        assert (done, out.strip()) == (0, str(bundle)), err
        mark = key_of(code)
        assert mark in err
        two(to)
        first = () if code in known else ("--trust", mark)
        known.add(code)
        return run("bank", "merge", bundle, *first, "--as", f"lead{to}", *words)

    return sent


def number_of_open():
    with database.reading() as session:
        from itembank import decisions

        return [r["decision"] for r in decisions.listed(session)]


def test_two_districts_take_an_item_to_operational_by_files_alone(two, run, send):
    two("A")
    store("authorA")
    assert run("reviews", "submit", "T-1", "--as", "authorA")[0] == 0
    remark = ("reviews", "review", "T-1", "--verdict", "comment", "--comment")
    assert run(*remark, "Is 1/4 hour too short?", "--as", "authorA")[0] == 0
    assert send("A")[0] == 0
    assert status() == "in review"  # at B, where the other district's approval cannot be given
    approve = ("reviews", "review", "T-1", "--verdict", "approve", "--yes", "all", "--angoff", "0.6")
    code, _, err = run(*approve, "--as", "leadA")
    assert code == 4
    assert "arrives in its own signed bundle" in err
    code, _, err = run(*approve, "--as", "leadB")
    assert code == 0
    assert "declared" in err
    assert run(*remark, "No, it is real.", "--answer-to", "1", "--as", "leadB")[0] == 0
    assert send("B")[0] == 0
    assert status() == "in review"
    assert run(*approve, "--as", "leadA")[0] == 0
    assert status() == "approved"
    assert send("A")[0] == 0
    assert status() == "approved"
    two("A")
    for to, shown in (("field-test", "field test"), ("operational", "operational")):
        two("A")
        assert run("reviews", "submit", "T-1", "--to", to, "--reason", "ready", "--as", "leadA")[0] == 0
        assert run("decisions", "agree", number_of_open()[0], "--as", "authorA")[0] == 0
        assert send("A")[0] == 0
        assert run("decisions", "agree", number_of_open()[0], "--as", "leadB")[0] == 0
        assert status() == shown
        assert send("B")[0] == 0
        assert status() == shown
    for code in "AB":
        two(code)
        assert run("bank", "verify")[0] == 0
        rows = json.loads(run("reviews", "show", "T-1", "--json")[1])
        said = {r["district"]: r["identity"] for r in rows}
        other = "BA"["AB".index(code)]
        assert said[code] == "declared"
        assert said[other].startswith("bundle signed ")
        with database.reading() as session:
            votes = session.exec(authoring.select(DecisionVote)).all()
            assert len(votes) == 6
            assert {v.identity for v in votes} == {"declared", said[other]}
        texts = [r["text"] for r in json.loads(run("reviews", "show", "T-1", "--comments", "--json")[1])]
        assert texts == ["Is 1/4 hour too short?", "No, it is real."]


def test_merging_again_repeats_nothing_and_loses_nothing(two, run, send):
    two("A")
    store("authorA")
    store("authorA", "How far in an hour?")
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert send("A")[0] == 0
    run("reviews", "review", "T-1", "--verdict", "change", "--comment", "unit?", "--as", "leadB")
    assert send("B")[0] == 0
    assert status() == "draft"
    before = _everything()
    for _ in range(2):
        code, out, err = send("B")
        assert (code, out.splitlines()[2:]) == (0, [])
        assert "known" in err
    assert _everything() == before
    with database.reading() as session:
        assert [authoring.version_of(session, f"T-1@{n}").source for n in (1, 2)] == [
            item(1)[1],
            item(1, "How far in an hour?")[1],
        ]


def _everything():
    with database.reading() as session:
        return [
            sorted(str(r.model_dump()) for r in session.exec(authoring.select(table)).all())
            for table in (Item, authoring.ItemVersion, Review, DecisionVote)
        ]


def test_two_texts_of_one_version_are_a_conflict_that_overwrites_nothing(two, run, send, tmp_path):
    two("A")
    store("authorA")
    assert send("A")[0] == 0
    store("authorB", "How far does she walk in one hour?")
    store("authorB", n=2)
    two("A")
    store("authorA", "How many miles, in one hour?")
    code, out, err = send("B")
    assert code == 6
    assert "both districts wrote this version" in out
    assert "T-2" in out  # what does not collide is merged all the same
    assert "T-1@2-B.md" in err
    kept = tmp_path / "A" / "conflicts"
    assert "How far does she walk" in (kept / "T-1@2-B.md").read_text("utf-8")
    assert "+Ana walks" in (kept / "T-1@2-B.diff").read_text("utf-8")
    with database.reading() as session:
        assert "How many miles, in" in authoring.latest_version(session, "T-1").source
        assert authoring.latest_version(session, "T-2").number == 1
    assert run("items", "diff", "T-1", kept / "T-1@2-B.md")[0] == 0  # the hint that was given


def test_a_review_of_an_older_version_is_kept_without_approving(two, run, send):
    two("A")
    store("authorA")
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert send("A")[0] == 0
    run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadB")
    two("A")
    store("authorA", "How far in an hour?")
    code, out, _ = send("B")
    assert code == 0
    assert "kept" in out
    assert status() == "draft"
    assert [r["version"] for r in json.loads(run("reviews", "show", "T-1", "--json")[1])] == [1]


def test_a_bundle_is_refused_unless_it_is_whole_and_of_the_trusted_key(two, run, send, tmp_path):
    two("B")
    store("authorB")
    folder = tmp_path / "sent"
    assert run("bank", "export", folder, "--as", "leadB")[0] == 0
    assert run("bank", "export", folder, "--as", "leadB")[0] == 0  # a folder is written again
    mark = key_of("B")
    two("A")
    code, _, err = run("bank", "merge", folder)
    assert code == 4
    assert f"--trust {mark}" in err
    assert run("bank", "merge", folder, "--trust", "0000-" * 5 + "0000")[0] == 4
    assert run("bank", "merge", folder, "--trust", mark, "--dry-run")[0] == 0
    assert run("bank", "merge", folder)[0] == 4  # a dry run trusts nobody
    text = folder / "items" / "T-1" / "1.md"
    whole = text.read_bytes()
    text.write_bytes(whole.replace(b"Ana", b"Eve"))
    code, _, err = run("bank", "merge", folder, "--trust", mark)
    assert code == 3
    assert "changed-file" in err
    text.unlink()
    assert "missing-file" in run("bank", "merge", folder, "--trust", mark)[2]
    text.write_bytes(whole)
    manifest = folder / "manifest.json"
    good = manifest.read_text("utf-8")
    manifest.write_text(good.replace('"district": "B"', '"district": "A"'), "utf-8")
    assert "bad-signature" in run("bank", "merge", folder, "--trust", mark)[2]
    for broken in ("", "[]", "{" * 9000, '{"format": 1}'):
        manifest.write_text(broken, "utf-8")
        assert run("bank", "merge", folder, "--trust", mark)[0] == 3
    manifest.write_text(good, "utf-8")
    assert run("bank", "merge", folder, "--trust", mark)[0] == 0
    assert run("bank", "merge", folder)[0] == 0
    shutil.rmtree(tmp_path / "B" / "keys")
    two("B")
    with database.writing() as session:  # somebody else's key for the same district
        people.district_of(session, "B").key_fingerprint = None
    assert run("bank", "export", tmp_path / "forged.zip", "--district", "B")[0] == 0
    two("A")
    code, _, err = run("bank", "merge", tmp_path / "forged.zip", "--trust", key_of_file(tmp_path / "forged.zip"))
    assert code == 4
    assert "other-key" in err


def key_of_file(path):
    return signing.fingerprint(bundles.read(path).key)


def test_files_that_are_no_bundle_are_refused(two, run, tmp_path):
    two("A")
    assert run("bank", "merge", tmp_path / "absent.zip")[0] == 3
    (tmp_path / "text.zip").write_text("no zip")
    assert run("bank", "merge", tmp_path / "text.zip")[0] == 3
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 50_000_000)  # 50 MB in 50 kB
    code, _, err = run("bank", "merge", tmp_path / "big.zip")
    assert code == 3
    assert "too-large" in err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    assert run("bank", "export", tmp_path / "other", "--district", "A")[0] == 6
    assert run("bank", "export", tmp_path / "x.zip", "--district", "B", "--as", "leadA")[0] == 4


def signed(code, change, path):
    """A bundle that its district signed, with something in it that it may not say."""
    with database.writing() as session:
        district = people.district_of(session, code)
        seed = signing.seed_of(identity.district_key(session, district))
        files = bundles.export(session, district, None)
    change(files)
    manifest = json.loads(files.pop("manifest.json"))
    files.pop("manifest.sig")
    import hashlib

    manifest["files"] = {**{n: hashlib.sha256(c).hexdigest() for n, c in files.items()}, **manifest.get("extra", {})}
    text = json.dumps(manifest).encode()
    files |= {
        "manifest.json": text,
        "manifest.sig": signing.sign(seed, b"itembank bundle manifest\n" + text).hex().encode(),
    }
    bundles.write(files, path)
    return signing.fingerprint(signing.public_key(seed))


def edit(name, change):
    def edited(files):
        content = json.loads(files[name])
        change(content)
        files[name] = json.dumps(content).encode()

    return edited


def test_a_district_cannot_speak_for_the_other(two, run, send, tmp_path):
    two("A")
    store("authorA")
    run("reviews", "submit", "T-1", "--as", "authorA")
    assert send("A")[0] == 0
    run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadB")
    review = "reviews/T-1.json"
    forgeries = {
        "name": edit(review, lambda c: c["reviews"][0].update(person="leadA")),
        "person": edit(
            "people.json", lambda c: c.append({"code": "leadA", "name": "x", "role": "admin", "active": True})
        ),
        "kind": edit(review, lambda c: c["decisions"][0].update(kind="publish")),
        "shape": edit(review, lambda c: c.update(reviews=[5])),
    }
    for name, change in forgeries.items():
        two("B")
        mark = signed("B", change, tmp_path / f"{name}.zip")
        two("A")
        before = _everything()
        code, out, err = run("bank", "merge", tmp_path / f"{name}.zip", "--trust", mark)
        if name == "name":
            assert code == 6
            assert "leadA is not one of district B's people" in out
            assert status() == "in review"
            with database.reading() as session:  # the vote that came with it was B's own, the review in A's name not
                assert session.exec(authoring.select(Review)).all() == []
        else:
            assert code == 3, (name, err)
            assert _everything()[0] == before[0]
    two("B")
    with pytest.raises(ItembankError):
        bundles.write({"../out.txt": b"x", "manifest.json": b"{}"}, tmp_path / "B" / "bank.db")


def test_a_changed_content_is_refused_by_its_own_hash(two, run, tmp_path):
    two("B")
    store("authorB")
    change = edit("items/T-1.json", lambda c: c["versions"][0]["content"].update(stem="Another stem with $2$"))
    mark = signed("B", change, tmp_path / "b.zip")
    two("A")
    code, out, _ = run("bank", "merge", tmp_path / "b.zip", "--trust", mark)
    assert code == 6
    assert "not the text that its hash says" in out
    with database.reading() as session:
        assert session.exec(authoring.select(Item)).all() == []


def test_a_registered_item_travels_with_its_key(two, run, send, tmp_path):
    two("A")
    (tmp_path / "items.csv").write_text("id,title,concepts,type,key,points,options\nQ1,One,ratios,choice,B,1,A;B;C\n")
    with database.writing() as session:
        authoring.register_items(session, tmp_path / "items.csv", people.person_of(session, "authorA"))
    assert send("A")[0] == 0
    with database.reading() as session:
        version = authoring.latest_version(session, "Q1")
        key = session.exec(authoring.select(authoring.KeyVersion)).one()
        assert (key.item_version_id, key.rule["credit"]) == (version.id, {"B": 1})
        event = session.exec(authoring.select(AuditEvent).where(AuditEvent.action == "merge bundle")).one()
        assert event.details["from"] == "A"
        assert len(event.details["their head"]["hash"]) == 64


def test_items_can_be_merged_into_a_bank_on_a_server(two, run, server, monkeypatch, tmp_path):
    two("B")
    store("authorB")
    run("reviews", "submit", "T-1", "--as", "authorB")
    assert run("bank", "export", tmp_path / "b.zip", "--as", "leadB")[0] == 0
    mark = key_of("B")
    url = server()
    monkeypatch.setenv("ITEMBANK_URL", url)
    monkeypatch.setenv("ITEMBANK_KEYS", str(tmp_path / "server-keys"))
    with database.writing() as session:
        for district in "AB":
            people.add_district(session, district)
    assert run("bank", "merge", tmp_path / "b.zip", "--trust", mark)[0] == 0
    assert status() == "in review"
    assert run("bank", "verify")[0] == 0
    database.engine_of(database.location(url)).dispose()


def test_a_bank_that_is_one_districts_own_refuses_the_others_word(bank, run, tmp_path):
    with database.writing() as session:
        for code in "AB":
            people.add_district(session, code)
            people.add_person(session, f"lead{code}", f"Lead {code}", code, "admin")
        people.add_person(session, "authorA", "Author A", "A", "author")
    store("authorA")
    run("reviews", "submit", "T-1", "--as", "authorA")
    (tmp_path / "itembank.toml").write_text('district = "A"\n')
    assert run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadB")[0] == 4
    assert run("reviews", "review", "T-1", "--verdict", "approve", "--as", "leadA")[0] == 0


def test_rankings_travel_once_and_keep_whose_they_are(two, run, send):
    two("A")
    store("authorA")
    store("authorA", n=2)
    order = ("concepts", "sheet", "ratios", "--rank")
    assert run(*order, "T-2, T-1", "--why", "Plainer.", "--as", "leadA")[0] == 0
    assert send("A")[0] == 0
    assert run(*order, "T-1, T-2", "--why", "Shorter.", "--as", "leadA")[0] == 4  # A's word comes from A
    assert run(*order, "T-1, T-2", "--why", "Shorter.", "--as", "leadB")[0] == 0
    assert send("A")[0] == 0
    rows = json.loads(run("concepts", "sheet", "ratios", "--json")[1])
    assert [(r["item"], r["A"], r["B"], r["experts"]) for r in rows] == [("T-1", 2, 1, 2), ("T-2", 1, 2, 2)]
    with database.reading() as session:
        found = session.exec(authoring.select(ConceptRanking)).all()
        assert [r.identity.partition(" ")[0] for r in found] == ["bundle", "declared"]
