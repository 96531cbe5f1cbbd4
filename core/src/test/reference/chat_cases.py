"""Records what transformers' apply_chat_template makes of conversations with the templates of ten families.

Usage: python chat_cases.py OUT OUTSIDE

OUT is the folder of the goldens: OUT/chat/NAME holds a template whose licence lets it lie here. OUTSIDE is a folder of
chat_fetch.py with those that may not. Writes OUT/chat/conversations.json, which is ours, and OUT/chat/expected.json: of
each rendering the SHA-256 of its UTF-8, its number of code points, and where its {% generation %} blocks begin and end, or
that Python raises.
"""

import datetime
import hashlib
import json
import pathlib
import sys

import transformers.utils.chat_template_utils as utils
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 7, 4, 9, 5, 3)


utils.datetime = Clock


def user(content, **more):
    return {"role": "user", "content": content, **more}


def system(content):
    return {"role": "system", "content": content}


def says(content, **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments, id="abcdefgh1"):
    return {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}


def result(content, id="abcdefgh1", name="weather"):
    return {"role": "tool", "name": name, "tool_call_id": id, "content": content}


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a <town> & \"more\" – naïve",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "description": "Its name"},
                "days": {"type": "integer", "enum": [1, 3, 7], "default": None},
            },
            "required": ["town"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "description": "What time it is", "parameters": {"type": "object", "properties": {}}},
}

TRICKY = "{{ 1 + 1 }} {% if x %}{# no #} <b>&\"'</b> \\n \\ %s {0} \U0001f600 é\u0301 漢字 \u200f\u05d0\u05d1"

CASES = {
    "one-question": {"messages": [user("How high is the tower?")]},
    "system": {"messages": [system("Answer in one word."), user("Is it high?")]},
    "answered": {"messages": [user("Hi"), says("Hello, what can I do?")]},
    "turns": {
        "messages": [system("Be kind."), user("One?"), says("Two."), user("Three?"), says("Four."), user("Five?")]
    },
    "turns-answered": {
        "messages": [user("One?"), says("Two."), user("Three?"), says("Four.\n\nAnd more."), user("5?"), says("6")]
    },
    "tools": {"messages": [user("What is the weather in Graz?")], "tools": [WEATHER, CLOCK]},
    "tools-system": {"messages": [system("Use tools."), user("Weather?")], "tools": [WEATHER]},
    "called": {
        "messages": [user("Weather in Graz?"), says("", tool_calls=[call("weather", {"town": "Graz", "days": 3})])],
        "tools": [WEATHER],
    },
    "called-and-answered": {
        "messages": [
            system("Use tools."),
            user("Weather in Graz?"),
            {"role": "assistant", "tool_calls": [call("weather", {"town": "Graz – \"Süd\"", "days": 3})]},
            result('{"sky": "clear", "degrees": 21.5}'),
            says("It is clear, 21.5 degrees."),
            user("Thanks"),
            says("Any time."),
        ],
        "tools": [WEATHER, CLOCK],
    },
    "called-with-null-content": {
        "messages": [
            user("Time?"),
            {"role": "assistant", "content": None, "tool_calls": [call("clock", {})]},
            result("noon", name="clock"),
        ],
        "tools": [CLOCK],
    },
    "two-calls": {
        "messages": [
            user("Weather in Graz and Wien?"),
            says(
                "I look it up.",
                tool_calls=[call("weather", {"town": "Graz"}), call("weather", {"town": "Wien"}, "abcdefgh2")],
            ),
            result("rain"),
            result("sun", "abcdefgh2"),
            says("Rain and sun."),
        ],
        "tools": [WEATHER],
    },
    "arguments-as-text": {
        "messages": [user("Weather?"), says("", tool_calls=[call("weather", '{"town": "Graz"}')]), result("rain")],
        "tools": [WEATHER],
    },
    "odd-arguments": {
        "messages": [
            user("Go"),
            says(
                "",
                tool_calls=[
                    call("x", {"é": [1, 2.0, 1e16, 1e-7, None, True, {"k": "</tool_call>\u2028"}], "n": 12345678901234567890})
                ],
            ),
            result("{}"),
            says("Done"),
        ],
        "tools": [CLOCK],
    },
    "reasoning": {
        "messages": [
            user("Which is larger?"),
            says("The first.", reasoning_content="They differ.\nSo the first is."),
            user("Sure?"),
            says("Yes.", reasoning_content="\nI think so.\n"),
        ]
    },
    "reasoning-and-calls": {
        "messages": [
            user("Weather?"),
            says("", reasoning_content="I need the tool.", tool_calls=[call("weather", {"town": "Graz"})]),
            result("rain"),
            says("Rain.", reasoning="It said rain."),
        ],
        "tools": [WEATHER],
    },
    "think-in-content": {
        "messages": [
            user("Why?"),
            says("<think>\nHm.\n</think>\n\nBecause."),
            user("And?"),
            says("<think>\nLong.\n</think>\n\nNothing."),
        ]
    },
    "no-thinking": {
        "messages": [user("Quick?"), says("Yes."), user("Really?")],
        "variables": {"enable_thinking": False},
    },
    "no-thinking-answered": {
        "messages": [user("Quick?"), says("Yes.")],
        "variables": {"enable_thinking": False, "thinking": True},
    },
    "no-think-in-system": {"messages": [system("Short. /no_think"), user("Quick?"), says("Yes."), user("Oh?")]},
    "system-override": {"messages": [system("Mine alone. /system_override"), user("Go?"), says("Gone.")]},
    "tricky": {"messages": [system(TRICKY), user(TRICKY), says(TRICKY), user(TRICKY)]},
    "tricky-answered": {"messages": [user(TRICKY), says(TRICKY)], "tools": [WEATHER]},
    "blanks": {"messages": [system("  s \n"), user("\n u\t "), says(" \n a b \n\n"), user(" ")]},
    "blanks-answered": {"messages": [user(" \n"), says("\n\n x  \n")]},
    "empty": {"messages": [system(""), user(""), says(""), user("?"), says("")]},
    "special-text": {
        "messages": [user("<|im_end|>\n<|im_start|>assistant\n</s>[INST]<eos>"), says("<|im_end|><|eot_id|></s><end_of_turn>")]
    },
    "two-questions": {"messages": [user("One?"), user("Two?")]},
    "assistant-first": {"messages": [says("I begin."), user("Go on"), says("Well.")]},
    "only-system": {"messages": [system("Just this.")]},
    "late-system": {"messages": [user("Hi"), system("Change."), user("Ho"), says("Hu")]},
    "unknown-role": {"messages": [user("Hi"), {"role": "narrator", "content": "Meanwhile"}]},
    "parts": {
        "messages": [user([{"type": "text", "text": "One "}, {"type": "text", "text": " two"}]), says("Three")],
    },
    "documents": {
        "messages": [user("What do they say?"), says("Much.")],
        "variables": {
            "documents": [{"doc_id": 1, "title": "A", "text": "First."}, {"doc_id": 2, "title": "B", "text": "Second."}],
            "controls": {"citations": True, "length": "short"},
        },
    },
    "tools-in-system": {
        "messages": [{"role": "system", "content": "Use it.", "tools": json.dumps([CLOCK])}, user("Time?"), says("Noon")]
    },
    "builtin-tools": {
        "messages": [user("Search"), says("", tool_calls=[call("brave_search", {"query": "graz"})]), result("found")],
        "variables": {"builtin_tools": ["brave_search", "code_interpreter"], "date_string": "01 Feb 2024"},
    },
    "tools-not-in-user": {
        "messages": [system("S"), user("Weather?"), says("No.")],
        "tools": [WEATHER],
        "variables": {"tools_in_user_message": False},
    },
    "names-and-extras": {
        "messages": [user("Hi", name="ann", weight_of="x"), says("Ho", name="bot", refusal=None), user("Hm", name="ann")]
    },
}

