"""Which commands there are, and where: so `--help` imports none of what they run with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipeline.cli import log_options, server_options
from pipeline.cli.on_use import FRAMES, import_on_use
from pipeline.diagnostics import printable, without_login

_PYDANTIC = "Value error, "


class Command(NamedTuple):
    """The module of `pipeline.cli` that has a command, and what --help says of it."""

    module: str
    summary: str


COMMANDS = {
    "validate": Command("check", "Check pipeline files and their FlowMetrics."),
    "graph": Command("graph", "Print the plan as it will run."),
    "convert": Command("check", "Print a pipeline file in the native form."),
    "schema": Command("check", "Print the JSON Schema of native pipeline files."),
    "operator-config": Command("operator_config", "Print the pipeline of a FlowCollector."),
    "charts": Command(
        "operator_outputs", "Write the charts of FlowMetrics as dashboards of Grafana."
    ),
    "health-rules": Command("operator_outputs", "Print the health rules of a FlowCollector."),
    "inventory": Command("cluster", "Write what a cluster has to a file."),
    "who": Command("cluster", "Explain an address: object, owner, labels, subnet label."),
    "dead-letters": Command("dead_letters", "Print the dead letters of a topic as JSON lines."),
    "run": Command("run", "Run a pipeline and serve its metrics."),
    "flp": Command("flp", "Run a pipeline by the command line of flowlogs-pipeline."),
    "matrix": Command("matrix", "Print the flow matrix: who opens connections to whom."),
    "matrix approve": Command("drift", "Print the present edges as a file to approve."),
    "matrix diff": Command("drift", "Compare the present edges with an approved file."),
    "page": Command("page", "Serve the page: the flow matrix in a browser."),
    "flows": Command("flows", "Print single flows, of Parquet files and recordings."),
    "discover": Command("discover", "Propose subnet labels for peers that have none."),
    "policy": Command("policy", "Judge network policies by the connections that were seen."),
    "simulate": Command("simulate", "Write a recording, or feed a topic, with known truth."),
    "top": Command("top", "Show the progress of running workers."),
}

_WITHOUT_FRAMES = "check"
"""The module of commands that need no frame of flows, or few of them."""


class Commands(TyperGroup):
    """The commands of the application, each with its module imported when it is asked for."""

    def list_commands(self, ctx: object) -> list[str]:
        """All names, in the order of --help."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:
        """A command by its name; for an unknown one all are imported, to find what is like it."""
        if cmd_name not in self.commands:
            asked = [COMMANDS[cmd_name]] if cmd_name in COMMANDS else COMMANDS.values()
            for module in dict.fromkeys(command.module for command in asked):
                self._enrol(module)
        command = self.commands.get(cmd_name)
        for one in _single([command] if command else []):
            _equip(one)
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments begin with; the name of some has two words."""
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in COMMANDS else args)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the options before the name of a command."""
        with _readable():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _readable():
            return super().invoke(ctx)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What a shell offers: names of one word, as it completes words."""
        found = super().shell_complete(ctx, incomplete)
        return [item for item in found if " " not in item.value]

    def format_commands(self, ctx: object, formatter: Any) -> None:
        """The list of --help, from what stands here."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def _enrol(self, module: str) -> None:
        if module == _WITHOUT_FRAMES:
            import_on_use(FRAMES)
        app = importlib.import_module(f"{__package__}.{module}").app
        group = typer.main.get_command(app)
        if isinstance(group, TyperGroup):
            fresh = {n: c for n, c in group.commands.items() if n not in self.commands}
            self.commands.update(fresh)


@contextmanager
def _readable() -> Iterator[None]:
    """Of an error about arguments nothing moves the cursor, and pydantic's prefix is left out."""
    try:
        yield
    except TyperException as error:
        if error.message:
            lines = error.message.removeprefix(_PYDANTIC).split("\n")
            error.message = without_login("\n".join(map(printable, lines)))
        raise


def _equip(command: Any) -> None:
    """Give a command the options that all have, and those of all with --server."""
    options = log_options.parameters()
    if any("--server" in one.opts for one in command.params):
        options = [*server_options.parameters(), *options]
    own = {one.name for one in command.params}
    command.params += [one for one in options if one.name not in own]
    for one in command.params:
        if one.type_descriptor.envvar_list_splitter and "process_value" not in vars(one):
            one.process_value = _named(one, one.process_value)


def _named(parameter: Any, process: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What reads a parameter of files: an empty name would be the current folder."""

    def read(context: Any, value: Any) -> Any:
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise typer.BadParameter("the name of a file is empty", ctx=context, param=parameter)
        return process(context, value)

    return read


def _single(commands: Iterable[Any]) -> Iterator[Any]:
    """The commands, those of groups included; options belong to a command, not to its group."""
    for command in commands:
        if isinstance(command, TyperGroup):
            yield from _single(command.commands.values())
        else:
            yield command
