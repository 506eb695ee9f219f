import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Your own images, to a bitstream")

with app.setup:
    import os
    import shlex
    import subprocess
    import sys
    import tempfile
    from pathlib import Path

    import marimo as mo
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    import metabit
    from metabit import MetabitClassifier
    from metabit.plots.style import name, panels

    HERE = Path(metabit.__file__).parent.parent


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Your own images, to a bitstream

    A folder of pictures, a folder a class, is all that a training needs. This notebook goes from
    there to what a board would do with them, command by command. Name your own folder, or leave
    the field empty: then pictures are made of digits, as a stand-in.
    """)
    return


@app.cell
def _():
    yours = mo.ui.dictionary({"pictures": mo.ui.text(value="", placeholder="/home/me/pictures")})
    yours
    return (yours,)


@app.cell
def _(yours):
    def write_pictures(folder, samples, words=("zero", "one", "two", "three", "four")):
        """Write digits as PNG files of 16 x 16 pixels, a folder a class, and return them."""
        digits = load_digits()
        for number in samples:
            image, label = digits.images[number], digits.target[number]
            if label < len(words):
                (folder / words[label]).mkdir(parents=True, exist_ok=True)
                pixels = np.repeat(np.repeat(image * 255 / 16, 2, axis=0), 2, axis=1)
                picture = Image.fromarray(pixels.astype(np.uint8))
                picture.save(folder / words[label] / f"{number:04}.png")
        return folder

    work = Path(tempfile.mkdtemp(prefix="metabit-class-"))
    if yours.value["pictures"]:
        pictures = Path(yours.value["pictures"]).expanduser()
        new = pictures
    else:
        pictures = write_pictures(work / "pictures", range(1000))
        new = write_pictures(work / "new", range(1700, 1797))
    return new, pictures, work, write_pictures


@app.cell
def _(pictures):
    _classes = sorted(folder for folder in pictures.iterdir() if folder.is_dir())[:8]
    _figure, _axes = panels(3, len(_classes), 9, 5.4, "Three of each class")
    for _column, _folder in enumerate(_classes):
        for _row, _file in enumerate(sorted(_folder.iterdir())[:3]):
            _axes[_row][_column].imshow(Image.open(_file), cmap="gray_r")
            _axes[_row][_column].set(xticks=[], yticks=[])
        name(_axes[0][_column], _folder.name)
    _figure
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Train

    Metabit looks at the pictures, chooses how their pixels become bits, and trains a network of 64
    neurons. What it has found and chosen is said first.
    """)
    return


@app.cell
def _(work):
    def shell(line):
        """Run a command in the folder of this work, and show what it prints."""
        # `metabit` is this one, wherever it is installed.
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=work,
            env=os.environ
            | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = "\n".join(part.rstrip() for part in (done.stdout + done.stderr).splitlines())
        if done.returncode:
            raise RuntimeError(f"{line}\n{said}")
        # Folders of this run have names that the next one does not share.
        said = said.replace(f"{work}/", "").strip("\n")
        return mo.md(f"```console\n$ {line.replace(f'{work}/', '')}\n{said}\n```")

    return (shell,)


@app.cell
def _(pictures, shell):
    trained = shell(
        f"metabit train --dataset {shlex.quote(str(pictures))} --epochs 10 --out run.npz"
    )
    trained
    return (trained,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## New pictures

    Those that it has never seen. `metabit predict` needs no classes, and says a class for each
    file; where the folders are classes, `metabit evaluate` counts.
    """)
    return


@app.cell
def _(new, shell, trained):
    trained
    predicted = (
        shell(f"metabit predict run.npz --dataset {shlex.quote(str(new / 'two'))}")
        if (new / "two").is_dir()
        else mo.md("`metabit predict run.npz --dataset FOLDER`")
    )
    predicted
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What a board would do

    `metabit plan` counts what the network takes of a device, and how fast it would be, before
    anything is built.
    """)
    return


