package dev.nudge.merge;

import dev.nudge.format.FolderText;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/// The text on which two models are compared. It has nine passages of prose, dialogue, numbers,
/// code and other languages; about 430 tokens with a vocabulary of tens of thousands.
public final class ProbeText {
  private static final int MOST = 96; // tokens of a passage
  private static final int PASSAGES = 9;

  private ProbeText() {}

  /// The passages as token ids, each of at least two.
  ///
  /// Without a tokenizer in the folder, ids spread over the vocabulary are used.
  ///
  /// @param maxLength maximum tokens of a passage
  /// @throws dev.nudge.settings.InputException if the tokenizer is broken or of another model
  static List<int[]> of(
      Path model, ModelConfig config, int maxLength, Path cache, Consumer<String> warnings) {
    int most = Math.min(MOST, maxLength);
    if (!FolderText.exists(model.resolve("tokenizer.json"))) {
      warnings.accept(
          model
              + " has no tokenizer.json: the merged weights are compared on arbitrary tokens, not"
              + " on text");
      return arbitrary(config, most);
    }
    Tokenizer tokenizer = Tokenizer.load(model, cache);
    List<int[]> sequences = new ArrayList<>();
    for (String passage : passages()) {
      int[] ids = tokenizer.ids(passage);
      config.checkTokens(ids);
      if (ids.length > 1) {
        sequences.add(Arrays.copyOf(ids, Math.min(ids.length, most)));
      }
    }
    return sequences.isEmpty() ? arbitrary(config, most) : sequences;
  }

  /// The passages as text.
  public static List<String> passages() {
    return text().lines().toList();
  }

  /// A passage of tokens that adapters add or change, each after a known token.
  static int[] of(List<Integer> tokens, int[] known, int maxLength) {
    int count = Math.min(tokens.size(), Math.min(MOST, maxLength) / 2);
    int[] ids = new int[2 * count];
    for (int i = 0; i < count; i++) {
      ids[2 * i] = known[i % known.length];
      ids[2 * i + 1] = tokens.get((int) ((long) i * tokens.size() / count));
    }
    return ids;
  }

  private static String text() {
    try (InputStream in =
        Objects.requireNonNull(ProbeText.class.getResourceAsStream("probe.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<int[]> arbitrary(ModelConfig config, int length) {
    List<int[]> sequences = new ArrayList<>();
    for (int s = 0; s < PASSAGES; s++) {
      int[] ids = new int[Math.min(length, MOST / 2)];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = Math.floorMod((s * 48 + i + 1) * 0x9E3779B1, config.vocabSize());
      }
      sequences.add(ids);
    }
    return sequences;
  }
}
