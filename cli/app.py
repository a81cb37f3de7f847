"""The command line: which commands there are. Each stands in a module of its own."""

from __future__ import annotations

import inspect

import typer

from cli.audit import audit
from cli.bench import bench
from cli.cache import cache
from cli.doctor import doctor
from cli.down import down
from cli.drill import drill
from cli.drills import drills
from cli.exam import exam
from cli.heal import heal
from cli.history import history
from cli.inventory import inventory
from cli.labs import labs
from cli.listing import list_labs
from cli.new import new
from cli.open import open_lab
from cli.plain_pulumi import env, pulumi
from cli.schedule import schedule
from cli.schema import schema
from cli.show import show
from cli.snapshot import reset, restore, snapshot, snapshots
from cli.soak import soak
from cli.ssh import ssh, ssh_config
from cli.status import status
from cli.testing import test
from cli.transfer import export, import_lab
from cli.up import up
from cli.update import update
from cli.what_if import what_if

app = typer.Typer(
    name="halab",
    help="A real high-availability cluster in one command, broken on purpose to prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app.command()(up)
app.command()(labs)
app.command()(show)
app.command()(new)
app.command()(schema)
app.command("list")(list_labs)
app.command()(status)
app.command("what-if")(what_if)
app.command(context_settings=PASSED_ON)(ssh)
app.command("ssh-config")(ssh_config)
app.command()(inventory)
app.command("open")(open_lab)
app.command()(snapshot)
app.command()(snapshots)
app.command()(restore)
app.command()(reset)
app.command()(drill)
app.command()(drills)
app.command()(soak)
app.command()(exam)
app.command()(history)
app.command()(schedule)
app.command()(heal)
app.command()(update)
app.command()(export)
app.command("import")(import_lab)
app.command()(down)
app.command()(cache)
app.command()(audit)
app.command()(doctor)
app.command(context_settings=PASSED_ON)(pulumi)
app.command()(env)
app.command()(test)
app.command()(bench)

for registered in app.registered_commands:
    # typer breaks the lines of all paragraphs but the first where they end in the source.
    paragraphs = (inspect.getdoc(registered.callback) or "").split("\n\n")
    registered.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
