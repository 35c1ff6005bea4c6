"""The command ``simaccess``, from its first moment on; ``python -m simaccess`` is the same."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command; an interrupt that comes while it is still loaded ends it in a line, too."""
    try:
        from simaccess.cli import main as run  # noqa: PLC0415  # what takes a moment to load
    except KeyboardInterrupt:
        sys.stderr.write("simaccess: interrupted; nothing was written\n")
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
