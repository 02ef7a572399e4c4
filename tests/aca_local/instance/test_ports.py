import socket
from pathlib import Path

import pytest
from aca_local.port_book import PortBook, PortInUseError


def test_a_port_lasts(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    ports = {name: book.port(name) for name in ("arm", "files", "app")}
    assert len(set(ports.values())) == 3
    again = PortBook(tmp_path / "ports.json")
    assert {name: again.port(name) for name in ports} == ports


def test_a_released_port_is_forgotten(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    book.port("app")
    book.release("app")
    book.release("never known")
    assert "app" not in (tmp_path / "ports.json").read_text()


def test_a_port_that_another_program_took_is_named_with_the_way_out(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    port = book.port("arm")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(PortInUseError, match=rf"Port {port} .*process \d+.*--new-ports"):
            book.check()
        book.choose_again()
        assert book.port("arm") != port
        book.check()
