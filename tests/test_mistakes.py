"""What pydantic finds wrong is told in Chinese first, and repeats no input unless asked."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Any, Literal, get_args

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticKnownError
from pydantic_core.core_schema import ErrorType

from vidgate import mistakes
from vidgate.mistakes import explain


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ids: list[str] = Field(["a"], min_length=1, max_length=2)
    colour: Colour = Colour.RED
    form: Literal["csv", "xlsx"] = "csv"
    port: int = Field(1, ge=1, le=65535)
    share: float = Field(0.5, gt=0, lt=1)
    net: IPv4Network = IPv4Network("10.0.0.0/8")
    name: str = Field("abc", min_length=2, max_length=4, pattern="^[a-z]+$")
    known: dict[str, int] = {}
    on: bool = True
    word: str = ""

    @field_validator("word")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "no":
            raise ValueError("不行 / no")
        return value


def told(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Document(**fields)
    return explain(caught.value)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ids": ["a"] * 3}, "ids: 最多 2 项，请分批 / at most 2 items; send them in parts"),
        ({"ids": []}, "ids: 至少 1 项 / at least 1 items"),
        ({"ids": "a"}, "ids: 应为列表 / must be a list"),
        ({"ids": [3]}, "ids.0: 应为文字 / must be a text"),
        ({"colour": "x"}, "colour: 应为 'red', 'blue' 之一 / must be one of 'red', 'blue'"),
        ({"form": "x"}, "form: 应为 'csv', 'xlsx' 之一 / must be one of 'csv', 'xlsx'"),
        ({"port": 0}, "port: 不能小于 1 / must be 1 or more"),
        ({"port": "x"}, "port: 应为整数 / must be a whole number"),
        ({"share": 1}, "share: 应小于 1.0 / must be less than 1.0"),
        ({"net": "x"}, "net: 应为 IP 地址或网段 / must be an IP address or network"),
        ({"name": "abcde"}, "name: 最多 4 个字符 / at most 4 characters"),
        ({"name": "A1"}, "name: 格式应为 ^[a-z]+$ / must look like ^[a-z]+$"),
        ({"known": 3}, "known: 应为对象 / must be an object"),
        ({"on": "x"}, "on: 应为 true 或 false / must be true or false"),
        ({"word": "no"}, "word: 不行 / no"),
        ({"other": 1}, "other: 没有此字段 / there is no such field"),
    ],
)
def test_each_mistake_is_a_sentence_in_both_languages(
    fields: dict[str, Any], sentence: str
) -> None:
    assert told(**fields) == sentence


def test_what_was_sent_is_repeated_only_where_it_is_asked_for() -> None:
    with pytest.raises(ValidationError) as caught:
        Document(port="CANARY", name="CANARY-LONG")
    assert "CANARY" not in explain(caught.value)
    assert "现为 given: 'CANARY'" in explain(caught.value, shows_input=True)


def test_many_mistakes_are_counted() -> None:
    sentence = told(known={str(number): "x" for number in range(30)})
    assert sentence.count("应为整数") == 20
    assert sentence.endswith("另有 10 处 / 10 more")


@pytest.mark.parametrize("text", ["{", "nothing"])
def test_what_is_no_json_is_said(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Document.model_validate_json(text)
    assert explain(caught.value).startswith("不是 JSON：")


def test_every_text_fits_what_pydantic_says() -> None:
    assert set(mistakes._TEXTS) <= set(get_args(ErrorType))


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_every_type_of_error_is_chinese_first(kind: ErrorType) -> None:
    try:
        PydanticKnownError(kind)
    except (TypeError, KeyError):
        return  # it has a context, and a sentence above or the general one
    chinese, _ = mistakes._texts(kind, "English", {})
    assert any("一" <= letter <= "鿿" for letter in chinese)
