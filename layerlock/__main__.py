"""`python -m layerlock JOB --option=value ...`."""

from layerlock import cli

if __name__ == "__main__":
    cli.main()
