"""The job in bespokelabs-curator 0.1.31: one LLM for plans and one for sections, called once for each turn."""

import json
import sys

from bespokelabs import curator
from datasets import Dataset  # noqa: TID253 (its own environment)

from testing.engine.prompts import plan_prompt, section_prompt, sections_in


class Plan(curator.LLM):
    def prompt(self, row: dict) -> str:
        return plan_prompt(row["sample"])

    def parse(self, row: dict, response: str) -> dict:
        return {"sample": row["sample"], "plan": response, "written": "[]"}


class Write(curator.LLM):
    def prompt(self, row: dict) -> str:
        return section_prompt(row["sample"], row["plan"], json.loads(row["written"]))

    def parse(self, row: dict, response: str) -> dict:
        return {**row, "written": json.dumps([*json.loads(row["written"]), response])}


def main() -> None:
    url, samples, slots, home = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    params = {
        "base_url": url,
        "max_concurrent_requests": slots,
        "max_requests_per_minute": 10_000_000,
        "max_tokens_per_minute": 1_000_000_000_000,
    }
    plan, write = (kind(model_name="bench", backend="openai", backend_params=params) for kind in (Plan, Write))
    seeds = Dataset.from_list([{"sample": sample} for sample in range(samples)])
    rows = plan(seeds, working_dir=home).dataset.to_list()
    done = 0
    while rows:
        rows = write(Dataset.from_list(rows), working_dir=home).dataset.to_list()
        left = [row for row in rows if len(json.loads(row["written"])) < sections_in(row["plan"])]
        done, rows = done + len(rows) - len(left), left
    print(done)


if __name__ == "__main__":
    main()
