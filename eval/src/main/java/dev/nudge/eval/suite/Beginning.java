package dev.nudge.eval.suite;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.Policy;
import dev.nudge.eval.judge.JudgeFiles;
import dev.nudge.eval.judge.Judging;
import dev.nudge.eval.report.ReportFiles;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.task.TaskConfig;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Checks the policy against the tasks before inference, removes verdicts and reports of an
/// earlier evaluation, and records digests; forwards all events to another watcher.
final class Beginning implements Evaluation.Watcher {
  private static final String TOKENIZER = "tokenizer.json";
  private static final List<String> EARLIER =
      List.of(GateFiles.JSON, GateFiles.XML, ReportFiles.HTML, ReportFiles.MARKDOWN);

  private final EvaluateSettings settings;
  private final @Nullable Policy policy;
  private final @Nullable Judging judging;
  private final Evaluation.Watcher watcher;
  private @Nullable Files files;
  private String compute = "";

  /// Digests of input files that may change during an evaluation.
  ///
  /// @param adapter digests of the adapter's files, by name
  /// @param template digest of the chat template; null: none
  record Files(Map<String, String> adapter, String tokenizer, @Nullable String template) {
    static Files of(EvaluateSettings settings) {
      Path model = settings.model().model();
      Path adapter = settings.adapter();
      String own = adapter == null ? null : Sha256.of(adapter.resolve(TOKENIZER));
      return new Files(
          adapter == null ? Map.of() : Digests.adapter(adapter),
          own == null ? Objects.requireNonNullElse(Sha256.of(model.resolve(TOKENIZER)), "") : own,
          settings.applyChatTemplate()
              ? Sha256.of(
                  ChatTemplate.load(model, adapter, settings.template())
                      .text()
                      .getBytes(StandardCharsets.UTF_8))
              : null);
    }
  }

  Beginning(
      EvaluateSettings settings,
      @Nullable Policy policy,
      @Nullable Judging judging,
      Evaluation.Watcher watcher) {
    this.settings = settings;
    this.policy = policy;
    this.judging = judging;
    this.watcher = watcher;
  }

  /// Returns the digests taken before the model was loaded.
  Files files() {
    return Objects.requireNonNull(files);
  }

  /// Returns the numeric type of the computation.
  String compute() {
    return compute;
  }

  @Override
  public void ready(Map<String, Set<String>> metrics, Map<String, List<String>> groups) {
    if (policy != null) {
      policy.check(metrics, groups, settings.adapter() != null);
    }
    files = Files.of(settings);
    watcher.ready(metrics, groups);
  }

  @Override
  public void begins(String type) {
    compute = type;
    for (String name : EARLIER) {
      Path file = settings.out().resolve(name);
      try {
        java.nio.file.Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new RunException(
            "%s is of an earlier evaluation and cannot be removed: %s"
                .formatted(file, OutFolder.reason(e)),
            e);
      }
    }
    JudgeFiles.remove(settings.out());
    watcher.begins(type);
  }

  @Override
  public void tasks(List<TaskConfig> tasks) {
    if (judging != null) {
      judging.check(tasks);
    }
    if (policy != null) {
      policy.checkTexts(names(tasks.stream()), names(tasks.stream().filter(Judging::makesTexts)));
    }
    watcher.tasks(tasks);
  }

  private static Set<String> names(Stream<TaskConfig> tasks) {
    return tasks.map(TaskConfig::name).collect(Collectors.toSet());
  }

  @Override
  public void progress(long tokens, long all, String task, String model) {
    watcher.progress(tokens, all, task, model);
  }

  @Override
  public void judging(long verdicts, long all, String task) {
    watcher.judging(verdicts, all, task);
  }

  @Override
  public void note(String line) {
    watcher.note(line);
  }

  @Override
  public void warn(String line) {
    watcher.warn(line);
  }
}
