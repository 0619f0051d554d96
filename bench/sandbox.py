"""WeChat's stand-in as a process of its own, for the login scenario. `python -m bench.sandbox PORT APPID SECRET`."""

from __future__ import annotations

import sys

from backend.wechat.sandbox import SandboxState, build_app

if __name__ == "__main__":
    build_app(SandboxState(sys.argv[2], sys.argv[3], seed=1)).run(
        host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False
    )
