"""Asks a running server by Python's own client, as users do.

    nudge serve --model M --adapter one=A --adapter two=B --port 8080
    python openai_client.py http://127.0.0.1:8080 --nudge ./nudge --model M --adapter one=A --adapter two=B

Every adapter is asked at once, whole and streamed; with --nudge each greedy text is compared with what
`nudge generate` says alone. Made with openai 3.57.0.
"""

import argparse
import asyncio
import json
import subprocess
import sys

import openai

PROMPT = "The pump station is"
TOKENS = 24


async def completion(client, model):
    answer = await client.completions.create(model=model, prompt=PROMPT, temperature=0, max_tokens=TOKENS)
    return answer.choices[0].text


async def streamed_completion(client, model):
    text = ""
    stream = await client.completions.create(
        model=model, prompt=PROMPT, temperature=0, max_tokens=TOKENS, stream=True)
    async for chunk in stream:
        text += chunk.choices[0].text
    return text


def messages():
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": PROMPT}]}]


async def chat(client, model):
    answer = await client.chat.completions.create(
        model=model, messages=messages(), temperature=0, max_tokens=TOKENS, logprobs=True, top_logprobs=2)
    choice = answer.choices[0]
    assert len(choice.logprobs.content) == answer.usage.completion_tokens, "a log-probability a token"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    return choice.message.content


async def streamed_chat(client, model):
    text, ids, usage = "", set(), None
    stream = await client.chat.completions.create(
        model=model, messages=messages(), temperature=0, max_tokens=TOKENS, stream=True,
        stream_options={"include_usage": True})
    async for chunk in stream:
        ids.add((chunk.id, chunk.created, chunk.model))
        for choice in chunk.choices:
            text += choice.delta.content or ""
        usage = chunk.usage or usage
    assert len(ids) == 1, "one id in all chunks"
    assert usage is not None and usage.completion_tokens > 0
    return text


async def structured(client, model):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
              "additionalProperties": False}
    answer = await client.chat.completions.create(
        model=model, messages=messages(), temperature=0, max_tokens=40,
        response_format={"type": "json_schema", "json_schema": {"name": "ok", "schema": schema, "strict": True}})
    assert isinstance(json.loads(answer.choices[0].message.content)["ok"], bool)


async def refused(client, model):
    for wrong, error in [({"model": "nix"}, openai.NotFoundError), ({"temperature": -1}, openai.BadRequestError),
                         ({"messages": []}, openai.BadRequestError)]:
        try:
            await client.chat.completions.create(**({"model": model, "messages": messages()} | wrong))
            raise AssertionError(f"{wrong} was taken")
        except error as e:
            assert e.body["message"], e


async def ask(url, key):
    client = openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    models = [m.id async for m in client.models.list()]
    texts = await asyncio.gather(*[f(client, m) for m in models for f in (completion, streamed_completion)])
    alone = {}
    for i, model in enumerate(models):
        assert texts[2 * i] == texts[2 * i + 1], f"{model}: streamed, it says something else"
        alone[model] = texts[2 * i]
    try:
        chats = await asyncio.gather(*[f(client, m) for m in models for f in (chat, streamed_chat)])
        for i, model in enumerate(models):
            assert chats[2 * i] == chats[2 * i + 1], f"{model}: streamed, it says something else"
        await asyncio.gather(*[structured(client, m) for m in models])
    except openai.BadRequestError as e:
        print("no chats:", e.body["message"])
    await refused(client, models[0])
    return alone


def generated(args, adapter):
    command = [args.nudge, "generate", "--model", args.model, "--prompt", PROMPT, "--max-tokens", str(TOKENS), "-q",
               "--any-base"] + (["--adapter", adapter] if adapter else [])
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout[:-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--key", default="none")
    parser.add_argument("--nudge")
    parser.add_argument("--model")
    parser.add_argument("--adapter", action="append", default=[])
    args = parser.parse_args()
    alone = asyncio.run(ask(args.url, args.key))
    print(json.dumps(alone, indent=1, ensure_ascii=False))
    if args.nudge:
        folders = dict(a.split("=", 1) for a in args.adapter)
        for model, text in alone.items():
            expected = generated(args, folders.get(model))
            if text != expected:
                sys.exit(f"{model}: the server says {text!r}, nudge generate {expected!r}")
        print(f"{len(alone)} models say what nudge generate says")


if __name__ == "__main__":
    main()
