"""The project in Label Studio: what a person sees and says there, and how its tasks are handed out."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from assets.corrected_segments.schema import ERRORS
from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudio
from resources.identity import short_hash
from resources.json_types import Json
from resources.store import Store
from resources.text.shown import in_line

MODEL_VERSION = "critic"  # of all predictions: those of another version than the project's are not shown
SEEN_BY = 2  # people, of the share
SHARE_SEEN_BY_TWO = 20  # percent of the tasks: what agreement is measured on
OBJECT = "draft"  # what every control is about
TEXT, KINDS_OF_ERROR, VERDICT, REASON = "text", "kinds", "verdict", "reason"
VERDICTS = ("fine", "drop")  # none of them: the text as it stands in the box
CONTROLS = {
    TEXT: "textarea",
    KINDS_OF_ERROR: "choices",
    VERDICT: "choices",
    REASON: "textarea",
}  # name -> type of result


def label_config() -> str:
    """The page, as Label Studio's XML. The box begins with the critic's text: a prediction of a text would be
    shown, but could not be edited in place."""
    kinds = "".join(f'<Choice value="{escape(name)}" hotkey="{key}"/>' for key, name in enumerate(ERRORS, 1))
    return f"""<View style="display: flex; gap: 1em">
  <View style="flex: 1; min-width: 0">
    <Header value="$where"/>
    <Image name="pages" valueList="$images"/>
    <Header size="5" value="Before"/><Text name="before" value="$before"/>
    <Header size="5" value="After"/><Text name="after" value="$after"/>
  </View>
  <View style="flex: 1; min-width: 0">
    <Header size="5" value="$why"/>
    <Header size="5" value="Draft"/><Text name="{OBJECT}" value="$draft"/>
    <Header size="5" value="Text (as the critic left it; mend it here)"/>
    <TextArea name="{TEXT}" toName="{OBJECT}" value="$critic" rows="14" editable="true" maxSubmissions="1"/>
    <Header size="5" value="Kinds of error in the draft"/>
    <Choices name="{KINDS_OF_ERROR}" toName="{OBJECT}" choice="multiple">{kinds}</Choices>
    <Header size="5" value="Instead of a text: the draft is fine, or drop it"/>
    <Choices name="{VERDICT}" toName="{OBJECT}" choice="single-radio">
      <Choice value="fine" hotkey="f"/><Choice value="drop" hotkey="d"/>
    </Choices>
    <TextArea name="{REASON}" toName="{OBJECT}" placeholder="Why (may stay empty)" rows="1" maxSubmissions="1"/>
  </View>
</View>"""


def title_of(home: Path) -> str:
    """The name of a factory's project: one for each LWV_HOME, so that none deletes another's tasks."""
    return f"Long texts of {in_line(home.name)[:20]} {short_hash(str(home))[:8]}"


def overlap() -> Mapping[str, Json]:
    """How many people see a task: two, of a share of them; one of the others."""
    return {"maximum_annotations": SEEN_BY, "overlap_cohort_percentage": SHARE_SEEN_BY_TWO}


def ensure_project(studio: LabelStudio, store: Store) -> int:
    """The factory's project, made where it is not there, with the folder of images. Raises LabelStudioError."""
    title, images = title_of(store.home), store.home / "images"
    wanted: dict[str, Json] = {
        "title": title,
        "label_config": label_config(),
        "sampling": "Uncertainty sampling",  # the lowest score first: the most doubtful
        "model_version": MODEL_VERSION,
        "show_collab_predictions": True,
        "show_skip_button": True,
        **overlap(),
    }
    project = studio.project(title)
    if project is None:
        project = studio.make_project(wanted)
    if str(images) not in studio.storages(project):
        images.mkdir(parents=True, exist_ok=True)
        studio.add_storage(project, str(images))
    return project
