"""Are the links of the Markdown pages whole? ``python tools/check_links.py [--external]``.

Files and anchors of links within the checkout are looked up; exit status 1 names those that lead nowhere. Links to
other sites are not fetched: ``--external`` lists them with their pages, for whoever looks at them.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/**/*.md", "bundles/*/docs/*.md")

_FENCE = re.compile(r"^(```+|~~~+).*?^\1", re.M | re.S)
_INLINE = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_DEFINED = re.compile(r"^\[([^\]]+)\]:\s*(\S+)", re.M)
_REFERRED = re.compile(r"\[[^\[\]]+\]\[([^\]]+)\]")
_TAG = re.compile(r"<(?:img|a)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def main() -> int:
    """Look up the links, or list those to other sites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--external", action="store_true", help="list links to other sites")
    wants_external = parser.parse_args().external
    pages = find_pages(ROOT)
    if wants_external:
        for link, names in sorted(external_links(pages).items()):
            print(f"{link}  {', '.join(sorted(names))}")
        return 0
    broken = [line for page in pages for line in broken_links(page)]
    print("\n".join(broken) or f"{len(pages)} pages, every link within them leads somewhere")
    return 1 if broken else 0


def find_pages(root: Path) -> list[Path]:
    """The Markdown pages of a checkout."""
    return sorted({page for pattern in PAGES for page in root.glob(pattern)})


def links_of(text: str) -> Iterator[str]:
    """Targets of the links of a page, code left out."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    for pattern in (_INLINE, _TAG):
        yield from pattern.findall(text)
    defined = {name.lower(): target for name, target in _DEFINED.findall(text)}
    yield from defined.values()
    yield from (f"[{name}]" for name in _REFERRED.findall(text) if name.lower() not in defined)


def anchors_of(text: str) -> set[str]:
    """Anchors of a page's headings, as GitHub and MyST make them."""
    anchors: set[str] = set()
    counts: Counter[str] = Counter()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchors.add(slug if not counts[slug] else f"{slug}-{counts[slug]}")
        counts[slug] += 1
    return anchors


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """What of a page's links leads nowhere, a line each."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(root)
    broken = []
    for link in links_of(text):
        if _EXTERNAL.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if link.startswith("[") or not target.exists() or not target.is_relative_to(root):
            broken.append(f"{name}: {link} is not there")
        elif anchor and target.suffix == ".md" and anchor not in anchors_of(target.read_text(encoding="utf-8")):
            broken.append(f"{name}: {path or name} has no heading #{anchor}")
    return broken


def external_links(pages: list[Path]) -> dict[str, set[str]]:
    """Links to other sites, with the pages that have them."""
    found: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        for link in links_of(page.read_text(encoding="utf-8")):
            if _EXTERNAL.match(link):
                found[link].add(str(page.relative_to(ROOT)))
    return dict(found)


if __name__ == "__main__":
    raise SystemExit(main())
