"""The patch tracker on the local cloud: `run-local.sh patch-tracker`.

Both servers are local stand-ins unless real ones are named; the packaged functions (or, in process,
the same code) store what they give in the local cloud's DynamoDB, and the repositories are asked.
"""

from __future__ import annotations

import datetime as dt
import json
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
from lambda_core.errors import ConfigurationError
from local_cloud.clients import REGION, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from patch_tracker.contracts import FetchDiscussionsRequest, FetchPatchesRequest
from patch_tracker.mail.mbox import MailboxError, mails_of_bytes
from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.service import Tracker, TrackerSettings
from run_local.deployer import Deployer
from run_local.dynamodb_tables import create_tables, let_items_expire, read_definitions
from run_local.invoke import invoke
from run_local.patch_tracker.lore_server import LoreServer
from run_local.patch_tracker.patchwork_server import PatchworkServer
from run_local.patch_tracker.sample_mails import PROJECT, STATES, bundled_mails, message_id

PIPELINE: Final = "patch_tracker"

TABLES_FILE: Final = Path("terraform/stacks/patch_tracker/tables.json")

FETCHES: Final = {"fetch_patches": "Patchwork", "fetch_discussions": "The archive"}
"""The functions of a first run, in their order, and what they read."""

REAL_PATCHWORK: Final = "https://patchwork.kernel.org/"
REAL_LORE: Final = "https://lore.kernel.org/"


@dataclass(frozen=True)
class Options:
    """What is read, and how.

    Attributes
    ----------
    mbox
        Mails for the stand-ins; None for those that the project brings.
    patchwork_url, lore_url
        Real servers; None for the stand-ins. Only both together.
    project, mail_list
        Names of the project and the list; None for those of the mails.
    contact
        Where the people of real servers can complain.
    days
        How far the list is read back.
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
    """A filled tracker, and what filling it took.

    Attributes
    ----------
    answers
        Of the functions, by their names.
    source
        Where the data is from, for readers.
    """

    tracker: Tracker
    answers: Mapping[str, dict[str, Any]]
    source: str


@contextmanager
def demonstration(options: Options, display: StageDisplay) -> Iterator[Demonstration]:
    """Fill a tracker, and keep it for a block.

    Raises
    ------
    LocalCloudError, ConfigurationError
        Something cannot be run here, or was asked for in a wrong way.
    ExecutionError
        A function failed; says why.
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
            settings = read_settings(root / SETTINGS_FILE)[PIPELINE]
            functions = {name: settings[name] for name in FETCHES}
            python = lambda_runtime_python()
            with display.stage("Packaging the functions"):
                artefacts = packaged(root, architecture(), functions)
            cloud = stack.enter_context(
                moto_server(functions=FunctionOptions(python, root / CODE_FOLDER))
            )
        clients = clients_of(cloud)
        names = {"patches": "local-patches", "discussions": "local-discussions"}
        definitions = read_definitions(_tables_file())
        create_tables(clients("dynamodb"), definitions, names)
        let_items_expire(clients("dynamodb"), definitions, names)
        environment |= {
            "PATCHES_TABLE": names["patches"],
            "DISCUSSIONS_TABLE": names["discussions"],
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
                for name, one in functions.items():
                    deployer.function(name, one, environment)
            run = _packaged(deployer)
        answers = {}
        for name, title in FETCHES.items():
            with display.stage(f"{title} is read"):
                answers[name] = run(name)
        yield Demonstration(tracker, answers, read.told)


def _tables_file() -> Path:
    folders = Path(__file__).resolve().parents
    return next(folder / TABLES_FILE for folder in folders if (folder / TABLES_FILE).is_file())


@dataclass(frozen=True)
class Sources:
    """The servers that are read.

    Attributes
    ----------
    environment
        Variables of the functions, which name them.
    told
        Where the data is from, for readers.
    lore
        The archive's stand-in; None where it is a real one.
    """

    environment: Mapping[str, str]
    told: str
    lore: LoreServer | None = None


def sources(options: Options, stack: ExitStack) -> Sources:
    """Start the stand-ins where no real servers are named, until a block ends.

    Raises
    ------
    ConfigurationError
        Something was asked for in a wrong way.
    """
    if options.patchwork_url or options.lore_url:
        if options.mbox:
            raise ConfigurationError("--mbox is for the local stand-ins, not for real servers")
        if not (options.project and options.contact):
            raise ConfigurationError(
                "real servers need --project, and --contact: a URL or an address at which their "
                "people can complain"
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
        # However old its mails are.
        environment["FIRST_DAYS"] = "3650"
    origin = str(options.mbox) if options.mbox else "mails that the project brings"
    told = f"NOT LIVE DATA: {origin}, served by local stand-ins"
    return Sources(environment, told, lore_server)


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
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    try:
        mails = [parse_mail(raw) for raw in mails_of_bytes(content)]
    except MailboxError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    # A file that is no mbox is one mail without anything that a mail has.
    if not any(mail.author.email for mail in mails):
        raise ConfigurationError(f"{path} is no mbox: there is no mail in it")
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
        result = invoke(deployer.clients, deployer.function_name(name), b"{}")
        answer: dict[str, Any] = json.loads(result.payload)
        if result.failed:
            raise ExecutionError(
                f"{name} failed: {answer.get('errorType')}: {answer.get('errorMessage')}"
            )
        return answer

    return run
