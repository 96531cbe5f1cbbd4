package dev.nudge.settings.verb;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `chat` command.
///
/// @param adapter each `NAME=FOLDER`, or a folder whose own name is the name; the first is in use
/// @param registry registry that resolves references; null: the user's own
/// @param memory bytes of weights, workspace and KV cache together; null: the KV cache gets half of
///     the memory left by weights
/// @param system the system message; null: the template's own, if it has one
/// @param template file or name of a chat template; null: the model's own
public record ChatSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(
            help =
                "adapter, with a name to call it by: a PEFT folder, a run's folder, or NAME@ALIAS,"
                    + " NAME:VERSION, NAME@sha256:… of a registry or org/name of the hub where no"
                    + " such path exists; may be given several times",
            label = "NAME=FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        List<String> adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Setting(
            help =
                "most memory for weights and answers under way, such as 8G (default: weights, and"
                    + " half of what is free then)",
            label = "SIZE")
        @Nullable ByteSize memory,
    @Group("Conversation")
        @Setting(help = "what the model is told before the first message", label = "TEXT")
        @Nullable String system,
    @Setting(
            help =
                "chat template: a file, or chatml, llama3, mistral, alpaca, gemma, vicuna, zephyr"
                    + " (default: the model's own)",
            label = "TEMPLATE")
        @Nullable String template,
    @Group("Sampling") SamplingSettings sampling)
    implements ModelWithers<ChatSettings>,
        RegistryWithers<ChatSettings>,
        SamplingWithers<ChatSettings> {

  public ChatSettings {
    adapter = List.copyOf(adapter);
    named(adapter);
    check(sampling);
  }

  /// Refuses sampling settings that do not work in a conversation.
  public static void check(SamplingSettings sampling) {
    if (sampling.n() > 1) {
      throw Check.wrong("--n", sampling.n(), "1: a conversation has one answer at a time");
    }
    if (sampling.logprobs()) {
      throw new InputException("--logprobs is for generate; chat shows text alone");
    }
  }

  /// The folders of the adapters by name, in the order given.
  public Map<String, Path> adapters() {
    return named(adapter);
  }

  private static Map<String, Path> named(List<String> given) {
    Map<String, Path> folders = new LinkedHashMap<>();
    for (String one : given) {
      int sign = nameEnd(one);
      Path folder = Path.of(one.substring(sign + 1));
      Path last = folder.toAbsolutePath().normalize().getFileName();
      String name = sign >= 0 ? one.substring(0, sign) : String.valueOf(last).replace('=', '-');
      if (name.isBlank() || name.contains(" ") || one.length() == sign + 1) {
        throw new InputException(
            "--adapter is '%s'; it must be a folder, or NAME=FOLDER with a name without blanks"
                .formatted(one));
      }
      if (folders.put(name, folder) != null) {
        throw new InputException(
            "--adapter: two are named '%s'; name them, as in --adapter a=%s"
                .formatted(name, folder));
      }
    }
    return folders;
  }

  /// The index of `=` in `NAME=FOLDER`; -1 for a folder alone, such as `sweep/rank=8`.
  public static int nameEnd(String given) {
    int sign = given.indexOf('=');
    return given.lastIndexOf('/', sign) >= 0 || Files.exists(Path.of(given)) ? -1 : sign;
  }

  /// Chats with the base model, everything else at its default.
  public static ChatSettings of(Path model) {
    return of(Map.of("model", model));
  }

  /// The adapters, `NAME=FOLDER` each.
  public ChatSettings withAdapter(List<String> adapters) {
    return with("adapter", adapters);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static ChatSettings of(Map<String, ?> values) {
    return Schema.of(ChatSettings.class).of(values);
  }
}
