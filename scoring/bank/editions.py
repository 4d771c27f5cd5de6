"""Public editions in the bank: who agreed, and what they are about."""

from sqlmodel import Session

from itembank import decisions, people
from itembank.models import Administration, Decision, Run

KIND = "public edition"


def propose_edition(session: Session, run: Run, reason: str, as_: str = "") -> Decision:
    """Propose to publish a comparison; it may be published when both districts have agreed."""
    person = people.require(session, "decisions", as_)
    proposal = f"Publish comparison {run.id} in a public edition."
    return decisions.propose(session, KIND, f"run:{run.id}", proposal, reason, person)


def agreed_edition(session: Session, run: Run) -> Decision | None:
    """The districts' agreement to publish a run, or None."""
    return decisions.agreed(session, KIND, f"run:{run.id}")


def administration_by_id(session: Session, run: Run) -> Administration | None:
    """The administration that a run is about."""
    return session.get(Administration, run.administration_id) if run.administration_id else None
