from rpf.cli import run

run()
