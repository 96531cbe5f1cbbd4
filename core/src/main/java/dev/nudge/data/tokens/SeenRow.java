package dev.nudge.data.tokens;

import dev.nudge.text.Encoded;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A row as the model sees it: its text with special tokens visible, and the label mask.
///
/// @param index index of the row, from 0
/// @param line number of the line in its file, from 1
/// @param text the text that was encoded, between the tokens that are added to it; the decoded
///     tokens where the row is a part of a text, or several
/// @param parts the same text in trained and untrained parts, none of them empty
/// @param ids token ids
/// @param tokens their names in the vocabulary
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
    List<String> tokens,
    int[] trained,
    double @Nullable [] weights,
    @Nullable String answer) {

  /// A trained or untrained part of a row's text.
  public record Part(String text, boolean trained) {}

  /// Shows a sequence by its tokens alone.
  ///
  /// A character whose tokens are trained in part belongs to what comes behind it: only together
  /// they are one.
  static SeenRow of(Example example, Tokenizer tokenizer) {
    return of(example, null, null, tokenizer);
  }

  /// Shows a sequence.
  ///
  /// @param answer which answer of a preference it is; null: it is none
  /// @param encoded the text that was encoded; null: the tokens are decoded
  public static SeenRow of(
      Example example,
      @Nullable String answer,
      Sequence.@Nullable Text encoded,
      Tokenizer tokenizer) {
    int[] ids = example.ids();
    int[] trained = new int[ids.length];
    Arrays.setAll(trained, place -> example.trained(place) ? 1 : 0);
    List<Part> parts = encoded == null ? null : written(ids, trained, encoded, tokenizer);
    if (parts == null) {
      parts = decoded(ids, trained, tokenizer);
    }
    return new SeenRow(
        example.index(),
        example.file(),
        example.line(),
        parts.stream().map(Part::text).collect(Collectors.joining()),
        List.copyOf(parts),
        ids,
        IntStream.of(ids).mapToObj(tokenizer::token).map(t -> t == null ? "" : t).toList(),
        trained,
        weights(example),
        answer);
  }

  private static List<Part> decoded(int[] ids, int[] trained, Tokenizer tokenizer) {
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
    return parts;
  }

  /// The text that was encoded, with the tokens that are no part of it: those that the
  /// post-processor added, and an end token.
  ///
  /// @return null: these tokens are not its first ones
  private static @Nullable List<Part> written(
      int[] ids, int[] trained, Sequence.Text of, Tokenizer tokenizer) {
    Encoded encoded = of.encode(tokenizer);
    int differs = Arrays.mismatch(ids, encoded.ids());
    int known = differs < 0 ? ids.length : differs; // tokens of the text
    boolean ended = known == ids.length - 1 && ids[known] == tokenizer.eosId();
    if (known < ids.length && !ended) {
      return null;
    }
    String text = of.text();
    int last = known - 1; // the last token of the text
    while (last >= 0 && encoded.ends()[last] < 0) {
      last--;
    }
    boolean whole = Arrays.stream(encoded.ends()).skip(last + 1L).allMatch(end -> end < 0);
    StringBuilder part = new StringBuilder();
    List<Part> parts = new ArrayList<>();
    int from = 0;
    for (int place = 0; place < ids.length; place++) {
      int to = from;
      if (place >= known || encoded.ends()[place] < 0) {
        part.append(tokenizer.token(ids[place]));
      } else if (place == last && whole) {
        to = text.length();
      } else {
        int end = encoded.ends()[place];
        int next = place < last ? encoded.starts()[place + 1] : end;
        to = text.offsetByCodePoints(0, next < 0 ? end : Math.min(end, next));
      }
      part.append(text, from, Math.max(from, to));
      from = Math.max(from, to);
      boolean ends = place == ids.length - 1 || trained[place + 1] != trained[place];
      if (ends && !part.isEmpty()) {
        parts.add(new Part(part.toString(), trained[place] == 1));
        part.setLength(0);
      }
    }
    return parts;
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
