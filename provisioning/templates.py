"""The one Jinja2 environment; a name that a template does not get is an error."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

_environment = Environment(
    loader=PackageLoader("provisioning", "templates"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, /, **values: object) -> str:
    """Return the text of a template from provisioning/templates."""
    return _environment.get_template(template).render(**values)