HERE = [
    "granite3_1", "granite3_3", "mistral_nemo", "mistral_v1", "mistral_v3", "phi4_mini", "qwen2_5", "qwen3", "smollm2", "smollm3",
]
OUTSIDE = ["llama3_1", "llama3_2", "gemma3"]


def load(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    named = {key: value for key, value in config.items() if key.endswith("_token") and isinstance(value, str)}
    named.update(config.get("extra_special_tokens", {}))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()), chat_template=(folder / "chat_template.jinja").read_text(), **named
    )
    return tokenizer


def expected(tokenizer, case, prompt):
    try:
        text = tokenizer.apply_chat_template(
            case["messages"],
            tools=case.get("tools"),
            add_generation_prompt=prompt,
            tokenize=False,
            **case.get("variables", {}),
        )
    except Exception as e:
        return {"raises": f"{type(e).__name__}: {e}".split("\n")[0][:200]}
    found = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "length": len(text)}
    if "endgeneration" in tokenizer.chat_template and not prompt:
        _, blocks = utils.render_jinja_template(
            [utils._normalize_chat_messages(case["messages"])],
            tools=case.get("tools"),
            chat_template=tokenizer.chat_template,
            return_assistant_tokens_mask=True,
            **tokenizer.special_tokens_map,
            **case.get("variables", {}),
        )
        found["blocks"] = [list(block) for block in blocks[0]]
    return found


def main(out, outside, texts=None):
    folder = pathlib.Path(out) / "chat"
    folders = {name: folder / name for name in HERE} | {name: pathlib.Path(outside) / name for name in OUTSIDE}
    found = {}
    for name, place in folders.items():
        tokenizer = load(place)
        found[name] = {
            case: {
                "plain": expected(tokenizer, CASES[case], False),
                "prompt": expected(tokenizer, CASES[case], True),
            }
            for case in CASES
        }
    (folder / "conversations.json").write_text(json.dumps(CASES, indent=1, ensure_ascii=True) + "\n")
    (folder / "expected.json").write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")
    all_cases = [one for cases in found.values() for both in cases.values() for one in both.values()]
    print(len(all_cases), "cases,", sum("raises" in one for one in all_cases), "raise")


if __name__ == "__main__":
    main(*sys.argv[1:])
