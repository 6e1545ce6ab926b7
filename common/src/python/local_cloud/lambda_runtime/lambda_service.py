"""Runs functions that were created in moto's Lambda: chooses sandboxes and stores logs."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_cloud.lambda_runtime.code_store import CodeStore
from local_cloud.lambda_runtime.function_process import FunctionSpec, Host
from local_cloud.lambda_runtime.sandbox import Outcome, Sandbox

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

ACCOUNT_CONCURRENCY = 50
"""Concurrent invocations of all functions; new AWS accounts have a limit of 1,000 or of 10.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

HISTORY = 200
"""Number of invocations that are kept for the status page."""


class ThrottledError(Exception):
    """The function or the account has reached its limit of concurrent invocations."""


@dataclass(frozen=True)
class PastInvocation:
    """An invocation on the status page.

    Attributes
    ----------
    ended_at
        Seconds since 1970-01-01 UTC.
    """

    function: str
    ended_at: float
    outcome: Outcome


@dataclass
class _Pool:
    """The idle sandboxes of a version of a function."""

    spec: FunctionSpec
    idle: list[Sandbox] = field(default_factory=list)


class LambdaService:
    """All sandboxes of one local cloud.

    Parameters
    ----------
    host
        What all sandboxes share.
    store
        Unpacks code and layers.
    endpoint
        URL of the local cloud, which functions use as the AWS endpoint.
    """

    def __init__(self, host: Host, store: CodeStore, endpoint: str) -> None:
        self._host = host
        self._store = store
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._pools: dict[str, _Pool] = {}
        self._busy = Counter[str]()
        self._running: set[Sandbox] = set()
        self._past: deque[PastInvocation] = deque(maxlen=HISTORY)
        self._closed = False

    def invoke(
        self, function: LambdaFunction, payload: bytes, request_id: str | None = None
    ) -> Outcome:
        """Run a function once and store its log in CloudWatch Logs.

        Raises
        ------
        ThrottledError
            The limit of concurrent invocations is reached.
        """
        with self._slot(function), self._sandbox(self._spec(function)) as sandbox:
            outcome = sandbox.invoke(payload, request_id)
            self._store_log(function, sandbox, outcome)
        with self._lock:
            self._past.append(PastInvocation(function.function_name, time.time(), outcome))
        return outcome

    def past_invocations(self) -> list[PastInvocation]:
        """Return the latest invocations, latest first."""
        with self._lock:
            return list(reversed(self._past))

    def close(self) -> None:
        """End all processes, including those that run an invocation."""
        with self._lock:
            self._closed = True
            sandboxes = [*self._running, *(s for pool in self._pools.values() for s in pool.idle)]
            self._pools.clear()
        for sandbox in sandboxes:
            sandbox.close()

    def _spec(self, function: LambdaFunction) -> FunctionSpec:
        from moto.awslambda.models import lambda_backends

        backend = lambda_backends[function.account_id][function.region]
        versions = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
        layers = {version.code_sha_256: version.code_bytes for version in versions if version}
        return FunctionSpec(
            name=function.function_name,
            arn=function.function_arn,
            handler=str(function.handler),
            code=self._store.unpacked({function.code_sha_256: function.code_bytes}),
            layers=self._store.unpacked(layers),
            environment={
                **_account_variables(function.function_name, function.region, self._endpoint),
                **{name: str(value) for name, value in function.environment_vars.items()},
            },
            memory_mb=int(function.memory_size),
            timeout_seconds=float(function.timeout),
            storage_mb=int(function.ephemeral_storage),
            version=_version(function),
        )

    @contextmanager
    def _slot(self, function: LambdaFunction) -> Iterator[None]:
        name, reserved = function.function_name, function.reserved_concurrency
        with self._lock:
            if reserved is not None and self._busy[name] >= int(reserved):
                raise ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded")
            if self._busy.total() >= ACCOUNT_CONCURRENCY:
                raise ThrottledError("ConcurrentInvocationLimitExceeded")
            self._busy[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[name] -= 1

    @contextmanager
    def _sandbox(self, spec: FunctionSpec) -> Iterator[Sandbox]:
        """Reserve a sandbox for the block: a warm one if possible."""
        outdated: list[Sandbox] = []
        with self._lock:
            pool = self._pools.get(spec.arn)
            if pool is None or pool.spec != spec:
                outdated = pool.idle if pool else []
                pool = self._pools[spec.arn] = _Pool(spec)
            sandbox = pool.idle.pop() if pool.idle else Sandbox(spec, self._host)
            self._running.add(sandbox)
        for previous in outdated:
            previous.close()
        try:
            yield sandbox
        finally:
            with self._lock:
                self._running.discard(sandbox)
                keep = not self._closed and self._pools.get(spec.arn) is pool
                if keep:
                    pool.idle.append(sandbox)
            if not keep:
                sandbox.close()

    @staticmethod
    def _store_log(function: LambdaFunction, sandbox: Sandbox, outcome: Outcome) -> None:
        logs, group = function.logs_backend, function.logs_group_name
        logs.ensure_log_group(group)
        if sandbox.log_stream not in logs.groups[group].streams:
            logs.create_log_stream(group, sandbox.log_stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in outcome.log]
        logs.put_log_events(group, sandbox.log_stream, events)


def payload_of(body: bytes | str | None) -> bytes:
    """Return the function's event from the body of an Invoke request.

    Raises
    ------
    ValueError
        The body is not JSON.
    """
    payload = (body.encode() if isinstance(body, str) else body) or b"{}"
    json.loads(payload)
    return payload


def _version(function: LambdaFunction) -> str:
    parts = function.function_arn.split(":")
    return str(parts[7]) if len(parts) > 7 else "$LATEST"


def _account_variables(name: str, region: str, endpoint: str) -> dict[str, str]:
    return {
        # The recorder uses it to identify the caller of a request.
        "AWS_ACCESS_KEY_ID": name,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    }
