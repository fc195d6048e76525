"""The typer application and the edge where every expected error becomes a message and an exit code."""

from __future__ import annotations

import copy
import errno
import os
import sys

import typer

from wavelift.cli import (
    apply,
    churn,
    demo,
    destroy,
    doctor,
    drift,
    engine,
    explain,
    explain_error,
    explain_value,
    export,
    fmt,
    forecast,
    graph,
    hold,
    init,
    inventory,
    lab,
    plan,
    release,
    replication,
    report,
    resume,
    rollback,
    schema,
    show,
    simulate,
    state,
    status,
    support_bundle,
    test,
    validate,
    verify,
)
from wavelift.cli.console import hush
from wavelift.cli.overlay import Overlaid
from wavelift.problems import ERROR, INTERRUPTED, UserProblem

app = typer.Typer(
    name="wavelift",
    cls=Overlaid,
    help="Move fleets of VMware machines to Azure from files in git: plan, apply, watch.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("explain")(explain.explain)
app.command("explain-error")(explain_error.explain_error)
app.command("schema")(schema.schema)
app.command("fmt")(fmt.fmt)
app.command("explain-value")(explain_value.explain_value)
app.command("plan")(plan.plan)
app.command("show")(show.show)
app.command("apply")(apply.apply)
app.command("destroy")(destroy.destroy)
app.command("status")(status.status)
app.command("support-bundle")(support_bundle.support_bundle)
app.command("hold")(hold.hold)
app.command("resume")(resume.resume)
app.command("release")(release.release)
app.command("rollback")(rollback.rollback)
app.command("verify")(verify.verify)
app.command("churn")(churn.churn)
app.command("drift")(drift.drift)
app.command("forecast")(forecast.forecast)
app.command("graph")(graph.graph)
app.command("simulate")(simulate.simulate)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(engine.app, name="engine")
app.add_typer(inventory.app, name="inventory")
app.add_typer(export.exports, name="export")
app.add_typer(export.imports, name="import")
app.add_typer(report.app, name="report")
app.add_typer(lab.app, name="lab")
app.add_typer(test.app, name="test")
app.add_typer(state.app, name="state")
app.add_typer(replication.app, name="replication")


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        from importlib.metadata import version as of

        typer.echo(f"wavelift {of('wavelift')}")
        raise typer.Exit


def invoke(arguments: list[str]) -> int:
    """Run a command line; its exit code. WAVELIFT_TRACE=1 shows tracebacks of unexpected errors."""
    try:
        try:
            code = _narrowed(arguments)(args=arguments, standalone_mode=False)
        finally:
            hush()
        if code == INTERRUPTED:  # typer turns Ctrl-C into this number
            return _interrupted()
        return code if isinstance(code, int) else 0
    except typer.TyperException as problem:
        return _misused(problem)
    except UserProblem as problem:
        sys.stderr.write(problem.text.rstrip() + "\n")
        return problem.code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 - the outermost edge: a bug is reported as one, with where to look
        return _unexpected(error)


def _narrowed(arguments: list[str]) -> typer.Typer:
    """The application with the one command that is called. typer works out the parameters of every command there is, which
    takes as long as a short command itself; whatever is not plainly the name of one is left to the whole."""
    word = arguments[0] if arguments else ""
    commands = [c for c in app.registered_commands if c.name == word]
    groups = [g for g in app.registered_groups if g.name == word]
    if not commands and not groups:
        return app
    one = copy.copy(app)
    one.registered_commands, one.registered_groups = commands, groups
    return one


def _interrupted() -> int:
    sys.stderr.write("Interrupted. Nothing is lost: run the same command again to go on.\n")
    return INTERRUPTED


def _misused(problem: typer.TyperException) -> int:
    """A command line that means nothing. typer's own errors show themselves, with the usage of their command."""
    show = getattr(problem, "show", None)
    if callable(show):
        show()
    else:
        sys.stderr.write(f"Error: {problem.format_message()}\n")
    return ERROR


_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE)
_LEAVE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG, errno.ELOOP)


def _refused(error: OSError) -> int:
    """What the machine refuses (no room, a read-only disk, no permission) is no bug of ours, wherever it is met."""
    if error.errno not in (*_ROOM, *_LEAVE):
        return _unexpected(error)
    what = str(error.filename) if error.filename else "the output"
    sys.stderr.write(f"Error: {what}: {error.strerror}. Put that right and run the same command again: it goes on.\n")
    return ERROR


def _unexpected(error: Exception) -> int:
    from replication.model.errors import PortError

    if isinstance(error, PortError):
        sys.stderr.write(f"Error: {error}\n")
        return ERROR
    from pathlib import Path

    from wavelift.bundle.redaction import Redactor
    from wavelift.bundle.secretvalues import values

    hide = Redactor(values(None, (), Path())).text
    if os.environ.get("WAVELIFT_TRACE"):
        import traceback

        sys.stderr.write(hide("".join(traceback.format_exception(error))))
        return ERROR
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{where.tb_lineno}" if where else "?"
    sys.stderr.write(
        f"Error: a bug in wavelift ({type(error).__name__} at {place}: {hide(str(error))}).\n"
        "Nothing is half-recorded: the journal has every step. Run again with WAVELIFT_TRACE=1 and report it.\n"
    )
    return ERROR
