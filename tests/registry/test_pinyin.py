import pytest

from vidgate.registry.pinyin import MOST_FORMS, pinyin_keys


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("城关镇", "cgz chengguanzhen"),
        ("单县", "dx cx sx danxian"),
        ("3号楼A座", "3hlaz 3haolouazuo"),
        ("Gate 7", "gate7"),
        ("（）", ""),
        ("", ""),
    ],
)
def test_keys_hold_initials_and_the_whole(name: str, keys: str) -> None:
    assert pinyin_keys([name]) == {name: keys}


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("重庆路口", "cqlk"),
        ("重庆路口", "zqlk"),
        ("重庆路口", "chongqing"),
        ("长沙银行", "csyh"),
        ("长沙银行", "zsyh"),
        ("朝阳路", "zyl"),
        ("朝阳路", "cyl"),
    ],
)
def test_either_reading_finds_it(name: str, typed: str) -> None:
    assert any(key.startswith(typed) for key in pinyin_keys([name])[name].split())


def test_the_forms_are_bounded() -> None:
    keys = pinyin_keys(["重长行乐单曾朝藏都厦盛调" * 8])
    assert len(next(iter(keys.values())).split()) <= MOST_FORMS + 1
