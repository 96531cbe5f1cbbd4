package dev.nudge.eval.metric;

import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Porter's English stemmer [1] with NLTK's extensions, as used by `rouge_score`.
///
/// The measure m of a stem is the number of vowel-consonant sequences in (C)(VC)ᵐ(V). Each step is
/// a list of suffixes; the first match decides, and its condition on the rest says whether it is
/// replaced. NLTK's extensions: a dozen irregular words; short words in -ies and -ied keep their e;
/// y becomes i only after a consonant that is not the first letter; two more suffixes in step two.
///
/// [1] M. F. Porter, An algorithm for suffix stripping, 1980.
final class PorterStemmer {
  private static final Map<String, String> IRREGULAR =
      Map.ofEntries(
          Map.entry("sky", "sky"),
          Map.entry("skies", "sky"),
          Map.entry("dying", "die"),
          Map.entry("lying", "lie"),
          Map.entry("tying", "tie"),
          Map.entry("news", "news"),
          Map.entry("innings", "inning"),
          Map.entry("inning", "inning"),
          Map.entry("outings", "outing"),
          Map.entry("outing", "outing"),
          Map.entry("cannings", "canning"),
          Map.entry("canning", "canning"),
          Map.entry("howe", "howe"),
          Map.entry("proceed", "proceed"),
          Map.entry("exceed", "exceed"),
          Map.entry("succeed", "succeed"));

  private record Rule(String suffix, String instead, Predicate<String> where) {
    Rule(String suffix, String instead) {
      this(suffix, instead, stem -> measure(stem) > 0);
    }
  }

  private static final List<Rule> STEP_2 =
      List.of(
          new Rule("ational", "ate"),
          new Rule("tional", "tion"),
          new Rule("enci", "ence"),
          new Rule("anci", "ance"),
          new Rule("izer", "ize"),
          new Rule("bli", "ble"),
          new Rule("alli", "al"),
          new Rule("entli", "ent"),
          new Rule("eli", "e"),
          new Rule("ousli", "ous"),
          new Rule("ization", "ize"),
          new Rule("ation", "ate"),
          new Rule("ator", "ate"),
          new Rule("alism", "al"),
          new Rule("iveness", "ive"),
          new Rule("fulness", "ful"),
          new Rule("ousness", "ous"),
          new Rule("aliti", "al"),
          new Rule("iviti", "ive"),
          new Rule("biliti", "ble"),
          new Rule("fulli", "ful"),
          new Rule("logi", "log", stem -> measure(stem + "l") > 0));

  private static final List<Rule> STEP_3 =
      List.of(
          new Rule("icate", "ic"),
          new Rule("ative", ""),
          new Rule("alize", "al"),
          new Rule("iciti", "ic"),
          new Rule("ical", "ic"),
          new Rule("ful", ""),
          new Rule("ness", ""));

  private static final List<Rule> STEP_4 =
      List.of(
          whenMeasureAbove1("al"),
          whenMeasureAbove1("ance"),
          whenMeasureAbove1("ence"),
          whenMeasureAbove1("er"),
          whenMeasureAbove1("ic"),
          whenMeasureAbove1("able"),
          whenMeasureAbove1("ible"),
          whenMeasureAbove1("ant"),
          whenMeasureAbove1("ement"),
          whenMeasureAbove1("ment"),
          whenMeasureAbove1("ent"),
          new Rule(
              "ion", "", stem -> measure(stem) > 1 && (stem.endsWith("s") || stem.endsWith("t"))),
          whenMeasureAbove1("ou"),
          whenMeasureAbove1("ism"),
          whenMeasureAbove1("ate"),
          whenMeasureAbove1("iti"),
          whenMeasureAbove1("ous"),
          whenMeasureAbove1("ive"),
          whenMeasureAbove1("ize"));

  private static Rule whenMeasureAbove1(String suffix) {
    return new Rule(suffix, "", stem -> measure(stem) > 1);
  }

  private PorterStemmer() {}

