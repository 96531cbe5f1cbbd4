package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Splits English text into sentences as NLTK's Punkt [1] does.
///
/// A mark `.`, `?` or `!` before white space or a closing mark may end a sentence; the words before
/// and after it decide. An abbreviation does not end a sentence, except before a capitalised word
/// that is usually lower-case; an initial or a numeral does not before a lower-case word, an
/// initial not before a name. Closing quotes and brackets belong to the sentence before them.
///
/// Punkt learns abbreviations and usually-lower-case words from a newspaper corpus that may not be
/// redistributed, so `abbreviations.txt` and `starters.txt` are nudge's own lists. With these lists
/// NLTK splits every text the same way; with its own lists it may differ at abbreviations that only
/// one list has.
///
/// NLTK uses the module `regex`, whose `\w` and `\s` are Unicode's, as Java's.
///
/// [1] T. Kiss and J. Strunk, Unsupervised multilingual sentence boundary detection, 2006.
final class PunktSentences {
  private static final Set<String> ABBREVIATIONS = WordList.words("abbreviations.txt");
  private static final Set<String> STARTERS = WordList.words("starters.txt");

  private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES;
  private static final String NO_WORD = "[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d\u00ab\u00bb?!]";
  private static final String SEVERAL = "(?:-{2,}|\\.{2,}|(?:\\.\\s){2,}\\.)";
  private static final String MARKS = NO_WORD + "|" + SEVERAL;

  private static final Pattern CANDIDATE =
      Pattern.compile("[.?!](?=(?<after>" + NO_WORD + "|\\s+(?<next>\\S+)))", FLAGS);
  private static final Pattern TOKEN =
      Pattern.compile(
          SEVERAL
              + "|(?=[^(\"`{\\[:;&#*@)}\\]\\-,])"
              + "\\S+?"
              + "(?=\\s|$|"
              + MARKS
              + "|,(?=$|\\s|"
              + MARKS
              + "))"
              + "|\\S",
          FLAGS);
  private static final Pattern CLOSING =
      Pattern.compile(
          "[\"')\\]}\u2018\u2019\u201c\u201d\u00ab\u00bb]+?(?:\\s+|(?=--)|$)",
          FLAGS | Pattern.MULTILINE);
  private static final Pattern NUMERAL = Pattern.compile("-?[.,]?\\d[\\d,.-]*\\.?", FLAGS);
  private static final Pattern INITIAL = Pattern.compile("[\\w&&\\D]\\.", FLAGS);
  private static final String NUMBER = "##number##";

  private PunktSentences() {}

  /// A token with its classification.
  private static final class Token {
    final String text;
    final String type;
    final boolean abbreviation;
    final boolean ellipsis;
    boolean ends;

    Token(String text) {
      this.text = text;
      String lower = PythonText.lower(text);
      type = NUMERAL.matcher(lower).matches() ? NUMBER : lower;
      boolean mark = text.equals(".") || text.equals("?") || text.equals("!");
      ellipsis = !mark && text.matches("\\.\\.+");
      boolean full = !mark && text.endsWith(".") && !text.endsWith("..");
      String bare = full ? PythonText.lower(text.substring(0, text.length() - 1)) : "";
      abbreviation =
          full
              && (ABBREVIATIONS.contains(bare)
                  || ABBREVIATIONS.contains(bare.substring(bare.lastIndexOf('-') + 1)));
      ends = mark || (full && !abbreviation);
    }

    boolean initial() {
      return INITIAL.matcher(text).matches();
    }

    String typeWithoutPeriod() {
      return type.length() > 1 && type.endsWith(".") ? type.substring(0, type.length() - 1) : type;
    }
  }

