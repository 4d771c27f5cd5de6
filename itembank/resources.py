"""Where the files that come with the program are: the joint bank's items, whether installed or in a checkout."""

from pathlib import Path


def items_folder() -> Path:
    """The folder of the joint bank's items.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "joint_items", here.parent / "items"):
        if (folder / "concepts.yaml").is_file():
            return folder
    raise FileNotFoundError("the joint bank's items are missing from this installation")