  /// Stems a lower-case word.
  static String stem(String word) {
    String irregular = IRREGULAR.get(word);
    if (irregular != null) {
      return irregular;
    }
    if (word.length() <= 2) {
      return word;
    }
    String stem = yToI(pastAndGerund(plural(word)));
    return doubleL(lastE(apply(apply(allied(stem), STEP_3), STEP_4)));
  }

  private static String plural(String word) {
    if (word.endsWith("sses")) {
      return cut(word, 2);
    }
    if (word.endsWith("ies")) {
      return cut(word, word.length() == 4 ? 1 : 2);
    }
    return word.endsWith("s") && !word.endsWith("ss") ? cut(word, 1) : word;
  }

  private static String pastAndGerund(String word) {
    if (word.endsWith("ied")) {
      return cut(word, word.length() == 4 ? 1 : 2);
    }
    if (word.endsWith("eed")) {
      return measure(cut(word, 3)) > 0 ? cut(word, 1) : word;
    }
    int suffix = word.endsWith("ed") ? 2 : word.endsWith("ing") ? 3 : 0;
    if (suffix == 0 || !hasVowel(cut(word, suffix))) {
      return word;
    }
    String stem = cut(word, suffix);
    if (stem.endsWith("at") || stem.endsWith("bl") || stem.endsWith("iz")) {
      return stem + "e";
    }
    int n = stem.length();
    if (n >= 2 && stem.charAt(n - 1) == stem.charAt(n - 2) && consonant(stem, n - 1)) {
      return "lsz".indexOf(stem.charAt(n - 1)) >= 0 ? stem : cut(stem, 1);
    }
    return measure(stem) == 1 && endsShort(stem) ? stem + "e" : stem;
  }

  private static String yToI(String word) {
    int n = word.length();
    return word.endsWith("y") && n > 2 && consonant(word, n - 2) ? cut(word, 1) + "i" : word;
  }

  private static String allied(String word) {
    return word.endsWith("alli") && measure(cut(word, 4)) > 0
        ? allied(cut(word, 2))
        : apply(word, STEP_2);
  }

  private static String lastE(String word) {
    if (!word.endsWith("e")) {
      return word;
    }
    String stem = cut(word, 1);
    int m = measure(stem);
    return m > 1 || (m == 1 && !endsShort(stem)) ? stem : word;
  }

  private static String doubleL(String word) {
    return word.endsWith("ll") && measure(cut(word, 1)) > 1 ? cut(word, 1) : word;
  }

  private static String apply(String word, List<Rule> rules) {
    for (Rule rule : rules) {
      if (word.endsWith(rule.suffix)) {
        String stem = cut(word, rule.suffix.length());
        return rule.where.test(stem) ? stem + rule.instead : word;
      }
    }
    return word;
  }

  private static String cut(String word, int letters) {
    return word.substring(0, word.length() - letters);
  }

  /// Whether a stem ends with consonant, vowel, consonant other than w, x, y; or is vowel,
  /// consonant.
  private static boolean endsShort(String stem) {
    int n = stem.length();
    if (n == 2) {
      return !consonant(stem, 0) && consonant(stem, 1);
    }
    return n >= 3
        && consonant(stem, n - 3)
        && !consonant(stem, n - 2)
        && consonant(stem, n - 1)
        && "wxy".indexOf(stem.charAt(n - 1)) < 0;
  }

  private static boolean hasVowel(String stem) {
    for (int i = 0; i < stem.length(); i++) {
      if (!consonant(stem, i)) {
        return true;
      }
    }
    return false;
  }

  private static int measure(String stem) {
    int m = 0;
    for (int i = 1; i < stem.length(); i++) {
      m += consonant(stem, i) && !consonant(stem, i - 1) ? 1 : 0;
    }
    return m;
  }

  /// Whether a letter is a consonant; y is one at the start and after a vowel.
  private static boolean consonant(String word, int i) {
    char c = word.charAt(i);
    if ("aeiou".indexOf(c) >= 0) {
      return false;
    }
    return c != 'y' || i == 0 || !consonant(word, i - 1);
  }
}
