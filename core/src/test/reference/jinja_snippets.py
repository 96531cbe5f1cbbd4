"""Records what jinja2, set up as transformers sets it up for chat templates, makes of short templates.

Usage: python jinja_snippets.py OUT (the folder of the goldens); writes OUT/jinja/snippets.json.
"""

import datetime
import json
import pathlib
import sys

import transformers.utils.chat_template_utils as utils


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 7, 4, 9, 5, 3)


utils.datetime = Clock

VARIABLES = {
    "text": "  Hello, Wörld \u00e9\U0001f600 <b>&\"'\n ",
    "word": "straße",
    "n": 7,
    "x": 2.5,
    "yes": True,
    "nothing": None,
    "list": [3, 1, 2],
    "words": ["b", "A", "c", "a"],
    "table": {"b": 1, "a": [True, None, 1.0, "it's"], "C": {"k": "v\n"}},
    "people": [
        {"name": "Ann", "age": 30, "tags": ["x", "y"]},
        {"name": "bob", "age": 25, "tags": []},
        {"name": "Cyd", "tags": ["z"]},
    ],
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}],
    "odd": "a\x7f\u00a0\u200b\ue000\u2028\\\t\"",
    "items_key": {"items": 1, "keys": 2},
}

SNIPPETS = r"""
{{ text }}|{{ text.strip() }}|{{ text | trim }}|{{ text|length }}
{{ text[2] }}{{ text[-2] }}{{ text[2:7] }}{{ text[::-1] }}{{ text[::3] }}{{ text[-5:-2] }}{{ text[16:18] }}
{{ word.upper() }} {{ word.capitalize() }} {{ word.title() }} {{ 'ab cD-ef (gh' | title }} {{ "they're bill's".title() }}
{{ 'aXbXc'.split('X') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b  c '.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }}
{{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c'.rsplit(none, 1) }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\n'.splitlines(true) }}
{{ 'xxaxx'.strip('x') }} {{ 'xyaxy'.lstrip('yx') }} {{ 'xyaxy'.rstrip('yx') }} {{ 'ab'.startswith('a') }} {{ 'ab'.endswith(('x', 'b')) }}
{{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'.replace('', '-') }} {{ 'aaa' | replace('a', 'c') }} {{ 7 | replace(7, 'x') }}
{{ 'hello'.find('l') }} {{ 'hello'.find('z') }} {{ 'hello'.rfind('l') }} {{ 'hello'.index('e') }} {{ 'hello'.count('l') }} {{ 'hello'.find('l', 3) }}
{{ ', '.join(['a', 'b']) }} {{ [1, 'a', none] | join('-') }} {{ people | join(',', attribute='name') }}
{{ 'a-b-c'.partition('-') }} {{ 'abc'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}
{{ '5'.zfill(3) }} {{ '-5'.zfill(4) }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '.') }} {{ 'a'.center(4, '*') }} {{ 'ab'.center(5, '*') }}
{{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'Ab'.islower() }} {{ 'AB'.isupper() }} {{ 'aB'.swapcase() }}
{{ '{} {1} {a}'.replace('{1}', '').format('x', a='y') }} {{ '{0}-{name!r:>6}|{{}}'.format(1, name='z') }} {{ '{:.2f} {:05d} {:,}'.format(2.345, 42, 1234567) }}
{{ '%s is %d and %.2f %% %r' % ('a', 3, 2.345, 'b') }} {{ '%s' % 'x' }} {{ '%(a)s' % {'a': 1} }} {{ '%05d|%-4s|%+d' % (42, 'a', 3) }} {{ '%s-%s' | format(1, 2) }}
{{ 1 + 2 * 3 - 4 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 4 / 2 }}
{{ -2 ** 2 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 123456789012345678901234567890 + 1 }} {{ 1e22 }} {{ 0.1 + 0.2 }}
{{ true }} {{ none }} {{ True and 0 }} {{ '' or 'x' }} {{ not 1 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ true + true }} {{ [] == () }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' in 'abc' }} {{ 4 not in list }} {{ 'b' in table }} {{ not 'z' in table }}
{{ [1, 'a', none, true, 2.0, {'k': 'v'}, (1,), ()] }} {{ {'a': 1, 2: 'x'} }} {{ "it's" | list }} {{ ["it's", 'say "hi"', 'both \' and "'] }}
{{ [odd, "\n\r"] }} {{ odd | tojson }} {{ [odd] | tojson(ensure_ascii=true) }}
{{ table | tojson }} {{ table | tojson(indent=2) }} {{ table | tojson(separators=(',', ':')) }} {{ table | tojson(sort_keys=true) }} {{ [] | tojson(indent=2) }} {{ {} | tojson(2) if false else 'x' }}
{{ 1e16 | tojson }} {{ 1.0 | tojson }} {{ true | tojson }} {{ none | tojson }} {{ (1, 2) | tojson }} {{ {1: 2, none: 3, true: 4} | tojson }} {{ "<b>&'\u00e9" | tojson }}
{{ undefined_name }}|{{ undefined_name is defined }}|{{ undefined_name is undefined }}|{{ undefined_name | default('d') }}|{{ '' | default('d', true) }}|{{ '' | d('e') }}|{{ undefined_name == other }}|{{ undefined_name | length }}
{{ table.zzz is defined }} {{ table['zzz'] is defined }} {{ list[9] is defined }} {{ table.zzz }} {{ none.foo is defined }} {{ 'a' ~ zzz ~ 1 ~ none }} {{ [zzz] }} {{ zzz is none }} {{ 1 in zzz }}
{{ table.a }} {{ table['a'][3] }} {{ table.a.0 }} {{ table.C.k }} {{ table.get('q', 5) }} {{ table.get('q') }} {{ table.keys() | list }} {{ table.values() | list }} {{ table.items() | list }}
{{ items_key['items'] }} {{ items_key.items() | list }} {{ table.keys() }} {{ table.items() }} {{ table.items() | length }} {{ {'a': 1}.copy() }}
{{ list[1:] }} {{ list[::-1] }} {{ list[-1] }} {{ list[:-1] }} {{ list[5:] }} {{ list[-9:2] }} {{ list[2:0:-1] }} {{ (1, 2, 3)[1:] }} {{ list[:n] }} {{ list[0 if yes else 1] }}
{{ list | sort }} {{ list | sort(reverse=true) }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ people | sort(attribute='name') | map(attribute='name') | list }} {{ words | unique | list }}
{{ list | first }} {{ list | last }} {{ [] | first }} {{ list | sum }} {{ list | min }} {{ list | max }} {{ list | reverse | list }} {{ 'abc' | reverse }} {{ people[:2] | sum(attribute='age') }} {{ words | max }}
{{ list | map('string') | join }} {{ words | map('upper') | list }} {{ people | map(attribute='age', default=0) | list }} {{ people | map(attribute='tags.0') | list }}
{{ people | selectattr('age', 'defined') | map(attribute='name') | list }} {{ people | selectattr('age') | list | length }} {{ people[:2] | selectattr('age', 'gt', 26) | list | length }} {{ people | rejectattr('name', 'equalto', 'bob') | map(attribute='name') | join(',') }} {{ list | select('odd') | list }} {{ list | reject('==', 1) | list }} {{ ['', 'a'] | select | list }}
{{ table | dictsort }} {{ table | dictsort(case_sensitive=true) }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }} {{ {'a': 2, 'b': 1} | items | list }} {{ table | list }} {{ table | length }}
{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ 'a b c' | wordcount }} {{ 'x' | center(5) }}| {{ -3 | abs }}
{{ '42' | int }} {{ 'x' | int }} {{ 'x' | int(-1) }} {{ '3.7' | int }} {{ 3.9 | int }} {{ ' 5 ' | int + 1 }} {{ '1.5' | float }} {{ 'a' | float }} {{ 3 | float }} {{ '0x1f' | int(base=16) }} {{ none | int }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.345 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 | round(method='floor') }} {{ 5 | round }} {{ 1234 | round(-2) }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent('> ', blank=true) }}|{{ 'a\n' | indent(width=3) }}
{{ '<a href="x">&\'</a>' | escape }} {{ '<b>' | e }} {{ '<b>' | safe }} {{ 'hello world' | capitalize }} {{ 'HeLLo' | lower }} {{ 5 | string + 'a' }}
{{ yes is boolean }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is number }} {{ true is number }} {{ 'a' is string }} {{ table is mapping }} {{ list is sequence }} {{ 'a' is sequence }} {{ 5 is iterable }} {{ table is iterable }} {{ none is none }} {{ nothing is not none }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is sameas 1 }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 'a' is in 'abc' }} {{ 'a' is lower }} {{ 'A' is upper }} {{ range is callable }} {{ 3 is gt 2 }} {{ 'upper' is filter }} {{ not tools is defined }} {{ n is not defined }}
{{ 'yes' if n > 5 else 'no' }} {{ 'a' if false }}| {{ 'a' if 0 else 'b' if 0 else 'c' }} {{ ('x' if yes else 'y') ~ 'z' }} {{ 1 if n is odd and n > 5 else 2 }}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}{{ range(1, 10, 3) | list }} {{ range(3, 0, -1) | list }} {{ range(3) }} {{ range(0) | list }}
{% for k, v in table.items() %}{{ k }}={{ v }}{% if not loop.last %}, {% endif %}{% endfor %}|{% for k, v in table | items if k != 'a' %}{{ loop.index }}{{ k }}{% endfor %}|{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}{% for x in zzz %}x{% else %}none{% endfor %}{% for c in 'aé😀' %}{{ c }}.{% endfor %}{% for k in table %}{{ k }}{% endfor %}
{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if loop.index == 3 %}{% break %}{% endif %},{% endfor %}
{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 2) }}{% endfor %}{% for x in list %}{% if loop.previtem is defined and loop.previtem > x %}down{% endif %}{% endfor %}
{% for node in tree recursive %}{{ node.v }}{% if node.c %}({{ loop(node.c) }}){% endif %}{{ loop.depth }}{% endfor %}
{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }}{% if true %}{% set b = 2 %}{% endif %}{{ b }}{% for i in [1, 2] %}{{ c is defined }}{% set c = 1 %}{% endfor %}{{ c is defined }}
{% set ns = namespace(x=0, y='') %}{% for i in list %}{% set ns.x = ns.x + i %}{% set ns.y = ns.y ~ i %}{% endfor %}{{ ns.x }} {{ ns.y }} {{ ns['x'] }} {{ ns.zzz is defined }}{% set ns.new = 5 %}{{ ns.new }}{% set d = namespace({'q': 1}) %}{{ d.q }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = (3, 4) %}{{ c }}{{ d }}{% set t = 1, 2 %}{{ t }}{% set u = (1) %}{{ u }}
{% set block %}<{{ n }}>{% endset %}{{ block }}{% set up | upper | trim %} abc {% endset %}{{ up }}|{% filter upper | replace('A', 'b') %}abc{{ n }}{% endfilter %}
{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m('x', 'y', 'z') }}{{ m() }}{{ m(b=5, a=4) }}{{ m.name }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}{% macro w(x) %}<{{ caller('i') }}{{ x }}>{% endmacro %}{% call(y) w('o') %}{{ y }}{{ n }}{% endcall %}{% macro r(k) %}{{ k }}{% if k > 0 %}{{ r(k - 1) }}{% endif %}{% endmacro %}{{ r(3) }}
{% with a = 1, b = n %}{{ a }}{{ b }}{% set q = 3 %}{% endwith %}{{ a is defined }}{{ q is defined }}{% with %}x{% endwith %}
{% raw %}{{ not }} {% parsed %}{% endraw %}|{%- raw -%}  x  {%- endraw -%}  |{# comment #}a{#- b -#}  c
{{ "a" "b" 'c' }} {{ 'x\ty\\z\'q"\x41\u00e9\U0001f600\101\q' }} {{ "multi
line" }} {{ {'a': {'b': {}}}.a.b }} {{ {'a': 1,} }} {{ [1, 2,] }} {{ (1,) }} {{ () }} {{ 1, 2 }}
{{ strftime_now('%d %b %Y %B %H:%M:%S %m %y %A %a %j %p %I %-d %%') }} {{ dict(a=1, **{'b': 2}) if false else 'dict' }}
{% if n == 7 %}seven{% elif n == 8 %}eight{% else %}other{% endif %}{% if '' %}{% elif 0.0 %}{% elif [] %}{% elif {} %}{% elif none %}{% elif zzz %}{% elif 'x' %}yes{% endif %}{% if list | select('gt', 9) %}generators are true{% endif %}
{{ [1, 2] + [3] }} {{ [0] * 3 }} {{ 'ab' * 2 }} {{ 2 * 'ab' }} {{ (1,) + (2,) }} {{ 'a' + 'b' }} {{ list | length - 1 }} {{ list | length > 2 }} {{ -list | length if false else 'x' }} {{ (-3) | abs }} {{ ('a' ~ 1) ~ 2 }} {{ 1 ~ 2 ~ 3 }}
{% generation %}kept {{ n }}{% endgeneration %} {%- generation -%}  a  {%- endgeneration -%}  b
{{ list.index(2) }} {{ list.count(3) }} {{ (1, 1).count(1) }} {{ list.copy() }} {{ 'abc'.upper is defined }} {{ list.append is defined }} {{ 'a'.__class__ is defined }} {{ 'abc'['upper']() }} {{ table.update is defined }}
{{ text | trim | upper | replace('W', '') | length }} {{ words | map('lower') | unique | sort | join('+') }} {{ n | string | length }} {{ people | map(attribute='name') | map('lower') | first }}
{{ dict(a=1) }} {{ dict([('x', 1)], y=2) }} {{ dict({'k': 1}) }}
{{ 'a' in ['a'] and 'b' not in ['a'] or false }} {{ not false and true }} {{ not (true and false) }} {{ 1 if 'x' in {'x': 1} else 2 }} {{ 'é' < 'z' }} {{ 'a' == 'a' == 'a' }} {{ 1 != 2 != 1 }}
{{ people[0].name }} {{ people[0]['tags'][1] }} {{ people[-1].age is defined }} {{ people[0].tags | length }} {{ people[0].get('name')[0] }} {{ people[0] == {'name': 'Ann', 'age': 30, 'tags': ['x', 'y']} }} {{ people[0] in people }}
{{ zzz.foo }}
{{ zzz() }}
{{ 'a' + 1 }}
{{ 1 / 0 }}
{{ 5 | first }}
{{ list.append(1) }}
{{ table.zzz.foo }}
{{ raise_exception('no ' ~ n) }}
{{ (list | map('string')) | length }}
{{ zzz | tojson }}
{{ 'a' < 1 }}
{{ zzz + 1 }}
{{ 'x'.nothing() }}
{% for a, b in [1] %}{% endfor %}
{{ 'abc' | nofilter }}
{{ 1 is notest }}
{% nostatement %}
{% if true %}
{{ 1 + }}
{{ 'open }}
{% endfor %}
{{ range(1000000) }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{{ '%d' % 'x' }}
{{ [1, 2 }}
{% set ns._x = 1 %}
{% set x.y = 1 %}
{{ {[]: 1} }}
{{ 1 if }}
{% set e, = [5] %}
{{ 'a' ~ 1 + 2 }}
{% break %}
{# open
""".strip("\n")

