"""The command line's own sentences in Chinese: argparse has them in English."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any, NoReturn

# What argparse says, whole, and the same in Chinese.
SENTENCES = (
    (r"the following arguments are required: (.+)", r"缺少参数：\1"),
    (r"one of the arguments (.+) is required", r"以下参数应选一个：\1"),
    (r"unrecognized arguments: (.+)", r"不认识的参数：\1"),
    (r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)", r"\1 没有 \2 这一项，可选：\3"),
    (r"argument (.+?): invalid int value: (.+)", r"\1 应为整数，不是 \2"),
    (r"argument (.+?): invalid \w+ value: (.+)", r"\1 的值有误：\2"),
    (r"argument (.+?): not allowed with argument (.+)", r"\1 不能与 \2 同时使用"),
    (r"argument (.+?): expected one argument", r"\1 后面应有一个值"),
    (r"argument (.+?): expected at (?:least|most) one argument", r"\1 后面的值过多或过少"),
    (r"argument (.+?): expected \d+ arguments?", r"\1 后面的值过多或过少"),
    (r"argument (.+?): ignored explicit argument (.+)", r"\1 后面不应有值 \2"),
    (r"ambiguous option: (.+) could match (.+)", r"\1 不明确，可能是：\2"),
    (r"argument (.+?): (.+)", r"\1：\2"),
)


def sentence(message: str) -> str:
    """argparse's `message` in Chinese; one that is not known is kept behind a Chinese beginning."""
    for english, chinese in SENTENCES:
        if found := re.fullmatch(english, message, re.DOTALL):
            return found.expand(chinese)
    return f"命令有误：{message}"


class Formatter(argparse.HelpFormatter):
    def add_usage(self, usage: str | None, actions: Iterable[Any], groups: Iterable[Any], prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, "用法：" if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that speaks Chinese; so do the parsers of its commands, which argparse makes of the same class."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **settings, "add_help": False})
        self._positionals.title, self._optionals.title = "参数", "选项"
        self.add_argument("-h", "--help", action="help", help="显示此说明")

    def error(self, message: str) -> NoReturn:
        """Ends with 2 after the usage and one sentence."""
        self.exit(2, f"{self.format_usage()}{sentence(message)}\n")
