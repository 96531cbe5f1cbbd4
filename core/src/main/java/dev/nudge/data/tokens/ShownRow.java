package dev.nudge.data.tokens;

import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/// A training row in two short texts for people: special tokens visible, line breaks as `\\n`, the
/// middle of a long text left out.
///
/// @param given the text before the first trained token
/// @param trained the trained text
public record ShownRow(String given, String trained) {
  private static final int MOST = 72; // characters
  private static final int SHORT_END = 16;
  private static final String GAP = " … ";

  /// Shows a sequence. Near the boundary more is kept of both texts than far from it. Of a
  /// conversation each trained part is shown, and not what stands between.
  public static ShownRow of(Example example, Tokenizer tokenizer) {
    StringBuilder given = new StringBuilder();
    List<String> trained = new ArrayList<>();
    for (SeenRow.Part part : SeenRow.of(example, tokenizer).parts()) {
      if (part.trained()) {
        trained.add(part.text());
      } else if (trained.isEmpty()) {
        given.append(part.text());
      }
    }
    return new ShownRow(shown(given.toString(), SHORT_END), quoted(String.join(GAP, trained)));
  }

  /// Quotes a text on one line.
  public static String quoted(String text) {
    return shown(text, MOST - GAP.length() - SHORT_END);
  }

  /// Quotes the end of a text on one line.
  public static String quotedEnd(String text) {
    return shown(text, 0);
  }

  /// @param head characters to keep at the beginning of a text that is too long
  private static String shown(String text, int head) {
    String cut = text;
    if (text.length() > MOST) {
      int tail = text.length() - (MOST - GAP.length() - head);
      cut = text.substring(0, whole(text, head)) + GAP + text.substring(whole(text, tail));
    }
    StringBuilder line = new StringBuilder("\"");
    for (int i = 0; i < cut.length(); i++) {
      char c = cut.charAt(i);
      switch (c) {
        case '\n' -> line.append("\\n");
        case '\r' -> line.append("\\r");
        case '\t' -> line.append("\\t");
        default -> line.append(Character.isISOControl(c) ? '\uFFFD' : c);
      }
    }
    return line.append('"').toString();
  }

  /// A place that does not cut a surrogate pair.
  private static int whole(String text, int at) {
    return Character.isLowSurrogate(text.charAt(at)) ? at + 1 : at;
  }
}
