"""An invented text under the fifteen official headings, with neutral filler paragraphs, in the forms that people bring."""

from __future__ import annotations

import html
import io
from pathlib import Path

import docx
import yaml

PACK = Path(__file__).parent.parent / "curriculum"
UNITS = yaml.safe_load((PACK / "texts.yaml").read_text("utf-8"))["texts"][0]["units"]
HEADINGS = [unit["title"] for unit in UNITS if unit["number"] > 0]
NUMERALS = "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五".split()
PER_SECTION = 3


def filler(section: int, number: int) -> str:
    """A paragraph of its own; lengths differ as in a real text, where equal ones are lines that a fixed width has broken."""
    more = "这里再多写几句，使各段长短不一。" * ((section * 7 + number * 3) % 9)
    return f"这是第{section}部分的第{number}段，只用于测试导入，内容与原文无关，长度足够被认作一个自然段落。{more}"


def lines(*, per_section: int = PER_SECTION) -> list[str]:
    """Title, salutation, preface, fifteen numbered headings with paragraphs, a line naming the source."""
    found = ["某某在大会上的报告", "同志们：", *(filler(0, n) for n in range(1, per_section + 1))]
    for number, heading in enumerate(HEADINGS, start=1):
        found.append(f"{NUMERALS[number - 1]}、{heading}")
        found += [filler(number, n) for n in range(1, per_section + 1)]
    return [*found, "（来源：测试）"]


def as_txt(text: list[str]) -> bytes:
    return "\n".join(text).encode()


def as_docx(text: list[str]) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    for line in text:
        document.add_paragraph(line)
    document.save(out)
    return out.getvalue()


def as_page(text: list[str]) -> bytes:
    """A saved web page in GB18030, full of menus, scripts, a table of contents, share buttons, related links and a footer."""
    menu = "".join(f"<li><a href='/{n}'>{word}</a></li>" for n, word in enumerate(("首页", "时政新闻", "党建专栏", "视频直播")))
    contents = "".join(f"<li><a href='#{n}'>{html.escape(heading)}</a></li>" for n, heading in enumerate(HEADINGS))
    body = "".join(f"<p>　　{f'<strong>{html.escape(line)}</strong>' if line[1:2] == '、' else html.escape(line)}</p>" for line in text[1:])
    page = f"""<!DOCTYPE html><html><head><meta charset="gb2312"><title>{text[0]}</title><style>p {{ margin: 0 }}</style>
    <script>var menu = "{HEADINGS[0]}，热门新闻每天更新。";</script></head><body><div class="top"><ul>{menu}</ul></div>
    <div id="toc"><h3>目录</h3><ul>{contents}</ul></div><div class="wrap"><h1>{text[0]}</h1><div class="share">分享到 微信 微博</div>
    <div class="article">{body}<p>责任编辑：某某</p><div class="tools"><a>打印本页</a> <a>关闭窗口</a></div></div></div>
    <div class="related"><h3>相关阅读</h3><ul><li><a>某地召开学习会议，多位代表参加并作了发言。</a></li></ul></div>
    <div class="comments">网友评论：这篇文章写得很好，值得反复阅读和学习。</div><footer>版权所有 某某网站</footer></body></html>"""
    return page.encode("gb18030")
