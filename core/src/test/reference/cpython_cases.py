"""Records what CPython, PyYAML and jinja2 make of what task files need of them.

usage: cpython_cases.py OUT       writes OUT/cpython.json

random: draws of Random(seed), its state running on. literals: ast.literal_eval. regex: re.findall and re.sub. scalars: what
PyYAML (the loader of lm-evaluation-harness) makes of plain scalars. templates: what the harness's environment renders, or
that it raises. Versions: CPython 3.11, PyYAML 6.0.4, jinja2 3.1.6.
"""

import ast
import json
import random
import re
import sys

import jinja2
import yaml


def draws():
    out = []
    for seed in (0, 1, 1234, 2**32 + 5, 2**70 + 3):
        for count, k in ((5, 3), (22, 21), (21, 5), (100, 6), (1000, 25), (70000, 4), (6, 6), (1, 1), (85, 21)):
            rng = random.Random(seed)
            out.append({"seed": str(seed), "count": count, "k": k,
                        "samples": [rng.sample(list(range(count)), k) for _ in range(3)],
                        "choices": rng.choices(list(range(count)), k=4), "random": rng.random()})
    return out


LITERALS = [
    "['a', \"b'c\", 3]", "[]", "[1, -2, 3.5, 1e3, True, None]", "['x\\n\\t\\u00e9\\x41\\'']", "[ 'a' , ]", "['a' 'b']", "[['a'], ('b', 1), {'k': 2}]",
    "[a]", "['a'", "[1, 2] + [3]", "007", "0", "12", "'just'", "[u'a', r'b\\n']", "[1_000, 0x1f]", "[\"it's\", 'say \"hi\"']", "[...]", "['🙂', '\\U0001f642']",
    "['a\nb']", "['''a\nb''']", "[-1.5e-3, +2]", "[f'a']", "(1)", "('a',)", "['\\101', '\\q']",
]


def literals():
    out = []
    for text in LITERALS:
        try:
            out.append({"text": text, "value": json.loads(json.dumps(ast.literal_eval(text)))})
        except Exception:
            out.append({"text": text, "refused": True})
    return out


def regexes():
    out = []
    texts = ["", "The answer is (B).", "#### 1,234 and #### -5.", "a1b22 c333", "ÄöÜ ß x_y", "line one\nline two\n", "((A)) [B] {C}", "aaa"]
    for pattern in (r"#### (\-?[0-9\.\,]+)", r"(\([A-Z]\))", r"\w+", r"(\d)(\w)?", r"^.*$", r"(?m)^l(\w+)", r"(?m)^(.*)$", r"(?i)ANSWER is", r"a*", r"(a)|(b)", r"\s+",
                    r"(?P<first>[a-z])\d", r"[^a-z\s]"):
        for text in texts:
            out.append({"pattern": pattern, "text": text, "found": re.findall(pattern, text)})
    for pattern, by, text, count in (
        (r"(\w)(\d)", r"\2\1", "a1b2", 0), (r"a", "", "banana", 0), (r"a", "x", "banana", 2), (r"(?P<n>\d)", r"<\g<n>\g<0>>", "a1b2", 0),
        (r"x*", "-", "axb", 0), (r"b", "\\n$1\\\\", "abc", 0), (r"(a)|b", r"[\1]", "ab", 0),
    ):
        out.append({"pattern": pattern, "by": by, "text": text, "count": count, "replaced": re.sub(pattern, by, text, count=count)})
    return out


SCALARS = (
    "yes no Yes NO on Off true TRUE y n ~ null Null nuLL 1 -1 +1 1_000 0x1F 0b101 017 0o17 08 1.5 1. .5 -.5e+3 1e3 1.0e3 1.0e+3 1:30 1:30.5 .inf -.INF .nan "
    "2020-01-01 a 'yes' \"1\" 12e03 0 -0 0.0 1__0 _1 = <<"
).split()

