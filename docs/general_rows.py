"""Writes the general rows that ship, which `train --replay default` keeps the model near its base on.

usage: general_rows.py core/src/main/resources/dev/nudge/train     with Python 3.9 or newer and nothing else

texts.jsonl: texts, and questions and instructions in plain form, for any model. chats.jsonl: instructions as conversations, for models
with a chat template. All sentences below were written for this file; the rows are made of them by templates and are under
the licence of this repository. No prompt is one of the evaluation pack `retention`, which measures what is kept, and no
subject below is one of its texts.
"""
import json
import random
import sys

TOPICS = """
volcano|A volcano is an opening in the ground through which molten rock reaches the surface.|Below the surface the melt is called magma, above it lava.|Thin lava runs far and builds broad, flat mountains; thick lava builds steep ones.|Ash from a large eruption can travel around the world and cool the weather for a year.|The soil around old volcanoes is often rich, so people farm there in spite of the danger.|Instruments listen for small earthquakes, which often come before an eruption.
umbrella|An umbrella is a folding roof that one person can carry.|Its cloth is stretched over thin ribs that open from a central rod.|Wind is its enemy, because it turns the cloth inside out and bends the ribs.|In hot countries umbrellas were first used against the sun rather than the rain.|A small one fits in a bag, and a large one keeps two people dry.|Most umbrellas are lost on buses and in cafés, not worn out.
kite|A kite is a light frame covered with cloth or paper that flies at the end of a string.|The wind pushes against its slanted face and lifts it.|A tail keeps the kite from spinning and diving.|Fishermen in some places have used kites to carry their lines far from the boat.|Large kites can pull a person on a board across water or snow.|Never fly one near power lines or in a thunderstorm.
candle|A candle is a stick of wax with a wick in the middle.|The flame melts the wax, the wick draws it up, and its vapour burns.|A flickering flame usually means a draught or a wick that is too long.|Beeswax candles smell sweet and burn slowly, but they cost more than others.|Before electric light, people planned their evenings by the number of candles they could afford.|A candle should never burn in a room that nobody is in.
owl|Owls are birds that hunt mostly at night.|Their soft feathers make almost no sound when they fly.|An owl cannot move its eyes, so it turns its whole head.|One ear sits a little higher than the other, which helps it to tell where a mouse is.|It swallows small animals whole and later spits out a pellet of fur and bones.|Some kinds live in barns and church towers close to people.
penguin|Penguins are birds that swim instead of flying.|Their wings have become stiff flippers, and their bones are heavy enough to dive.|A thick layer of fat and dense feathers keep them warm.|Many live in large colonies and find their partner by voice.|The largest kind carries its single egg on its feet through the winter.|Seals and whales hunt them in the water, and gulls take their eggs.
elephant|The elephant is the largest animal on land.|Its trunk is a nose and an upper lip in one, with tens of thousands of muscles.|Herds are led by an old female who remembers where water can be found.|Large ears give off heat and help the animal to stay cool.|An elephant eats for most of the day, mainly grass, leaves and bark.|Ivory hunting and the loss of open land have made elephants rare in many countries.
compass|A compass shows which way is north.|Its needle is a small magnet that turns freely and lines up with the field of the earth.|Iron nearby, such as a knife or a car, pulls the needle off.|The magnetic pole is not quite where the geographic pole is, so maps state a correction.|Sailors used compasses long before they could measure how far east they had come.|A phone has one too, built as a chip without moving parts.
magnet|A magnet attracts iron, nickel and cobalt.|Each magnet has two poles, and equal poles push each other away.|If you break one in half you get two smaller magnets, never a single pole.|Heat weakens a magnet, and so do hard knocks.|A coil of wire becomes a magnet as long as a current flows through it.|Motors, loudspeakers and door catches all depend on magnets.
telescope|A telescope gathers light from far away and makes distant things look near.|Some use lenses, and the largest use mirrors.|What counts most is the width of the opening, because it decides how much light comes in.|Air that shimmers blurs the picture, so observatories stand on high and dry mountains.|Telescopes in space see without that blur and in colours that the air holds back.|A pair of binoculars is already enough to find the moons of Jupiter.
microscope|A microscope makes very small things visible.|Light shines through a thin slice of the object and then through several lenses.|Stains add colour to parts of a cell that would otherwise be clear.|Details smaller than a wave of light cannot be seen this way.|Electron microscopes go further, because they use electrons in place of light.|The first people to look through one were astonished by the life in a drop of pond water.
violin|The violin is the smallest and highest of the common bowed instruments.|It has four strings, tuned in fifths.|The bow is strung with horsehair, rubbed with resin so that it grips.|The player makes a note by pressing a string against the board, which has no frets.|The wooden body makes the sound louder and gives it its colour.|Beginners often start on instruments of half the size.
drum|A drum is a frame with a skin stretched over it.|Striking the skin makes it shake, and the air in the body rings with it.|A tighter skin gives a higher note.|Drums have carried messages over long distances where there were no roads.|In a band the drummer keeps the time for everybody else.|Practice pads make almost no noise, which pleases the neighbours.
rice|Rice is the grain that feeds more people than any other.|Most of it grows in fields that are flooded for part of the year.|The water keeps weeds down, but it is work to level the fields.|Brown rice still has its outer layer and needs more time in the pot.|Short grains stick together when cooked, and long grains stay apart.|Cooked rice should be cooled quickly if it is kept for the next day.
cheese|Cheese is made from milk that has been thickened and drained.|An enzyme or an acid turns the milk into curds and whey.|Soft cheese keeps a lot of water, and hard cheese is pressed and aged.|Moulds give some kinds their blue veins or white rind.|A good cellar is cool and damp, and the wheels in it are turned regularly.|Cheese tastes of more when it has stood outside the refrigerator for an hour.
jam|Jam is fruit boiled with sugar until it sets.|The sugar keeps it from spoiling, and the fruit's own pectin makes it firm.|A drop on a cold plate shows whether it is ready: it should wrinkle when pushed.|Jars and lids have to be very clean and hot when they are filled.|Berries with little pectin need some lemon juice or an apple.|An opened jar belongs in the refrigerator.
desert|A desert is a region where very little rain falls.|Not all deserts are hot; some of the driest places are cold and high.|Plants store water, grow deep roots, or wait as seeds for years.|Many animals sleep underground by day and come out at night.|Sand covers only a part of the world's deserts, and the rest is stones and bare rock.|When rain does come, dry valleys can fill with water within minutes.
glacier|A glacier is a body of ice that flows slowly downhill.|It forms where more snow falls each year than melts.|The weight of new snow presses the old snow into ice.|Stones frozen into its base scrape the rock beneath like a file.|Its meltwater feeds rivers in summer, when there is little rain.|Most glaciers have become shorter over the last hundred years.
cave|Most caves are made by water that dissolves limestone.|Drops that hang from the ceiling leave a little stone behind and build long cones.|The air inside has almost the same temperature in summer and winter.|Bats sleep there by day, hanging by their feet.|Some cave fish have lost their eyes, since there is nothing to see.|Visitors should never go in alone or with a single lamp.
island|An island is land with water on all sides.|Some were once joined to the mainland, and others rose from the sea floor.|Animals that reach a lonely island often change into kinds found nowhere else.|Islanders depend on ships, so a storm can leave the shops empty.|A ring of coral may be all that is left of an island that sank.|The smallest islands vanish at high water and are marked for sailors.
rainbow|A rainbow appears when sunlight meets drops of rain.|Each drop bends the light, reflects it inside, and bends it again on the way out.|Red is on the outer edge and violet on the inner one.|You always have the sun behind you when you see a rainbow.|A second, paler bow with its colours reversed may stand above the first.|From an aeroplane it can be a full circle.
thunderstorm|A thunderstorm grows where warm, damp air rises quickly.|Ice grains in the cloud rub against each other and separate electric charge.|Lightning evens the charge out, and the air it heats bursts outwards as thunder.|Three seconds between flash and thunder mean that it is about a kilometre away.|A car with a metal roof is a safe place, and a lone tree is not.|Hail falls where strong winds throw the drops up into the cold again and again.
wind turbine|A wind turbine turns moving air into electricity.|Three long blades drive a generator high above the ground.|Doubling the speed of the wind gives eight times the power.|In a storm the blades are turned edge-on and the machine stops.|Turbines at sea get steadier wind, but building them there costs more.|Since wind comes and goes, a grid needs other sources or storage beside it.
battery|A battery stores energy in chemicals and gives it back as electricity.|Two different materials stand in a liquid or paste that lets charge pass.|Charging a battery runs the reaction backwards.|Cold makes it weaker, and heat makes it age faster.|The lightest rechargeable kinds use lithium.|Used batteries should be collected, as their metals can be used again.
pencil|A pencil is a thin rod of graphite and clay in a wooden case.|More clay makes a harder and paler line.|Graphite leaves a mark because its layers rub off easily.|It writes upside down, under water and in the cold, where pens fail.|Carpenters use flat ones that do not roll off a roof.|The line can be erased, so drafts are often written in pencil.
ladder|A ladder is two rails joined by rungs.|It should stand one metre out from the wall for each four metres of height.|Three points of the body ought to touch it at all times.|Wooden ladders do not conduct electricity as long as they are dry.|The top rungs are for holding, not for standing.|Somebody at the foot can keep it from slipping.
tent|A tent is a house of cloth that can be carried.|Poles hold it up and pegs hold it down.|An outer sheet keeps off the rain, and an inner one keeps off insects.|A good place is flat, a little raised, and not under dead branches.|Breath turns to water on a cold wall, so air must be able to pass.|Dry it before you pack it away, or it will smell of mould.
marathon|A marathon is a race of a little more than forty-two kilometres.|Most runners prepare for several months with longer and longer runs.|Starting too fast is the most common mistake.|After about thirty kilometres the body's sugar runs low, and every step is harder.|Drinking small amounts often works better than drinking a lot at once.|Many people who finish say that they will never do it again, and then enrol for the next one.
football|Football is played by two teams of eleven with one ball.|Only the goalkeeper may touch the ball with the hands, and only near the goal.|A match has two halves of forty-five minutes.|The offside rule keeps attackers from simply waiting in front of the goal.|A yellow card is a warning, and a red one sends a player off.|Children can play it anywhere with two jackets for a goal.
budget|A budget is a plan of what comes in and what goes out.|Fixed costs such as rent come first, because they cannot be put off.|It helps to write down small purchases for a month before planning.|Setting a sum aside at the beginning works better than saving what is left.|A reserve of three months' costs makes a broken washing machine a nuisance and not a crisis.|A plan that is looked at once a month stays useful.
insurance|Insurance spreads the cost of rare misfortunes over many people.|Each pays a small premium, and those who have a loss are paid from the pool.|The excess is the part of a loss that the customer carries.|It makes sense for damage that one could not pay for oneself.|Policies list what is left out, and that is the part worth reading.|A claim should be reported soon, with photographs if possible.
email|An email is a letter that travels between computers.|A clear subject tells the reader what it is about before it is opened.|Short paragraphs are easier to answer than one long block.|Attachments from strangers can be harmful and should be left alone.|Copying in many people makes it unclear who is meant to act.|An angry message is better written today and sent tomorrow.
spreadsheet|A spreadsheet is a table that calculates.|Each cell has a name made of its column and its row.|A formula begins with an equals sign and is worked out again whenever a number changes.|Sorting one column alone tears rows apart, so select the whole table.|A chart often shows a mistake that nobody saw among the numbers.|For very large data a database is the better tool.
password|A password proves that you are who you say you are.|Length matters more than odd characters.|The same password in two places means that one leak opens both.|A manager remembers a different one for each site.|A second step, such as a code on a phone, stops most attacks.|Nobody from a bank will ever ask for it on the telephone.
backup|A backup is a copy of data that is kept somewhere else.|Keep three copies, on two kinds of storage, one of them in another building.|A copy that has never been restored is only a hope.|Automatic backups are better than good intentions.|A drive that is always connected can be lost together with the computer.|Old versions help when a file was spoiled weeks ago and nobody noticed.
meeting|A meeting is worth its time if something is decided in it.|An agenda sent beforehand lets people prepare.|Somebody should keep the time and somebody should take notes.|Those who are not needed may be thankful not to be invited.|At the end, each task needs a name and a date.|Many questions can be settled in writing in five minutes instead.
interview|A job interview lets both sides find out whether they fit.|Read about the firm and have two questions of your own.|Examples convince more than adjectives do.|It is fine to think for a moment before answering.|Arrive ten minutes early, not half an hour.|A short note of thanks the next day is always welcome.
recycling|Recycling turns waste into new material.|Metal and glass can be melted again and again with little loss.|Each time paper is recycled its fibres become shorter.|Plastics have to be sorted by kind, which is difficult.|Dirty or mixed waste can spoil a whole load.|Using a thing longer saves more than recycling it.
compost|Compost is what is left when plants rot with enough air.|Kitchen scraps bring moisture, and dry leaves bring structure.|A heap that smells bad needs air and dry material.|Worms and bacteria do the work and warm the middle of the heap.|After half a year to a year it is dark and crumbles in the hand.|Spread in spring, it feeds the soil and holds water.
swimming|Swimming uses nearly every muscle of the body.|Water carries most of your weight, so it is gentle on the joints.|Breathing out under water is the first thing to learn.|Long, calm strokes take you further than fast ones.|In a lake the cold can surprise even good swimmers.|Children need somebody who watches them and does nothing else.
ferry|A ferry carries people and cars across water on a fixed route.|Heavy lorries are placed in the middle so that the ship stays level.|The ramp at the bow has to fit high water and low water alike.|Passengers leave their cars and spend the crossing on the upper decks.|In fog the captain steers by radar and sounds the horn.|Where a bridge is built the ferry usually stops running.
dictionary|A dictionary explains words in order of the alphabet.|It gives the spelling, the sound, the meaning and often an example.|Editors collect sentences in which a word was really used.|New words are taken in when they have been used widely for some years.|The oldest meaning of a word is not necessarily the right one.|A bilingual dictionary leads from one language to another.
planet Mars|Mars is the fourth planet from the Sun.|Its red colour comes from iron in the dust.|A day there is a little longer than one on Earth, and a year is almost two of ours.|The air is thin and consists mainly of carbon dioxide.|Dry valleys show that water once flowed on its surface.|Several rovers have driven across it and sent back pictures.
vegetable soup|Vegetable soup begins with an onion, softened slowly in a little oil.|Carrots, celery and leek go in next, cut into pieces of equal size.|Cover them with water or stock and let the pot simmer for half an hour.|Tender vegetables such as peas need only the last few minutes.|Beans or pasta make it a whole meal.|It tastes even better on the second day.
"""