# What stands in several lines: white space control.
LONG = [
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a\n  {%+ if true %}\n  b\n  {% endif +%}\nc\n\n",
    "a\n  {%- if true -%}\n  b\n  {%- endif -%}\nc\n",
    "x {{ n }}\n\ny {{- n -}}\n z\n {# c #}\n  d {# e #}\nf\n",
    "{% for x in list %}\n  {{ x }}\n{% endfor %}\nend",
    "{% for x in list -%}\n  {{ x }}\n{%- endfor %}\r\nend\r\n",
    "  {% set a = 1 %}  {% set b = 2 %}\n  {{ a }}{{ b }}\n\t{% if a %}\n\tz\n\t{% endif %}\n",
    "{{ 'a' }}\n{{ 'b' }}\n\n",
    "  {# c #}  {% if true %} x {% endif %}\n\n\n",
    "{% raw %}\n {{ x }}\n{% endraw %}\nz\n  {% raw %} a {% endraw %}\n",
    "{%- set q = {'a':\n 1} -%}\n{{ q }}\n{{- {'b': {'c': 2}} }}\n",
    "{% macro m(x) -%}\n  <{{ x }}>\n{%- endmacro -%}\n{{ m(1) }}\n{{ m(2) }}\n",
    "\n\n  {% if true %}\n\n  a\n\n  {% endif %}\n\n",
    "{% set s %}\n  in\n{% endset %}\n[{{ s }}]\n",
    "a{#\n multi\n line -#}\n  b\n  {#+ c +#}\nd",
]


def snippets():
    # A line with an odd number of its own quotes goes on in the next one.
    lines = SNIPPETS.split("\n")
    at = 0
    while at < len(lines):
        if lines[at].endswith('{{ "multi'):
            yield lines[at] + "\n" + lines[at + 1]
            at += 2
        else:
            yield lines[at]
            at += 1
    yield from LONG


def main(out):
    cases = []
    for template in snippets():
        case = {"template": template}
        try:
            case["output"] = utils._compile_jinja_template(template).render(**VARIABLES)
        except Exception as e:
            case["raises"] = f"{type(e).__name__}: {e}".split("\n")[0]
        cases.append(case)
    folder = pathlib.Path(out) / "jinja"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"variables": VARIABLES, "cases": cases}, indent=1, ensure_ascii=True)
    (folder / "snippets.json").write_text(text + "\n")
    print(len(cases), "snippets,", sum("raises" in c for c in cases), "raise")


if __name__ == "__main__":
    main(sys.argv[1])
