"""The signature of a request to Rosetta: decided here, sent by the transport anew at each try.

Source: the vendor's page on authentication. The digest covers the time and the key pair only; method, path, query and
body are not part of it.
"""

import hashlib
from collections.abc import Mapping


def sign(access_key: str, secret_key: str, now_ms: int) -> Mapping[str, str]:
    """The three headers of one request sent at `now_ms`, Unix time in milliseconds.

    X-SIGN is the lowercase hex MD5 of "time&secret&access" in UTF-8. The order matters, and the time that is hashed is
    the text that is sent.
    """
    time_text = str(now_ms)
    message = f"{time_text}&{secret_key}&{access_key}"
    # MD5 is the vendor's choice; nothing of ours relies on its strength.
    digest = hashlib.md5(message.encode(), usedforsecurity=False).hexdigest()
    return {"X-STARDUST-KEY": access_key, "X-TS": time_text, "X-SIGN": digest}
