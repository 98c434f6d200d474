"""The pictures of a data-set card: words written, length scores, images a row."""

from lwv_dagster.release.tally import SCORE_BIN, WORDS_BIN, Tally
from resources.charts import as_png, new_figure


def draw(tally: Tally) -> dict[str, bytes]:
    """PNG bytes by file name."""
    pictures = {}
    figure, axes = new_figure()
    axes.bar(list(tally.words), list(tally.words.values()), WORDS_BIN * 0.95, align="edge")
    axes.set(xlabel=f"words written (bins of {WORDS_BIN})", ylabel="rows", title="Length of the SFT answers")
    pictures["words.png"] = as_png(figure)

    figure, axes = new_figure()
    axes.bar(list(tally.scores), list(tally.scores.values()), SCORE_BIN * 0.95, align="edge")
    axes.set(
        xlabel="length score (paper, eq. 6)",
        ylabel="rows",
        xlim=(0, 100),
        title="Length scores, where a length is stated",
    )
    pictures["length_scores.png"] = as_png(figure)

    figure, axes = new_figure()
    for offset, label, images in ((-0.2, "SFT", tally.sft.images), (0.2, "preference", tally.preference.images)):
        axes.bar([count + offset for count in images], list(images.values()), 0.38, label=label)
    axes.set(xlabel="images in a row", ylabel="rows", title="Images a row")
    axes.legend(frameon=False)
    pictures["images.png"] = as_png(figure)
    return pictures
