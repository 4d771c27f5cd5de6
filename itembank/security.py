"""Who may see and change what on a shared PostgreSQL server, enforced by the server itself.

`itembank_member`  everybody who works in the bank: reads the common tables, writes what their work needs. Of students,
                   sittings, responses and scores they see and write only their own district's rows.
`itembank_joint`   for joint runs: reads and writes the rows of all districts, under pseudonyms.

What must stay as written (audit events, versions of items and keys, frozen forms, votes) can be added by both but
changed and deleted by neither; a review can be changed until it is submitted, by its reviewer alone. People are added
by whoever owns the bank. A login becomes a member with `people add --login`.
"""

import sqlalchemy as sa

from itembank.models import Base

MEMBER, JOINT = "itembank_member", "itembank_joint"
OF_STUDENTS = ("students", "enrollments", "sittings", "raw_responses", "scores", "attendance", "student_links")
ONLY_ADDED_TO = (
    "audit_events",
    "item_versions",
    "item_authors",
    "item_concepts",
    "item_standards",
    "item_enemies",
    "options",
    "key_versions",
    "forms",
    "form_items",
    "decision_votes",
    "decision_authors",
    "answer_codes",
    "concept_rankings",
)
ONLY_READ = ("people", "districts", "alembic_version", "standards")
# A district's key fingerprint is set at its first upload; standards of high school are stored when first used.
_FURTHER = (f"GRANT UPDATE (key_fingerprint) ON districts TO {MEMBER}", f"GRANT INSERT ON standards TO {MEMBER}")

_MINE = "(SELECT p.district_id FROM people p WHERE p.login = session_user AND p.active)"
_IS_JOINT = f"pg_has_role(session_user, '{JOINT}', 'MEMBER')"
_ME = "(SELECT p.id FROM people p WHERE p.login = session_user AND p.active)"


def statements() -> list[str]:
    """Everything that is granted and restricted, safe to run again."""
    found = [_role(MEMBER), _role(JOINT), f"GRANT {MEMBER} TO {JOINT}", f"GRANT USAGE ON SCHEMA public TO {MEMBER}"]
    found.append(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {MEMBER}")
    for table in [*Base.metadata.tables, "alembic_version"]:
        if table in ONLY_READ:
            rights = "SELECT"
        elif table in ONLY_ADDED_TO:
            rights = "SELECT, INSERT"
        else:
            rights = "SELECT, INSERT, UPDATE, DELETE"
        found.append(f"REVOKE ALL ON {table} FROM {MEMBER}, PUBLIC")
        found.append(f"GRANT {rights} ON {table} TO {MEMBER}")
    found += _FURTHER
    for table in OF_STUDENTS:
        found.append(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        found.append(f"DROP POLICY IF EXISTS own_district ON {table}")
        rule = f"district_id = {_MINE} OR {_IS_JOINT}"
        found.append(f"CREATE POLICY own_district ON {table} USING ({rule}) WITH CHECK ({rule})")
    found += _reviews() + _own_word("decision_votes") + _own_word("concept_rankings") + _audit()
    return found


def _role(name: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') "
        f"THEN CREATE ROLE {name} NOLOGIN; END IF; END $$"
    )


def _reviews() -> list[str]:
    """A review is written by its reviewer, for their own district, and final once submitted."""
    open_ = "submitted_at IS NULL"
    mine = f"person_id = {_ME} AND district_id = {_MINE}"
    rules = {
        "seen": "FOR SELECT USING (true)",
        "asked_for": f"FOR INSERT WITH CHECK (({open_}) OR ({mine}))",
        "written": f"FOR UPDATE USING ({open_}) WITH CHECK (({open_}) OR ({mine}))",
    }
    found = ["ALTER TABLE reviews ENABLE ROW LEVEL SECURITY"]
    for name, rule in rules.items():
        found += [f"DROP POLICY IF EXISTS {name} ON reviews", f"CREATE POLICY {name} ON reviews {rule}"]
    return found


def _own_word(table: str) -> list[str]:
    """A vote or a ranking is given by a district's own people under their own name."""
    mine = f"person_id = {_ME} AND district_id = {_MINE}"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS seen ON {table}",
        f"CREATE POLICY seen ON {table} FOR SELECT USING (true)",
        f"DROP POLICY IF EXISTS own_word ON {table}",
        f"CREATE POLICY own_word ON {table} FOR INSERT WITH CHECK ({mine})",
    ]


def _audit() -> list[str]:
    """An event is added to the own district's chain or the joint one."""
    own = "(SELECT d.code FROM districts d JOIN people p ON p.district_id = d.id WHERE p.login = session_user)"
    rule = f"chain = {own} OR chain = 'joint' OR {_IS_JOINT}"
    return [
        "ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY",
        "DROP POLICY IF EXISTS seen ON audit_events",
        "CREATE POLICY seen ON audit_events FOR SELECT USING (true)",
        "DROP POLICY IF EXISTS own_chain ON audit_events",
        f"CREATE POLICY own_chain ON audit_events FOR INSERT WITH CHECK ({rule})",
    ]


def apply(connection: sa.Connection) -> None:
    """Grant and restrict. The caller owns the tables and may create roles; other servers are left as they are."""
    if connection.dialect.name != "postgresql":
        return
    may = connection.execute(
        sa.text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    ).scalar_one()
    known = connection.execute(
        sa.text("SELECT count(*) FROM pg_roles WHERE rolname IN (:m, :j)"), {"m": MEMBER, "j": JOINT}
    ).scalar_one()
    if not may and known < 2:
        from itembank.errors import NotPermitted

        raise NotPermitted(
            "no-roles",
            "This login may not create the roles that keep the districts' rows apart.",
            f"Ask the server's keeper for: CREATE ROLE {MEMBER} NOLOGIN; CREATE ROLE {JOINT} NOLOGIN;",
        )
    for statement in statements():
        connection.exec_driver_sql(statement)


def admit(connection: sa.Connection, login: str, joint: bool = False) -> bool:
    """Make a login a member; False where the server does not know the login yet."""
    if connection.dialect.name != "postgresql":
        return True
    if not connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :l"), {"l": login}).first():
        return False
    quoted = connection.dialect.identifier_preparer.quote(login)
    connection.exec_driver_sql(f"GRANT {MEMBER} TO {quoted}")
    if joint:
        connection.exec_driver_sql(f"GRANT {JOINT} TO {quoted}")
    return True
