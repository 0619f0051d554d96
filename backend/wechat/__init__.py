"""WeChat: the client for its server API, the cryptography of its pushes, and the sandbox that stands in for it."""