  /// Returns the sentences of a text.
  static List<String> of(String text) {
    List<int[]> slices = slices(text);
    List<String> sentences = new ArrayList<>();
    int moved = 0;
    for (int i = 0; i < slices.size(); i++) {
      int start = slices.get(i)[0] + moved;
      int end = slices.get(i)[1];
      moved = 0;
      if (i + 1 < slices.size()) {
        int next = slices.get(i + 1)[0];
        Matcher closing = CLOSING.matcher(slice(text, next, slices.get(i + 1)[1]));
        if (closing.lookingAt()) {
          sentences.add(slice(text, start, next + PythonText.stripEnd(closing.group()).length()));
          moved = closing.end();
          continue;
        }
      }
      if (end > start) {
        sentences.add(text.substring(start, end));
      }
    }
    return sentences;
  }

  private static String slice(String text, int start, int end) {
    return end > start ? text.substring(start, end) : "";
  }

  private static List<int[]> slices(String text) {
    List<int[]> slices = new ArrayList<>();
    int from = 0;
    for (int[] candidate : candidates(text)) {
      Matcher mark = CANDIDATE.matcher(text);
      mark.find(candidate[2]);
      String context =
          text.substring(candidate[0], candidate[1]) + mark.group() + mark.group("after");
      if (hasEnd(context)) {
        slices.add(new int[] {from, mark.end()});
        from = mark.group("next") == null ? mark.end() : mark.start("next");
      }
    }
    slices.add(new int[] {from, PythonText.stripEnd(text).length()});
    return slices;
  }

  /// Start and end of the word before each mark, and the mark; the last of several marks after one
  /// word.
  private static List<int[]> candidates(String text) {
    List<int[]> candidates = new ArrayList<>();
    int[] last = null;
    Matcher mark = CANDIDATE.matcher(text);
    int start = 0;
    int stop = 0;
    while (mark.find()) {
      int blank = lastBlank(text, stop, mark.start());
      int word = blank > stop ? blank + 1 : start;
      if (last != null && stop <= word) {
        candidates.add(last);
      }
      start = word;
      stop = mark.start();
      last = new int[] {start, stop, mark.start()};
    }
    if (last != null) {
      candidates.add(last);
    }
    return candidates;
  }

  private static int lastBlank(String text, int from, int to) {
    for (int i = to - 1; i >= from; i--) {
      if (" \t\n\r\u000b\f".indexOf(text.charAt(i)) >= 0) {
        return i;
      }
    }
    return from;
  }

  private static boolean hasEnd(String context) {
    List<Token> tokens = new ArrayList<>();
    for (String line : context.split("\n", -1)) {
      Matcher token = TOKEN.matcher(line);
      while (!PythonText.strip(line).isEmpty() && token.find()) {
        tokens.add(new Token(token.group()));
      }
    }
    for (int i = 0; i + 1 < tokens.size(); i++) {
      decide(tokens.get(i), tokens.get(i + 1));
      if (tokens.get(i).ends) {
        return true;
      }
    }
    return false;
  }

  private static void decide(Token token, Token next) {
    if (!token.text.endsWith(".")) {
      return;
    }
    boolean initial = token.initial();
    String nextType = next.ends ? next.typeWithoutPeriod() : next.type;
    boolean upper = Character.isUpperCase(next.text.codePointAt(0));
    @Nullable Boolean starts = starts(next, nextType, upper);
    if ((token.abbreviation || token.ellipsis) && !initial && Boolean.TRUE.equals(starts)) {
      token.ends = true;
      return;
    }
    if (initial || token.typeWithoutPeriod().equals(NUMBER)) {
      boolean name = starts == null && initial && upper;
      if (Boolean.FALSE.equals(starts) || name) {
        token.ends = false;
      }
    }
  }

  /// Whether a word starts a sentence; null if unknown.
  private static @Nullable Boolean starts(Token token, String type, boolean upper) {
    if (token.text.length() == 1 && ";:,.!?".contains(token.text)) {
      return false;
    }
    if (upper && STARTERS.contains(type)) {
      return true;
    }
    return Character.isLowerCase(token.text.codePointAt(0)) ? false : null;
  }
}
