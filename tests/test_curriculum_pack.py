"""The shipped content pack: form, texts, units and aspects. Questions and syllabus have files of their own.

The titles of the nine aspects are those of section 二 of the branch's plan of work for 2023; the sixteen units are the preface
and the fifteen parts of the report. Whether a locator stands in the report can only be seen against an official text.
"""

import datetime

import pytest
from jsonschema import Draft202012Validator
from pack_tools import ASPECTS, PACK, QUESTIONS, SCHEMA, TEXTS, UNITS, copy, faults, read

FILES = ["texts.yaml", *(f"aspect-{number}.yaml" for number in range(1, 10)), "syllabus.yaml"]
ASPECT_TITLES = {
    1: "党的二十大的主题",
    2: "过去5年的工作和新时代10年的伟大变革",
    3: "开辟马克思主义中国化时代化新境界",
    4: "新时代新征程中国共产党的使命任务",
    5: "中国式现代化的中国特色和本质要求",
    6: "社会主义经济建设、政治建设、文化建设、社会建设、生态文明建设等方面的重大部署",
    7: "教育科技人才、法治建设、国家安全等方面的重大部署",
    8: "国防和军队建设、港澳台工作、外交工作等方面的重大部署",
    9: "坚持党的全面领导和全面从严治党的重大部署",
}
# Which part serves which aspects by default; the closing of the report belongs to part 15.
UNIT_ASPECTS = {
    **{0: [1], 1: [2], 2: [3], 3: [4, 5], 4: [6], 5: [7], 6: [6], 7: [7]},
    **{8: [6], 9: [6], 10: [6], 11: [7], 12: [8], 13: [8], 14: [8], 15: [9]},
}
CHAPTERS = (
    "总纲 党员 党的组织制度 党的中央组织 党的地方组织 党的基层组织 党的干部 党的纪律 党的纪律检查机关 党组 "
    "党和共产主义青年团的关系 党徽党旗"
).split()
# Which articles stand in which chapter, as the guidance tells: 第一条至第九条.
LAST_ARTICLES = [9, 18, 24, 29, 34, 38, 44, 47, 50, 52, 55]
ADDRESSES = ("https://www.gov.cn/", "https://www.12371.cn/", "https://www.qstheory.cn/")


def definition_of(name):
    return name.split("-")[0].removesuffix(".yaml")


def test_the_schema_is_itself_sound():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_pack_lists_each_shipped_file_once():
    pack = read("pack.yaml")
    assert faults(pack, "pack") == []
    assert pack["files"] == FILES
    assert {path.name for path in PACK.glob("*.yaml")} == {"pack.yaml", *FILES}


@pytest.mark.parametrize("name", FILES)
def test_each_file_fits_the_schema(name):
    assert faults(read(name), definition_of(name)) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("single", {"answer": ["A", "B"]}),
        ("single", {"answer": ["E"]}),
        ("single", {"options": {"A": "甲", "B": "乙", "C": "丙"}}),
        ("multiple", {"answer": ["A"]}),
        ("true_false", {"answer": [True]}),
        ("true_false", {"answer": ["对"]}),
        ("true_false", {"options": {"A": "对", "B": "错", "C": "无", "D": "无"}}),
        ("blank", {"stem": "没有空格的题干。"}),
        ("blank", {"answer": []}),
        ("single", {"source": {"text": "report", "unit": "s1", "locator": "一二三四五六七八九十一二三四五六"}}),
        ("single", {"source": {"text": "constitution", "unit": "第一章", "locator": "第一条"}}),
        ("single", {"aspects": [10]}),
        ("single", {"level": 4}),
        ("single", {"hint": "多余的字段"}),
    ],
)
def test_the_schema_refuses_a_spoilt_question(kind, spoil):
    question = copy(next(question for question in QUESTIONS.values() if question["kind"] == kind))
    assert faults(question, "question") == []
    assert faults(question | spoil, "question") != []


@pytest.mark.parametrize("spoil", [{"source_url": "http://example.org"}, {"form": "scroll"}, {"units": []}, {"delivered_on": "2022年"}])
def test_the_schema_refuses_a_spoilt_text(spoil):
    assert faults(TEXTS["report"], "text") == []
    assert faults(copy(TEXTS["report"]) | spoil, "text") != []


def test_the_nine_aspects_bear_the_titles_of_the_plan():
    assert {aspect["id"]: aspect["title"] for aspect in ASPECTS} == ASPECT_TITLES
    assert len({aspect["short"] for aspect in ASPECTS}) == 9


def test_the_sixteen_units_stand_in_order_and_serve_all_nine_aspects():
    report = TEXTS["report"]
    assert [(unit["key"], unit["number"]) for unit in report["units"]] == [(f"s{number}", number) for number in range(16)]
    assert {unit["number"]: unit["aspects"] for unit in report["units"]} == UNIT_ASPECTS
    assert datetime.date.fromisoformat(report["delivered_on"]) == datetime.date(2022, 10, 16)


def test_the_constitution_has_a_general_programme_and_eleven_chapters_with_fifty_five_articles():
    units = TEXTS["constitution"]["units"]
    assert [(unit["key"], unit["number"], unit["title"]) for unit in units] == [(f"c{n}", n, title) for n, title in enumerate(CHAPTERS)]
    from backend.rules.textsplit_forms import numeral

    for unit, first, last in zip(units[1:], [1, *(last + 1 for last in LAST_ARTICLES)], LAST_ARTICLES, strict=False):
        assert f"第{numeral(first)}条" in unit["guidance"] and f"第{numeral(last)}条" in unit["guidance"], unit["key"]
    assert TEXTS["constitution"]["delivered_on"] == "2022-10-22"


def test_the_speech_is_one_unit_without_questions():
    assert [unit["key"] for unit in TEXTS["speech"]["units"]] == ["p1"]
    assert TEXTS["speech"]["delivered_on"] == "2022-10-23"
    assert [key for key, question in QUESTIONS.items() if question["source"]["text"] == "speech"] == []


def test_every_text_leads_to_an_official_address():
    addresses = [text["source_url"] for text in TEXTS.values()] + [unit["source_url"] for unit in UNITS.values() if "source_url" in unit]
    assert len(addresses) >= 3 and all(address.startswith(ADDRESSES) for address in addresses)


@pytest.mark.parametrize("of", ["aspects", "units"])
def test_every_guidance_names_its_key_terms_and_three_things_to_look_for(of):
    """What the part deals with, its key terms, three things: 80 to 160 characters (the schema holds the length)."""
    guidance = {aspect["id"]: aspect["guidance"] for aspect in ASPECTS} if of == "aspects" else {k: u["guidance"] for k, u in UNITS.items()}
    assert len(guidance) == (9 if of == "aspects" else 29) and len(set(guidance.values())) == len(guidance)
    for key, words in guidance.items():
        places = [words.find(word) for word in ("关键词语：", "阅读时留意三点：", "一是", "二是", "三是")]
        assert places == sorted(places) and places[0] > 0, key
        assert 80 <= len(words) <= 160, key
