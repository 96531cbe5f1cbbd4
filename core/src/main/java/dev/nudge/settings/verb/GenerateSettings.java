package dev.nudge.settings.verb;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.First;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.TrainOn;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `generate` command.
///
/// @param adapter a PEFT folder, a run's folder or a registry reference; null: the base model
/// @param registry registry that resolves references; null: the user's own
/// @param memory bytes of weights, workspace and KV cache together; null: the KV cache gets half of
///     the memory left by weights
/// @param data files or globs of prompts; empty: `prompt` is the prompt
/// @param chat whether each prompt is a user message and goes through the chat template
/// @param system system message of conversations that have none; null: none
/// @param embed whether to return each prompt's embedding instead of an answer
/// @param prompt the prompt, or with data the pattern of the prompts; null: the column `prompt`
@First("model adapter prompt data chat max_tokens temperature quantize")
public record GenerateSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(
            help =
                "adapter: a PEFT folder, a run's folder, or NAME@ALIAS, NAME:VERSION, NAME@sha256:…"
                    + " of a registry or org/name of the hub where no such path exists (default:"
                    + " the base model)",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Setting(
            help =
                "most memory for weights and answers under way, such as 8G (default: weights, and"
                    + " half of what is free then)",
            label = "SIZE")
        @Nullable ByteSize memory,
    @Group("Prompts")
        @Setting(
            help = "file, folder or glob of rows to complete; may be given several times",
            label = "FILE",
            names = Setting.Names.DATA)
        List<String> data,
    @Setting(help = "the prompt; with --data, its pattern over a row's columns", label = "TEXT")
        @Nullable String prompt,
    @Setting(
            help = "with --data: pattern of the completion, which is not shown to the model",
            label = "PATTERN")
        @Nullable String completion,
    @Group("Prompts") ShapeSettings shape,
    @Setting(help = "set bad rows aside and count them, instead of refusing the data")
        boolean skipBadRows,
    @Setting(help = "each prompt is what a user says: it goes through the chat template")
        boolean chat,
    @Setting(
            help =
                "what the model is told before the first message, where a conversation has no"
                    + " system message of its own; with --chat, or rows of messages",
            label = "TEXT")
        @Nullable String system,
    @Setting(
            help =
                "give each prompt's embedding, the mean of its last hidden states, not an answer")
        boolean embed,
    @Group("Sampling") SamplingSettings sampling)
    implements ModelWithers<GenerateSettings>,
        RegistryWithers<GenerateSettings>,
        DataWithers<GenerateSettings>,
        SamplingWithers<GenerateSettings> {

  public GenerateSettings {
    data = List.copyOf(data);
    if (data.isEmpty() && prompt == null) {
      throw new InputException("--prompt and --data are both missing; give one");
    }
    if (data.isEmpty()) {
      Check.notEmpty("--prompt", prompt);
      if (completion != null) {
        throw new InputException("--completion is given without rows; add --data");
      }
      shape.checkNone();
      if (shape.template() != null && !chat) {
        throw new InputException(
            "--template is given for a prompt that stands as it is; add --chat to say it to the"
                + " model, or leave --template out");
      }
      if (system != null && !chat) {
        throw new InputException(
            "--system is given for a prompt that stands as it is; add --chat to say both to the"
                + " model, or leave --system out");
      }
    }
    if (embed && !sampling.equals(SamplingSettings.greedy())) {
      throw new InputException(
          "--embed gives embeddings and samples nothing; leave the flags of sampling out");
    }
  }

  /// Returns the rows to complete; null: `prompt` is the only prompt.
  public @Nullable DataSettings rows() {
    return data.isEmpty()
        ? null
        : new DataSettings(data, prompt, completion, shape, TrainOn.ASSISTANT, skipBadRows);
  }

  /// Completes one prompt with the base model, everything else at its default.
  public static GenerateSettings of(Path model, String prompt) {
    return of(Map.of("model", model, "prompt", prompt));
  }

  /// The adapter: a PEFT folder or a run's folder.
  public GenerateSettings withAdapter(Path folder) {
    return with("adapter", folder);
  }

  /// Whether to return each prompt's embedding instead of an answer.
  public GenerateSettings withEmbed(boolean embed) {
    return with("embed", embed);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static GenerateSettings of(Map<String, ?> values) {
    return Schema.of(GenerateSettings.class).of(values);
  }
}
