package dev.nudge.train.objective;

import dev.nudge.data.PromptEncoder;
import dev.nudge.data.Prompts;
import dev.nudge.data.Splits;
import dev.nudge.engine.Limits;
import dev.nudge.generate.Decoding;
import dev.nudge.model.CausalLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The prompts that a run answers at each held-out loss. Given prompts come first, then prompts of
/// held-out rows.
public final class SamplePrompts {
  private static final int SIDE_BY_SIDE = 4;

  private final List<String> texts = new ArrayList<>();
  private final List<int[]> ids = new ArrayList<>();
  private final int tokens;
  private final int maxLength;
  private final @Nullable Integer turnEnd;

  private SamplePrompts(int tokens, int maxLength, @Nullable Integer turnEnd) {
    this.turnEnd = turnEnd;
    this.tokens = tokens;
    this.maxLength = maxLength;
  }

  /// No prompts.
  public static SamplePrompts none() {
    return new SamplePrompts(0, 0, null);
  }

  /// Reads the prompts of the settings.
  ///
  /// @param maxLength maximum tokens of a prompt and its answer
  /// @param turnEnd token that ends a turn in the chat template; null: none
  /// @param config of the model, with added tokens
  /// @throws InputException if a prompt cannot be answered
  public static SamplePrompts of(
      TrainSettings settings,
      Splits splits,
      int maxLength,
      PromptEncoder encoder,
      @Nullable Integer turnEnd,
      ModelConfig config) {
    var watch = settings.watch();
    SamplePrompts prompts = new SamplePrompts(watch.sampleTokens(), maxLength, turnEnd);
    for (String text : watch.samplePrompt()) {
      prompts.add(text, ids(text, encoder), config);
    }
    if (watch.samples() > 0 && splits.held() != null) {
      List<Prompts.Prompt> first = splits.heldPrompts(watch.samples(), maxLength, encoder);
      if (first.isEmpty()) {
        throw new InputException(
            "--samples %d: no held-out row has a prompt that leaves room for an answer; give --sample-prompt instead"
                .formatted(watch.samples()));
      }
      first.forEach(prompt -> prompts.add(prompt.text(), prompt.ids(), config));
    }
    return prompts;
  }

  private static int[] ids(String text, PromptEncoder encoder) {
    try {
      return encoder.of(text).ids();
    } catch (IllegalArgumentException e) {
      throw new InputException("--sample-prompt: " + e.getMessage(), e);
    }
  }

  private void add(String text, int[] prompt, ModelConfig config) {
    if (prompt.length == 0) {
      throw new InputException("--sample-prompt '" + text + "' has no tokens; give at least one");
    }
    if (prompt.length >= maxLength) {
      throw new InputException(
          "--sample-prompt has %s, which leaves none of --max-length %d for an answer; shorten it or raise --max-length"
              .formatted(Count.of(prompt.length, "token"), maxLength));
    }
    config.checkTokens(prompt);
    texts.add(text);
    ids.add(prompt);
  }

  public @Nullable Integer turnEnd() {
    return turnEnd;
  }

  int count() {
    return texts.size();
  }

  public String text(int place) {
    return texts.get(place);
  }

  /// The generation requests, in the order of the prompts.
  public List<Decoding.Prompt> asked() {
    return IntStream.range(0, count())
        .mapToObj(i -> new Decoding.Prompt(ids.get(i), positions(i)))
        .toList();
  }

  /// Maximum tokens of a prompt and its answer.
  private int positions(int place) {
    return (int) Math.min(maxLength, (long) ids.get(place).length + tokens);
  }

  /// Limits of the inference engine: KV cache for some of the prompts at a time.
  public Limits limits(CausalLm model, int threads) {
    int longest = IntStream.range(0, count()).map(this::positions).max().orElse(0);
    return Limits.of(model, threads, Math.min(count(), SIDE_BY_SIDE), longest);
  }

  /// Bytes of memory for answering the prompts.
  public long bytes(CausalLm model) {
    return count() == 0 ? 0 : limits(model, 1).bytes(model);
  }
}
