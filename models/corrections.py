"""Corrections (更正申请): what a member finds wrong in the own record (个人信息保护法 46)."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields

from models.answering import Answerable
from models.members import Member


class CorrectionSubject(StrEnum):
    ROSTER = "roster"
    RECORD = "record"
    CONTENT = "content"
    OTHER = "other"


class Correction(Answerable):
    """`subject`: the roster row, the study record, a text or question, or something else. `done`: null until answered, then yes or no."""

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="corrections", on_delete=fields.RESTRICT
    )
    member_id: int
    subject = fields.CharEnumField(CorrectionSubject, max_length=10)
    done = fields.BooleanField(null=True)

    class Meta:
        table = "correction"
        indexes = (("member_id", "id"),)
