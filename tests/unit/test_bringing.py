"""Foreign clients are looked for where pip would look."""

from tests.clients.bringing import as_uv


def test_uv_is_told_what_pip_is_told() -> None:
    listed = """:env:.find-links='/opt/wheels /srv/wheels'
:env:.timeout='180'
global.cert='/etc/ssl/ca.pem'
global.extra-index-url='https://two.example/simple\\nhttps://three.example/simple'
global.index-url='https://general.example/simple'
install.index-url='https://nearer.example/simple'
"""
    assert as_uv(listed) == {
        "SSL_CERT_FILE": "/etc/ssl/ca.pem",
        "UV_DEFAULT_INDEX": "https://nearer.example/simple",
        "UV_FIND_LINKS": "/opt/wheels,/srv/wheels",
        "UV_INDEX": "https://two.example/simple https://three.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert as_uv("") == {}
