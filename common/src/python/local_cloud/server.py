"""Runs moto's server as a process of its own, on loopback, for as long as its owner lives.

A process of its own, so that the server does not share the interpreter lock with its client, and
so that what the client costs can be measured. It listens on loopback and nowhere else, because it
lets everybody in who can reach it, but for web sites (`local_cloud.origin_check`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from local_cloud import moto_patches
from local_cloud.errors import ServerError
from local_cloud.failures import Failures
from local_cloud.functions import FunctionOptions, run_functions
from local_cloud.moto_patches import speedups
from local_cloud.origin_check import Gate
from local_cloud.page import StatusPage
from local_cloud.recorder import Recorder

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

LOOPBACK = "127.0.0.1"

START_SECONDS = 60.0
"""How long the server may take to answer; importing moto takes about two seconds."""

END_SECONDS = 5.0
"""How long the server may take to end by itself; it keeps nothing that would have to be saved."""

MOTO_VERSION = importlib.metadata.version("moto")

MOTO_RELEASED = {"5.2.5": dt.date(2026, 10, 27)}
"""Release days of moto, from its packages on PyPI: its snapshot of AWS cannot be younger."""


def snapshot_label() -> str:
    """How reports name the data of this server."""
    return f"snapshot in moto {MOTO_VERSION}"


def snapshot_day() -> dt.date | None:
    """Return the day after which moto's snapshot cannot have changed; None if not known."""
    return MOTO_RELEASED.get(MOTO_VERSION)


@contextmanager
def moto_server(port: int = 0, functions: FunctionOptions | None = None) -> Iterator[str]:
    """Run the server and yield its endpoint URL; it ends with the block, or with this process.

    Parameters
    ----------
    port
        Port on loopback; 0 takes a free one.
    functions
        Run Lambda functions and state machines too. Without, both can be created only.

    Raises
    ------
    ServerError
        If the server does not start, because the port is taken for example.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    patience = 0.0
    arguments = (theirs, port, functions)
    process = context.Process(target=_serve, args=arguments, daemon=True, name="moto")
    try:
        with _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        endpoint = f"http://{LOOPBACK}:{_started(ours, port)}"
        patience = END_SECONDS
        yield endpoint
    finally:
        # Tells the server to end; one that is still loading does not hear it.
        ours.close()
        if process.pid is not None:
            process.join(patience)
            process.kill()
            process.join()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let a process that is started here never see Ctrl-C: its owner decides when it ends.

    Ctrl-C reaches the whole process group. A process inherits what is blocked, so that it is deaf
    from its first moment on; the owner itself hears afterwards what came meanwhile.
    """
    # It runs beside every spawned process, and unblocks the signal where it has yet to start.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _started(connection: Connection, port: int) -> int:
    try:
        answer = connection.recv() if connection.poll(START_SECONDS) else None
    except EOFError:
        answer = "it ended at once"
    if isinstance(answer, int):
        return answer
    where = f"port {port}" if port else "a free port"
    reason = answer or f"no answer within {START_SECONDS:.0f} s"
    raise ServerError(f"the local cloud did not start on {LOOPBACK}, {where}: {reason}")


def _serve(connection: Connection, port: int, functions: FunctionOptions | None) -> None:
    """Body of the server's process: serve until the owner closes its end of the pipe."""
    # Ctrl-C reaches the whole process group; the owner decides when the server ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _bind(connection, port)
    if server is None:
        return
    speedups.names_of_services()
    if functions:
        server.app = StatusPage(server.app, run_functions(functions, server.port))
        server.app = Recorder(server.app)
    server.app = Gate(server.app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection.send(server.port)
    with contextlib.suppress(EOFError):
        connection.recv()
    if not functions:
        # Freeing what moto holds in memory takes seconds, and there is nothing to save.
        os._exit(0)


def _bind(connection: Connection, port: int) -> BaseWSGIServer | None:
    # moto lets pages of every site read its answers otherwise; it looks at this when imported.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    # Only the child pays for what the server imports.
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):
        def log_request(self, *_: object) -> None:
            """Say nothing: requests are the client's to report."""

    def create_patched_app(service: Any) -> Any:  # noqa: ANN401 - Flask's, from moto
        """Create the application that answers a service's requests, on the first request."""
        moto_patches.apply(service)
        return create_backend_app(service)

    # make_server reports a taken port on stderr and exits, so the port is bound here.
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        connection.send(str(error))
        return None
    return make_server(
        LOOPBACK,
        listener.getsockname()[1],
        Failures(DomainDispatcherApplication(create_patched_app)),
        threaded=True,
        request_handler=QuietHandler,
        fd=listener.detach(),
    )
