package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.First;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `eval` command.
///
/// @param adapter a PEFT folder, a run's folder or a registry reference; null: the base model alone
/// @param compare another adapter of the same base; null: none
/// @param registry registry that resolves references; null: the user's own
/// @param tasks names of tasks, groups and tags, patterns of names, and task files
/// @param tasksDir folders of task files
/// @param dataDir where documents are looked up first; null: beside the task file and in the
///     working folder
/// @param limit most documents per task, the first ones; null: all
/// @param numFewshot few-shot examples per question; null: as each task says
/// @param template null: the adapter's or the model's own
/// @param policy file of thresholds for a pass; null: none
/// @param trainData files and globs, as `train --data` takes them; empty: no contamination check
/// @param judging the judge that compares the texts of two models, if any
/// @param fewshotAsMultiturn null: on with the chat template
@First("model adapter compare tasks data_dir limit policy out")
public record EvaluateSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(
            help =
                "adapter: a PEFT folder, a run's folder, or NAME@ALIAS, NAME:VERSION, NAME@sha256:…"
                    + " of a registry or org/name of the hub where no such path exists; the base is"
                    + " evaluated beside it (default: the base model alone)",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path adapter,
    @Setting(
            help = "another adapter of the same base, evaluated on the same requests",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path compare,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Group("Tasks")
        @Setting(
            help =
                "tasks, groups, tags, patterns of their names or task files, with commas between"
                    + " them; may be given several times",
            required = true,
            label = "TASK")
        List<String> tasks,
    @Setting(
            help =
                "folder of task files (YAML of lm-evaluation-harness); may be given several times",
            label = "FOLDER")
        List<String> tasksDir,
    @Setting(
            help =
                "where documents are looked up first (then: beside the task file, in the working"
                    + " folder)",
            label = "FOLDER")
        @Nullable Path dataDir,
    @Setting(help = "documents of each task, the first ones (default: all)")
        @Nullable Integer limit,
    @Setting(help = "shots before each question (default: as each task says)")
        @Nullable Integer numFewshot,
    @Group("Prompts") @Setting(help = "write prompts by the model's chat template")
        boolean applyChatTemplate,
    @Setting(
            help = "chat template: a name or a file (default: the adapter's, else the model's)",
            label = "NAME|FILE")
        @Nullable String template,
    @Setting(help = "each shot is a turn of its own in a chat (default: on)", negatable = true)
        @Nullable Boolean fewshotAsMultiturn,
    @Setting(help = "what is said to the model before all else", label = "TEXT")
        @Nullable String systemInstruction,
    @Group("Judgement")
        @Setting(
            help =
                "what has to hold: a policy in YAML or JSON; exit code 3 if it does not, 4 if that"
                    + " cannot be told",
            label = "FILE")
        @Nullable Path policy,
    @Setting(
            help =
                "what the adapter was trained on: its rows are looked for among the documents; may"
                    + " be given several times",
            label = "FILE|GLOB",
            names = Setting.Names.DATA)
        List<String> trainData,
    @Group("Judge of texts") JudgeSettings judging,
    @Group("Output")
        @Setting(
            help = "folder of the results; answers that it holds already are not asked for again",
            required = true,
            label = "FOLDER")
        Path out)
    implements ModelWithers<EvaluateSettings>, RegistryWithers<EvaluateSettings> {

  public EvaluateSettings {
    List<String> names = new ArrayList<>();
    for (String several : tasks) {
      for (String name : several.split(",", -1)) {
        Check.notBlank("--tasks", name);
        names.add(name.strip());
      }
    }
    tasks = List.copyOf(names);
    tasksDir = List.copyOf(tasksDir);
    trainData = List.copyOf(trainData);
    Check.atLeast("--limit", limit, 1);
    Check.atLeast("--num-fewshot", numFewshot, 0);
    if (!applyChatTemplate && template != null) {
      throw new InputException("--template is given without --apply-chat-template; add it");
    }
    if (!applyChatTemplate && fewshotAsMultiturn != null) {
      throw new InputException(
          "--fewshot-as-multiturn is given without --apply-chat-template; add it");
    }
    if (compare != null && compare.equals(adapter)) {
      throw new InputException(
          "--adapter and --compare are both %s; give another adapter to compare with"
              .formatted(compare));
    }
    if (judging.any() && judging.judgeLabels() == null && adapter == null && compare == null) {
      throw new InputException(
          "--judge has nothing to compare; add --adapter, --compare or --judge-labels");
    }
  }

  /// Evaluates a base model on tasks, everything else at its default.
  public static EvaluateSettings of(Path model, List<String> tasks, Path out) {
    return of(Map.of("model", model, "tasks", tasks, "out", out));
  }

  /// The adapter: a PEFT folder or a run's folder.
  public EvaluateSettings withAdapter(Path folder) {
    return with("adapter", folder);
  }

  /// Another adapter of the same base, to compare with.
  public EvaluateSettings withCompare(Path folder) {
    return with("compare", folder);
  }

  /// Folders of task files.
  public EvaluateSettings withTasksDir(List<Path> folders) {
    return with("tasks_dir", folders);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static EvaluateSettings of(Map<String, ?> values) {
    return Schema.of(EvaluateSettings.class).of(values);
  }
}
