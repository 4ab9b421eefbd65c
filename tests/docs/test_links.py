"""Links within the pages lead somewhere; links to other sites are safe ones and can be listed."""

import pytest

from tools.check_links import ROOT, anchors_of, broken_links, external_links, find_pages, links_of

PAGES = find_pages(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_heading_that_the_page_links_to_is_there(page):
    assert broken_links(page) == []


def test_links_to_other_sites_are_encrypted_or_mail():
    assert not [link for link in external_links(PAGES) if not link.startswith(("https://", "mailto:"))]


def test_missing_files_headings_and_references_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# One `two`, three!\n\n## Same\n\n## Same\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#one-two-three) [b](other.md#same-1) ![c](none.png) [d](other.md#no) [e][f] [g](#here)\n"
        "`[h](code.md)` [i](../outside.md)\n```\n[j](fenced.md)\n# here\n```\n"
    )
    assert broken_links(page, tmp_path) == [
        "page.md: none.png is not there",
        "page.md: other.md has no heading #no",
        "page.md: page.md has no heading #here",
        "page.md: ../outside.md is not there",
        "page.md: [f] is not there",
    ]


def test_links_of_references_and_pictures_are_seen():
    assert list(links_of('[![a](b.png)](c.md) <img src="d.png">\n[e][f]\n\n[f]: https://g.h\n')) == [
        "b.png", "c.md", "d.png", "https://g.h",
    ]  # fmt: skip
    assert anchors_of("# A\n## B, c: `d`\n") == {"a", "b-c-d"}
