"""``itemclip-med demo``: the whole road once, on phantoms."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def demo() -> None:
    """Run the whole road once on phantoms."""


@demo.command("run")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--num-train", type=click.IntRange(2), default=1000, show_default=True, help="Studies to train on.")
@click.option("--num-test", type=click.IntRange(2), default=200, show_default=True, help="Held-out studies.")
@click.option("--epochs", type=click.IntRange(1), default=24, show_default=True, help="Passes over the studies.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything.")
def run_command(out: Path, num_train: int, num_test: int, epochs: int, seed: int) -> None:
    """Make phantoms, preprocess, train, score held-out phantoms and draw heatmaps, all under OUT.

    About a quarter of an hour on two cores. Run it again to go on where it was stopped.
    """
    from itemclip_med.predict import DemoSettings, run_demo

    settings = DemoSettings(num_train=num_train, num_test=num_test, epochs=epochs, seed=seed)
    result = run_demo(out, settings, say=click.echo)
    click.echo("\n" + result.report + "\n")
    for step, seconds in result.seconds.items():
        click.echo(f"  {step:18} {seconds:6.0f} s")
    click.echo(f"\nModel:    {result.model}")
    for path in result.pictures:
        click.echo(f"Heatmap:  {path}")


@demo.command("notebooks")
@click.argument("dest", type=click.Path(path_type=Path))
def notebooks_command(dest: Path) -> None:
    """Copy the Jupyter notebooks into DEST, to open and change them there. Files that are there are kept."""
    import shutil

    from itemclip_med.resources import notebooks_dir

    dest.mkdir(parents=True, exist_ok=True)
    for source in sorted(notebooks_dir().glob("*.ipynb")):
        target = dest / source.name
        if target.exists():
            click.echo(f"{target} is there already, left as it is")
        else:
            shutil.copyfile(source, target)
            click.echo(str(target))
    click.echo(f"Open them with: jupyter lab {dest} (pip install 'itemclip-med[notebooks]')")
