"""What hostile texts look like: for a database, a browser, a spreadsheet."""

from __future__ import annotations

SQL = (
    "'", '"', "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE member; --", "1; SELECT pg_sleep(4)--", "' OR pg_sleep(4) IS NULL--",
    "'||pg_sleep(4)||'", "1) OR pg_sleep(4) IS NULL--", "' UNION SELECT token_hash FROM session--", "\\'; --", "%' OR '%'='",
    "' AND 1=randomblob(900000000)--", "' OR (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT COUNT(*) FROM r)--",
    '" OR ""="', "$$; SELECT 1; $$", "$1", "?1", "%s", "%(x)s", "{0}", "{only}", "/**/OR/**/1=1", "x'; UPDATE member SET name='x'; --",
    "0x27204f5220313d31", "' COLLATE nothing", "name) VALUES ('x'); --", "1 OR id IN (SELECT id FROM member)", "ＯＲ １＝１", "´ OR ´1´=´1",
)  # fmt: skip

SCRIPTS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "</title><script>alert(1)</script>",
    "javascript:alert(1)", "{{7*7}}{% for x in y %}", "${7*7}", "' onmouseover='alert(1)", "<iframe srcdoc='<script>alert(1)</script>'>",
    "</script><script>alert(1)</script>", "<a href=javascript:alert(1)>x</a>", "&lt;script&gt;alert(1)", "<!--<script>alert(1)//",
    "]]><script>alert(1)</script>", "<math><mi xlink:href=data:x,alert(1)>", "\u202e<b>alert", "{{constructor.constructor('alert(1)')()}}",
)  # fmt: skip

# What a spreadsheet may take for a formula when it stands first.
STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\0")

FORMULAS = (
    "\t=2+2", "\r=3+3", "\0=4+4", "\n=5+5", "=1+1", "+1+1", "-1+1", "@SUM(1)", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x/","点")',
    "=IMPORTXML(1)", "=DDE(1)", "'=1+1", "=1+1;", "%0A=1+1", "=@A1", "+cmd|'/C calc'!A1", "-2+3+cmd|'/C calc'!A1", "@A1", "=SUM(A1:A9)",
    "=WEBSERVICE(1)", "{=1+1}", "http://127.0.0.1/x", "mailto:x@y", "internal:A1", "external:x", "=", "+", "@", "=\u200b1",
    "−1+1", "=\"a\"",
)  # fmt: skip
