"""Writes instructions.json: what lm-evaluation-harness says of generated responses to IFEval's instructions.

The harness's own code, with NLTK's own Punkt and tokenizer; Punkt reads OUR lists of abbreviations and of words that are
usually lower-case (eval/src/main/resources/dev/nudge/eval/metric), since its corpus-trained ones may not be given away.

Run with lm-eval 0.4.13, nltk 3.10.4, langdetect 1.0.9 on Python 3.11:
python instructions.py OUT/instructions.json RESOURCES SCRATCH
"""
import json
import os
import random
import sys

scratch = os.path.join(sys.argv[3], "tokenizers", "punkt_tab", "english")
os.makedirs(scratch, exist_ok=True)
words = lambda name: open(os.path.join(sys.argv[2], name), encoding="utf-8").read().split()
starters = sorted(set(words("starters.txt")))
for name, lines in (
    ("abbrev_types.txt", sorted(set(words("abbreviations.txt")))), ("collocations.tab", []), ("sent_starters.txt", starters),
    ("ortho_context.tab", [f"{w}\t32" for w in starters]),  # seen in lower case inside a sentence
):
    open(os.path.join(scratch, name), "w", encoding="utf-8").write("\n".join(lines))
os.environ["NLTK_DATA"] = sys.argv[3]

import langdetect
import nltk
from lm_eval.tasks.ifeval import instructions_util, utils

langdetect.DetectorFactory.seed = 0
rng = random.Random(11)
PIECES = [
    "Hello there.", "The quick brown fox jumps over the lazy dog.", "Dr. Smith lives in the U.S. He likes it.", "Mr. A. Brown met J. Bach.",
    "It costs 3.50. Really?", "Wait... What?!", "Wait... what?", "(This is it.) And \"that is it.\" Fine.", "“Quoted.” Next.", "No. 5 is alive.",
    "See fig. 3 and etc. The end.", "I won 5. He lost 6. apples", "e.g. this, i.e. that.", "Visit www.example.com. now", "One!Two?Three. ", "A. The start.",
    "B. Stewart came.", ". . . done", "Yes -- no. --And so", "* item one", "* item two", "- dash item", "** bold **", "**bold**", "*hi*", "* *", "***",
    "******", "<<title>>", "<< >>", "<<<a>>>", "[name]", "[address] and [phone", "[]", "P.S. bye", "p.p.s. bye", "P.P.S bye", "PS: bye", "Section 1",
    "SECTION 2", "Section3", "Day 1", "My answer is yes.", "My answer is maybe", "LOUD WORDS HERE", "HTML and CSS, U.S.A. ok", "I'm can't DON'T cannot gonna",
    "GONNA wanna go", "{\"a\": 1}", "```json\n{\"a\": [1, 2.5e3, null]}\n```", "[1, 2", "NaN", "-Infinity", "\"text\"", "'single'", "\"", "a, b, c",
    "日本語。テスト", "naïve Ünïcödé", "emoji 🙂 here", "tab\there", "nbsp\u00a0here", "1,234 and 10:30", "semi; colon: yes", "Any other questions?", "any other questions? ",
    "Is there anything else I can help with?", "ß ǅ", "x²", "C++ code", "weekend plans", "Weekends", "the the THE", "first", "First,", "'First'", "\"First.\"",
    "What's 'tis 'twas more'n d'ye", "end.)", "ok.'", "$5 & 10% #tag @me", "a—b – c", "'' `` \"x\"", "Jan. 5 is cold. Feb. The snow.", "Inc. announced. Corp. said so.", "x²'First' ½ ⅷ", "cafe\u0301's no\u0301t 'e\u0301", "a\x1cb. C\x1dd", "\u00a0. \u2003 N. 5.",
]
PROMPTS = ["Write a poem about the sea.", "  Explain   gravity.\n", "Ünïcode PROMPT 日本"]


def response():
    if rng.random() < 0.04:
        return rng.choice(["", " ", "\n\n", "*", "**", "\n*\n"])
    out = ""
    for _ in range(rng.randint(1, 9)):
        out += rng.choice(PIECES) + rng.choice([" ", " ", "\n", "\n", "\n\n", "", " \n\n ", "\n***\n", "\n\n\n"])
    if rng.random() < 0.15:
        out = rng.choice(PROMPTS).strip() + rng.choice(["", " ", "\n"]) + out
    if rng.random() < 0.1:
        out = '"' + out + '"'
    if rng.random() < 0.15:
        out += rng.choice(["Any other questions?", "the end", '"'])
    return rng.choice([out, out, out, out.strip(), out.upper(), out.lower()])


