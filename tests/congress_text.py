"""An invented text in the shape of the report: the official headings (titles), between them filler that says what it is."""

HEADINGS = (
    "过去五年的工作和新时代十年的伟大变革",
    "开辟马克思主义中国化时代化新境界",
    "新时代新征程中国共产党的使命任务",
    "加快构建新发展格局，着力推动高质量发展",
    "实施科教兴国战略，强化现代化建设人才支撑",
    "发展全过程人民民主，保障人民当家作主",
    "坚持全面依法治国，推进法治中国建设",
    "推进文化自信自强，铸就社会主义文化新辉煌",
    "增进民生福祉，提高人民生活品质",
    "推动绿色发展，促进人与自然和谐共生",
    "推进国家安全体系和能力现代化，坚决维护国家安全和社会稳定",
    "实现建军一百年奋斗目标，开创国防和军队现代化新局面",
    "坚持和完善“一国两制”，推进祖国统一",
    "促进世界和平与发展，推动构建人类命运共同体",
    "坚定不移全面从严治党，深入推进新时代党的建设新的伟大工程",
)
NUMERALS = "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五".split()
TITLE = "某次会议上的报告"
SALUTATION = "同志们："
SOURCE = "（来源：测试用文本）"
FILLER = "本段是为测试而写的填充文字，不含任何正文内容，只用来检查段落的次序与归属；"


def filler(section: int, number: int) -> str:
    """A paragraph of 100 to 300 characters that ends in a full stop."""
    return f"第{section}部分第{number}段，用于测试。{FILLER * (2 + (section + number) % 5)}本段至此结束。"


# {section number: its passages}, 0 the preface.
PASSAGES = {0: ["现在，我代表测试组作报告。", filler(0, 2), filler(0, 3)]} | {
    section: [filler(section, number) for number in range(1, 4 + section % 3)] for section in range(1, 16)
}
NUMBERED = [f"{numeral}、{heading}" for numeral, heading in zip(NUMERALS, HEADINGS, strict=True)]


def lines() -> list[str]:
    """The whole text, a line a paragraph."""
    body = [line for section, heading in enumerate(NUMBERED, start=1) for line in (heading, *PASSAGES[section])]
    return [TITLE, SALUTATION, *PASSAGES[0], *body, SOURCE]


def page(body: str, *, charset: str = "utf-8") -> str:
    """A saved page of some site: `body` among menus, scripts, share buttons, a table of contents, related links, comments and a footer."""
    menu = "".join(f"<li><a href='/{n}'>栏目{n}</a></li>" for n in range(9))
    contents = "".join(f"<li><a href='#s{n}'>{heading}</a></li>" for n, heading in enumerate(NUMBERED))
    repeated = "".join(f"<p>{heading}</p>" for heading in NUMBERED)
    return f"""<!DOCTYPE html><html><head><meta charset="{charset}"><title>报告全文_某网</title><style>p{{color:red}}</style>
<script>var first = "一、过去五年的工作和新时代十年的伟大变革";</script></head><body>
<div class="bar"><a href="/">首页</a> | <a href="/in">登录</a></div>
<header><ul>{menu}</ul></header><div class="menu"><ul>{menu}</ul></div>
<div class="contents"><h3>目录</h3><ul>{contents}</ul>{repeated}</div>
<div class="main"><h1>{TITLE}</h1><div>2022-10-25 来源：某社 字号：<span>大</span> <span>中</span> <span>小</span></div>
<div class="share">分享到：<a href="#">微信</a><button>打印</button></div>
<div style="display: none">看不见的一段文字，以句号结尾。</div>
<div class="text">{body}</div><p>【责任编辑：某某】</p><p>[纠错]</p><div><a>上一篇：某篇文章的标题</a><a>下一篇：另一篇</a></div>
<h3>相关链接</h3><ul><li><a>某地召开会议，研究部署下一步的工作安排，并作了总结，会议取得了圆满的成功。</a></li></ul>
<div class="comments"><h3>网友评论</h3>
<p>这是一条很长的评论，用来测试评论是否会被当作正文的一段，评论的最后也有句号。</p><textarea>说点什么</textarea></div></div>
<div class="side"><h3>热点</h3><p>热点新闻的一段很长的简介文字，用来测试侧栏的文字是否会被当作正文的一段，这里也有句号。</p></div>
<footer>版权所有 某网</footer><div>联系我们 | 网站地图</div><script src="a.js"></script></body></html>"""
