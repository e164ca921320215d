"""Pages: nothing from elsewhere, text escaped, missing names told, files not overwritten."""

import re
from html.parser import HTMLParser

import jinja2
import pytest

from e3dnas.errors import E3DNASError
from e3dnas.report.pages import render_page, write_page

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Balanced(HTMLParser):
    """Fails on tags that do not close; what would be fetched is collected."""

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.seen = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parse(page):
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_the_base_is_whole_and_fetches_nothing():
    page = render_page("base.html.j2")
    assert page.startswith("<!doctype html>")
    parser = parse(page)
    assert parser.fetched == ["data:,"]
    assert not re.search(r"url\(|@import|https?://", page)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "prefers-color-scheme: dark" in page


def test_a_missing_name_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'warning' is undefined"):
        render_page("compare.html.j2", networks=[{"label": "a"}], measures=[], caption="")


def macro(name, *args, **kwargs):
    from e3dnas.report.pages import _environment

    return str(getattr(_environment().get_template("macros.html.j2").module, name)(*args, **kwargs))


def test_macros():
    table = macro("table", ["a <b>", "n"], [["<i>", 1], ["x", "&"]], label='"q"')
    parse(table)
    assert '<th scope="row">&lt;i&gt;</th><td>1</td>' in table
    assert "a &lt;b&gt;" in table
    assert 'aria-label="&#34;q&#34;"' in table
    assert '<td class="text">w</td>' in macro("table", ["a", "b"], [["x", "w"]], text=[1])
    assert macro("facts", {"k": "<v>"}).count("<dt>k</dt><dd>&lt;v&gt;</dd>") == 1
    assert macro("facts", [("k", 1), ("k", 2)]).count("<dt>k</dt>") == 2
    figure = macro("figure", "<svg></svg>", "what <it> is", {"columns": ["a"], "rows": [["1"]]})
    assert parse(figure).seen[:3] == ["figure", "div", "svg"]
    assert "what &lt;it&gt; is" in figure
    assert "<details>" in figure
    assert "<details>" not in macro("figure", "<svg></svg>", "caption")


def test_files(tmp_path):
    path = tmp_path / "page.html"
    write_page(path, "one é")
    assert path.read_text(encoding="utf-8") == "one é"
    with pytest.raises(E3DNASError, match=r"--html .*page.html: is there already; name a new file"):
        write_page(path, "two")
    assert path.read_text(encoding="utf-8") == "one é"
    write_page(path, "three", overwrite=True)
    assert path.read_text(encoding="utf-8") == "three"
    with pytest.raises(E3DNASError, match=r"--out .*none/page.html: cannot be written: No such file"):
        write_page(tmp_path / "none/page.html", "", option="--out")
