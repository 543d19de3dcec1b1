"""What cannot be done, in one sentence: what was expected, what was found, and what to do. Also where AWS, or what answers
in its place, is the one that refuses."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnected
from botocore.parsers import ResponseParserError

from remodel.errors import NotAllowed, RemodelError, Unavailable

CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    LoginError,
    SSOError,
    TokenRetrievalError,
)
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}

SIGN_IN = "sign in (`aws sso login`, `aws configure`), or name another profile with --profile"


def sentence(problem: Exception) -> str | None:
    """None where this is no refusal but a fault of the program."""
    if isinstance(problem, NotAllowed | Unavailable) and isinstance(problem.__cause__, Exception):
        return sentence(problem.__cause__) or _named(problem)
    if isinstance(problem, RemodelError):
        return _named(problem)
    if isinstance(problem, ResponseParserError):
        return "NotAws: expected an answer of AWS or of DynamoDB Local, found something else: correct --endpoint-url"
    if isinstance(problem, ClientError):
        return _refused(problem)
    return _failed(problem) if isinstance(problem, BotoCoreError) else None


def is_unreachable(problem: Exception) -> bool:
    return isinstance(problem, NotConnected | HTTPClientError)


def _named(problem: RemodelError) -> str:
    return f"{type(problem).__name__}: {problem}"


def _failed(problem: BotoCoreError) -> str:
    if isinstance(problem, NoRegionError):
        return (
            "NoRegion: expected a Region, found none: give --region, set AWS_REGION, or write `region` for the stage into "
            "samconfig.toml"
        )
    if isinstance(problem, CREDENTIALS):
        return f"NoCredentials: expected AWS credentials, found none that can be used ({_plain(problem)}): {SIGN_IN}"
    if is_unreachable(problem):
        url = problem.kwargs.get("endpoint_url", "AWS")
        remedy = "see the network and the Region" if "amazonaws.com" in url else "start it, or correct --endpoint-url"
        return f"Unreachable: expected an answer from {url}, found none: {remedy}"
    return f"{type(problem).__name__}: expected AWS to answer, found: {_plain(problem)}: correct that, then try again"


def _refused(problem: ClientError) -> str:
    code, asked = problem.response.get("Error", {}).get("Code", "no code"), problem.operation_name
    said = problem.response.get("Error", {}).get("Message", "")
    if code in EXPIRED:
        return f"ExpiredCredentials: expected valid AWS credentials, found that they have expired: {SIGN_IN}"
    if code in UNKNOWN:
        return f"UnknownCredentials: expected credentials that AWS knows, found {code}: {SIGN_IN}"
    if code in DENIED:
        return (
            f"AccessDenied: expected permission for {asked}, found none ({_end(said)}): ask the account's administrator for "
            "it, or name another profile with --profile"
        )
    if code == "ResourceNotFoundException":
        return (
            f"NotFound: expected what {asked} asks for, found none ({_end(said)}): see the names in samconfig.toml; "
            "`remodel prepare --execute` makes new tables"
        )
    return f"{code}: expected AWS to carry out {asked}, found: {_end(said)}: correct that, then try again"


def _plain(problem: Exception) -> str:
    return _end(str(problem).replace("\n", " "))


def _end(text: str) -> str:
    """As a part of a sentence."""
    return text.strip().rstrip(".").replace(". ", "; ")
