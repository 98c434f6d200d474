"""The reference's loops: LongWriter-V's script does one call at a time; LongWriter's runs 8 static shards of that."""

import sys
from concurrent.futures import ThreadPoolExecutor

import openai

from testing.engine.prompts import plan_prompt, section_prompt, sections_in


def write(url: str, samples: range) -> int:
    client = openai.OpenAI(base_url=url, api_key="none")

    def say(prompt: str) -> str:
        answer = client.chat.completions.create(model="bench", messages=[{"role": "user", "content": prompt}])
        return answer.choices[0].message.content or ""

    for sample in samples:
        plan = say(plan_prompt(sample))
        written: list[str] = []
        for _ in range(sections_in(plan)):
            written.append(say(section_prompt(sample, plan, written)))
    return len(samples)


def main() -> None:
    url, samples = sys.argv[1], int(sys.argv[2])
    with ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(lambda shard: write(url, range(shard, samples, 8)), range(8))))


if __name__ == "__main__":
    main()
