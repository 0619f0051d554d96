"""The tables that a check-in touches, as Django maps them; made by the product's migrations, not by Django's."""

from __future__ import annotations

from django.db import models


class Table(models.Model):
    class Meta:
        abstract = True
        managed = False
        app_label = "peer"


class Member(Table):
    branch_id = models.BigIntegerField()
    joined_on = models.DateField()
    left_on = models.DateField(null=True)

    class Meta(Table.Meta):
        db_table = "member"


class SignIn(Table):
    token_hash = models.CharField(max_length=64)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        db_table = "session"


class Consent(Table):
    member = models.ForeignKey(Member, models.DO_NOTHING)
    version = models.CharField(max_length=20)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        db_table = "consent"


class Standing(Table):
    member = models.ForeignKey(Member, models.DO_NOTHING)
    unit_id = models.BigIntegerField(null=True)
    tier = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    starts_on = models.DateField()
    until = models.DateField(null=True)

    class Meta(Table.Meta):
        db_table = "standing"


class Leave(Table):
    member = models.ForeignKey(Member, models.DO_NOTHING)
    state = models.CharField(max_length=20)
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta(Table.Meta):
        db_table = "leave"


class Question(Table):
    kind = models.CharField(max_length=20)
    answer = models.JSONField()
    explanation = models.TextField()
    source_text = models.CharField(max_length=30)
    source_section = models.CharField(max_length=20)
    locator = models.CharField(max_length=15)

    class Meta(Table.Meta):
        db_table = "question"


class DailyTask(Table):
    plan_id = models.BigIntegerField()
    date = models.DateField()
    makeup_until = models.DateField()

    class Meta(Table.Meta):
        db_table = "daily_task"


class TaskPassage(Table):
    task = models.ForeignKey(DailyTask, models.DO_NOTHING)
    passage_id = models.BigIntegerField()

    class Meta(Table.Meta):
        db_table = "task_passage"


class TaskQuestion(Table):
    task = models.ForeignKey(DailyTask, models.DO_NOTHING)
    question = models.ForeignKey(Question, models.DO_NOTHING)

    class Meta(Table.Meta):
        db_table = "task_question"


class PlanMember(Table):
    plan_id = models.BigIntegerField()
    member = models.ForeignKey(Member, models.DO_NOTHING)
    starts_on = models.DateField()
    until = models.DateField(null=True)

    class Meta(Table.Meta):
        db_table = "plan_member"


class CheckIn(Table):
    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    task_id = models.BigIntegerField()
    task_date = models.DateField()
    kind = models.CharField(max_length=10)
    checked_in_at = models.DateTimeField()
    checked_in_on = models.DateField()
    firsts = models.IntegerField()
    rights = models.IntegerField()
    receipt = models.JSONField()
    request_id = models.CharField(max_length=64, default="")

    class Meta(Table.Meta):
        db_table = "check_in"


class Reading(Table):
    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    task_id = models.BigIntegerField()
    task_date = models.DateField()
    passage_id = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta(Table.Meta):
        db_table = "reading"


class Answer(Table):
    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    question_id = models.BigIntegerField()
    task_id = models.BigIntegerField()
    task_date = models.DateField()
    is_first = models.BooleanField()
    given = models.JSONField()
    right = models.BooleanField()
    answered_at = models.DateTimeField()

    class Meta(Table.Meta):
        db_table = "answer"


class IdempotencyKey(Table):
    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(Member, models.DO_NOTHING)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta(Table.Meta):
        db_table = "idempotency_key"


class TaskFigure(Table):
    task_id = models.BigIntegerField()
    unit_id = models.BigIntegerField()
    tier = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    assigned = models.IntegerField()
    excused = models.IntegerField()
    on_time = models.IntegerField()
    makeup = models.IntegerField()
    firsts = models.IntegerField()
    rights = models.IntegerField()

    class Meta(Table.Meta):
        db_table = "task_figure"
