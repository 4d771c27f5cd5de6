"""Storing and reading runs: parameters, populations, comparisons, tables."""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import administrations, runs
from itembank.models import (
    Administration,
    Comparison,
    GroupParameter,
    Item,
    ItemParameter,
    ItemVersion,
    Run,
    columns,
)

_PARAMETERS = ("model", "n", "a", "b", "d", "g", "se_a", "se_b", "se_d", "se_g")


def store_item_parameters(
    session: Session, run: Run, table: pd.DataFrame, items: pd.DataFrame, scale: str = "total"
) -> None:
    """Store item parameters of a run.

    Args:
        session: of `writing()`.
        run: it.
        table: index item code; model, n, a, b, d, g, se_…; further columns (d1, b1, se_d1, …) are kept beside;
            an optional column `group` ("all").
        items: as `BankResponses.items`, for the versions.
        scale: "total" or a concept.
    """
    rows = []
    for code, row in zip(table.index, table.to_dict("records"), strict=True):
        group = str(row.pop("group", "all"))
        known = {k: _number(row.pop(k, None)) for k in _PARAMETERS[1:]}
        model = str(row.pop("model"))
        version = int(items.loc[str(code), "version_id"])
        further = {str(k): v for k, v in runs.plain(row).items() if v is not None}
        rows.append(
            ItemParameter(
                run_id=run.id or 0,
                scale=scale,
                item_version_id=version,
                column_group=group,
                model=model,
                further=further,
                **known,
            )
        )
    session.add_all(rows)
    session.flush()


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def read_item_parameters(session: Session, run: Run, scale: str | None = "total") -> pd.DataFrame:
    """Item parameters of a run: index item code; columns as stored, with version_id, group and (scale=None) scale."""
    par, version, item = columns(ItemParameter), columns(ItemVersion), columns(Item)
    statement = (
        sa.select(item.code, version.number, par)
        .join(ItemVersion, version.id == par.item_version_id)
        .join(Item, item.id == version.item_id)
        .where(par.run_id == run.id)
        .order_by(par.scale, par.item_version_id, par.column_group)
    )
    if scale is not None:
        statement = statement.where(par.scale == scale)
    found = []
    for r in session.execute(statement).mappings():
        row = {"item": r["code"], "version_id": r["item_version_id"], "scale": r["scale"], "group": r["column_group"]}
        found.append({**row, "version": r["number"], **{k: r[k] for k in _PARAMETERS}, **r["further"]})
    names = ["item", "version_id", "scale", "group", "version", *_PARAMETERS]
    frame = pd.DataFrame(found) if found else pd.DataFrame(columns=names)
    several = frame.groupby(["item", "scale", "group"])["version_id"].transform("nunique") > 1
    frame.loc[several, "item"] = frame["item"] + "@" + frame["version"].astype(str)
    for name in _PARAMETERS[1:]:
        frame[name] = frame[name].astype(float)
    frame = frame.set_index("item").drop(columns="version")
    return frame if scale is None else frame.drop(columns="scale")


def store_group_parameters(session: Session, run: Run, table: pd.DataFrame, scale: str = "total") -> None:
    """Store populations of a run: index group; n, mean, sd, se_mean, se_sd; further columns are kept beside."""
    names = ("n", "mean", "sd", "se_mean", "se_sd")
    for group, row in zip(table.index, table.to_dict("records"), strict=True):
        known: dict[str, Any] = {k: _number(row.pop(k, None)) for k in names}
        further = {str(k): v for k, v in runs.plain(row).items() if v is not None}
        session.add(GroupParameter(run_id=run.id or 0, scale=scale, name=str(group), further=further, **known))
    session.flush()