PAIRS = "tall short|early late|wide narrow|loud quiet|smooth rough|cheap expensive|sweet sour|brave cowardly|ancient modern|deep shallow|strong weak|generous mean|public private|polite rude"
UNITS = "centimetres metre 100|grams kilogram 1000|hours day 24|seconds minute 60|millilitres litre 1000|months year 12|minutes hour 60|metres kilometre 1000"
NAMES = "Ada|Bruno|Carla|Deniz|Elif|Farid|Greta|Hugo|Ines|Jonas|Kemal|Lina|Marta|Nils|Olga|Pavel"
THINGS = "apples|stamps|marbles|notebooks|tickets|buttons|postcards|shells"

LETTERS = [
    ("Write a short email to a landlord about a heater that does not work.", "Subject: Heater in flat 4 does not work\n\nDear Mr Lind,\n\nthe heater in the living room has been cold since Monday. I have opened the valve and let the air out, without success. Could you send somebody this week? I am at home on Thursday and Friday after three o'clock.\n\nKind regards,\nMarta Stern"),
    ("Write a polite message that declines an invitation to a birthday party.", "Dear Jonas, thank you very much for the invitation. I would have loved to come, but I am away for work that weekend. I wish you a wonderful evening and hope that we can celebrate together when I am back."),
    ("Draft a reply to a customer whose parcel arrived damaged.", "Dear Ms Okafor,\n\nthank you for the photographs. I am sorry that the lamp reached you broken. A new one leaves our warehouse today and should be with you by Wednesday. You need not send the damaged one back.\n\nBest regards,\nNils, customer service"),
    ("Write a notice for the staircase: the water will be off on Tuesday morning.", "Dear residents,\n\non Tuesday the water will be turned off from 8 to 12 o'clock because a valve in the cellar is being replaced. Please fill a jug beforehand. We are sorry for the trouble.\n\nThe caretaker"),
    ("Write a text message to ask a colleague to swap shifts.", "Hi Lina, could we swap shifts next week? I have Thursday evening and you have Friday morning. My son has a concert on Thursday. I would gladly take one of yours in return."),
    ("Write a review of a restaurant in three sentences.", "The soup was hot, the fish was fresh, and the potatoes were crisp. We waited half an hour for the bill, although only four tables were taken. I would go again for the food, but not in a hurry."),
    ("Turn these notes into a sentence: train delayed, missed connection, arrived 21:40.", "Because the train was delayed I missed my connection and did not arrive until 21:40."),
    ("Correct the grammar: 'He don't has no time for visit us.'", "He doesn't have time to visit us."),
    ("Make this sentence more polite: 'Send me the file now.'", "Could you please send me the file as soon as you have a moment?"),
    ("Make this sentence shorter: 'Due to the fact that it was raining, we made the decision to stay at home.'", "Because it was raining, we stayed at home."),
    ("Translate into German: 'Good morning. Where is the station?'", "Guten Morgen. Wo ist der Bahnhof?"),
    ("Translate into French: 'I would like a glass of water, please.'", "Je voudrais un verre d'eau, s'il vous plaît."),
    ("Translate into Spanish: 'The shop opens at nine o'clock.'", "La tienda abre a las nueve."),
    ("Suggest three names for a small boat.", "1. Driftwood\n2. Second Breakfast\n3. Northerly"),
    ("Tell a very short story about a lost key.", "Greta looked for her key in every pocket, under the mat and in the post box. Then she heard a small voice from the tree: the neighbour's boy was holding it up and laughing. \"You dropped it this morning,\" he said. \"I kept it warm.\""),
    ("I feel nervous about a talk tomorrow. What can I do?", "Say the first two sentences aloud a few times, so that the beginning runs by itself. Look at the room beforehand if you can. Bring water, speak more slowly than seems natural, and remember that the listeners want it to go well."),
    ("What should I pack for two days in the mountains?", "Take layers of clothing, a rain jacket, sturdy shoes, a hat, a water bottle, some food, a map, a torch, and a small first-aid kit. Tell somebody where you are going and when you will be back."),
    ("Write a Python function that counts the vowels in a word.", "```python\ndef count_vowels(word):\n    return sum(letter in \"aeiou\" for letter in word.lower())\n```"),
    ("Write a Python function that returns the larger of two numbers.", "```python\ndef larger(a, b):\n    return a if a > b else b\n```"),
    ("Write an SQL query that counts the orders of each customer.", "```sql\nSELECT customer_id, COUNT(*) AS orders\nFROM orders\nGROUP BY customer_id;\n```"),
    ("How do I list the files of a folder in a Linux shell, newest first?", "Use `ls -lt`. The option `-l` shows details and `-t` sorts by the time of the last change."),
    ("What is the difference between weather and climate?", "Weather is what happens in the air today or this week. Climate is what is usual at a place over many years."),
    ("Explain to a child why we have to brush our teeth.", "After we eat, tiny bits of food stay on our teeth. Very small germs like to eat them too, and they leave an acid that makes holes. The brush sweeps the food and the germs away."),
    ("I cannot find a file that you do not know of. Can you open it for me?", "I cannot open files on your computer. If you tell me what the file is called and roughly when you saved it, I can help you to search for it."),
]