@app.cell
def _(shell, trained):
    trained
    shell("metabit plan run.npz --board icebreaker")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The simulated device predicts the classes of the test pictures, and each must be golden's. (The
    first time, the device is compiled, which takes a minute.)
    """)
    return


@app.cell
def _(shell, trained):
    trained
    shell("metabit simulate run.npz --samples 100")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## To the bitstream

    A bitstream holds a device and no network, so that one is built for a board, once. It takes
    minutes, and a board to use it; here it is only shown.

    ```sh
    metabit build icebreaker
    metabit program icebreaker
    metabit run run.npz --port /dev/ttyUSB1
    ```

    The second and third need the board. With pictures that arrive later, `metabit run` trains it
    there: [Boards](../boards.md).

    ## Exercises

    **1. How few will do?** Train on the first 5, 10, 20, 50 pictures of a class, and test on new
    ones.
    """)
    return


@app.function(hide_code=True)
def accuracy_of(train, test):
    """Train on some digits of scikit-learn and return the accuracy on others, in percent."""
    digits = load_digits()
    pixels, labels = digits.data, digits.target
    network = MetabitClassifier(64, encoder="thermometer:0,4,8,12", random_state=0)
    return 100 * network.fit(pixels[train], labels[train]).score(pixels[test], labels[test])


@app.cell(hide_code=True)
def solution_few():
    _labels = load_digits().target
    _test = np.flatnonzero((_labels < 5) & (np.arange(len(_labels)) >= 1000))

    def _row(count):
        chosen = np.concatenate([np.flatnonzero(_labels == label)[:count] for label in range(5)])
        return f"| {count} | {accuracy_of(chosen, _test):.1f} |"

    mo.accordion(
        {
            "Solution": mo.md(
                "With the pixels of the same digits, twenty epochs, seed 0:\n\n"
                "| pictures of a class | accuracy on new ones, % |\n|---:|---:|\n"
                + "\n".join(_row(count) for count in (5, 10, 20, 50))
                + "\n\nThese digits are small, and centred. Pictures as a camera takes them need "
                "more, or `--views 5`, which learns each also moved by a pixel."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **2. Upside down.** What does the network say of digits that stand on their head? And one that
    has learnt both ways?
    """)
    return


@app.cell(hide_code=True)
def solution_upside_down():
    _digits = load_digits()
    _images, _labels = _digits.images[_digits.target < 5], _digits.target[_digits.target < 5]
    _turned = _images[:, ::-1, ::-1]

    def _score(network, images):
        return 100 * network.score(images[500:].reshape(-1, 64), _labels[500:])

    def _fit(images, labels):
        network = MetabitClassifier(64, encoder="thermometer:0,4,8,12", random_state=0)
        return network.fit(images.reshape(-1, 64), labels)

    _upright = _fit(_images[:500], _labels[:500])
    _both = _fit(
        np.concatenate([_images[:500], _turned[:500]]), np.concatenate([_labels[:500]] * 2)
    )
    mo.accordion(
        {
            "Solution": mo.md(
                "| learnt | upright, % | upside down, % |\n|---|---:|---:|\n"
                f"| upright | {_score(_upright, _images):.1f} | {_score(_upright, _turned):.1f} |\n"
                f"| both | {_score(_both, _images):.1f} | {_score(_both, _turned):.1f} |\n\n"
                "Bits have places; what has moved is new to the network. A board that learns can "
                "follow: [Learning on the device](../examples/8-personal.md)."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **3. What does it look for?** `metabit inspect run.npz` draws it. Before you look: which pixels
    will the neurons ignore?
    """)
    return


@app.cell(hide_code=True)
def solution_looks_for(pictures):
    _pictures = [Image.open(file).convert("L") for file in sorted(pictures.glob("*/*"))]
    _stack = np.array([np.asarray(picture.resize((16, 16))) for picture in _pictures])
    _figure, [[_axes]] = panels(1, 1, 4.4, 4.2, "How much a pixel varies")
    _axes.imshow(_stack.std(axis=0), cmap="Blues")
    _axes.set(xticks=[], yticks=[])
    mo.accordion(
        {
            "Solution": _figure,
            "Why": mo.md(
                "Those that never vary: no comparison of them tells anything, so that the choice "
                "of bits leaves them out."
            ),
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The guide to data of all kinds: [Data of your own](../using.md#data-of-your-own).
    """)
    return


if __name__ == "__main__":
    app.run()
