"""Random histories of a small branch: Hypothesis draws them, the product's own functions live them, a plain dict remembers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from people import add_branch, add_content, ensure_aspects

from backend import audiences, checkins, figures, leaves, members, quizzes
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import transactional
from backend.kernel.errors import DakaError
from models.branches import Unit
from models.leaves import LeaveReason
from models.members import Member, Standing, Status, Tier
from models.plans import StudyPlan
from models.questions import Withdrawal
from models.tasks import DailyTask, TaskAspect, TaskPassage, TaskQuestion

DAYS = 10
PEOPLE = 4
QUESTIONS = 2  # of each task: a single choice (B) and a multiple choice (A, C)
_days, _people = st.integers(0, DAYS - 1), st.integers(0, PEOPLE - 1)
_standing = st.tuples(st.integers(0, 2), st.sampled_from(list(Tier)), st.sampled_from(list(Status)))
_rights = st.tuples(st.booleans(), st.booleans())

HISTORIES = st.fixed_dictionaries(
    {
        "is_split": st.booleans(),
        "aspects": st.lists(st.sets(st.integers(1, 4), min_size=1, max_size=3), min_size=DAYS, max_size=DAYS),
        "people": st.lists(st.tuples(st.integers(-2, 5), _standing), min_size=PEOPLE, max_size=PEOPLE),
        "events": st.lists(
            st.one_of(
                st.tuples(st.just("check_in"), _people, _days, st.integers(0, 7), _rights),
                st.tuples(st.just("check_in"), _people, _days, st.just(0), _rights),
                st.tuples(st.just("check_in"), _people, st.just(DAYS - 1), st.just(0), _rights),
                st.tuples(st.just("record"), _people, _days, st.integers(0, 3)),
                st.tuples(st.just("answer"), _people, _days, st.integers(0, QUESTIONS - 1), st.booleans()),
                st.tuples(st.just("transfer"), _people, _days, _standing),
                st.tuples(st.just("away"), _people, _days, st.integers(0, 4)),
                st.tuples(st.just("back"), _people),
                st.tuples(st.just("leave_branch"), _people, st.integers(4, DAYS - 1)),
                st.tuples(st.just("withdraw"), st.integers(0, QUESTIONS - 1)),
            ),
            min_size=12,
            max_size=24,
        ),
        # The last of all, after which nothing recounts the days: a delta that is wrong stays wrong.
        "studies": st.lists(
            st.one_of(
                st.tuples(st.just("study_on_leave"), _people, _rights),
                st.tuples(st.just("check_in"), _people, _days, st.integers(0, 2), _rights),
                st.tuples(st.just("record"), _people, _days, st.integers(0, 3)),
                st.tuples(st.just("answer"), _people, _days, st.integers(0, QUESTIONS - 1), st.booleans()),
            ),
            min_size=6,
            max_size=10,
        ),
    }
)


@dataclass
class History:
    """A branch of its own and what has happened in it; `world` is what tests/oracle.py reads."""

    today: date
    secretary: Actor
    units: list[int | None]
    people: list[int]
    tasks: list[int]
    passages: list[int]
    questions: list[int]
    world: dict[str, Any]
    granted: dict[int, list[tuple[int, tuple[date, date]]]] = field(default_factory=dict)

    def day(self, number: int) -> date:
        return self.today - timedelta(days=DAYS - 1 - number)

    async def live(self, event: tuple) -> None:
        """What the product refuses has not happened."""
        try:
            await getattr(self, f"_{event[0]}")(*event[1:])
        except DakaError as error:
            assert error.status in (404, 409, 422), error

    def _actor(self, person: int) -> Actor:
        secretary = self.secretary
        return Actor(session_id=1, member_id=self.people[person], branch_id=secretary.branch_id, branch_path=secretary.branch_path)

    def _given(self, number: int, right: bool) -> SimpleNamespace:
        return SimpleNamespace(question=self.questions[number], choice=[["A"], ["B"], ["A", "C"]][right * (1 + number)], text=None)

    async def _check_in(self, person: int, task: int, delay: int, rights: tuple[bool, ...]) -> None:
        arrived = min(self.day(task) + timedelta(days=delay), self.today)
        asked = {number: right for number, right in enumerate(rights) if self.questions[number] not in self.world["withdrawn"]}
        await checkins.check_in(
            self._actor(person),
            task_id=self.tasks[task],
            passages=self.passages,
            answers=[self._given(number, right) for number, right in asked.items()],
            at=clock.at(arrived, 0, 1),
        )
        pair = (self.people[person], self.tasks[task])
        if pair not in self.world["check_ins"]:
            self.world["check_ins"][pair] = (arrived, False)
            self._remember(pair, {self.questions[number]: right for number, right in asked.items()})

    async def _study_on_leave(self, person: int, rights: tuple[bool, ...]) -> None:
        if self.granted.get(person):
            first = self.granted[person][-1][1][0]
            await self._check_in(person, (first - self.day(0)).days, 0, rights)

    async def _record(self, person: int, task: int, delay: int) -> None:
        arrived = min(self.day(task) + timedelta(days=delay), self.today)
        chosen = {"task_id": self.tasks[task], "member_id": self.people[person]}
        await checkins.record(self.secretary, **chosen, studied_on=self.day(task), at=clock.at(arrived, 0, 1))
        self.world["check_ins"].setdefault((self.people[person], self.tasks[task]), (arrived, True))

    async def _answer(self, person: int, task: int, number: int, right: bool) -> None:
        answers = [self._given(number, right)]
        await quizzes.answer(self._actor(person), task_id=self.tasks[task], answers=answers, today=self.day(task))
        self._remember((self.people[person], self.tasks[task]), {self.questions[number]: right})

    def _remember(self, pair: tuple[int, int], answers: dict[int, bool]) -> None:
        firsts = self.world["firsts"].setdefault(pair, {})
        for question, right in answers.items():
            firsts.setdefault(question, right)

    async def _transfer(self, person: int, number: int, standing: tuple) -> None:
        unit, tier, status = self.units[standing[0]], standing[1], standing[2]
        changes = {"unit": unit, "tier": tier, "status": status}
        await members.change(self.secretary, member_id=self.people[person], changes=changes, effective_on=self.day(number))
        # A correction of the past holds for all the days after it too.
        member = self.world["members"][self.people[person]]
        member["standings"] = [row for row in member["standings"] if row[0] < self.day(number)] + [(self.day(number), unit, tier, status)]

    async def _away(self, person: int, number: int, length: int) -> None:
        period = (self.day(number), self.day(number) + timedelta(days=length))
        given = await leaves.give(
            self.secretary, member_id=self.people[person], starts_on=period[0], ends_on=period[1], reason=LeaveReason.TRAVEL
        )
        self.world["members"][self.people[person]]["leaves"].append(period)
        self.granted.setdefault(person, []).append((given["id"], period))

    async def _back(self, person: int) -> None:
        if self.granted.get(person):
            leave_id, period = self.granted[person][-1]
            await leaves.refuse(self.secretary, leave_id=leave_id)
            self.granted[person].pop()
            self.world["members"][self.people[person]]["leaves"].remove(period)

    async def _leave_branch(self, person: int, number: int) -> None:
        await members.change(self.secretary, member_id=self.people[person], changes={"left_on": self.day(number)})
        self.world["members"][self.people[person]]["left"] = self.day(number)

    async def _withdraw(self, number: int) -> None:
        await _write_withdrawal(self.questions[number], self.secretary.branch_id, self.tasks)
        self.world["withdrawn"].add(self.questions[number])


@transactional
async def _write_withdrawal(question: int, branch_id: int, tasks: list[int]) -> None:
    await Withdrawal.get_or_create(question_id=question, branch_id=branch_id, defaults={"created_at": clock.now()})
    await figures.retally(tasks)


@transactional
async def begin(drawn: dict[str, Any], *, today: date) -> History:
    """The branch as it stands before the first event: people, one plan for all or two plans for a unit each, and a task for each day."""
    await ensure_aspects()
    branch = await add_branch("历史支部")
    units = [(await Unit.create(branch=branch, name=name)).id for name in ("甲", "乙")]
    keeper = await Member.create(branch=branch, name="书记", joined_on=today + timedelta(days=1), created_at=clock.now())
    await Standing.create(member=keeper, starts_on=date.min)
    actor = Actor(session_id=1, member_id=keeper.id, branch_id=branch.id, branch_path=branch.path, roles=frozenset({"secretary"}))
    passages, questions = await add_content(branch, passages=1, questions=QUESTIONS)
    world = {"tasks": {}, "members": {}, "check_ins": {}, "firsts": {}, "withdrawn": set()}
    history = History(today, actor, [*units, None], [], [], passages, questions, world)
    for offset, (unit, tier, status) in drawn["people"]:
        member = await Member.create(branch=branch, name="人", joined_on=history.day(offset), created_at=clock.now())
        standing = (date.min, history.units[unit], tier, status)
        await Standing.create(member=member, starts_on=date.min, unit_id=standing[1], tier=tier, status=status)
        history.people.append(member.id)
        history.world["members"][member.id] = {"joined": member.joined_on, "left": None, "standings": [standing], "leaves": []}
    plans = []
    for chosen in [[units[0]], [units[1]]] if drawn["is_split"] else [[]]:
        plans.append(
            await StudyPlan.create(
                branch=branch,
                title=f"计划{chosen}",
                starts_on=history.day(0),
                ends_on=today,
                weekdays=[1, 2, 3, 4, 5, 6, 7],
                aspects=[1],
                units=chosen,
                created_at=clock.now(),
            )  # fmt: skip
        )
    for number, aspects in enumerate(drawn["aspects"]):
        # The second plan has a task on every other day only.
        for plan in plans if number % 2 else plans[:1]:
            task = await DailyTask.create(
                plan=plan, branch=branch, date=history.day(number), title="学习", makeup_until=history.day(number) + timedelta(days=7)
            )
            await TaskAspect.bulk_create([TaskAspect(task=task, aspect_id=aspect) for aspect in aspects])
            await TaskPassage.bulk_create([TaskPassage(task=task, passage_id=p, position=n) for n, p in enumerate(passages)])
            await TaskQuestion.bulk_create([TaskQuestion(task=task, question_id=q, position=n) for n, q in enumerate(questions)])
            history.world["tasks"][task.id] = {"date": task.date, "aspects": sorted(aspects), "units": plan.units}
            if plan is plans[number % len(plans)]:
                history.tasks.append(task.id)
    await audiences.refresh(branch.id, member_ids=None, first=history.day(0))
    await figures.recount(history.world["tasks"])
    return history
