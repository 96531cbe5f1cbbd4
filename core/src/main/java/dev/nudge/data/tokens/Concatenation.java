package dev.nudge.data.tokens;

import dev.nudge.data.rows.SourceLine;
import dev.nudge.settings.Count;
import java.util.ArrayList;
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
  private final int[] tokens;
  private int length;
  private @Nullable Example first; // the row in which the sequence begins
  private long texts;
  private int sequences;

  public Concatenation(int maxLength) {
    this.tokens = new int[maxLength];
  }

  /// Adds a text; gives the sequences that it fills.
  public List<Example> add(Example text) {
    texts++;
    List<Example> full = new ArrayList<>();
    int[] ids = text.ids();
    for (int from = 0; from < ids.length; ) {
      if (length == 0) {
        first = text;
      }
      int some = Math.min(tokens.length - length, ids.length - from);
      System.arraycopy(ids, from, tokens, length, some);
      length += some;
      from += some;
      if (length == tokens.length) {
        full.addAll(rest());
      }
    }
    return full;
  }

  /// The sequence that is not full; none where nothing is left.
  public List<Example> rest() {
    Example begin = first;
    if (length == 0 || begin == null) {
      return List.of();
    }
    BitSet trained = new BitSet(length);
    trained.set(1, Math.max(1, length));
    Example sequence =
        new Example(
            Arrays.copyOf(tokens, length),
            trained,
            new SourceLine(begin.index(), begin.file(), begin.line(), ""));
    length = 0;
    sequences++;
    return List.of(sequence);
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
