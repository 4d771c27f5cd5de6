"""Every item of the joint bank in a real QTI 3.0 player: does it play, and does the player score as we do?

    npm ci --prefix tests/browser/player
    python studies/qti_player.py

Each item is exported, answered in headless Chromium with several right and wrong answers, and the player's SCORE is
compared with the points of our key. The table is studies/qti_player.csv.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from itembank import item_file  # noqa: E402
from tests.browser import qti_player  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="en", choices=["en", "es"])
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each item")
    given = parser.parse_args()
    if why := qti_player.missing():
        raise SystemExit(why)
    read = [item_file.read(p).item for p in sorted((HERE.parent / "items").glob("*/*-*.md"))]
    items = [i for i in read if i is not None]
    rows = []
    with tempfile.TemporaryDirectory() as folder, qti_player.playing(items, Path(folder), given.language) as player:
        files = dict(player.test())
        for item in items:
            if given.pictures:
                player.show(files[item.id])
                player.page.wait_for_timeout(50)
                given.pictures.mkdir(parents=True, exist_ok=True)
                player.page.screenshot(path=given.pictures / f"{item.id}.png", full_page=True)
            for answer in qti_player.answers(item):
                points, response = player.play(item, answer, files[item.id])
                expected = qti_player.ours(item, response)
                rows.append({"item": item.id, "type": item.type, "answer": str(answer), "response": response,
                             "ours": expected, "player": points})  # fmt: skip
        trouble = list(player.trouble)
    table = pd.DataFrame(rows)
    table["agree"] = table["ours"].isna() | (table["ours"] == table["player"])
    whole = table.groupby("item").agg(type=("type", "first"), agree=("agree", "all"), answers=("agree", "size"))
    summary = whole.groupby("type").agg(items=("agree", "size"), agreed=("agree", "sum"), answers=("answers", "sum"))
    summary.loc["all"] = summary.sum()
    print(summary.to_string())
    print(table[~table["agree"]].to_string())
    print(f"{len(trouble)} errors or requests that failed: {trouble[:3]}")
    if given.language == "en":
        summary.to_csv(HERE / "qti_player.csv")


if __name__ == "__main__":
    main()
