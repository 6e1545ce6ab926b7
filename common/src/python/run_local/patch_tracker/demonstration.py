"""The patch tracker on the local cloud: `run-local.sh patch-tracker`.

By default, local stand-ins take the place of both servers. The packaged functions, or the same
code in this process, store what the servers return in the local cloud's DynamoDB.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.packaging import packaged
from artefacts.repository import CODE_FOLDER, SETTINGS_FILE, architecture, repository_root
from command_line.stages import StageDisplay
from lambda_core.contracts import Contract
from lambda_core.errors import UsageError
from local_cloud.clients import REGION, clients_of
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from patch_tracker.contracts import FetchDiscussionsRequest, FetchPatchesRequest
from patch_tracker.mail.mbox import MailboxError, mails_of_bytes
from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.service import Tracker, TrackerSettings
from run_local.deployer import Deployer
from run_local.dynamodb_tables import (
    TableDefinition,
    create_tables,
    let_items_expire,
    read_definitions,
)
from run_local.invocation import invoke, response_of
from run_local.patch_tracker.lore_server import LoreServer
from run_local.patch_tracker.patchwork_server import PatchworkServer
from run_local.patch_tracker.sample_mails import PROJECT, STATES, bundled_mails, message_id

PIPELINE: Final = "patch_tracker"

TABLES: Final = {"patches": "local-patches", "discussions": "local-discussions"}
"""Names of the tables in the local cloud."""

TABLES_FILE: Final = Path("terraform/stacks/patch_tracker/tables.json")

FETCHES: Final = {"fetch_patches": "Patchwork", "fetch_discussions": "the archive"}
"""The functions of a first run, in their order, and what they read."""

REAL_PATCHWORK: Final = "https://patchwork.kernel.org/"
REAL_LORE: Final = "https://lore.kernel.org/"


@dataclass(frozen=True)
class Options:
    """What is read, and how.

    Attributes
    ----------
    mbox
        File with mails for the stand-ins; None for the sample mails of the project.
    patchwork_url, lore_url
        Real servers; None for the stand-ins. If only one is given, the other is the kernel's.
    project, mail_list
        Names of the project and of the list; None for those of the sample mails.
    contact
        URL or address of a person who is responsible for the requests.
    days
        Mails of this many days are read.
    in_process
        Whether the functions' code runs in this process instead of from its packages.
    """

    mbox: Path | None = None
    patchwork_url: str | None = None
    lore_url: str | None = None
    project: str | None = None
    mail_list: str | None = None
    contact: str | None = None
    days: int = 30
    in_process: bool = False


@dataclass(frozen=True)
class Demonstration:
    """A tracker with data.

    Attributes
    ----------
    responses
        Responses of the functions that stored the data, by their names.
    source
        Description of where the data is from.
    live
        Whether the data is from real servers, so that links to them work.
    """

    tracker: Tracker
    responses: Mapping[str, dict[str, Any]]
    source: str
    live: bool = False


@contextmanager
def demonstration(options: Options, display: StageDisplay) -> Iterator[Demonstration]:
    """Fill a tracker and keep it for a block.

    Raises
    ------
    ConfigurationError
        If an option is wrong.
    ApplicationError
        If the functions cannot be packaged or run, or one of them failed.
    """
    with ExitStack() as stack:
        read = sources(options, stack)
        environment = dict(read.environment)
        functions: dict[str, FunctionSettings] = {}
        artefacts = None
        if options.in_process:
            cloud = stack.enter_context(moto_server())
        else:
            root = repository_root()
            pipeline = read_settings(root / SETTINGS_FILE)[PIPELINE]
            functions = {name: pipeline[name] for name in FETCHES}
            python = lambda_runtime_python()
            with display.stage("Packaging the functions"):
                artefacts = packaged(root, architecture(), functions)
            cloud = stack.enter_context(
                moto_server(functions=FunctionOptions(python, root / CODE_FOLDER))
            )
        clients = clients_of(cloud)
        definitions = table_definitions()
        create_tables(clients("dynamodb"), definitions, TABLES)
        let_items_expire(clients("dynamodb"), definitions, TABLES)
        environment |= {
            "PATCHES_TABLE": TABLES["patches"],
            "DISCUSSIONS_TABLE": TABLES["discussions"],
        }
        os.environ |= {
            "AWS_ENDPOINT_URL": cloud,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
        }
        tracker = Tracker(TrackerSettings.from_environment(environment))
        run = _in_process(tracker)
        if artefacts is not None:
            deployer = Deployer(clients, artefacts)
            with display.stage("Deploying the functions"):
                for name, settings in functions.items():
                    deployer.function(name, settings, environment)
            run = _packaged(deployer)
        responses = {}
        for name, server in FETCHES.items():
            with display.stage(f"Reading {server}"):
                responses[name] = run(name)
        yield Demonstration(tracker, responses, read.description, live=read.lore is None)


def table_definitions() -> dict[str, TableDefinition]:
    """Return the definitions of the tracker's tables, which Terraform reads too."""
    folders = Path(__file__).resolve().parents
    file = next(folder / TABLES_FILE for folder in folders if (folder / TABLES_FILE).is_file())
    return read_definitions(file)