DOCS = [{"a": "text\n", "n": 3, "f": 1.0, "l": ["x", "y"], "d": {"k": None}, "q": "it's \"so\"", "t": " two  words ", "b": True}]
TEMPLATES = [
    "{{a}}", "{{ a }}\n", "  {% if n > 2 %}\n  yes\n  {% endif %}\n", "{{missing}}", "{{ missing.x }}", "{% if missing %}a{% endif %}", "{{ missing is defined }}",
    "{{ missing|default('z') }}", "{{ d.k }}", "{{ d.nothing }}", "{{ d['nothing'] }}", "{{ 'a' if n > 5 }}", "{{ l }}", "{{ l.index('y') }}", "{{ l.index('w') }}",
    "{{ l[5] }}", "{{ f }} {{ n }} {{ b }}", "{{ t.strip() }}|{{ t.lstrip() }}|{{ t.rstrip() }}|{{ t.split() }}|{{ t.split(' ') }}", "{{ q }} {{ [q] }}",
    "{{ a.capitalize() }}{{ a|trim }}{{ a|length }}", "{{ t | regex_replace('\\\\s+', '_') }}", "{{ t | regex_replace('o', '0', 1) }}", "{{ n ~ '|' ~ f }}",
    "{% for x in l %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% set x = n + 1 %}{{ x }}\n\n", "{{ l|join('-') }}{{ l|map('upper')|list }}",
    "{{ missing == 1 }}", "{% for x in missing %}{{ x }}{% endfor %}", "{{ missing|length }}", "{{ l + ['z'] }}", "{{ 7 // 2 }} {{ 7 / 2 }} {{ 7 % 4 }} {{ 2**3 }}",
    "{{ a[-3:] }}{{ a[::-1] }}{{ t[1:4] }}", "{#- gone -#}  x", "{{- a -}}  \n y", "{%- if b -%} z {%- endif %}\n", "{{ l|string }} {{ l|first }} {{ l|last }}", "{{ '%s-%d' % (a, n) }}",
    "{{ '{}'.format(n) }}", "{{ ['A','B'][b] }}", "{{ not missing }}", "{{ 'x' in l and 'z' not in l }}", "{{ d }}", "{{ l | tojson }}", "{{ a.replace('t', 'T').title() }}",
    "{{ a is string }} {{ n is number }} {{ d.k is none }}", "{{ range(3)|list }}", "{{ [1, 2, 3]|sum }} {{ [3, 1]|sort }} {{ [1, 2]|max }}", "{{ 'é'.upper() }}", "{{ a + 1 }}",
    "{{ {'b': 1, 'a': \"<it's> & \u00fc\"} | tojson }}{{ {'b': [1]} | tojson(indent=2) }}",
    "{% set r = [] %}{% for x in l %}{% set _ = r.append(x ~ '!') %}{% endfor %}{{ r|join('/') }}",
    "{% set m = {} %}{% set _ = m.update({'k': 1}, j=2) %}{{ m }}{{ m.pop('k') }}{{ m.pop('k', 3) }}{{ m }}{{ m.setdefault('z', 2) }}{{ m }}{{ m.clear() }}{{ m }}",
    "{% set r = [1, 2] %}{{ r.extend([3]) }}{{ r.insert(0, 0) }}{{ r.insert(-1, 9) }}{{ r.pop() }}{{ r.remove(1) }}{{ r.reverse() }}{{ r }}{{ r.pop(0) }}{{ r.clear() }}{{ r }}",
    "{% for g in [{'k': 'b', 'v': 1}, {'k': 'A', 'v': 2}, {'k': 'B', 'v': 3}, {'v': 4}]|groupby('k', default='b') %}{{ g.grouper }}{{ g.list|map(attribute='v')|join }}{{ g }};{% endfor %}",
    "{{ [1, 2, 3, 4, 5]|slice(2)|list }}{{ [1, 2, 3]|slice(2, 0)|list }}", "{{ q|truncate(5) }}|{{ q|truncate(6, true, '\u2026', 0) }}|{{ t|truncate(6, leeway=0, end='') }}|{{ q|truncate }}",
    "{{ 'a/b \u00fc&=~'|urlencode }}{{ '<b>'|forceescape }}", "{{ [{'a': 1, 'b': 2}, {'a': 1, 'b': 1}]|sort(attribute='a,b') }}",
    "{{ '{:,} {:e} {:.2e} {:g} {:g} {:g} {:.3g} {:E} {:g}'.format(1e16, 12345.678, 0.0001234, 1e16, 0.5, 123456789.0, 1234.5, 0.0, 0.0) }}",
    "{{ [].pop() }}", "{{ {}.pop('a') }}", "{{ [1].remove(2) }}", "{{ 'abc'|truncate(2) }}", "{{ 'x\ny\n' | regex_replace('(?m)^', '> ') }}",
    "{{ (l|length) * 'ab' }}", "{{ l|reverse|list }}", "{{ {'a': 1}.items()|list }}", "{{ dict(a=1) }}", "{{ 'abc'|replace('b', '')}}", "{{ 3.0|int }} {{ '4'|int + 1 }} {{ 2.567|round(1) }}",
    # wordwrap: words, hyphens, dashes, long words, paragraphs, spaces at ends, letters beyond 16 bits
    *[
        "{{ %s|wordwrap(%s) }}" % (json.dumps(text, ensure_ascii=False), args)
        for text in [
            "The quick brown fox jumps over the lazy dog and runs away.", "a well-known two-part-word--and a dash -- here", "supercalifragilisticexpialidocious is long-er-than-it-seems",
            "one\n\n  two  three\nfour   ", "   lead and   inner\ttab", "--option-name x--y e-mail 1-2-3 a-b", "😀😀😀 \u00fcber-\u00e4hnlich \u0436\u0436-\u0436\u0436", "", "ab cdefghijkl", "abcdefghij klm-", "don't-stop it's",
        ]
        for args in ["", "10", "5", "1", "7, false", "6, true, '|'", "8, true, none, false", "4, break_long_words=false, break_on_hyphens=false"]
    ],
    "{{ 'a b'|wordwrap(0) }}", "{{ ''|wordwrap(0) }}", "{{ 5|wordwrap }}", "{{ missing|wordwrap }}", "{{ 'a\u00a0b c\u2003d'|wordwrap(3) }}", "{{ ['a b c d', 'e f']|map('wordwrap', 3)|list }}",
    # striptags and xmlattr
    *[
        "{{ %s|striptags }}" % json.dumps(text, ensure_ascii=False)
        for text in [
            "<p>a  <b>b</b>\n c</p>", "a < b > c", "a <b", "x <!-- c > d --> y <i>z", "<!-- open <b>x</b>", "<!--> a -->b", "&lt;b&gt; &amp;amp; &quot;&apos;&#39;", "AT&T &copy2026 &copy; &notit &not; &nbsp;x&nbsp;",
            "&#8211;&#x2014;&#X41;&#65 &#128;&#129;&#0;&#xD800;&#1114112;&#99999999999;&#11;&#x7f;&#xfffe;&#12;", "&mdash;&rsquo;&hellip;&euro;&ouml;&szlig;&Auml &AMP;&LT", "& &; &# &#x; &a; &1; && &\u00e4; &eacutex &ampx;".replace("&ampx;", "&ampx"), "", "  ", "&Scaron;&OElig;&thinsp;|&ne;&infin;", "1 &lt 2", "&lt;script&gt;",
        ]
    ],
    "{{ 5|striptags }}{{ none|striptags }}", "{{ missing|striptags }}",
    "<a{{ {'href': 'x?a=1&b', 'n': 3, 'none': none, 'q': '\"<>'}|xmlattr }}>", "<a{{ {'b': 1}|xmlattr(false) }}>", "{{ {}|xmlattr }}|{{ {'a': none}|xmlattr }}", "{{ {'a b': 1}|xmlattr }}", "{{ {'a=': 1}|xmlattr }}", "{{ {1: 2}|xmlattr }}", "{{ {'<': true}|xmlattr(autospace=false) }}", "{{ l|xmlattr }}",
    *["{{ %s|filesizeformat }} {{ %s|filesizeformat(true) }}" % (n, n) for n in ["0", "1", "1.0", "'1'", "999", "999.9", "1000", "1023", "1024", "1050", "1500", "999949", "999950", "999999", "1048576", "'13e6'", "-5", "-5000", "1e15", "1e24", "1e27", "1e28", "1e300", "b", "2.5", "1250", "1350"]],
    "{{ 'x'|filesizeformat }}", "{{ none|filesizeformat }}", "{{ missing|filesizeformat }}", "{{ l|filesizeformat }}",
]


def templates():
    env = jinja2.Environment(loader=jinja2.BaseLoader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    env.filters["regex_replace"] = lambda string, pattern, repl, count=0: re.sub(pattern, repl, string, count=count)
    out = []
    for text in TEMPLATES:
        try:
            out.append({"template": text, "rendered": env.from_string(text).render(**DOCS[0])})
        except Exception:
            out.append({"template": text, "refused": True})
    return out


def main(out):
    scalar = lambda text: yaml.load(f"k: {text}\n", Loader=yaml.CSafeLoader)["k"]
    scalars = []
    for text in SCALARS:
        try:
            value = scalar(text)
            scalars.append({"text": text, "type": type(value).__name__, "repr": repr(value)})
        except Exception:
            scalars.append({"text": text, "type": "refused", "repr": ""})
    found = {"random": draws(), "literals": literals(), "regexes": regexes(), "scalars": scalars, "doc": DOCS[0], "templates": templates()}
    with open(f"{out}/cpython.json", "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(
            f"{json.dumps(k)}: [\n" + ",\n".join(" " + json.dumps(row, ensure_ascii=False) for row in v) + "\n]"
            if isinstance(v, list) else f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in found.items()) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
