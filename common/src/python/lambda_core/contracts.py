"""Models of events and results, and the one parser of events."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from lambda_core.errors import InvalidEventError

_PROBLEMS_SHOWN = 10

ExecutionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$")]
"""The name of an execution of a state machine. It becomes part of S3 keys, so it contains no slash
or dot. The limit of 80 characters is that of Step Functions:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""


class Contract(BaseModel):
    """Base of events and results: immutable, no coercion, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def parse_event[R](kind: type[R] | TypeAdapter[R], event: object) -> R:
    """Validate the event of a function.

    Parameters
    ----------
    kind
        The Pydantic model of the event, or a type adapter if there are several.
    event
        The event as Lambda passes it: a JSON value.

    Raises
    ------
    InvalidEventError
        If the event does not fit. Names each field that is missing, unknown or wrong, but never
        its value.

    Examples
    --------
    >>> class Greeting(Contract):
    ...     name: str
    >>> parse_event(Greeting, {"name": "Ada"})
    Greeting(name='Ada')
    >>> parse_event(Greeting, {"nmae": "Ada"})
    Traceback (most recent call last):
    lambda_core.errors.InvalidEventError: the event is not a valid Greeting: name: Field required; \
nmae: Extra inputs are not permitted
    """
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    name = "request" if isinstance(kind, TypeAdapter) else kind.__name__
    try:
        # As JSON, which is how it arrived: in strict mode, only JSON allows text for a date.
        return adapter.validate_json(json.dumps(event))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    except (TypeError, ValueError):
        raise InvalidEventError(
            f"the event is not a valid {name}: it is not JSON", model=name
        ) from None
    problems = [
        f"{'.'.join(map(str, problem['loc'])) or 'the event'}: {problem['msg']}"
        for problem in found[:_PROBLEMS_SHOWN]
    ]
    if more := len(found) - len(problems):
        problems.append(f"{more} more")
    raise InvalidEventError(f"the event is not a valid {name}: {'; '.join(problems)}", model=name)
