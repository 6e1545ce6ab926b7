"""What functions are asked and what they answer: models of events, and how one is read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lambda_core.errors import InvalidRequestError


class Contract(BaseModel):
    """Base of the events: immutable, no coercion, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def parse_request[R: Contract](model: type[R], event: dict[str, Any]) -> R:
    """Read an event.

    Raises
    ------
    InvalidRequestError
        Names each field that is missing, unknown or wrong; never what it holds.
    """
    try:
        # As JSON, which is what it came as: only there is text a date.
        return model.model_validate_json(json.dumps(event))
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the event'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
    raise InvalidRequestError(
        f"the event is no {model.__name__}: {'; '.join(problems)}", model=model.__name__
    )
