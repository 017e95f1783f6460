from pathlib import Path

from search.engine.folders import point, read_current, sign_current


def test_no_two_writes_leave_the_same_signature_however_fast(tmp_path: Path) -> None:
    signatures = set()
    for number in range(40):
        point(tmp_path, f"build-{number % 2}")
        read = read_current(tmp_path)
        assert read is not None
        assert read[0] == sign_current(str(tmp_path)), "what is looked at is what was read"
        signatures.add(read[0])
    assert len(signatures) == 40


def test_where_nothing_is_there_is_no_signature(tmp_path: Path) -> None:
    assert sign_current(str(tmp_path)) is None