@dataclass(frozen=True)
class Sources:
    """The servers that are read.

    Attributes
    ----------
    environment
        Environment variables of the functions.
    description
        Description of where the data is from.
    lore
        The stand-in for the archive; None if the servers are real.
    """

    environment: Mapping[str, str]
    description: str
    lore: LoreServer | None = None


def sources(options: Options, stack: ExitStack) -> Sources:
    """Start the stand-ins unless real servers are given; the stack ends them.

    Raises
    ------
    UsageError
        If an option is wrong.
    """
    if options.patchwork_url or options.lore_url:
        if options.mbox:
            raise UsageError("--mbox is for the local stand-ins, not for real servers")
        if not (options.project and options.contact):
            raise UsageError(
                "real servers need --project, and --contact: the URL or address of a person who "
                "is responsible for the requests"
            )
        patchwork, lore = options.patchwork_url or REAL_PATCHWORK, options.lore_url or REAL_LORE
        environment = _variables(
            patchwork, lore, options.project, options.mail_list or options.project, options
        )
        return Sources(environment, f"{patchwork} and {lore}")
    now = dt.datetime.now(dt.UTC)
    mails = _read_mbox(options.mbox) if options.mbox else list(bundled_mails(now))
    project = options.project or (options.mail_list or PROJECT)
    name = options.mail_list or project
    patchwork_server = stack.enter_context(PatchworkServer(project, mails))
    lore_server = stack.enter_context(LoreServer(name, mails))
    if options.mbox is None:
        for key, state in STATES.items():
            patchwork_server.set_state(message_id(key), state)
    environment = _variables(patchwork_server.url, lore_server.url, project, name, options)
    environment["REQUEST_SPACING_SECONDS"] = "0"
    if options.mbox:
        # Read all its mails, no matter how old they are.
        environment["FIRST_DAYS"] = "3650"
    origin = str(options.mbox) if options.mbox else "sample mails"
    description = f"NOT LIVE DATA: {origin}, served by local stand-ins for Patchwork and lore"
    return Sources(environment, description, lore_server)


def _variables(
    patchwork: str, lore: str, project: str, mail_list: str, options: Options
) -> dict[str, str]:
    return {
        "CONTACT": options.contact or "local run",
        "FIRST_DAYS": str(options.days),
        "LORE_LIST": mail_list,
        "LORE_URL": lore,
        "PATCHWORK_PROJECT": project,
        "PATCHWORK_URL": patchwork,
    }


def _read_mbox(path: Path) -> list[Mail]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    try:
        mails = [parse_mail(raw) for raw in mails_of_bytes(content)]
    except MailboxError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    # Any other file is parsed as one mail without an author.
    if not any(mail.author.email for mail in mails):
        raise UsageError(f"{path} is not an mbox: it contains no mail")
    return mails


def _in_process(tracker: Tracker) -> Callable[[str], dict[str, Any]]:
    def run(name: str) -> dict[str, Any]:
        result: Contract
        if name == "fetch_patches":
            result = tracker.fetch_patches(FetchPatchesRequest())
        else:
            result = tracker.fetch_discussions(FetchDiscussionsRequest())
        return result.model_dump(mode="json")

    return run


def _packaged(deployer: Deployer) -> Callable[[str], dict[str, Any]]:
    def run(name: str) -> dict[str, Any]:
        return response_of(name, invoke(deployer.clients, deployer.function_name(name), b"{}"))

    return run
