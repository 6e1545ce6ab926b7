"""Moto's server on loopback, in a thread of the test process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

LOOPBACK = "127.0.0.1"


@contextmanager
def running_moto_server() -> Iterator[str]:
    """Run moto's server on a free loopback port and yield its endpoint URL.

    Clients use it over HTTP, so tests run their real network code. All servers in a process share
    their state.
    """
    # A line for each request would hide the output of the tests.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
