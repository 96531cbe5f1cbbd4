package dev.nudge.constrain;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.text.Bpe;
import dev.nudge.text.BpeTrainer;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.WordCounts;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// Walks over the tokens that a constraint allows, and texts cut into tokens at random.
final class Walks {
  private static final int MOST_TOKENS = 3000;

  private Walks() {}

  /// A byte-level tokenizer of some 600 tokens that has learned what JSON looks like: many of its
  /// tokens close one thing and open another.
  static Tokenizer trained(Path folder) throws IOException {
    WordCounts counts = new WordCounts();
    for (int i = 0; i < 300; i++) {
      counts.add(
          "{\"n%d\": [%d, -%d.5], \"b\":{\"kind\": \"é%d\"},\"c\":[[true],[null, {}]]}"
              .formatted(i % 20, i, i % 7, i % 11));
      counts.add("[{\"\": \"\"},{\"a\":\"\\n\"}], \"2024-02-29T10:00:00Z\"]}}]] 日本語 ünï 😀😁");
    }
    Bpe bpe = BpeTrainer.train(counts, 600, "<|endoftext|>");
    Files.writeString(folder.resolve("tokenizer.json"), bpe.tokenizerJson());
    Files.writeString(folder.resolve("tokenizer_config.json"), bpe.configJson(512));
    return Tokenizer.load(folder);
  }

  static boolean has(long[] mask, int id) {
    return id >> 6 < mask.length && (mask[id >> 6] & 1L << id) != 0;
  }

  static List<Integer> ids(long[] mask) {
    List<Integer> ids = new ArrayList<>();
    for (int id = 0; id < 64 * mask.length; id++) {
      if (has(mask, id)) {
        ids.add(id);
      }
    }
    return ids;
  }

  /// A text of random allowed tokens: any for a while, then those that close what is open.
  ///
  /// @param free tokens after which it looks for the end
  /// @return null where it found none
  static @Nullable String text(
      Constraint constraint, Tokenizer tokenizer, int end, Random random, int free) {
    Constraint.State state = constraint.start();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int n = 0; n < MOST_TOKENS; n++) {
      List<Integer> allowed = ids(state.allowed());
      assertThat(allowed).as("tokens behind '%s'", text).isNotEmpty();
      assertThat(has(state.allowed(), end)).isEqualTo(state.complete());
      boolean ends = state.complete() && (n > free || random.nextInt(20) == 0);
      if (ends || allowed.equals(List.of(end))) {
        return text.toString(StandardCharsets.UTF_8);
      }
      int id = allowed.get(random.nextInt(allowed.size()));
      for (String close : List.of("\"", "}", "]")) {
        int closing = tokenizer.id(close).orElseThrow();
        if (n > free && random.nextInt(10) > 0 && has(state.allowed(), closing)) {
          id = closing;
        }
      }
      if (id == end) {
        continue;
      }
      text.writeBytes(requireNonNull(tokenizer.bytes(id)));
      state = state.push(id);
    }
    return null;
  }

  /// A text as [#text], whose end is the shortest there is.
  static String shortened(Constraint constraint, Tokenizer tokenizer, Random random, int free) {
    Constraint.State state = constraint.start();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int n = 0; n < free; n++) {
      List<Integer> allowed = ids(state.allowed());
      int id = allowed.isEmpty() ? -1 : allowed.get(random.nextInt(allowed.size()));
      byte[] token = id < 0 ? null : tokenizer.bytes(id);
      if (token == null) {
        break; // the end
      }
      text.writeBytes(token);
      state = state.push(id);
    }
    text.writeBytes(end(state, tokenizer));
    return text.toString(StandardCharsets.UTF_8);
  }

  private static byte[] end(Constraint.State from, Tokenizer tokenizer) {
    Map<Constraint.State, byte[]> ways = new LinkedHashMap<>();
    Deque<Constraint.State> todo = new ArrayDeque<>(List.of(from));
    ways.put(from, new byte[0]);
    while (!todo.isEmpty()) {
      Constraint.State state = todo.remove();
      byte[] way = requireNonNull(ways.get(state));
      if (state.complete()) {
        return way;
      }
      for (int id : ids(state.allowed())) {
        byte[] token = tokenizer.bytes(id);
        if (token != null && token.length == 1) {
          Constraint.State next = state.push(id);
          if (!ways.containsKey(next)) {
            byte[] longer = Arrays.copyOf(way, way.length + 1);
            longer[way.length] = token[0];
            ways.put(next, longer);
            todo.add(next);
          }
        }
      }
    }
    throw new AssertionError("a state that leads to no end");
  }

  /// Whether a constraint allows a text, cut at random into tokens of its tokenizer.
  static boolean allows(Constraint constraint, Tokenizer tokenizer, String text, Random random) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    Constraint.State state = constraint.start();
    for (int at = 0; at < bytes.length; ) {
      List<Integer> next = new ArrayList<>();
      for (int id = 0; id < tokenizer.vocabSize(); id++) {
        byte[] token = tokenizer.bytes(id);
        if (token != null && starts(bytes, at, token)) {
          next.add(id);
        }
      }
      assertThat(next).as("tokens of '%s' at %d", text, at).isNotEmpty();
      int id = next.get(random.nextInt(next.size()));
      if (!has(state.allowed(), id)) {
        return false;
      }
      state = state.push(id);
      at += requireNonNull(tokenizer.bytes(id)).length;
    }
    return state.complete();
  }

  static boolean starts(byte[] bytes, int at, byte[] with) {
    boolean same = at + with.length <= bytes.length;
    for (int i = 0; same && i < with.length; i++) {
      same = bytes[at + i] == with[i];
    }
    return same;
  }
}
