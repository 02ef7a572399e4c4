from pathlib import Path

from aca_local.arm.coverage import served
from aca_local.kernel import errors, unsupported
from aca_local.state import Store


def test_what_is_served_is_listed_with_its_versions() -> None:
    found = {(one.method, one.path.partition("/providers/")[2]): one.api_versions for one in served()}
    assert (
        "2024-03-01"
        in found["PUT", "Microsoft.App/managedEnvironments/{managedEnvironments}/storages/{name}"]
    )
    assert ("POST", "Microsoft.Storage/storageAccounts/{name}/listKeys") in found
    assert ("POST", "Microsoft.Resources/deployments/{name}/whatIf") in found
    assert ("PUT", "Microsoft.App/containerApps/{containerApps}/revisions/{name}") not in found
    assert all(found.values())


def test_what_was_refused_is_counted_and_other_errors_are_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    for _ in range(2):
        unsupported.note(store, "GET", "/rockets", errors.UNSUPPORTED_PATH.error(path="/rockets"))
    unsupported.note(store, "GET", "/subscriptions/x", errors.SUBSCRIPTION_NOT_FOUND.error(subscription="x"))
    assert unsupported.refused(store) == [
        {"method": "GET", "path": "/rockets", "code": "UnsupportedPath", "count": 2}
    ]
