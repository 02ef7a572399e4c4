"""Who may do what: SharedKey, shared access signatures, bearer tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

from aca_local.files.clock import TICKS_PER_SECOND
from aca_local.files.errors import FilesError
from aca_local.files.records import AccessPolicy
from aca_local.files.request import Call
from aca_local.files.sas import Need, Signer, check_sas
from aca_local.files.sharedkey import is_signed
from aca_local.files.shares import FileShares
from aca_local.files.tokens import holder_of

ALLOWED_SKEW = 15 * 60  # seconds
READ = Need("r", "o", service_sas=True)
ANYONE = Need("", "s", service_sas=False)  # whoever has a good token, whatever it is for
AUTHORITY = "https://login.microsoftonline.com/common/oauth2/authorize"
CHALLENGE = {
    "WWW-Authenticate": f"Bearer authorization_uri={AUTHORITY} resource_id=https://storage.azure.com"
}


class Keys(Protocol):
    """Gives the base64 keys of an account; none for an account that does not exist."""

    def keys(self, account: str) -> Sequence[str]:
        """Return the keys."""
        ...


@dataclass(slots=True, frozen=True)
class Gate:
    """Checks requests: bearer tokens, whether an account takes its keys and whether its network is open."""

    shares: FileShares
    keys: Keys
    token_is_valid: Callable[[str], bool]
    takes_keys: Callable[[str], bool] = lambda account: True
    is_reachable: Callable[[str], bool] = lambda account: True

    def check(self, call: Call, need: Need) -> None:
        """Raise the service's error unless the request may do what it asks."""
        keys = self.keys.keys(call.account)
        if not keys:
            raise FilesError("AccountNotFound")
        if not self.is_reachable(call.account):
            raise FilesError("AuthorizationFailure")
        scheme, _, value = call.headers.get("Authorization", "").partition(" ")
        if scheme == "SharedKey":
            self._check_key(call, value, keys)
        elif scheme == "Bearer":
            self._check_token(call, value, need, keys)
        elif scheme:
            raise FilesError("InvalidAuthenticationInfo")
        else:
            self.check_query(call, need, keys)

    def check_query(self, call: Call, need: Need, keys: Sequence[str]) -> None:
        """Raise unless a signature in the query allows the operation; without one, ask for credentials."""
        if "sig" not in call.query:
            raise FilesError("NoAuthenticationInformation", headers=CHALLENGE)
        if "skoid" not in call.query:  # else a person's key signed it, not the account's
            self._check_takes_keys(call)
        check_sas(call, need, Signer(keys, lambda: self._policies(call), self.shares.clock.now()))

    def check_source(self, call: Call, *, token: str | None) -> None:
        """Raise unless the source of a copy may be read: by the token given for it, or its own signature."""
        keys = self.keys.keys(call.account)
        if not keys:
            raise FilesError("CannotVerifyCopySource")
        if token is None:
            self.check_query(call, READ, keys)
        elif not self.token_is_valid(token.removeprefix("Bearer ")):
            raise _bad_token("The token for the source is not valid.")

    def _check_key(self, call: Call, value: str, keys: Sequence[str]) -> None:
        self._check_takes_keys(call)
        account, _, signature = value.partition(":")
        if account != call.account or not is_signed(call, account, signature, keys):
            raise _refused("The signature does not match.")
        second = _second(call.ms.get("x-ms-date") or call.headers.get("Date") or "")
        if abs(second - self.shares.clock.now() / TICKS_PER_SECOND) > ALLOWED_SKEW:
            raise _refused("x-ms-date is too far from the present.")
        call.owner = True

    def _check_takes_keys(self, call: Call) -> None:
        """Raise where the account forbids its keys, and with them what they sign."""
        if not self.takes_keys(call.account):
            raise FilesError("KeyBasedAuthenticationNotPermitted")

    def _check_token(self, call: Call, token: str, need: Need, keys: Sequence[str]) -> None:
        if not self.token_is_valid(token):
            raise _bad_token("The token is not valid.")
        if "sig" in call.query:
            self._check_bound(call, token, need, keys)
            return
        if call.ms.get("x-ms-file-request-intent", "").lower() != "backup" and need is not ANYONE:
            raise FilesError("MissingRequiredHeader", HeaderName="x-ms-file-request-intent")
        call.owner = True

    def _check_bound(self, call: Call, token: str, need: Need, keys: Sequence[str]) -> None:
        """Check a signature that only one person may use, who comes with a token."""
        if call.query.get("sduoid") != holder_of(token).oid:
            raise FilesError("AuthorizationPermissionMismatch")
        self.check_query(call, need, keys)

    def _policies(self, call: Call) -> dict[str, AccessPolicy]:
        return self.shares.get_share(call.account, call.share).policies


@lru_cache(maxsize=256)
def _second(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise _refused("x-ms-date is missing or malformed.") from None


def _bad_token(why: str) -> FilesError:
    return FilesError("InvalidAuthenticationInfo", why, status=401, headers=CHALLENGE)


def _refused(why: str) -> FilesError:
    return FilesError("AuthenticationFailed", AuthenticationErrorDetail=why)
