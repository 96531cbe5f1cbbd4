package dev.nudge.settings;

import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// The shape of the adapter.
///
/// Alpha stays where it is when the rank changes: the best learning rate then hardly depends on
/// it.
///
/// @param alpha the update is scaled by alpha / rank, with rsLoRA by alpha / √rank
/// @param targets `all-linear`, a list such as `q_proj,v_proj`, or `/regex/` over the whole
///     module path
/// @param initAdapter an adapter to continue from, which then gives rank, alpha and targets;
///     null: a new one
public record LoraSettings(
    @Setting(help = "what is trained", byDefault = "lora") Method method,
    @Setting(help = "continue from an adapter: a PEFT folder or a run's folder", label = "FOLDER")
        @Nullable Path initAdapter,
    @Setting(help = "rank of the adapter", byDefault = "16") int rank,
    @Setting(help = "scale of the adapter; it stays when the rank changes", byDefault = "32")
        double alpha,
    @Setting(help = "share of the adapter's inputs dropped in training", byDefault = "0")
        double dropout,
    @Setting(
            help =
                "linear layers: all-linear (all but the head), a list, or /regex/ over the whole path",
            byDefault = "all-linear",
            label = "all-linear|q_proj,v_proj|/regex/")
        String targets,
    @Setting(help = "scale by alpha / sqrt(rank) instead of alpha / rank") boolean rsLora) {

  public LoraSettings {
    Check.atLeast("--rank", rank, 1);
    Check.positive("--alpha", alpha);
    Check.share("--dropout", dropout);
    checkTargets(targets);
  }

  private static void checkTargets(String targets) {
    Check.notBlank("--targets", targets);
    if (targets.length() > 1 && targets.startsWith("/") && targets.endsWith("/")) {
      String regex = targets.substring(1, targets.length() - 1);
      try {
        Pattern.compile(regex);
      } catch (PatternSyntaxException e) {
        throw new InputException(
            "--targets is "
                + Kind.shown(targets)
                + "; it must be a regular expression: "
                + e.getDescription(),
            e);
      }
    } else {
      for (String entry : targets.split(",", -1)) {
        if (entry.isBlank()) {
          throw new InputException(
              "--targets is " + Kind.shown(targets) + "; it must not have an empty entry");
        }
      }
    }
  }
}