def relation():
    return rng.choice(["less than", "at least"])


def pick(*names):
    return rng.choice(names)


KINDS = {
    "keywords:existence": lambda: {"keywords": rng.sample(["fox", "the", "weekend", "HTML", "naïve", "b.d", r"\d+", "C\\+\\+", "日本"], rng.randint(1, 2))},
    "keywords:frequency": lambda: {"keyword": pick("the", "a", " is ", "o.", "weekend"), "frequency": rng.randint(1, 6), "relation": relation()},
    "keywords:forbidden_words": lambda: {"forbidden_words": rng.sample(["fox", "the", "weekend", "bye", "html", "x", "naïve"], rng.randint(1, 3))},
    "keywords:letter_frequency": lambda: {"letter": pick("a", "E", "z", "h"), "let_frequency": rng.randint(1, 20), "let_relation": relation()},
    "length_constraints:number_sentences": lambda: {"num_sentences": rng.randint(1, 14), "relation": relation()},
    "length_constraints:number_paragraphs": lambda: {"num_paragraphs": rng.randint(1, 4)},
    "length_constraints:number_words": lambda: {"num_words": rng.randint(1, 40), "relation": relation()},
    "length_constraints:nth_paragraph_first_word": lambda: {"num_paragraphs": (n := rng.randint(1, 4)), "nth_paragraph": rng.randint(1, n), "first_word": pick("hello", "First", "the", "section", "dr", "it")},
    "detectable_content:number_placeholders": lambda: {"num_placeholders": rng.randint(1, 3)},
    "detectable_content:postscript": lambda: {"postscript_marker": pick("P.S.", "P.P.S", "PS:", "Bye")},
    "detectable_format:number_bullet_lists": lambda: {"num_bullets": rng.randint(1, 3)},
    "detectable_format:constrained_response": dict,
    "detectable_format:number_highlighted_sections": lambda: {"num_highlights": rng.randint(1, 3)},
    "detectable_format:multiple_sections": lambda: {"section_spliter": pick("Section", "SECTION", "Day", " Section "), "num_sections": rng.randint(1, 2)},
    "detectable_format:json_format": dict,
    "detectable_format:title": dict,
    "combination:two_responses": dict,
    "combination:repeat_prompt": lambda: {"prompt_to_repeat": rng.choice(PROMPTS)},
    "startend:end_checker": lambda: {"end_phrase": pick("Any other questions?", "The End", "bye", " here ")},
    "change_case:capital_word_frequency": lambda: {"capital_frequency": rng.randint(1, 8), "capital_relation": relation()},
    "punctuation:no_comma": dict,
    "startend:quotation": dict,
}
cases = []
for kind, arguments in KINDS.items():
    want = {True: 25, False: 25}
    for _ in range(6000):
        args, text = arguments(), response()
        if kind == "detectable_format:json_format":
            text = rng.choice([
                text, "```json\n{}\n```", "``` [1, 2] ```", "{\"a\": {\"b\": [true, false, null, \"x\\u00e9\\n\"]}}", "[1,]", "{\"a\" 1}", "{'a': 1}", "01", "-", "-0.5E+7",
                "1.", ".5", "1e", "+1", "\"a\nb\"", "\"a\\x\"", "\"\\u12\"", "nul", "Infinity", "[NaN]", "{} {}", "\ufeff{}", " [ ] ", "[[[[]]]]", "{\"a\":1,\"a\":2}", "```JSON{}```", "\"\\ud800\"",
                "{\"a\":}", "{,}", "[1 2]", "\u00a0{}\u00a0", "[\u00a01]", "tru", "-Infinity", "-NaN", "1E5", "\"tab\t\"", "{\"a\":[1,{\"b\":\"c\"}]}x",
            ])
        example = utils.InputExample(key=0, instruction_id_list=[kind], prompt="", kwargs=[args])
        strict = utils.test_instruction_following_strict(example, text).follow_all_instructions
        loose = utils.test_instruction_following_loose(example, text).follow_all_instructions
        if want[strict] > 0 or strict != loose and want.setdefault("differ", 10) > 0:
            want[strict] -= 1
            if strict != loose:
                want["differ"] = want.get("differ", 10) - 1
            cases.append([kind, args, text, strict, loose])
