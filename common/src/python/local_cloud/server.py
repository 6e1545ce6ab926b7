"""Runs moto's server on the loopback interface, in a child process.

The server ends with its parent process. As a separate process, it does not compete with its client
for the interpreter lock, and the client's cost can be measured. It listens only on the loopback
interface, because it answers everyone who can reach it, except web sites (see
`local_cloud.origin_check`).
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
from local_cloud.origin_check import OriginCheck
from local_cloud.page import StatusPage
from local_cloud.recorder import Recorder

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

LOOPBACK = "127.0.0.1"

START_SECONDS = 60.0
"""How long the server may take to start; importing moto takes about two seconds."""

END_SECONDS = 5.0
"""How long the server may take to end before it is killed; it has nothing to save."""

MOTO_VERSION = importlib.metadata.version("moto")

MOTO_RELEASED = {"5.2.5": dt.date(2026, 10, 27)}
"""Release dates of moto, from PyPI; its snapshot of AWS cannot be newer."""


def snapshot_label() -> str:
    """Return the name of this server's data, for reports."""
    return f"snapshot in moto {MOTO_VERSION}"


def snapshot_day() -> dt.date | None:
    """Return the latest possible date of moto's snapshot of AWS; None if it is not known."""
    return MOTO_RELEASED.get(MOTO_VERSION)


@contextmanager
def moto_server(port: int = 0, functions: FunctionOptions | None = None) -> Iterator[str]:
    """Run the server and yield its endpoint URL; it ends with the block or with this process.

    Parameters
    ----------
    port
        Port on the loopback interface; 0 chooses a free port.
    functions
        Run Lambda functions and state machines. If None, they can be created but not run.

    Raises
    ------
    ServerError
        The server did not start, for example because another program uses the port.
    """
    context = multiprocessing.get_context("spawn")
    connection, server_connection = context.Pipe()
    timeout = 0.0
    arguments = (server_connection, port, functions)
    process = context.Process(target=_serve, args=arguments, daemon=True, name="moto")
    try:
        with _sigint_blocked():
            process.start()
        server_connection.close()
        endpoint = f"http://{LOOPBACK}:{_receive_port(connection, port)}"
        timeout = END_SECONDS
        yield endpoint
    finally:
        # This ends the server, unless it has not started yet.
        connection.close()
        if process.pid is not None:
            process.join(timeout)
            process.kill()
            process.join()


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT in the processes that are started in the block.

    Ctrl-C sends SIGINT to all processes of the group, but only this process decides when the server
    ends. The server inherits the block, so SIGINT cannot end it while it starts. This process
    receives a blocked SIGINT after the block.
    """
    # Spawning also starts this tracker if it does not run yet, which would unblock the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _receive_port(connection: Connection, port: int) -> int:
    """Wait until the server has started and return its port, or raise ServerError."""
    try:
        answer = connection.recv() if connection.poll(START_SECONDS) else None
    except EOFError:
        answer = "its process ended"
    if isinstance(answer, int):
        return answer
    requested = f"port {port}" if port else "a free port"
    reason = answer or f"no answer within {START_SECONDS:.0f} s"
    raise ServerError(f"the local cloud did not start on {LOOPBACK}, {requested}: {reason}")


def _serve(connection: Connection, port: int, functions: FunctionOptions | None) -> None:
    """Serve until the process that started this one closes its end of the pipe."""
    # Ctrl-C sends SIGINT to this process too, but only its parent decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _bind(connection, port)
    if server is None:
        return
    speedups.service_names()
    if functions:
        server.app = StatusPage(server.app, run_functions(functions, server.port))
        server.app = Recorder(server.app)
    server.app = OriginCheck(server.app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection.send(server.port)
    with contextlib.suppress(EOFError):
        connection.recv()
    if not functions:
        # Freeing what moto holds in memory takes seconds, and there is nothing to save.
        os._exit(0)


def _bind(connection: Connection, port: int) -> BaseWSGIServer | None:
    # Otherwise, moto lets every web site read its responses. It reads this when it is imported.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    # Imported here, so that the parent process does not load moto's server.
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):
        def log_request(self, *_: object) -> None:
            """Log nothing: clients report their requests."""

    def create_patched_app(service: Any) -> Any:  # noqa: ANN401 - Flask's, from moto
        """Create the application that answers a service's requests, on the first request."""
        moto_patches.apply(service)
        return create_backend_app(service)

    # If the port is in use, make_server prints that and exits; so bind the port here.
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
