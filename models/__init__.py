"""Tortoise tables: fields, constraints, enums, one-line properties. Every instant is aware UTC; every `date` a Shanghai day."""

MODULES = (
    "models.branches",
    "models.members",
    "models.auth",
    "models.consents",
    "models.leaves",
    "models.texts",
    "models.questions",
    "models.calendar",
    "models.syllabuses",
    "models.plans",
    "models.tasks",
    "models.readings",
    "models.quizzes",
    "models.reviews",
    "models.checkins",
    "models.reflections",
    "models.figures",
    "models.audit",
    "models.push",
    "models.feedback",
)
