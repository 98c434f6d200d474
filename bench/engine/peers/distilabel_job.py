"""The job in distilabel 1.5.3: a Task whose `process` goes turn by turn over its batch, as its maintainers advise."""

import sys

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput
from distilabel.steps.tasks import Task
from distilabel.typing import StepOutput

from testing.engine.prompts import plan_prompt, section_prompt, sections_in


class PlanAndWrite(Task):
    @property
    def inputs(self) -> list[str]:
        return ["sample"]

    @property
    def outputs(self) -> list[str]:
        return ["article"]

    def format_input(self, input: dict) -> list[dict]:
        return [{"role": "user", "content": input["prompt"]}]

    def format_output(self, output: str | None, input: dict | None = None) -> dict:
        return {"article": output}

    def process(self, inputs: StepInput) -> StepOutput:  # type: ignore[override]
        plans = self._say([plan_prompt(row["sample"]) for row in inputs])
        written: list[list[str]] = [[] for _ in inputs]
        while left := [i for i, plan in enumerate(plans) if len(written[i]) < sections_in(plan)]:
            prompts = [section_prompt(inputs[i]["sample"], plans[i], written[i]) for i in left]
            for i, text in zip(left, self._say(prompts), strict=True):
                written[i].append(text)
        for row, texts in zip(inputs, written, strict=True):
            row["article"] = "\n\n".join(texts)
        yield inputs

    def _say(self, prompts: list[str]) -> list[str]:
        outputs = self.llm.generate_outputs(inputs=[self.format_input({"prompt": prompt}) for prompt in prompts])
        return [output["generations"][0] for output in outputs]


def main() -> None:
    url, samples, _slots, home, tuned = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    batch = samples if tuned == "tuned" else 50
    with Pipeline(name="bench", cache_dir=home) as pipeline:
        load = LoadDataFromDicts(data=[{"sample": sample} for sample in range(samples)], batch_size=batch)
        write = PlanAndWrite(
            llm=OpenAILLM(model="bench", base_url=url, api_key="none"),
            input_batch_size=max(1, batch // (4 if tuned == "tuned" else 1)),
        )
        if tuned == "tuned":
            from distilabel.steps import StepResources

            write.resources = StepResources(replicas=4)
        load >> write
    print(len(pipeline.run(use_cache=True)["default"]["train"]))


if __name__ == "__main__":
    main()
