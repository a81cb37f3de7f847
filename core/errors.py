"""The one kind of error that halab raises on purpose."""

from __future__ import annotations


class HalabError(Exception):
    """A failure that a person can act on; `cli` prints it once.

    `message` says what failed and where (host, file, key); `hint` says what to do about it;
    `detail` is supporting output (a command's stderr, a list of findings).
    """

    def __init__(self, message: str, *, hint: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        parts = [self.message]
        if self.detail:
            parts.append(self.detail.rstrip())
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class CommandError(HalabError):
    """A command that failed: host, exit status, the command ready to paste, and its output."""

    def __init__(
        self,
        command: str,
        *,
        status: int | None,
        stdout: str = "",
        stderr: str = "",
        host: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = f" on {host}" if host else ""
        what = "did not finish in time" if status is None else f"exited with {status}"
        output = "\n".join(part.strip() for part in (stdout, stderr) if part.strip())
        super().__init__(f"command{where} {what}: {command}", hint=hint, detail=output or None)
        self.command = command
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.host = host
