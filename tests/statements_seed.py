"""Some ten thousand rows a table, by plain SQL: for looking at plans, not at figures. The roster is a city's, the study that of fifty
branches. Needs a server's own user: foreign keys are not looked at on the way in."""
# ruff: noqa: S608

from __future__ import annotations

from backend.kernel import clock

# What grows with every day, or is as large as the roster of a city.
GROWING = (
    "account", "answer", "answer_tally", "audit_entry", "check_in", "consent", "daily_task", "guess", "idempotency_key", "leave", "member",
    "period_figure", "plan_member", "reading", "reflection", "review", "session", "standing", "task_aspect", "task_fetch", "task_figure",
    "task_passage", "task_question",
)  # fmt: skip
BRANCHES, MEMBERS, DAYS = 300, 40, 200
ENOUGH = 1_000  # rows below which a table may well be read whole
NOW = clock.now()
TODAY = clock.today()

# Branch 1 is above all, 2 above the branches 4 to 6, 3 above the others; members of branch b are numbered from 40 b on. Every second day
# has a task. In the first fifty branches three members of ten have done all of them but today's.
SEED = f"""
SET session_replication_role = replica;
INSERT INTO aspect (id, title, short, guidance, prompt) SELECT n, '方面' || n, '方面' || n, '', '' FROM generate_series(1, 9) n;
INSERT INTO text (id, key, title, source_url) VALUES (1, 'report', '报告', '');
INSERT INTO section (id, text_id, key, number, title, guidance, aspects)
  SELECT n, 1, 's' || n, n, '单元', '', '[]' FROM generate_series(1, 16) n;
INSERT INTO passage (id, section_id, number, body) SELECT n, 1 + n % 16, n, '段落' FROM generate_series(1, 300) n;
INSERT INTO question (id, kind, stem, options, answer, explanation, source_text, source_section, locator, level, created_at)
  SELECT n, 'single', '题', '[{{"key": "A", "text": "甲"}}, {{"key": "B", "text": "乙"}}]', '["B"]', '', 'report', 's1', '', 1, now()
  FROM generate_series(1, 300) n;
INSERT INTO branch (id, parent_id, name, path, is_demo, created_at)
  SELECT n, p, '支部' || n, CASE n WHEN 1 THEN '/1/' WHEN 2 THEN '/1/2/' WHEN 3 THEN '/1/3/' ELSE '/1/' || p || '/' || n || '/' END,
    false, now()
  FROM (SELECT n, CASE WHEN n > 6 THEN 3 WHEN n > 3 THEN 2 WHEN n > 1 THEN 1 END AS p FROM generate_series(1, 3 + {BRANCHES}) n) x;
INSERT INTO unit (id, branch_id, name, position)
  SELECT 2 * b + n, b, '专委会' || n, n FROM generate_series(4, 3 + {BRANCHES}) b, generate_series(0, 1) n;
INSERT INTO member (id, branch_id, name, post, note, joined_on, created_at)
  SELECT {MEMBERS} * b + n, b, '会员', '', '', '2020-01-01', now()
  FROM generate_series(4, 3 + {BRANCHES}) b, generate_series(0, {MEMBERS - 1}) n;
INSERT INTO standing (member_id, unit_id, tier, status, starts_on, until)
  SELECT id, 2 * branch_id + id % 2, CASE id % 5 WHEN 0 THEN 'leader' ELSE 'peer' END, 'full', first, until FROM member,
    (VALUES (DATE '0001-01-01', DATE '2021-01-01'), ('2021-01-01', '2022-01-01'), ('2022-01-01', NULL)) s (first, until);
INSERT INTO consent (member_id, version, given_at) SELECT id, 'v1', now() FROM member;
INSERT INTO account (id, openid, member_id, created_at) SELECT id, 'o' || id, id, now() FROM member;
INSERT INTO session (token_hash, kind, account_id, member_id, device, created_at, seen_at, expires_at)
  SELECT md5(a.id || '-' || n), 'mini', a.id, a.member_id, '', now(), now(), now() + n * interval '40 days'
  FROM account a, generate_series(-1, 1) n;
INSERT INTO study_plan (id, branch_id, title, starts_on, ends_on, weekdays, aspects, units, tiers, statuses, questions_per_day, makeup_days,
  skip_holidays, count_workdays, warning, created_at)
  SELECT 2000 + b, b, '计划', DATE '{TODAY}' - {DAYS}, DATE '{TODAY}' + 20, '[1]', '[1]', '[]', '[]', '[]', 3, 60, false, false, '', now()
  FROM generate_series(4, 3 + {BRANCHES}) b;
INSERT INTO study_plan (branch_id, title, starts_on, ends_on, weekdays, aspects, units, tiers, statuses, questions_per_day, makeup_days,
  skip_holidays, count_workdays, warning, created_at)
  SELECT b, '从前的计划', DATE '{TODAY}' - 365 * n - 200, DATE '{TODAY}' - 365 * n - 30, '[1]', '[1]', '[]', '[]', '[]', 3, 7, false, false,
    '', now() FROM generate_series(4, 3 + {BRANCHES}) b, generate_series(1, 4) n;
INSERT INTO plan_member (plan_id, member_id, starts_on)
  SELECT p.id, m.id, p.starts_on FROM study_plan p JOIN member m ON m.branch_id = p.branch_id;
INSERT INTO daily_task (id, plan_id, branch_id, date, title, guidance, prompt, makeup_until, rolled_up)
  SELECT {DAYS} * b + n, 2000 + b, b, day, '学习', repeat('导读', 40), '', day + 60, day < DATE '{TODAY}'
  FROM generate_series(4, 3 + {BRANCHES}) b, generate_series(0, {DAYS // 2 + 10}) n,
    LATERAL (SELECT DATE '{TODAY}' - {DAYS} + 2 * n AS day) x;
INSERT INTO task_aspect (task_id, aspect_id) SELECT id, 1 + id % 9 FROM daily_task;
INSERT INTO task_aspect (task_id, aspect_id) SELECT id, 1 + (id + 4) % 9 FROM daily_task WHERE id % 3 = 0;
INSERT INTO task_passage (task_id, passage_id, position) SELECT id, 1 + id % 300, 0 FROM daily_task;
INSERT INTO task_question (task_id, question_id, position) SELECT id, 1 + id % 300, 0 FROM daily_task;
INSERT INTO task_figure (task_id, unit_id, tier, status, assigned, excused, on_time, makeup, proxy, firsts, rights)
  SELECT t.id, u.id, tier, 'full', 4, 0, 0, 0, 0, 0, 0
  FROM daily_task t JOIN unit u ON u.branch_id = t.branch_id, unnest(ARRAY['leader', 'peer']) tier;
INSERT INTO period_figure (branch_id, period, aspect_id, assigned, excused, on_time, makeup, proxy, firsts, rights)
  SELECT b.id, to_char(month, 'YYYY-MM'), n, 9, 0, 0, 0, 0, 0, 0 FROM branch b, generate_series(0, 9) n,
    generate_series(DATE '{TODAY}' - {DAYS}, DATE '{TODAY}', interval '1 month') month;
INSERT INTO leave (member_id, starts_on, ends_on, reason, note, state, created_at)
  SELECT id, DATE '{TODAY}' - 40, DATE '{TODAY}' - 38, 'work', '', 'granted', now() FROM member;
INSERT INTO check_in (member_id, task_id, task_date, kind, checked_in_at, checked_in_on, firsts, rights, receipt, request_id)
  SELECT m.id, t.id, t.date, 'on_time', t.date + time '04:00', t.date, 1, 0,
    jsonb_build_object('results', repeat(md5(t.id || '-' || m.id), 25)), ''
  FROM member m JOIN daily_task t ON t.branch_id = m.branch_id WHERE m.branch_id < 54 AND m.id % 10 < 3 AND t.date < DATE '{TODAY}';
INSERT INTO answer (member_id, question_id, task_id, task_date, is_first, given, "right", answered_at)
  SELECT c.member_id, 1 + c.task_id % 300, c.task_id, c.task_date, true, '["A"]', false, now() FROM check_in c;
INSERT INTO review (member_id, question_id, stability, difficulty, reviewed_on, due_on, given, "right", reviewed_at)
  SELECT DISTINCT ON (member_id, question_id) member_id, question_id, 3, 5, task_date, task_date + 3, '["A"]', true, now() FROM answer;
INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at)
  SELECT c.member_id, 1 + c.task_id % 300, c.task_id, c.task_date, now() FROM check_in c;
INSERT INTO reflection (member_id, task_id, task_date, body, state, written_at)
  SELECT c.member_id, c.task_id, c.task_date, '体会', 'pending', now() FROM check_in c WHERE c.member_id % 10 = 1;
INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights) SELECT m.id, t.id, t.date, 1, 0
  FROM member m JOIN daily_task t ON t.branch_id = m.branch_id WHERE t.date < DATE '{TODAY}' AND m.id % 20 = 5;
INSERT INTO task_fetch (session_id, task_id, fetched_on) SELECT s.id, t.id, t.date FROM session s JOIN member m ON m.id = s.member_id
  JOIN daily_task t ON t.branch_id = m.branch_id AND t.date = DATE '{TODAY}' - 2 WHERE s.id % 6 = 0;
INSERT INTO idempotency_key (member_id, key, request_hash, created_at)
  SELECT m.id, n, '', now() - n * interval '80 hours' FROM member m, generate_series(1, 3) n;
INSERT INTO guess (kind, subject, window_starts_at, count)
  SELECT 'code', md5(n || ''), now() - n * interval '9 seconds', 1 FROM generate_series(1, 10000) n;
INSERT INTO audit_entry (branch_id, at, action, subject, subject_id, fields_changed, request_id)
  SELECT 4 + n % {BRANCHES}, now(), 'member:change', 'member', n, '[]', '' FROM generate_series(1, 20000) n;
SET session_replication_role = DEFAULT;
"""
