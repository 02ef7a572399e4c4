from aitk_inference.core.fingerprint import fingerprint


def test_the_order_of_keys_does_not_count() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}, {"x": 1, "y": 2}) == fingerprint(
        {"b": {"d": 3, "c": 2}, "a": 1}, {"y": 2, "x": 1}
    )


def test_a_changed_template_or_parameter_changes_it() -> None:
    seen = {
        fingerprint({"a": 1}, {}),
        fingerprint({"a": 2}, {}),
        fingerprint({"a": 1}, {"x": None}),
        fingerprint({"a": 1}, {"x": 1}),
    }
    assert len(seen) == 4
