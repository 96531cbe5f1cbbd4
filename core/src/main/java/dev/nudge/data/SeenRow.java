package dev.nudge.data;

import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A row as the model sees it: decoded tokens with special tokens visible, and the label mask.
///
/// @param index index of the row, from 0
/// @param line number of the line in its file, from 1
/// @param text the decoded tokens
/// @param parts the same text in trained and untrained parts, none of them empty
/// @param ids token ids
/// @param trained label mask, 1 for a trained token
/// @param weights loss weight of each token; null: trained ones have weight 1
/// @param answer which answer of a preference it is: `chosen`, `rejected`, `good`, `bad` or
///     `reward 0.5`; null: it is none
public record SeenRow(
    int index,
    Path file,
    int line,
    String text,
    List<Part> parts,
    int[] ids,
    int[] trained,
    double @Nullable [] weights,
    @Nullable String answer) {

  /// A trained or untrained part of a row's text.
  public record Part(String text, boolean trained) {}

  /// Shows a sequence.
  ///
  /// A character whose tokens are trained in part belongs to what comes behind it: only together
  /// they are one.
  static SeenRow of(Example example, Tokenizer tokenizer) {
    return of(example, null, tokenizer);
  }

  /// Shows an answer of a preference.
  static SeenRow of(Example example, @Nullable String answer, Tokenizer tokenizer) {
    int[] ids = example.ids();
    int[] trained = new int[ids.length];
    Arrays.setAll(trained, place -> example.trained(place) ? 1 : 0);
    String text = tokenizer.decode(ids, false);
    List<Part> parts = new ArrayList<>();
    int from = 0;
    for (int place = 1; place <= ids.length; place++) {
      if (place < ids.length && trained[place] == trained[place - 1]) {
        continue;
      }
      int to =
          place == ids.length
              ? text.length()
              : same(text, tokenizer.decode(Arrays.copyOf(ids, place), false));
      if (to > from) {
        parts.add(new Part(text.substring(from, to), trained[place - 1] == 1));
        from = to;
      }
    }
    return new SeenRow(
        example.index(),
        example.file(),
        example.line(),
        text,
        List.copyOf(parts),
        ids,
        trained,
        weights(example),
        answer);
  }

  private static double @Nullable [] weights(Example example) {
    double[] weights = new double[example.length()];
    Arrays.setAll(weights, example::weight);
    return Arrays.stream(weights).allMatch(w -> w == 0 || w == 1) ? null : weights;
  }

  /// Where two texts part, not inside a pair of surrogates.
  private static int same(String text, String start) {
    int at = 0;
    int most = Math.min(text.length(), start.length());
    while (at < most && text.charAt(at) == start.charAt(at)) {
      at++;
    }
    return at > 0 && Character.isHighSurrogate(text.charAt(at - 1)) ? at - 1 : at;
  }

  /// Returns the trained parts of the text as `[from, to)`, in Unicode code points.
  public List<List<Integer>> spans() {
    List<List<Integer>> spans = new ArrayList<>();
    int from = 0;
    for (Part part : parts) {
      int to = from + part.text().codePointCount(0, part.text().length());
      if (part.trained()) {
        spans.add(List.of(from, to));
      }
      from = to;
    }
    return spans;
  }

  /// The number of trained tokens.
  public int trainedTokens() {
    return Arrays.stream(trained).sum();
  }
}
