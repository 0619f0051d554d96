"""A check-in as FastAPI and SQLAlchemy's async ORM are usually put together: one session and one transaction a request."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload

from bench.peers import days
from bench.peers.fastapi_models import (
    Answer,
    CheckIn,
    Consent,
    DailyTask,
    IdempotencyKey,
    Leave,
    Member,
    PlanMember,
    Reading,
    SignIn,
    Standing,
    TaskFigure,
    TaskQuestion,
)  # fmt: skip

engine = create_async_engine(days.database_url().replace("postgres://", "postgresql+asyncpg://"), pool_size=16, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class GivenAnswer(BaseModel):
    question: int
    choice: list[str] | None = None
    text: str | None = None


class WholeDay(BaseModel):
    passages: list[int]
    answers: list[GivenAnswer]


async def database() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def current_member(db: Database, authorization: Annotated[str, Header()]) -> Member:
    found = await db.scalar(
        select(SignIn)
        .where(SignIn.token_hash == days.token_hash(authorization), SignIn.ended_at.is_(None), SignIn.expires_at > days.now())
        .options(joinedload(SignIn.member))
    )
    if found is None:
        raise HTTPException(401)
    consented = exists().where(Consent.member_id == found.member_id, Consent.version == days.CONSENT, Consent.withdrawn_at.is_(None))
    if not await db.scalar(select(consented)):
        raise HTTPException(403)
    return found.member


@app.post("/api/v1/tasks/{task_id}/check-in")
async def check_in(
    task_id: int,
    body: WholeDay,
    request: Request,
    db: Database,
    member: Annotated[Member, Depends(current_member)],
    idempotency_key: Annotated[str, Header()],
) -> JSONResponse:
    task = await db.scalar(
        select(DailyTask)
        .where(DailyTask.id == task_id)
        .options(selectinload(DailyTask.passages), selectinload(DailyTask.questions).joinedload(TaskQuestion.question))
    )
    if task is None or not await _enrolled(db, member, task):
        raise HTTPException(404)
    at = days.now()
    today = days.shanghai_day(at)
    if not task.date <= today <= task.makeup_until:
        raise HTTPException(409, "closed")
    answers = {answer.question: answer for answer in body.answers}
    questions = [row.question for row in task.questions]
    if days.missing([row.passage_id for row in task.passages], body.passages, [q.id for q in questions], list(answers)):
        raise HTTPException(409, "incomplete")
    graded = {question.id: days.graded(answers[question.id], question) for question in questions}
    rights = sum(right for _, right in graded.values())
    member_id = member.id  # a rollback would make the object forget it
    own = {"member_id": member_id, "task_id": task.id, "task_date": task.date}
    done = CheckIn(
        **own,
        kind="on_time" if today == task.date else "makeup",
        checked_in_at=at,
        checked_in_on=today,
        firsts=len(graded),
        rights=rights,
        receipt={"results": [days.result(question, graded[question.id][1]) for question in questions]},
    )
    db.add(done)
    db.add_all(Reading(**own, passage_id=passage, read_at=at) for passage in body.passages)
    db.add_all(
        Answer(**own, question_id=question, is_first=True, given=given, right=right, answered_at=at)
        for question, (given, right) in graded.items()
    )
    request_hash = hashlib.sha256(request.url.path.encode() + await request.body()).hexdigest()
    db.add(IdempotencyKey(member_id=member.id, key=idempotency_key, request_hash=request_hash, created_at=at))
    try:
        await db.flush()
    except IntegrityError:
        await db.rollback()
        first = await db.scalar(select(CheckIn).filter_by(member_id=member_id, task_id=task_id))
        return JSONResponse(days.receipt(first))
    await _move_summary(db, done, member)
    await db.commit()
    return JSONResponse(days.receipt(done), 201)


async def _enrolled(db: AsyncSession, member: Member, task: DailyTask) -> bool:
    in_plan = exists().where(
        PlanMember.plan_id == task.plan_id,
        PlanMember.member_id == member.id,
        PlanMember.starts_on <= task.date,
        or_(PlanMember.until.is_(None), PlanMember.until > task.date),
    )
    on_roster = member.joined_on <= task.date and (member.left_on is None or member.left_on > task.date)
    return on_roster and bool(await db.scalar(select(in_plan)))


async def _move_summary(db: AsyncSession, done: CheckIn, member: Member) -> None:
    standing = await db.scalar(
        select(Standing).where(
            Standing.member_id == member.id,
            Standing.starts_on <= done.task_date,
            or_(Standing.until.is_(None), Standing.until > done.task_date),
        )
    )
    away = exists().where(
        Leave.member_id == member.id, Leave.state == "granted", Leave.starts_on <= done.task_date, Leave.ends_on >= done.task_date
    )
    excused = 1 if await db.scalar(select(away)) else 0
    moved: dict[str, Any] = {
        "assigned": excused, "excused": -excused, "on_time": int(done.kind == "on_time"), "makeup": int(done.kind == "makeup"),
        "proxy": 0, "firsts": done.firsts, "rights": done.rights,
    }  # fmt: skip
    key = {"task_id": done.task_id, "unit_id": standing.unit_id or 0, "tier": standing.tier, "status": standing.status}
    await db.execute(
        insert(TaskFigure)
        .values(**key, **moved)
        .on_conflict_do_update(index_elements=list(key), set_={name: getattr(TaskFigure, name) + count for name, count in moved.items()})
    )
