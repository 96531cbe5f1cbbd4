package dev.nudge.data.tokens;

import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Counts the rows that were truncated or split because they were too long, by what they lost.
///
/// @param rows all good rows
/// @param maxLength maximum length in tokens
/// @param prompts rows that lost the beginning of their prompt
/// @param answers rows that lost all of their prompt and the end of their completion
/// @param texts text rows that lost their end
/// @param chats conversations that lost their end
/// @param splits text rows that were split
/// @param parts sequences that the split rows became
/// @param ends preferences of which an answer lost its end
/// @param left preferences that were left out: no room for an answer, or for all of one whose
///     reward is read at its end
public record CutRows(
    int rows,
    int maxLength,
    int prompts,
    int answers,
    int texts,
    int chats,
    int splits,
    int parts,
    int ends,
    int left) {

  /// Says what a row lost.
  public enum Loss {
    NOTHING,
    PROMPT,
    ANSWER,
    TEXT,
    CHAT,
    SPLIT,
    END,
    LEFT_OUT
  }

  public static CutRows none(int maxLength) {
    return new CutRows(0, maxLength, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  /// With one more row.
  ///
  /// @param sequences that it became
  public CutRows and(Loss loss, int sequences) {
    return new CutRows(
        rows + 1,
        maxLength,
        prompts + (loss == Loss.PROMPT ? 1 : 0),
        answers + (loss == Loss.ANSWER ? 1 : 0),
        texts + (loss == Loss.TEXT ? 1 : 0),
        chats + (loss == Loss.CHAT ? 1 : 0),
        splits + (loss == Loss.SPLIT ? 1 : 0),
        parts + (loss == Loss.SPLIT ? sequences : 0),
        ends + (loss == Loss.END ? 1 : 0),
        left + (loss == Loss.LEFT_OUT ? 1 : 0));
  }

  /// Number of rows that were truncated, split or left out.
  public int count() {
    return prompts + answers + texts + chats + splits + ends + left;
  }

  /// `17 of 300 rows were cut to 512 tokens: 17 prompts from the left`.
  @Override
  public String toString() {
    List<String> how = new ArrayList<>();
    if (prompts > 0) {
      how.add(Count.of(prompts, "prompt") + " from the left");
    }
    if (answers > 0) {
      how.add(Count.of(answers, "answer") + " at the end, without prompt and end token");
    }
    if (texts > 0) {
      how.add(Count.of(texts, "text") + " at the end");
    }
    if (chats > 0) {
      how.add(Count.of(chats, "conversation") + " at the end");
    }
    if (splits > 0) {
      how.add(Count.of(splits, "text") + " into " + Count.of(parts, "sequence"));
    }
    if (ends > 0) {
      how.add(Count.of(ends, "answer") + " at the end, without end token");
    }
    if (left > 0) {
      how.add(
          Count.of(left, "preference")
              + " left out: no room for an answer, or one cut before a reward is read");
    }
    return String.format(
        Locale.ROOT,
        "%,d of %s cut to %s: %s",
        count(),
        Count.of(rows, "row") + (count() == 1 ? " was" : " were"),
        Count.of(maxLength, "token"),
        String.join(", ", how));
  }
}