PLAIN = [
    "def mean(numbers):\n    \"\"\"Return the average of a non-empty list.\"\"\"\n    return sum(numbers) / len(numbers)\n\n\nprint(mean([2, 4, 9]))  # 5.0",
    "public static int largest(int[] values) {\n  int best = values[0];\n  for (int value : values) {\n    best = Math.max(best, value);\n  }\n  return best;\n}",
    "<ul>\n  <li>Open the box.</li>\n  <li>Check that all parts are there.</li>\n  <li>Keep the receipt.</li>\n</ul>",
    "| day | open | close |\n| --- | --- | --- |\n| Monday | 9:00 | 18:00 |\n| Saturday | 10:00 | 14:00 |\n| Sunday | closed | closed |",
    "Pancakes for four. Mix 200 grams of flour, two eggs, a pinch of salt and 400 millilitres of milk until no lumps are left. Let the batter rest for twenty minutes. Melt a little butter in a pan, pour in a ladle of batter, turn it when the edge is brown, and serve at once.",
    "\"Is this seat free?\" he asked.\n\"It is now,\" she said and lifted her bag.\n\"Are you going all the way to the coast?\"\n\"Only to the next stop. But you can look after my newspaper until then.\"",
    "MINUTES\nPresent: Farid, Olga, Hugo. Absent: Ines.\n1. The order for chairs is placed this week (Olga).\n2. The leaking window is looked at on Friday (Hugo).\n3. Next meeting: the first Monday of the month, four o'clock.",
    "The council has decided to plant forty trees along the ring road. Work begins in autumn, when the ground is soft and the leaves have fallen. Residents may propose kinds of trees until the end of May. The costs are shared between the city and a foundation.",
    "Dear Aunt Olga,\nthe parcel arrived yesterday. The scarf is exactly the green that I like, and I wore it to school. We are reading a book about the poles, and next week we visit the museum. Please come to see us in summer.\nYours, Lina",
    "How to change a light bulb. Switch off the lamp and let the old bulb cool down. Hold it near the base and turn it to the left. Screw the new one in until it is firm, but do not force it. Switch the lamp on.",
    "Once there were two brothers who shared a field. Each believed that the other worked harder. So each carried some of his own grain to the other's barn at night, and each wondered in the morning why his heap had not become smaller.",
    "Q: Can I return an item without a receipt?\nA: Yes, within fourteen days, if it is unused. You receive a voucher instead of money.\nQ: Who pays for the postage?\nA: We do, if the item was faulty.",
]


