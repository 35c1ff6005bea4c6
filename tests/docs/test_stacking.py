"""What docs/stacking.md shows is what happens."""

import pytest

from tests.docs.pages import page, run, shown

PAGE = page("docs/stacking.md")


def test_a_stack_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run(shown(PAGE, "run", "python"))
    assert capsys.readouterr().out == shown(PAGE, "printed", "text")
