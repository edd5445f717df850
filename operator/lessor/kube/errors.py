"""What can go wrong between us and the API server, as one small family. No exception of the HTTP library leaves `kube`.

The classes say what a caller may do next, which is why they are few: read again (`Conflict`), give up (`NotFound`,
`Invalid`, `Forbidden`), wait (`TooManyRequests`, `Unavailable`), list again (`Gone`). Status and reason are Kubernetes'
own (API conventions, "HTTP Status codes"); `_BY_REASON` and `_BY_STATUS` are the one table.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Cause(NamedTuple):
    """One entry of `details.causes` of a refusal."""

    field: str  # "spec.requests[0].count"; "" when the server names none
    reason: str  # "FieldValueInvalid"
    message: str


class KubeError(Exception):
    """Base of all; `str()` of it is one sentence for a person.

    `status` is the HTTP status, 0 when there was no answer. `reason` is the API server's word, "" when it gave none.
    `body` is the Status object as it was answered, for details that have no field here.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", body: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.body: Mapping[str, Any] = body or {}


class NotFound(KubeError):
    """404: no such object, no such namespace, or no such kind (its CustomResourceDefinition is missing)."""


class Conflict(KubeError):
    """409 on a guarded write: the object is not the one that was decided on any more. Read, then decide again."""


class AlreadyExists(KubeError):
    """409 with reason AlreadyExists: the name is taken."""


class Invalid(KubeError):
    """The server refuses what was sent (422; 400 for unknown fields; 413, 415): sending it again can't help.

    `causes` names the fields, where the server does.
    """

    @property
    def causes(self) -> tuple[Cause, ...]:
        return _causes(self.body)


class Forbidden(KubeError):
    """403: a right is missing, or a policy refuses."""


class Unauthorized(KubeError):
    """401, also after the credentials were loaded again."""


class TooManyRequests(KubeError):
    """429: not carried out. `retry_after` is what the server asks to wait, in seconds."""

    def __init__(self, message: str, *, retry_after: float, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class Gone(KubeError):
    """410: the resourceVersion or the continue token is too old. List anew."""


class Unavailable(KubeError):
    """No usable answer: refused, reset, timed out, TLS failed, 5xx.

    `outcome_unknown` is True when the request may have been carried out all the same: the object must be observed
    before anything else is decided about it (design section 3). Always False for reads.
    """

    def __init__(self, message: str, *, outcome_unknown: bool, **known: Any) -> None:
        super().__init__(message, **known)
        self.outcome_unknown = outcome_unknown


class NoCredentials(KubeError):
    """There is nothing to reach an API server with: no kubeconfig, no such context, an exec plugin that failed."""


# 400 is what `create` answers to an unknown field (fieldValidation=Strict); `patch` answers 422 to the same.
_BY_STATUS: dict[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
}
# Only where the reason says more than the status does.
_BY_REASON: dict[str, type[KubeError]] = {
    "AlreadyExists": AlreadyExists,
    "Expired": Gone,
    "ServerTimeout": Unavailable,
    "Timeout": Unavailable,
}
RETRY_AFTER_SECONDS = (
    1.0  # what the API server itself sends; used when a proxy in between sends a 429 without the header
)


def from_status(
    status: int, body: Mapping[str, Any], *, request: str, write: bool, retry_after: str | None = None
) -> KubeError:
    """The error for an answer that is not 2xx.

    `body` is the decoded Status, {} if it was something else. `request` ("PATCH /apis/…") is the sentence's subject
    when the server gave no message. `retry_after` is the header, in seconds.
    """
    reason = str(body.get("reason") or "")
    message = _sentence(body) or f"{request} was answered with {status}"
    kind = _BY_REASON.get(reason) or _BY_STATUS.get(status) or (Unavailable if status >= 500 else KubeError)
    if kind is TooManyRequests:
        return TooManyRequests(message, retry_after=_seconds(retry_after), status=status, reason=reason, body=body)
    if kind is Unavailable:
        # A 5xx may come from behind the write, for example from an etcd that lost its leader while it answered.
        return Unavailable(message, outcome_unknown=write, status=status, reason=reason, body=body)
    return kind(message, status=status, reason=reason, body=body)


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or RETRY_AFTER_SECONDS))
    except ValueError:  # the header may hold a date; the API server never sends one
        return RETRY_AFTER_SECONDS


def _causes(body: Mapping[str, Any]) -> tuple[Cause, ...]:
    details = body.get("details") or {}
    return tuple(
        Cause(str(c.get("field") or ""), str(c.get("reason") or ""), str(c.get("message") or ""))
        for c in details.get("causes") or ()
    )


def _sentence(body: Mapping[str, Any]) -> str:
    message = str(body.get("message") or "").strip()
    if any(cause.field == "patch" for cause in _causes(body)):
        # A patch that can't be decoded is answered with the whole object in JSON before the sentence.
        message = message.rpartition('}": ')[2]
    return message