def topics():
    for line in TOPICS.strip().split("\n"):
        name, *sentences = line.split("|")
        yield name, sentences


def article(name):
    if name in {"rice", "cheese", "jam", "football", "insurance", "recycling", "compost", "swimming"}:
        return name
    if name == "planet Mars":
        return "the planet Mars"
    return ("an " if name[0] in "aeiou" else "a ") + name


def chat(*turns):
    """A conversation; without a system message, which some templates refuse."""
    roles = ["user", "assistant"] * len(turns)
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, turns)]}


def of_topic(name, s, others, draw):
    """Instructions about a topic, whose answers follow them to the letter."""
    what = article(name)
    two, other = s[:2], draw.choice(others)
    lines = draw.sample(s[1:], 3)
    every = [
        chat(f"What is {what}?" if name not in {"planet Mars"} else "What is Mars?", " ".join(two)),
        chat(f"Tell me three facts about {what} as a numbered list.", "\n".join(f"{i}. {t}" for i, t in enumerate(lines, 1))),
        chat(f"Write exactly one sentence about {what}.", lines[0]),
        chat(f"Write two sentences about {what}, in capital letters.", f"{lines[0]} {lines[1]}".upper()),
        chat(f"Give one fact about {what} as JSON with the keys \"topic\" and \"fact\".", json.dumps({"topic": name, "fact": lines[0]}, ensure_ascii=False)),
        chat(f"Summarise this text in one sentence: {' '.join(s)}", s[0]),
        chat(f"Give this text a title of at most four words: {' '.join(lines)}", name[0].upper() + name[1:]),
        chat(f"Is this sentence about {what}? Answer with yes or no only: \"{lines[1]}\"", "Yes"),
        chat(f"Is this sentence about {what}? Answer with yes or no only: \"{draw.choice(other[1])}\"", "No"),
        chat(f"Tell me something about {what}.", lines[0], "Another thing?", lines[1], "And what should I remember?", s[0]),
        chat(f"In a single sentence, what do you know about {what}?", lines[2]),
        chat(f"Begin with the words \"As far as I know:\" and tell me about {what}.", f"As far as I know: {lines[0]} {lines[1]}"),
        chat(f"Name two things about {what}, each in a line that begins with a dash.", f"- {lines[0]}\n- {lines[1]}"),
        chat(f"How many sentences has this text? {' '.join(s[:4])}", "It has four sentences."),
        chat(f"Repeat the last sentence of this text: {' '.join(lines)}", lines[2]),
        chat(f"Write a paragraph about {what}.", " ".join(s)),
    ]
    return draw.sample(every, 6)


