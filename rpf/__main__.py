import signal

from rpf.cli import main
from rpf.cli.options import terminate

signal.signal(signal.SIGTERM, terminate)
main(prog_name="python -m rpf")
