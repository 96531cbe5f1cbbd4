package dev.nudge.data.tokens;

import dev.nudge.data.rows.SourceLine;
import dev.nudge.settings.Count;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Concatenates texts, each with its end token, and cuts them into sequences of one length, for
/// continued pre-training.
///
/// A sequence belongs to the row in which it begins. Every token but its first is trained; the last
/// sequence may be shorter.
public final class Concatenation {
  private final TokenTableBuilder table;
  private final int[] tokens;
  private int length;
  private @Nullable SourceLine first; // the row in which the sequence begins
  private long texts;
  private int sequences;

  /// @param table receives the sequences
  public Concatenation(TokenTableBuilder table, int maxLength) {
    this.table = table;
    this.tokens = new int[maxLength];
  }

  /// Adds a text, and to the table the sequences that it fills.
  public void add(int[] ids, SourceLine source) {
    texts++;
    for (int from = 0; from < ids.length; ) {
      if (length == 0) {
        first = source;
      }
      int some = Math.min(tokens.length - length, ids.length - from);
      System.arraycopy(ids, from, tokens, length, some);
      length += some;
      from += some;
      if (length == tokens.length) {
        rest();
      }
    }
  }

  /// Adds the sequence that is not full to the table; none if nothing is left.
  public void rest() {
    if (length == 0 || first == null) {
      return;
    }
    BitSet trained = new BitSet(length);
    trained.set(1, Math.max(1, length));
    table.add(new Sequence(Arrays.copyOf(tokens, length), trained, null), first);
    length = 0;
    sequences++;
  }

  /// What became of the texts, a line; none where there was none.
  public List<String> said() {
    return texts == 0
        ? List.of()
        : List.of(
            "%s behind each other: %s of up to %s"
                .formatted(
                    Count.of(texts, "text"),
                    Count.of(sequences, "sequence"),
                    Count.of(tokens.length, "token")));
  }
}