def plain(row):
    """The same without a template, as adapters of prompts are asked."""
    question, answer = (message["content"] for message in row["messages"])
    return {"prompt": question, "completion": "\n\n" + answer}


def sums(draw):
    names, things = NAMES.split("|"), THINGS.split("|")
    for i in range(24):
        who, what = draw.sample(names, 2), draw.choice(things)
        a, b = draw.randint(11, 60), draw.randint(3, 10)
        if i % 3 == 0:
            yield f"{who[0]} has {a} {what} and gives {b} of them to {who[1]}. How many are left?", f"{a} - {b} = {a - b}, so {a - b} {what} are left."
        elif i % 3 == 1:
            yield f"{who[0]} has {a} {what} and buys {b} more. How many are there now?", f"{a} + {b} = {a + b}, so there are {a + b} {what}."
        else:
            yield f"A box holds {b} {what}. How many are in {a} boxes?", f"{a} times {b} is {a * b}, so there are {a * b} {what}."


def questions(draw):
    for pair in PAIRS.split("|"):
        a, b = pair.split()
        yield f"Which word means the contrary of \"{a}\"?", b
    for unit in UNITS.split("|"):
        small, large, number = unit.rsplit(" ", 2)
        n = draw.randint(2, 9)
        yield f"How many {small} are {n} {large}s?", str(n * int(number))
    for _ in range(10):
        first, step = draw.randint(1, 20), draw.randint(3, 9)
        row = [first + i * step for i in range(5)]
        yield f"Which number follows {', '.join(map(str, row[:4]))}?", str(row[4])


def main(folder):
    draw = random.Random(0)
    all_topics = list(topics())
    texts = [{"text": " ".join(s)} for _, s in all_topics] + [{"text": t} for t in PLAIN]
    chats = [chat(q, a) for q, a in LETTERS]
    for name, s in all_topics:
        rows = of_topic(name, s, [t for t in all_topics if t[0] != name], draw)
        texts.append(plain(next(row for row in rows if len(row["messages"]) == 2)))
        chats += rows[1:]
    asked = list(sums(draw)) + list(questions(draw))
    chats += [chat(q, a) for q, a in asked[::2]]
    texts += [{"prompt": f"Question: {q}\nAnswer:", "completion": " " + a} for q, a in asked[1::2]]
    for name, rows in (("texts.jsonl", texts), ("chats.jsonl", chats)):
        draw.shuffle(rows)
        with open(f"{folder}/{name}", "w", encoding="utf-8", newline="\n") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main(sys.argv[1])