sentences = [response() for _ in range(120)] + PIECES + [a + " " + b for a in PIECES for b in rng.sample(PIECES, 2)]
out = {
    "cases": cases,
    "texts": [[t, instructions_util.count_sentences(t), instructions_util.count_words(t), sum(w.isupper() for w in nltk.word_tokenize(t)), len(nltk.word_tokenize(t))] for t in sentences],
}
LANGUAGES = {
    "en": ["The weather is nice today and we will go for a walk in the park.", "Please let me know whether you have any other questions about it."],
    "es": ["El tiempo es bueno hoy y vamos a dar un paseo por el parque.", "¿Tienes alguna pregunta más sobre este tema? No dudes en escribirme."],
    "pt": ["O tempo está bom hoje e vamos dar um passeio no parque com os nossos amigos.", "Você tem mais alguma pergunta sobre este assunto? Não hesite em me escrever."],
    "ar": ["الطقس جميل اليوم وسوف نذهب في نزهة إلى الحديقة.", "هل لديك أي أسئلة أخرى حول هذا الموضوع؟"],
    "hi": ["आज मौसम अच्छा है और हम पार्क में टहलने जाएंगे।", "क्या आपके पास इस विषय के बारे में कोई और प्रश्न है?"],
    "fr": ["Il fait beau aujourd'hui et nous allons nous promener dans le parc.", "Avez-vous d'autres questions sur ce sujet ? N'hésitez pas à m'écrire."],
    "ru": ["Сегодня хорошая погода, и мы пойдем гулять в парк.", "Есть ли у вас другие вопросы по этой теме? Напишите мне."],
    "de": ["Das Wetter ist heute schön und wir gehen im Park spazieren.", "Haben Sie noch weitere Fragen zu diesem Thema? Schreiben Sie mir."],
    "ja": ["今日は天気がいいので、公園を散歩します。", "この件について他に質問はありますか。"],
    "it": ["Oggi il tempo è bello e andiamo a fare una passeggiata nel parco.", "Hai altre domande su questo argomento? Non esitare a scrivermi."],
    "bn": ["আজ আবহাওয়া ভালো এবং আমরা পার্কে হাঁটতে যাব।", "এই বিষয়ে আপনার আর কোনো প্রশ্ন আছে কি?"],
    "uk": ["Сьогодні гарна погода, і ми підемо гуляти в парк.", "Чи є у вас інші запитання щодо цієї теми? Напишіть мені."],
    "th": ["วันนี้อากาศดีและเราจะไปเดินเล่นในสวน", "คุณมีคำถามอื่นเกี่ยวกับเรื่องนี้หรือไม่"],
    "ur": ["آج موسم اچھا ہے اور ہم پارک میں سیر کے لیے جائیں گے۔", "کیا آپ کے پاس اس موضوع کے بارے میں کوئی اور سوال ہے؟"],
    "ta": ["இன்று வானிலை நன்றாக உள்ளது, நாங்கள் பூங்காவில் நடக்கப் போகிறோம்.", "இதைப் பற்றி உங்களுக்கு வேறு கேள்விகள் உள்ளதா?"],
    "te": ["ఈరోజు వాతావరణం బాగుంది మరియు మేము పార్కులో నడవడానికి వెళ్తాము.", "దీని గురించి మీకు ఇంకా ప్రశ్నలు ఉన్నాయా?"],
    "bg": ["Днес времето е хубаво и ние ще отидем на разходка в парка.", "Имате ли други въпроси по тази тема? Не се колебайте да ми пишете."],
    "ko": ["오늘은 날씨가 좋아서 공원에 산책하러 갈 것입니다.", "이 주제에 대해 다른 질문이 있습니까?"],
    "pl": ["Dzisiaj jest ładna pogoda i idziemy na spacer do parku.", "Czy masz jeszcze jakieś pytania na ten temat? Napisz do mnie."],
    "he": ["מזג האוויר נעים היום ואנחנו נצא לטייל בפארק.", "האם יש לך שאלות נוספות בנושא זה?"],
    "fa": ["امروز هوا خوب است و ما برای پیاده روی به پارک می رویم.", "آیا سوال دیگری درباره این موضوع دارید؟"],
    "vi": ["Hôm nay thời tiết đẹp và chúng tôi sẽ đi dạo trong công viên.", "Bạn có câu hỏi nào khác về chủ đề này không?"],
    "ne": ["आज मौसम राम्रो छ र हामी पार्कमा घुम्न जानेछौं।", "यस विषयमा तपाईंसँग अरू कुनै प्रश्न छ?"],
    "sw": ["Leo hali ya hewa ni nzuri na tutaenda kutembea katika bustani.", "Je, una maswali mengine yoyote kuhusu mada hii? Tafadhali niandikie."],
    "kn": ["ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ ಮತ್ತು ನಾವು ಉದ್ಯಾನವನದಲ್ಲಿ ನಡೆಯಲು ಹೋಗುತ್ತೇವೆ.", "ಈ ವಿಷಯದ ಬಗ್ಗೆ ನಿಮಗೆ ಬೇರೆ ಪ್ರಶ್ನೆಗಳಿವೆಯೇ?"],
    "mr": ["आज हवामान चांगले आहे आणि आम्ही उद्यानात फिरायला जाणार आहोत.", "या विषयाबद्दल तुम्हाला आणखी काही प्रश्न आहेत का?"],
    "gu": ["આજે હવામાન સારું છે અને અમે બગીચામાં ફરવા જઈશું.", "આ વિષય વિશે તમારી પાસે બીજા કોઈ પ્રશ્નો છે?"],
    "pa": ["ਅੱਜ ਮੌਸਮ ਚੰਗਾ ਹੈ ਅਤੇ ਅਸੀਂ ਪਾਰਕ ਵਿੱਚ ਸੈਰ ਕਰਨ ਜਾਵਾਂਗੇ।", "ਕੀ ਤੁਹਾਡੇ ਕੋਲ ਇਸ ਵਿਸ਼ੇ ਬਾਰੇ ਕੋਈ ਹੋਰ ਸਵਾਲ ਹਨ?"],
    "ml": ["ഇന്ന് കാലാവസ്ഥ നല്ലതാണ്, ഞങ്ങൾ പാർക്കിൽ നടക്കാൻ പോകും.", "ഈ വിഷയത്തെക്കുറിച്ച് നിങ്ങൾക്ക് മറ്റെന്തെങ്കിലും ചോദ്യങ്ങളുണ്ടോ?"],
    "fi": ["Tänään on kaunis sää ja menemme kävelylle puistoon.", "Onko sinulla muita kysymyksiä tästä aiheesta? Kirjoita minulle."],
    "nl": ["Het weer is mooi vandaag en we gaan wandelen in het park.", "Heb je nog andere vragen over dit onderwerp? Schrijf me dan."],
    "sv": ["Vädret är fint idag och vi ska ta en promenad i parken.", "Har du några andra frågor om det här ämnet? Skriv till mig."],
    "tr": ["Bugün hava güzel ve parkta yürüyüşe çıkacağız.", "Bu konu hakkında başka sorunuz var mı? Lütfen bana yazın."],
    "cs": ["Dnes je hezké počasí a půjdeme na procházku do parku.", "Máte k tomuto tématu nějaké další otázky? Napište mi."],
    "hu": ["Ma szép idő van, és sétálni megyünk a parkba.", "Van még kérdésed ezzel a témával kapcsolatban? Írj nekem."],
    "ro": ["Vremea este frumoasă astăzi și vom merge la plimbare în parc.", "Aveți alte întrebări despre acest subiect? Nu ezitați să îmi scrieți."],
    "id": ["Cuaca hari ini bagus dan kami akan berjalan-jalan di taman.", "Apakah Anda memiliki pertanyaan lain tentang topik ini?"],
}
out["languages"] = [[t, langdetect.detect(t), k] for k, ts in LANGUAGES.items() for t in ts]
print([x[1:] for x in out["languages"] if x[1] != x[2]], file=sys.stderr)
out["languages"] = [x[:2] for x in out["languages"]]
json.dump(out, open(sys.argv[1], "w"), ensure_ascii=True, separators=(",", ":"))
counts = {}
for kind, _, _, s, l in cases:
    c = counts.setdefault(kind, [0, 0, 0]); c[0] += s; c[1] += l; c[2] += 1
print(counts, file=sys.stderr)
