"""The tables that a check-in touches, as SQLAlchemy maps them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger, datetime: DateTime(timezone=True), date: Date, dict[str, Any]: JSONB, list[Any]: JSONB}


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int]
    joined_on: Mapped[date]
    left_on: Mapped[date | None]


class SignIn(Base):
    __tablename__ = "session"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    member: Mapped[Member] = relationship()


class Consent(Base):
    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    version: Mapped[str]
    withdrawn_at: Mapped[datetime | None]


class Standing(Base):
    __tablename__ = "standing"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    unit_id: Mapped[int | None]
    tier: Mapped[str]
    status: Mapped[str]
    starts_on: Mapped[date]
    until: Mapped[date | None]


class Leave(Base):
    __tablename__ = "leave"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    state: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]


class PlanMember(Base):
    __tablename__ = "plan_member"
    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int]
    member_id: Mapped[int]
    starts_on: Mapped[date]
    until: Mapped[date | None]


class Question(Base):
    __tablename__ = "question"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    answer: Mapped[list[Any]]
    explanation: Mapped[str]
    source_text: Mapped[str]
    source_section: Mapped[str]
    locator: Mapped[str]


class TaskPassage(Base):
    __tablename__ = "task_passage"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("daily_task.id"))
    passage_id: Mapped[int]


class TaskQuestion(Base):
    __tablename__ = "task_question"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("daily_task.id"))
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"))
    question: Mapped[Question] = relationship()


class DailyTask(Base):
    __tablename__ = "daily_task"
    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int]
    date: Mapped[date]
    makeup_until: Mapped[date]
    passages: Mapped[list[TaskPassage]] = relationship()
    questions: Mapped[list[TaskQuestion]] = relationship()


class CheckIn(Base):
    __tablename__ = "check_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    task_id: Mapped[int]
    task_date: Mapped[date]
    kind: Mapped[str]
    checked_in_at: Mapped[datetime]
    checked_in_on: Mapped[date]
    firsts: Mapped[int]
    rights: Mapped[int]
    receipt: Mapped[dict[str, Any]]
    request_id: Mapped[str] = mapped_column(default="")


class Reading(Base):
    __tablename__ = "reading"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    task_id: Mapped[int]
    task_date: Mapped[date]
    passage_id: Mapped[int]
    read_at: Mapped[datetime]


class Answer(Base):
    __tablename__ = "answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    question_id: Mapped[int]
    task_id: Mapped[int]
    task_date: Mapped[date]
    is_first: Mapped[bool]
    given: Mapped[list[Any]]
    right: Mapped[bool]
    answered_at: Mapped[datetime]


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    key: Mapped[str]
    request_hash: Mapped[str]
    created_at: Mapped[datetime]


class TaskFigure(Base):
    __tablename__ = "task_figure"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int]
    unit_id: Mapped[int]
    tier: Mapped[str]
    status: Mapped[str]
    assigned: Mapped[int]
    excused: Mapped[int]
    on_time: Mapped[int]
    makeup: Mapped[int]
    proxy: Mapped[int]
    firsts: Mapped[int]
    rights: Mapped[int]
