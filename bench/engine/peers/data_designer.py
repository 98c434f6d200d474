"""The job in NeMo Data Designer 0.9.6: a seed data set and one custom column, an async function with a loop."""

import sys

import data_designer.config as dd
import pandas as pd
from data_designer.config.run_config import ResumeMode
from data_designer.interface import DataDesigner

from testing.engine.prompts import plan_prompt, section_prompt, sections_in


@dd.custom_column_generator(required_columns=["sample"], model_aliases=["w"])
async def article(row: dict, generator_params: None, models: dict) -> dict:
    sample = int(row["sample"])
    plan, _ = await models["w"].agenerate(prompt=plan_prompt(sample), parser=str)
    written: list[str] = []
    for _ in range(sections_in(plan)):
        text, _ = await models["w"].agenerate(prompt=section_prompt(sample, plan, written), parser=str)
        written.append(text)
    return {**row, "article": "\n\n".join(written)}


def main() -> None:
    url, samples, slots, home, tuned = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    provider = dd.ModelProvider(name="bench", endpoint=url, provider_type="openai", api_key="none")
    model = dd.ModelConfig(
        alias="w",
        model="bench",
        provider="bench",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(max_parallel_requests=slots),
    )
    designer = DataDesigner(artifact_path=home, model_providers=[provider])
    if tuned == "tuned":  # the setting that its documentation names for many open rows
        designer.set_run_config(dd.RunConfig(max_in_flight_tasks=slots))
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"sample": range(samples)})))
    builder.add_column(dd.CustomColumnConfig(name="article", generator_function=article))
    result = designer.create(builder, num_records=samples, dataset_name="bench", resume=ResumeMode.IF_POSSIBLE)
    print(len(result.load_dataset()))


if __name__ == "__main__":
    main()
