package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// An evaluation task with its documents; makes the requests of each document.
///
/// Threading: one thread.
public final class Task {
  /// The harness's seed for random few-shot examples.
  public static final long SHOTS_SEED = 1234;

  private final TaskConfig config;
  private final Documents documents;
  private final TaskFields fields;
  private final List<JsonNode> pool;
  private final boolean multipleInput;
  private final boolean multipleTarget;

  private Task(TaskConfig config, Documents documents, TaskFields fields, List<JsonNode> pool) {
    this.config = config;
    this.documents = documents;
    this.fields = fields;
    this.pool = pool;
    JsonNode first = documents.rows().getFirst();
    boolean rolls = config.type() == OutputType.LOGLIKELIHOOD_ROLLING;
    this.multipleInput = !rolls && fields.hasChoices() && fields.text(first).isIntegralNumber();
    this.multipleTarget = fields.target(first).isArray();
  }

  /// Reads the documents of a task.
  ///
  /// @param dataDir folder that is searched first; null: not set
  /// @throws InputException in one line, if documents are missing or do not fit the task
  public static Task load(TaskConfig config, @Nullable Path dataDir) {
    TaskData data = new TaskData(config, dataDir);
    String test = config.split("test");
    String split = test == null ? config.split("validation") : test;
    if (split == null) {
      throw new InputException(
          "%s: test_split and validation_split are both missing; name the split that is asked about"
              .formatted(config.place()));
    }
    Documents documents = data.split(split);
    return new Task(
        config, documents, new TaskFields(config, documents.columns()), pool(config, data, split));
  }

  /// Returns the documents to select few-shot examples from; empty for zero-shot.
  private static List<JsonNode> pool(TaskConfig config, TaskData data, String split) {
    if (Objects.requireNonNullElse(config.numFewshot(), 0) == 0) {
      return List.of();
    }
    ShotsConfig shots = config.shots();
    if (shots.split() != null) {
      return data.split(shots.split()).rows();
    }
    List<JsonNode> samples = shots.samples();
    if (samples != null) {
      return samples;
    }
    String training = config.split("training");
    String validation = config.split("validation");
    return data.split(training != null ? training : validation != null ? validation : split).rows();
  }

  public TaskConfig config() {
    return config;
  }

  /// Returns the number of documents.
  public int size() {
    return documents.rows().size();
  }

  /// Whether a document may have several right answers.
  public boolean multipleTarget() {
    return multipleTarget;
  }

  /// Returns the zero-shot question of a document; the text of a rolling task; all contexts if
  /// choices are contexts.
  public String question(JsonNode doc) {
    if (config.type() == OutputType.LOGLIKELIHOOD_ROLLING) {
      return text(fields.target(doc));
    }
    JsonNode text = fields.text(doc);
    return text.isString() ? text.stringValue() : String.join("\n", fields.choices(doc));
  }

  /// Builds the samples of the documents.
  ///
  /// @param limit first documents only; null: all
  public List<Sample> samples(@Nullable Integer limit, PromptStyle style) {
    Shots shots = new Shots(config.place(), pool, config.shots().firstN());
    PromptBuilder prompts = new PromptBuilder(config, fields, shots, style, multipleInput);
    boolean rolls = config.type() == OutputType.LOGLIKELIHOOD_ROLLING;
    List<Sample> samples = new ArrayList<>();
    int most = limit == null ? size() : Math.min(limit, size());
    for (int i = 0; i < most; i++) {
      JsonNode doc = documents.rows().get(i);
      JsonNode target = fields.target(doc);
      List<String> choices = fields.hasChoices() ? fields.choices(doc) : List.of();
      List<String> contexts = rolls ? List.of("") : prompts.of(doc);
      JsonNode gold = multipleInput ? fields.text(doc) : target;
      samples.add(
          new Sample(i, doc, target, gold, choices, requests(contexts, target, choices, style)));
    }
    return samples;
  }

  private List<TaskRequest> requests(
      List<String> contexts, JsonNode target, List<String> choices, PromptStyle style) {
    return switch (config.type()) {
      case LOGLIKELIHOOD -> List.of(new TaskRequest.Likelihood(contexts.getFirst(), text(target)));
      case LOGLIKELIHOOD_ROLLING -> List.of(new TaskRequest.Rolling(text(target)));
      case GENERATE_UNTIL ->
          List.of(
              new TaskRequest.Generate(contexts.getFirst(), config.generation(), config.repeats()));
      case MULTIPLE_CHOICE -> choices(contexts, target, choices, style);
    };
  }

  private List<TaskRequest> choices(
      List<String> contexts, JsonNode target, List<String> choices, PromptStyle style) {
    String delimiter = delimiter(style);
    List<TaskRequest> all = new ArrayList<>();
    if (multipleInput) {
      String behind = delimiter + text(target);
      contexts.forEach(context -> all.add(new TaskRequest.Likelihood(context, behind)));
    } else {
      choices.forEach(
          choice -> all.add(new TaskRequest.Likelihood(contexts.getFirst(), delimiter + choice)));
    }
    if (config.metrics().stream().anyMatch(m -> m.name().equals("acc_mutual_info"))) {
      choices.forEach(choice -> all.add(new TaskRequest.Likelihood("", delimiter + choice)));
    }
    return all;
  }

  /// Returns the delimiter before a choice: none in a chat, except after an answer prefix without
  /// white space at its end.
  private String delimiter(PromptStyle style) {
    String prefix = config.keys().text("gen_prefix");
    boolean open =
        prefix != null
            && !prefix.isEmpty()
            && !PythonText.isSpace(prefix.codePointBefore(prefix.length()));
    return style.chat() == null || open ? config.targetDelimiter() : "";
  }

  private String text(JsonNode target) {
    if (!target.isString()) {
      throw fields.wrong("doc_to_target", "makes " + target, "it must make a text");
    }
    return target.stringValue();
  }
}