def read_group_parameters(session: Session, run: Run, scale: str | None = "total") -> pd.DataFrame:
    """Populations of a run: index group; columns as stored (and scale, with scale=None)."""
    par = columns(GroupParameter)
    statement = sa.select(par).where(par.run_id == run.id).order_by(par.scale, par.name)
    if scale is not None:
        statement = statement.where(par.scale == scale)
    names = ["n", "mean", "sd", "se_mean", "se_sd"]
    found = [
        {"group": r["name"], "scale": r["scale"], **{k: r[k] for k in names}, **r["further"]}
        for r in session.execute(statement).mappings()
    ]
    frame = pd.DataFrame(found) if found else pd.DataFrame(columns=["group", "scale", *names])
    frame[names] = frame[names].astype(float)
    frame = frame.set_index("group")
    return frame if scale is None else frame.drop(columns="scale")


_COMPARISON = ("estimate", "se", "df", "low", "high", "n")


def store_comparison(session: Session, run: Run, table: pd.DataFrame) -> None:
    """Store a comparison: columns scale (or concept), contrast, statistic, estimate, se, df, low, high, n, status.

    Further columns are kept beside.
    """
    for position, row in enumerate(table.reset_index(drop=True).to_dict("records")):
        scale = str(row.pop("scale", "") or row.get("concept", ""))
        contrast, statistic = str(row.pop("contrast", "")), str(row.pop("statistic", ""))
        known = {k: _number(row.pop(k, None)) for k in _COMPARISON}
        status = str(row.pop("status", "") or "")
        further = {str(k): v for k, v in runs.plain(row).items()}
        session.add(
            Comparison(
                run_id=run.id or 0,
                position=position,
                scale=scale,
                contrast=contrast,
                statistic=statistic,
                status=status,
                further=further,
                **known,
            )
        )
    session.flush()


def read_comparison(session: Session, run: Run) -> pd.DataFrame:
    """A comparison as it was stored."""
    row = columns(Comparison)
    found = []
    for r in session.execute(sa.select(row).where(row.run_id == run.id).order_by(row.position)).mappings():
        facts = {k: r[k] for k in ("scale", "contrast", "statistic", *_COMPARISON, "status")}
        found.append({**facts, **r["further"]})
    frame = pd.DataFrame(found)
    for name in _COMPARISON:
        if name in frame:
            frame[name] = frame[name].astype(float)
    return frame


def store_table(session: Session, run: Run, name: str, table: pd.DataFrame) -> None:
    """Store any table of a run (index included if it has a name)."""
    flat = table.reset_index() if table.index.names != [None] else table
    values = flat.astype(object).where(flat.notna(), None)
    runs.store_table(session, run, name, [str(c) for c in flat.columns], values.to_numpy().tolist())


def read_table(session: Session, run: Run, name: str) -> pd.DataFrame:
    """A table of a run."""
    names, rows = runs.read_table(session, run, name)
    return pd.DataFrame(rows, columns=names)


def runs_table(session: Session, kind: str = "", administration: str = "") -> pd.DataFrame:
    """Runs, newest first: run, kind, administration, status, converged, log_likelihood, by, at, stale (why, or "")."""
    from scoring.bank.standards import stale_reasons  # which itself reads tables of runs

    statement = select(Run).order_by(sa.desc("id"))
    if kind:
        statement = statement.where(Run.kind == kind)
    if administration:
        statement = statement.where(
            Run.administration_id == administrations.administration_of(session, administration).id
        )
    named = {a.id: a.code for a in session.exec(select(Administration)).all()}
    rows = [
        {
            "run": r.id,
            "kind": r.kind,
            "administration": named.get(r.administration_id, ""),
            "status": r.status,
            "converged": r.converged,
            "log_likelihood": r.log_likelihood,
            "by": r.person,
            "at": f"{r.created_at:%Y-%m-%d %H:%M}",
            "stale": "; ".join(stale_reasons(session, r)),
        }
        for r in session.exec(statement).all()
    ]
    names = ["run", "kind", "administration", "status", "converged", "log_likelihood", "by", "at", "stale"]
    return pd.DataFrame(rows, columns=names)
