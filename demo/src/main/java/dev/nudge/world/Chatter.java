package dev.nudge.world;

import java.util.List;
import java.util.Locale;
import java.util.Random;

/// Makes random filler text around a case, so that phrasings hardly ever repeat.
///
/// A base trained on a few dozen phrasings finds part, machine and circumstances by the words
/// around them, and fails on a new phrasing; with random filler it must recognise the entities
/// themselves. The filler needs variety, not sense.
final class Chatter {
  private static final List<String> NOUNS =
      words(
          "night morning week year house garden lake window door table friend shop letter word time"
              + " way day hand son sister room street floor winter summer bread tea paper book road"
              + " tree boat coat music story money box wall stone river bridge train school market"
              + " cup light dog cat bird hill island list number colour level urgency order reason"
              + " kitchen office owner repair advice note");
  private static final List<String> VERBS =
      words(
          "saw said heard found knew told thought kept took left wrote hoped asked called brought"
              + " watched tried felt met made read sent bought moved opened closed followed carried"
              + " counted noticed remembered believed explained looked waited repaired sees meant");
  private static final List<String> ADJECTIVES =
      words(
          "old new good bad small big quick slow happy patient quiet loud early late warm cold"
              + " high low normal short long dark bright clean empty full green red blue white"
              + " careful honest strange common welcome other next last best poor rich");
  private static final List<String> ADVERBS =
      words(
          "now here there again often never always soon lately today once together again perhaps"
              + " really almost quite still only too very well alone outside downstairs first later"
              + " already maybe today indeed");
  private static final List<String> PREPOSITIONS =
      words(
          "in on at by for with from to of about after before between under over near behind since"
              + " until without against like through beside regarding while because although when"
              + " where who whose how each as than if");
  private static final List<String> PEOPLE =
      words("I we you he she they someone nobody everybody it my our your his her one who");
  private static final List<String> OWNING =
      words("the the the my my our our its its this that a one his her your their every another");
  private static final List<String> CHUNKS =
      List.of(
          "r the n",
          "w v that",
          "d",
          "d d",
          "a n",
          "w v r n",
          "as w v",
          "the n v d",
          "r a n",
          "w v",
          "n r n",
          "a and a",
          "not a",
          "no n",
          "r o n",
          "w d v o n",
          "x",
          "d x r n",
          "o a n v");
  private static final List<String> CASES =
      List.of(
          "o {c} {s}~ o {p}",
          "o {p}~ o {c} {s}",
          "o {c} r o {p} {s}",
          "o {c} v r o {p} {s}",
          "o {p}, o {c} {s}",
          "r o {p} o {c} {s}",
          "{p}: o {c} {s}",
          "o {c} {s}; w v o {p}");
  private static final List<String> JOINTS =
      List.of(" ", " ", ", ", ", ", ": ", "; ", ". ", " and ");
  private static final List<String> SYLLABLES =
      words("ba co de fi gu ha ki lo me no pu ra se ti vu wy xe zo ast erk ind olm unt");

  private final Random random;

  Chatter(Random random) {
    this.random = random;
  }

  private static List<String> words(String text) {
    return List.of(text.split(" "));
  }

  Phrasing phrasing() {
    String body = (random.nextInt(4) > 0 ? chunks() + pick(JOINTS) : "") + said(pick(CASES));
    String tail = random.nextInt(3) == 0 ? pick(JOINTS) + chunks() : "";
    String bridge = random.nextBoolean() ? capital(chunks()) + pick(List.of(":", ":", ".")) : "";
    String closing =
        random.nextBoolean() ? capital(chunks()) + pick(List.of(".", ".", "?", "!")) : "";
    return new Phrasing(capital(body) + tail, bridge, closing);
  }

  private String chunks() {
    StringBuilder text = new StringBuilder(said(pick(CHUNKS)));
    for (int more = random.nextInt(3); more > 0; more--) {
      text.append(random.nextInt(4) == 0 ? ", " : " ").append(said(pick(CHUNKS)));
    }
    return text.toString();
  }

  /// Expands a pattern: a word for each letter, zero or more words for `~`.
  private String said(String pattern) {
    StringBuilder text = new StringBuilder();
    for (String slot : pattern.split("(?<=[ ~,:;])|(?=[ ~,:;])")) {
      text.append(
          switch (slot) {
            case "n" -> pick(NOUNS);
            case "v" -> pick(VERBS);
            case "a" -> pick(ADJECTIVES);
            case "d" -> pick(ADVERBS);
            case "r" -> pick(PREPOSITIONS);
            case "w" -> pick(PEOPLE);
            case "o" -> pick(OWNING);
            case "x" -> pick(SYLLABLES) + pick(SYLLABLES) + pick(SYLLABLES);
            case "~" ->
                random.nextBoolean() ? pick(JOINTS) + chunks() + pick(JOINTS).stripTrailing() : "";
            default -> slot;
          });
    }
    return text.toString();
  }

  private static String capital(String text) {
    return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }

  private String pick(List<String> all) {
    return all.get(random.nextInt(all.size()));
  }
}
