import pytest
from aca_local.fault_middleware import Faults
from aca_local.fault_rules import NAMED, FaultsError, Said, read


def test_a_rule_takes_the_nth_match_and_no_more_than_its_times() -> None:
    (rule,) = read('[{"method": "put", "path": "/X$", "nth": 2, "times": 2, "fault": "throttled"}]')
    asked = [("PUT", "/a/x"), ("GET", "/a/x"), ("PUT", "/a/y"), ("PUT", "/x"), ("PUT", "/x"), ("PUT", "/x")]
    assert [rule.takes("arm", *one) for one in asked] == [False, False, False, True, True, False]


def test_a_file_in_use_is_named_as_azure_does() -> None:
    (rule,) = read('[{"service": "files", "fault": "file-in-use"}]')
    assert rule.answer
    assert rule.answer.status == 409
    assert isinstance(rule.answer.body, Said)
    assert rule.answer.body.code == "SharingViolation"


def test_a_rule_without_a_limit_takes_all() -> None:
    (rule,) = read('{"faults": [{"service": "files", "times": 0, "reset": true}]}')
    assert [rule.takes("files", "GET", "/") for _ in range(3)] == [True] * 3
    assert not rule.takes("arm", "GET", "/")


def test_a_rule_without_a_service_leaves_replicas_alone() -> None:
    (rule,) = read('[{"reset": true, "times": 0}]')
    assert rule.takes("ingress", "GET", "/")
    assert not rule.takes("replicas", "START", "app/main")


def test_a_named_fault_can_be_given_another_status_or_delay() -> None:
    (rule,) = read('[{"fault": "throttled", "retryAfter": 7}]')
    assert rule.answer
    assert rule.answer.status == 429
    assert dict(rule.answer.headers)["Retry-After"] == "7"


def test_a_named_fault_speaks_of_what_was_asked_for() -> None:
    path = (
        "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Storage/storageAccounts/acct?api-version=x"
    )
    said = {name: answer.body.about(path) for name, answer in NAMED.items() if isinstance(answer.body, Said)}
    assert said["quota"]["message"] == (
        "Regional max quota limit threshold hit. The subscription s1 cannot have more than 1 "
        "SubscriptionNCA100Gpus in region West US 3."
    )
    assert "'/subscriptions/s1/resourceGroups/g1'" in str(said["forbidden"]["message"])
    assert said["policy"]["target"] == said["name-taken"]["target"] == "acct"
    assert said["policy"]["additionalInfo"][0]["type"] == "PolicyViolation"  # type: ignore[index]


def test_a_provider_refuses_the_put_of_a_template_and_is_not_overloaded_for_it() -> None:
    elsewhere = '{"fault": "throttled"}, {"service": "files", "fault": "policy"}'
    faults = Faults(read(f'[{elsewhere}, {{"path": "/acct", "fault": "quota"}}]'))
    assert faults.of_template("/subscriptions/s/other") is None
    status, error = faults.of_template("/subscriptions/s/acct") or (0, {})
    assert (status, error["code"]) == (400, "MaxRegionalQuotaExceeded")
    assert faults.of_template("/subscriptions/s/acct") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ('{"x": 1}', "list of objects"),
        ("[1]", "Fault 0 is not an object"),
        ('[{"status": 500}, {"metod": "GET"}]', "Fault 1 has unknown members: metod"),
        ('[{"fault": "nope"}]', "'nope' is not one of"),
        ('[{"service": "x"}]', "service is one of arm, files, ingress, replicas"),
        ('[{"service": "replicas", "fault": "throttled"}]', "one of replicas is crash, image-missing"),
        ('[{"path": "("}]', "Fault 0: "),
        ('[{"nth": "x"}]', "Fault 0: "),
    ],
)
def test_a_wrong_description_says_where(text: str, words: str) -> None:
    with pytest.raises(FaultsError, match=words):
        read(text)
