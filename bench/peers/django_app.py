"""A check-in as Django and the REST framework are usually put together: an APIView, a serializer, one atomic block."""

from __future__ import annotations

import hashlib
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import path

from bench.peers import days

settings.configure(
    SECRET_KEY="0" * 50,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None, **days.database_parts()}},
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
)
django.setup()

from rest_framework import authentication, exceptions, permissions, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from bench.peers.django_models import (  # noqa: E402
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
    TaskPassage,
    TaskQuestion,
)  # fmt: skip


class BySession(authentication.BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[Member, SignIn]:
        hashed = days.token_hash(request.headers.get("Authorization", ""))
        found = SignIn.objects.select_related("member").filter(token_hash=hashed, ended_at=None, expires_at__gt=days.now()).first()
        if found is None:
            raise exceptions.AuthenticationFailed()
        return found.member, found


class HasConsented(permissions.BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:
        return Consent.objects.filter(member=request.user, version=days.CONSENT, withdrawn_at=None).exists()


class GivenAnswer(serializers.Serializer):
    question = serializers.IntegerField()
    choice = serializers.ListField(child=serializers.CharField(), required=False)
    text = serializers.CharField(required=False)


class WholeDay(serializers.Serializer):
    passages = serializers.ListField(child=serializers.IntegerField())
    answers = GivenAnswer(many=True)


class Conflict(exceptions.APIException):
    status_code = 409


class Given:
    """One validated answer, by attribute."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.choice, self.text = answer.get("choice"), answer.get("text")


def within(day: Any) -> Q:
    return Q(starts_on__lte=day) & (Q(until=None) | Q(until__gt=day))


class CheckInView(APIView):
    authentication_classes = [BySession]
    permission_classes = [HasConsented]

    def post(self, request: Any, task_id: int) -> Response:
        sent = WholeDay(data=request.data)
        sent.is_valid(raise_exception=True)
        member, at = request.user, days.now()
        today = days.shanghai_day(at)
        task = DailyTask.objects.filter(id=task_id).first()
        if task is None or not self._is_enrolled(member, task):
            raise exceptions.NotFound()
        if not task.date <= today <= task.makeup_until:
            raise Conflict("closed")
        answers = {answer["question"]: Given(answer) for answer in sent.validated_data["answers"]}
        passages = list(TaskPassage.objects.filter(task=task).values_list("passage_id", flat=True))
        questions = [row.question for row in TaskQuestion.objects.filter(task=task).select_related("question")]
        if days.missing(passages, sent.validated_data["passages"], [q.id for q in questions], list(answers)):
            raise Conflict("incomplete")
        graded = {question.id: days.graded(answers[question.id], question) for question in questions}
        request_hash = hashlib.sha256(request.path.encode() + request.stream.body).hexdigest()
        own = {"member": member, "task_id": task.id, "task_date": task.date}
        done = CheckIn(
            **own,
            kind="on_time" if today == task.date else "makeup",
            checked_in_at=at,
            checked_in_on=today,
            firsts=len(graded),
            rights=sum(right for _, right in graded.values()),
            receipt={"results": [days.result(question, graded[question.id][1]) for question in questions]},
        )
        try:
            with transaction.atomic():
                done.save(force_insert=True)
                Reading.objects.bulk_create(Reading(**own, passage_id=passage, read_at=at) for passage in passages)
                Answer.objects.bulk_create(
                    Answer(**own, question_id=question, is_first=True, given=given, right=right, answered_at=at)
                    for question, (given, right) in graded.items()
                )
                key = request.headers["Idempotency-Key"]
                IdempotencyKey.objects.create(member=member, key=key, request_hash=request_hash, created_at=at)
                self._move_summary(done, member)
        except IntegrityError:
            return Response(days.receipt(CheckIn.objects.get(member=member, task_id=task_id)))
        return Response(days.receipt(done), status=201)

    def _is_enrolled(self, member: Member, task: DailyTask) -> bool:
        on_roster = member.joined_on <= task.date and (member.left_on is None or member.left_on > task.date)
        return on_roster and PlanMember.objects.filter(within(task.date), plan_id=task.plan_id, member=member).exists()

    def _move_summary(self, done: CheckIn, member: Member) -> None:
        # The first day of the first standing is -infinity in the database, which psycopg cannot read.
        standing = Standing.objects.defer("starts_on").get(within(done.task_date), member=member)
        day = {"starts_on__lte": done.task_date, "ends_on__gte": done.task_date}
        excused = int(Leave.objects.filter(member=member, state="granted", **day).exists())
        moved = {done.kind: 1, "assigned": excused, "excused": -excused, "firsts": done.firsts, "rights": done.rights}
        # Every summary row is there since the plan was made: a plain update will do.
        TaskFigure.objects.filter(task_id=done.task_id, unit_id=standing.unit_id or 0, tier=standing.tier, status=standing.status).update(
            **{name: F(name) + count for name, count in moved.items()}
        )


urlpatterns = [path("api/v1/tasks/<int:task_id>/check-in", CheckInView.as_view())]
application = get_wsgi_application()
