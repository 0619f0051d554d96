"""What some people of the demo ask of the secretary, so that the pages where it is answered are not empty."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from backend.demo_history import Student
from backend.kernel import clock
from models.corrections import Correction, CorrectionSubject
from models.feedback import Feedback
from models.leaves import Leave, LeaveReason, LeaveState


async def ask(students: list[Student], *, today: date) -> None:
    """A leave, two corrections and a suggestion that wait for an answer."""
    away, on_site, moved, reader = (students[index].member_id for index in (7, 15, 20, 25))
    first = today + timedelta(days=4)
    await Leave.create(
        member_id=away, starts_on=first, ends_on=first + timedelta(days=5), reason=LeaveReason.TRAVEL, note="外地项目验收",
        state=LeaveState.ASKED, created_at=_before(today, 1),
    )  # fmt: skip
    lesson = today - timedelta(days=6)
    for member_id, subject, text, ago in (
        (moved, CorrectionSubject.ROSTER, "已调到铸造专业委员会，名册里还是原来的专委会。", 9),
        (on_site, CorrectionSubject.RECORD, f"{lesson.month}月{lesson.day}日在支部会上集中学习过，记录里显示未学。", 3),
    ):
        await Correction.create(member_id=member_id, subject=subject, text=text, created_at=_before(today, ago))
    await Feedback.create(member_id=reader, text="朗读的速度能不能再慢一些？", created_at=_before(today, 2))


def _before(today: date, days: int) -> datetime:
    return clock.at(today - timedelta(days=days), 9)
