"""Pulumi runs the program from its own folder, where a module could hide a package of its name."""

from __future__ import annotations

from core.folders import PROJECT


def test_no_module_of_the_program_hides_a_package() -> None:
    modules = {path.stem for path in (PROJECT / "infra").glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
    assert "machines" in packages
    assert modules & packages == set()
