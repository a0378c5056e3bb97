from rpf.cli import main

main(prog_name="python -m rpf")
