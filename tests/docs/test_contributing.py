"""What CONTRIBUTING.md says of the package is so."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, page, section

PACKAGE = ROOT / "simaccess"


def test_the_table_names_every_package_and_nothing_that_is_not_there() -> None:
    rows = re.findall(
        r"^\| (`.*?) \|", section(page("CONTRIBUTING.md"), "Where things stand"), re.MULTILINE
    )
    named = {name for row in rows for name in re.findall(r"`(\w+/?)`", row)}
    for name in named - {"models/"}:
        place = PACKAGE / name if name.endswith("/") else PACKAGE / f"{name}.py"
        assert place.exists(), name
    assert {f"{each.parent.name}/" for each in PACKAGE.glob("*/__init__.py")} <= named
