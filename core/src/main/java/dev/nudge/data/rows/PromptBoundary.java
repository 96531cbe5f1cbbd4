package dev.nudge.data.rows;

import dev.nudge.data.rows.RowShape.Content;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSettings;
import java.lang.Character.UnicodeScript;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Counts rows whose prompt and completion, both texts, lack a space between them.
///
/// Tokenizers attach the space to the word after it, so an answer without one has other tokens than
/// the same word in a text; or one token spans the end of the prompt and the beginning of the
/// answer, which never happens at inference.
///
/// @param rows rows whose prompt and completion are texts
/// @param withoutSpace rows without a space where one is expected ([#lacksSpace])
/// @param shared rows in which one token spans the boundary; 0 if no tokens were made
public record PromptBoundary(int rows, int withoutSpace, int shared) {
  /// Scripts that are written without spaces.
  private static final Set<UnicodeScript> SPACELESS =
      EnumSet.of(
          UnicodeScript.HAN,
          UnicodeScript.HIRAGANA,
          UnicodeScript.KATAKANA,
          UnicodeScript.THAI,
          UnicodeScript.LAO,
          UnicodeScript.KHMER,
          UnicodeScript.MYANMAR,
          UnicodeScript.TIBETAN);

  private static final String BEFORE_SPACE = ".,:;!?"; // a quote may open one

  /// Whether a completion begins with a letter right behind a word or a mark of the prompt that a
  /// space follows in a text.
  static boolean lacksSpace(String prompt, String completion) {
    if (prompt.isEmpty() || completion.isEmpty()) {
      return false;
    }
    int last = prompt.codePointBefore(prompt.length());
    int first = completion.codePointAt(0);
    int kind = Character.getType(last);
    boolean ends =
        Character.isLetterOrDigit(last)
            || BEFORE_SPACE.indexOf(last) >= 0
            || kind == Character.END_PUNCTUATION
            || kind == Character.FINAL_QUOTE_PUNCTUATION;
    return ends
        && Character.isLetter(first)
        && !SPACELESS.contains(UnicodeScript.of(first))
        && !SPACELESS.contains(UnicodeScript.of(last));
  }

  /// Returns advice if more than half of the rows lack the space; else null.
  public @Nullable String advice(DataSettings data) {
    if (2L * withoutSpace <= rows) {
      return null;
    }
    String completion = data.completion();
    String column = data.shape().mapping().getOrDefault("completion", "completion");
    return String.format(
        Locale.ROOT,
        "in %,d of %s no space stands between prompt and completion%s; --completion ' %s' puts one"
            + " there",
        withoutSpace,
        Count.of(rows, "row"),
        shared == 0
            ? ""
            : String.format(Locale.ROOT, ", and in %,d one token has a part of both", shared),
        completion == null ? "{" + column + "}" : completion);
  }

  /// Counts rows, one after the other.
  public static final class Tally {
    private int rows;
    private int withoutSpace;
    private int shared;

    /// @param sharesToken whether a token has a part of prompt and completion
    public void add(Content content, boolean sharesToken) {
      if (content instanceof Content.Answer row) {
        rows++;
        withoutSpace += lacksSpace(row.prompt(), row.completion()) ? 1 : 0;
        shared += sharesToken ? 1 : 0;
      }
    }

    public PromptBoundary boundary() {
      return new PromptBoundary(rows, withoutSpace, shared);
    }
  }
}
