"""The command group."""


def main() -> None: ...
