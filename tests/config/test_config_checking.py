"""Problems in plain data, told by place, key path, rule, value and remedy."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from e3dnas.config import At, check, read_document, shown
from e3dnas.errors import E3DNASError, nearest


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    width: int = Field(ge=1, le=9)
    kind: Literal["thin", "thick"] = "thin"
    ratio: float | None = None

    @model_validator(mode="after")
    def _thick_is_wide(self):
        if self.kind == "thick" and self.width < 3:
            raise At(("width",), f"thick items are 3 wide or more, not {self.width}")
        return self


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = ""
    items: list[Item] = Field(default_factory=list, max_length=7)
    pair: Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = (1,)
    by_name: dict[str, Item] = Field(default_factory=dict)
    maybe: Item | None = None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nme": "x"}, "nme: unknown key 'nme'; did you mean 'name'? Known: by_name, items, maybe, name, pair"),
        ({"zzz": 1}, "zzz: unknown key 'zzz'. Known: by_name, items, maybe, name, pair"),
        ({"items": [{"width": 1}, {"widht": 2}]}, "items[1].width: missing; write width: ..."),
        ({"items": [{"width": 1, "knd": 2}]}, "items[0].knd: unknown key 'knd'; did you mean 'kind'? Known: kind, rat"),
        ({"by_name": {"a": {"width": 1, "knd": 2}}}, "by_name.a.knd: unknown key 'knd'; did you mean 'kind'? Known: k"),
        ({"maybe": {"width": 1, "knd": 2}}, "maybe.knd: unknown key 'knd'; did you mean 'kind'? Known: kind, rati"),
        ({"items": [{"width": 0}]}, "items[0].width: must be greater than or equal to 1, not 0"),
        ({"items": [{"width": True}]}, "items[0].width: must be a valid integer, not True"),
        ({"items": [{"width": "3"}]}, "items[0].width: must be a valid integer, not '3'"),
        ({"items": [{"width": 3.0}]}, "items[0].width: must be a valid integer, not 3.0"),
        ({"items": [{"width": 10**5000}]}, "items[0].width: must be less than or equal to 9, not a number too long"),
        ({"items": [{"width": 1, "kind": "thik"}]}, "kind: must be one of thin, thick, not 'thik'; did you mean 'thi"),
        ({"items": [{"width": 1, "ratio": float("inf")}]}, "items[0].ratio: must be a finite number, not inf"),
        ({"items": [{"width": 1, "kind": "thick"}]}, "items[0].width: thick items are 3 wide or more, not 1"),
        ({"items": [5]}, "items[0]: must be a mapping of keys to values, not 5"),
        ({"items": [{"width": 1}] * 8}, "items: must have at most 7 of them, not 8"),
        ({"pair": []}, "pair: must have at least 1 of them, not 0"),
        ({"pair": {"a": 1}}, "pair: must be a list, not {'a': 1}"),
        ({"name": "x" * 99, "pair": "x" * 99}, "pair: must be a list, not '" + "x" * 56 + "..."),
        ({"by_name": 5}, "by_name: must be a mapping of keys to values, not 5"),
        ({1: 2}, "[1]: Keys should be strings, not 1"),
    ],
)  # fmt: skip
def test_problems(data, message):
    with pytest.raises(E3DNASError) as caught:
        check(Whole, data)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    with pytest.raises(E3DNASError) as caught:
        check(Whole, data, name="thing")
    assert str(caught.value).startswith("thing: ")


def test_a_list_of_wrong_items_is_not_called_empty():
    with pytest.raises(E3DNASError) as caught:
        check(Whole, {"pair": ["x"]})
    assert str(caught.value) == "pair[0]: must be a valid integer, not 'x'"


def test_five_problems_at_most():
    with pytest.raises(E3DNASError) as caught:
        check(Whole, {"items": [{"width": 0}] * 7})
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert lines[-1] == "... and 2 more problems"


def test_places_in_a_file(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("name: a\nitems:\n  - width: 1\n    ratio: x\n  - {kind: thin}\n")
    with pytest.raises(E3DNASError) as caught:
        check(Whole, read_document(path))
    assert str(caught.value).splitlines() == [
        f"{path}:4: items[0].ratio: must be a valid number, not 'x'",
        f"{path}:5: items[1].width: missing; write width: ...",
    ]


def test_good_data_passes():
    assert check(Whole, {"items": [{"width": 3, "kind": "thick"}]}).items[0].width == 3


def test_shown_is_short():
    assert shown("a") == "'a'"
    assert len(shown(list(range(1000)))) == 60
    assert shown([10**5000]) == "a number too long to write"


@pytest.mark.parametrize(
    ("name", "expected"), [("stntr", "; did you mean 'stentr'?"), ("qqq", ""), ("", ""), ("STENTR", "")]
)
def test_nearest(name, expected):
    assert nearest(name, ["stentr", "flops"]) == expected
