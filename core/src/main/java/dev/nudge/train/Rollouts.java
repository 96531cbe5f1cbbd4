package dev.nudge.train;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.generate.Decoding;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.ReferenceModel;
import dev.nudge.settings.train.RolloutSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.train.objective.GroupRewards;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Samples completions of a step's prompts from the current model, and computes their rewards.
///
/// An engine on the model's own weights decodes all completions of a step in parallel, and prefills
/// a group's prompt once (its whole blocks). Each token is drawn by seed, batch, completion and
/// place, and a row has the same bits in any batch: so a resumed run samples like an uninterrupted
/// one.
///
/// So a checkpoint has no completions, and with several iterations a run is saved between batches
/// only.
///
/// Threading: one thread calls, between steps.
final class Rollouts {
  private final Prepared prepared;
  private final Tuning tuning;
  private final Trainer trainer;
  private final RolloutSettings settings;
  private final GroupRewards rewards;

  Rollouts(Prepared prepared, Tuning tuning, Trainer trainer) {
    this.prepared = prepared;
    this.tuning = tuning;
    this.trainer = trainer;
    this.settings = prepared.settings().objective().rollouts();
    this.rewards = Objects.requireNonNull(prepared.goal().rewards());
  }

  /// The completions of a batch.
  ///
  /// @param sequences those of the first prompt, then of the next; their value is the reward
  /// @param lines of `samples.jsonl`
  /// @param failed rewards that failed
  /// @param failure why the first one failed; null: none did
  record Batch(
      List<Example> sequences,
      List<Map<String, @Nullable Object>> lines,
      int failed,
      @Nullable String failure) {}

  /// The limits of the engine.
  ///
  /// @param sequences of a step
  /// @param longest tokens of the longest sequence
  static Limits limits(CausalLm model, int threads, int sequences, int longest) {
    int most = Math.min(Limits.ROWS, sequences);
    return new Limits(threads, most * Limits.sequenceBytes(model, longest), longest, false);
  }

  /// Samples completions of training prompts.
  ///
  /// @param batch number of the batch
  /// @return null: cancelled
  @Nullable Batch sample(int batch, BooleanSupplier cancelled) {
    int[] rows = prepared.schedule().batches().step(batch * settings.iterations());
    List<Example> prompts = Arrays.stream(rows).mapToObj(prepared.data().examples()::get).toList();
    SamplingSettings sampling =
        SamplingSettings.greedy()
            .with("temperature", settings.temperature())
            .with("seed", prepared.settings().loop().seed());
    long first = (long) batch * prepared.settings().loop().batchSize() * settings.generations();
    return judged(prompts, settings.generations(), sampling, first, false, cancelled);
  }

  /// Completes held-out prompts, each once, by the likeliest tokens.
  ///
  /// @return null: cancelled
  @Nullable Batch heldOut(List<Example> prompts, BooleanSupplier cancelled) {
    return judged(prompts, 1, SamplingSettings.greedy(), 0, true, cancelled);
  }

  private @Nullable Batch judged(
      List<Example> prompts,
      int each,
      SamplingSettings sampling,
      long first,
      boolean held,
      BooleanSupplier cancelled) {
    List<Decoding.Prompt> asked = new ArrayList<>();
    List<Example> of = new ArrayList<>();
    for (Example prompt : prompts) {
      int positions =
          Math.min(prepared.plan().longest(), prompt.length() + settings.maxCompletion());
      for (int i = 0; i < each; i++) {
        asked.add(new Decoding.Prompt(prompt.ids(), positions, first + asked.size()));
        of.add(prompt);
      }
    }
    List<Decoding.Answer> answers = answers(asked, sampling, cancelled);
    if (answers == null) {
      return null;
    }
    Batch batch = judged(of, answers, held);
    if (Thread.currentThread().isInterrupted()) {
      return null; // rewards requested meanwhile count as failed
    }
    if (batch.failed() == answers.size()) {
      throw new RunException("no completion has a reward: " + batch.failure());
    }
    return batch;
  }

  private @Nullable List<Decoding.Answer> answers(
      List<Decoding.Prompt> asked, SamplingSettings sampling, BooleanSupplier cancelled) {
    CausalLm model = tuning.model();
    NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
    int longest = asked.stream().mapToInt(Decoding.Prompt::positions).max().orElse(1);
    int planned = prepared.settings().loop().batchSize() * settings.generations();
    Limits limits = limits(model, trainer.threads(), Math.min(asked.size(), planned), longest);
    try (Engine engine = new Engine(model, none, limits)) {
      return Decoding.answers(
          engine,
          model,
          prepared.inputs().tokens().tokenizer(),
          asked,
          sampling,
          prepared.inputs().samples().turnEnd(),
          cancelled);
    }
  }

  private Batch judged(List<Example> prompts, List<Decoding.Answer> answers, boolean held) {
    Tokenizer tokenizer = prepared.inputs().tokens().tokenizer();
    List<GroupRewards.Completed> completed = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      Example prompt = prompts.get(i);
      completed.add(
          new GroupRewards.Completed(
              prompt, tokenizer.decode(prompt.ids(), false), answers.get(i)));
    }
    GroupRewards.Worth worth = rewards.of(completed, held, this::byAdapter);
    List<Example> sequences = new ArrayList<>();
    List<Map<String, @Nullable Object>> lines = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      GroupRewards.Completed one = completed.get(i);
      sequences.add(one.sequence(worth.sums()[i]));
      lines.add(line(one, worth, i));
    }
    return new Batch(sequences, lines, worth.failed(), worth.failure());
  }

  private static Map<String, @Nullable Object> line(
      GroupRewards.Completed one, GroupRewards.Worth worth, int at) {
    Map<String, @Nullable Object> line = new LinkedHashMap<>();
    line.put("row", one.prompt().index());
    line.put("prompt", one.text());
    line.put("completion", one.answer().text());
    line.put("tokens", one.tokens());
    line.put("finished", one.answer().finished());
    double sum = worth.sums()[at];
    line.put("reward", Double.isNaN(sum) ? null : sum);
    if (worth.parts().size() > 1) {
      Map<String, @Nullable Object> parts = new LinkedHashMap<>();
      worth.parts().forEach((name, of) -> parts.put(name, Double.isNaN(of[at]) ? null : of[at]));
      line.put("rewards", parts);
    }
    return line;
  }

  /// Computes rewards with a reward adapter on the model.
  private double[] byAdapter(Path folder, List<Example> sequences) {
    double[][] found = {{}};
    tuning.on(folder, () -> found[0] = trainer.rewards(sequences));
    return found[0];
  }

  /// The log-probabilities of a batch's tokens by the reference.
  double[] reference(List<Example> sequences) {
    double[][] found = {{}};
    Runnable scoring = () -> found[0] = trainer.logprobs(sequences, () -> false).orElseThrow();
    Path start = prepared.settings().lora().initAdapter();
    if (prepared.reference() == ReferenceModel.INIT_ADAPTER && start != null) {
      tuning.on(start, scoring);
    } else {
      tuning.bare(scoring);
    }
    return found[0];
  }
}
