package dev.nudge.train;

import dev.nudge.data.Prompts;
import dev.nudge.data.Splits;
import dev.nudge.generate.Greedy;
import dev.nudge.model.CausalLm;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainSettings;
import dev.nudge.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/// The prompts that a run answers at each held-out loss: those that were given, then those of
/// held-out rows.
final class SamplePrompts {
  private final List<String> texts = new ArrayList<>();
  private final List<int[]> ids = new ArrayList<>();
  private final int tokens;
  private final int maxLength;

  private SamplePrompts(int tokens, int maxLength) {
    this.tokens = tokens;
    this.maxLength = maxLength;
  }

  /// No prompts.
  static SamplePrompts none() {
    return new SamplePrompts(0, 0);
  }

  /// Reads the prompts that the settings ask for.
  ///
  /// @param maxLength most tokens of a prompt and its answer
  /// @param config of the model, new tokens counted
  /// @throws InputException where one cannot be answered
  static SamplePrompts of(
      TrainSettings settings,
      Splits splits,
      int maxLength,
      Tokenizer tokenizer,
      ModelConfig config) {
    var watch = settings.watch();
    SamplePrompts prompts = new SamplePrompts(watch.sampleTokens(), maxLength);
    for (String text : watch.samplePrompt()) {
      prompts.add(text, tokenizer, config);
    }
    if (watch.samples() > 0 && splits.held() != null) {
      List<Prompts.Prompt> first = splits.heldPrompts(watch.samples(), maxLength, tokenizer);
      if (first.isEmpty()) {
        throw new InputException(
            "--samples %d: no held-out row has a prompt that leaves room for an answer; give --sample-prompt instead"
                .formatted(watch.samples()));
      }
      first.forEach(prompt -> prompts.add(prompt.text(), tokenizer, config));
    }
    return prompts;
  }

  private void add(String text, Tokenizer tokenizer, ModelConfig config) {
    int[] prompt = tokenizer.ids(text);
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

  int count() {
    return texts.size();
  }

  String text(int place) {
    return texts.get(place);
  }

  /// The tokens of a prompt; not to be changed.
  int[] ids(int place) {
    return ids.get(place);
  }

  /// Tokens that a prompt and its answer may come to.
  int positions(int place) {
    return (int) Math.min(maxLength, (long) ids.get(place).length + tokens);
  }

  /// The same for the longest; 0 where there is none.
  int positions() {
    int most = 0;
    for (int i = 0; i < count(); i++) {
      most = Math.max(most, positions(i));
    }
    return most;
  }

  /// Bytes that answering one takes, at most.
  long bytes(CausalLm model) {
    long most = 0;
    for (int i = 0; i < count(); i++) {
      int all = positions(i);
      most =
          Math.max(
              most, Greedy.workspaceBytes(model, ids(i).length, all) + model.keyValueBytes(all));
    }
    return most;
  }
}
