"""`itembank demo`: the whole job on two simulated districts."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def demo(
    folder: Annotated[str, typer.Argument(help="Folder to make it in; made when it is not there.")] = "demo",
    students: Annotated[int, typer.Option(help="Students of both districts together.")] = 6000,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another seed draws other students.")] = 1,
    years: Annotated[int, typer.Option(help="1 to 3: later years give the same students the same items.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier demo in that folder.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show the commands.")] = False,
) -> None:
    """Make two simulated districts, run the whole job on them, and print the truth beside the estimates."""
    import shutil
    from pathlib import Path

    from itembank import terminal
    from itembank.errors import UsageFault
    from scoring.demo.script import is_demo, run_demo

    place = Path(folder)
    if students < 400:
        raise UsageFault("few-students", "A demo needs 400 students or more.", "--students 6000")
    if not 1 <= years <= 3:
        raise UsageFault("years", "A demo covers 1 to 3 years.", "--years 3")
    if overwrite and place.exists():
        if not is_demo(place):
            if any(place.iterdir()):
                raise UsageFault("not-a-demo", f"{place} holds something that is not a demo.", "Name another folder.")
        else:
            shutil.rmtree(place)
    say = (lambda line: None) if quiet else terminal.say
    made = run_demo(place, students, seed, say)
    table = made.truth
    if years > 1:
        import pandas as pd

        from scoring.demo.years import demo_form, run_years

        table = pd.concat([table, run_years(made, demo_form(), years, seed, say)])
    terminal.say("")
    terminal.say("Truth beside estimate (simulated students, so the truth is known):")
    columns = ["what", "truth", "estimate", "low", "high", "inside"]
    terminal.emit_rows(table.to_dict("records"), columns)
    terminal.say("")
    terminal.say(f"The report: {made.report.resolve()}")
    if years > 1:
        terminal.say(f"The meeting's packet: {place / 'packet.html'}; the dashboard: {place / 'dashboard/index.html'}")
    from scoring.demo.script import how_to_type

    terminal.say(how_to_type(place))
    terminal.next_step(f"open {made.report}")
