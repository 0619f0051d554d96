"""The sandbox as a process of its own: `python -m backend.wechat.sandbox --port 8100 --appid wx… --secret …`. Ends with Ctrl+C."""

from __future__ import annotations

import argparse
import ipaddress
import sys

from backend.wechat.sandbox import SandboxState, build_app


def main() -> int:
    """0 after a stop, 2 where it may not be started."""
    given = arguments().parse_args()
    if not given.i_know and not _is_loopback(given.host):
        print(f"拒绝监听 {given.host}：沙箱里谁都可以用任何人的身份登录，只应监听本机。确有需要请加 --i-know。", file=sys.stderr)
        return 2
    state = SandboxState(given.appid, given.secret, given.push_url, given.push_token, given.push_aes_key, seed=given.seed)
    try:
        app = build_app(state)
    except RuntimeError as refusal:
        print(f"无法启动：{refusal}", file=sys.stderr)
        return 2
    app.after_server_start(lambda _: print(f"微信沙箱：http://{given.host}:{given.port}/sandbox", flush=True))
    app.run(host=given.host, port=given.port, single_process=True, access_log=False, motd=False)
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.wechat.sandbox", description="微信沙箱：代替微信的服务器，仅供开发与测试")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1）")
    parser.add_argument("--port", type=int, default=8100, help="端口（默认 8100）")
    parser.add_argument("--i-know", action="store_true", help="允许监听本机以外的地址")
    parser.add_argument("--appid", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--push-url", default="", help="推送地址，例如 http://127.0.0.1:8000/wechat/push")
    parser.add_argument("--push-token", default="")
    parser.add_argument("--push-aes-key", default="", help="EncodingAESKey，43 个字符")
    parser.add_argument("--seed", type=int, default=None, help="给出时，授权码和令牌可以重现")
    return parser


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
