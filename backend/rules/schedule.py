"""Laying out a study plan: which aspect, which passages and which questions each day asks, so that all are covered evenly."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

MAX_QUESTIONS = 5  # questions of one day: five minutes a day are enough


@dataclass(frozen=True, slots=True)
class QuestionRef:
    """A question and what it is about; without a passage it belongs to a section, without both to the aspect alone."""

    id: int
    passage_id: int | None
    section_id: int | None


@dataclass(frozen=True, slots=True)
class LaidDay:
    """What one day asks: ids of aspects, passages in reading order, questions in the order they are asked."""

    date: date
    aspects: tuple[int, ...]
    passages: tuple[int, ...]
    questions: tuple[int, ...]


class AspectWithoutPassages(ValueError):
    """An aspect of the plan has nothing to read; `aspect` is its id."""

    def __init__(self, aspect: int):
        super().__init__(f"方面 {aspect} 还没有可以学习的段落。")
        self.aspect = aspect


def lay_out(
    days: list[date],
    aspects: list[int],
    passages: dict[int, list[int]],
    questions: dict[int, list[QuestionRef]],
    sections: dict[int, int],
    questions_per_day: int,
) -> list[LaidDay]:
    """One LaidDay for each distinct day, in order of date; the same input always gives the same plan.

    `aspects` in the order of the plan; `passages` (aspect to passage ids, in reading order) and `questions` by aspect; `sections`
    passage to section. Aspects come in turn, one a day; with fewer days than aspects, neighbours share a day. An aspect's
    passages are split over its days, or, when they are fewer than its days, gone through again and again. A day's questions
    are those asked least so far, among them first those about its passages, then about its sections, then the aspect's others;
    at most `questions_per_day`, and never more than 5.

    Raises AspectWithoutPassages, and ValueError when there is no aspect, one is named twice, or `questions_per_day` < 0."""
    if not aspects or len(set(aspects)) != len(aspects):
        raise ValueError("a plan needs at least one aspect, and each of them once")
    if questions_per_day < 0:
        raise ValueError("questions_per_day cannot be negative")
    for aspect in aspects:
        if not passages.get(aspect):
            raise AspectWithoutPassages(aspect)
    dates = sorted(set(days))
    aspects_by_day = _turns(len(dates), aspects)
    day_counts = Counter(aspect for group in aspects_by_day for aspect in group)
    portions = {aspect: iter(_portions(passages[aspect], day_counts[aspect])) for aspect in aspects}
    asked: Counter[int] = Counter()
    laid = []
    for day, group in zip(dates, aspects_by_day, strict=True):
        read = tuple(dict.fromkeys(passage for aspect in group for passage in next(portions[aspect])))
        pool = [question for aspect in group for question in questions.get(aspect, [])]
        chosen = choose(pool, read, sections, asked, min(questions_per_day, MAX_QUESTIONS))
        asked.update(chosen)
        laid.append(LaidDay(day, group, read, chosen))
    return laid


def portions(lengths: Sequence[int], days: int) -> list[list[int]]:
    """The places of passages of these lengths over so many days, in order, in runs of about the same length; each day has one at least.

    With fewer passages than days a day has the one in which the middle of its share lies, so that a long one comes again."""
    total, count = sum(lengths), len(lengths)
    reached = [0]
    for length in lengths:
        reached.append(reached[-1] + length)
    if count < days:
        middles = [total * (2 * day + 1) / (2 * days) for day in range(days)]
        return [[next(place for place in range(count) if middle <= reached[place + 1])] for middle in middles]
    ends = [0]
    for day in range(1, days):
        open_to = range(ends[-1] + 1, count - (days - day) + 1)
        ends.append(min(open_to, key=lambda end, wanted=total * day / days: abs(reached[end] - wanted)))
    return [list(range(first, end)) for first, end in zip(ends, [*ends[1:], count], strict=True)]


def _turns(days: int, aspects: list[int]) -> list[tuple[int, ...]]:
    if days >= len(aspects):
        return [(aspects[i % len(aspects)],) for i in range(days)]
    return [tuple(chunk) for chunk in _split(aspects, days)]


def _portions(passages: list[int], days: int) -> list[list[int]]:
    distinct = list(dict.fromkeys(passages))
    if len(distinct) < days:
        return [[distinct[i % len(distinct)]] for i in range(days)]
    return _split(distinct, days)


def _split(items: list[int], parts: int) -> list[list[int]]:
    """Contiguous parts whose sizes differ by at most one."""
    return [items[len(items) * i // parts : len(items) * (i + 1) // parts] for i in range(parts)]


def choose(
    pool: Iterable[QuestionRef], read: tuple[int, ...], sections: dict[int, int], asked: Counter[int], count: int
) -> tuple[int, ...]:
    """At most `count` of the pool: those asked least, and among them first those about the passages read, then about their sections."""
    day_sections = {sections[passage] for passage in read if passage in sections}

    def distance(question: QuestionRef) -> int:
        if question.passage_id in read:
            return 0
        section = sections.get(question.passage_id) if question.section_id is None else question.section_id
        return 1 if section in day_sections else 2

    # sorted() is stable, so equals keep the order in which the caller gave them. Least asked comes before nearness:
    # no question is asked a second time while the aspect has one that was never asked.
    distinct: dict[int, QuestionRef] = {}
    for question in pool:
        distinct.setdefault(question.id, question)
    ordered = sorted(distinct.values(), key=lambda question: (asked[question.id], distance(question)))
    return tuple(question.id for question in ordered[:count])
