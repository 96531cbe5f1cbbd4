package dev.nudge.cli;

import dev.nudge.cli.models.KnownModelsTable;
import java.util.List;
import java.util.Map;

/// The sections of `nudge --help` with the first words of their verbs, in order.
public enum HelpGroup {
  TRAIN("Train", "quickstart train sweep plan spark init data runs"),
  ASK("Ask", "generate chat"),
  JUDGE("Judge", "score eval"),
  KEEP("Keep", "models adapters merge quantize release export"),
  SERVE("Serve", "serve keys experiments"),
  MACHINE("Machine", "doctor install completion");

  /// Descriptions of the groups of two-word verbs.
  private static final Map<String, String> ABOUT =
      Map.of(
          "data", "rows, before anything is trained on them",
          "runs", "settings, losses and files of training runs",
          "models", "models of the hub by name, in its cache on this machine",
          "adapters", "versions of adapters, under names that move",
          "keys", "clients of serve",
          "experiments", "A/B tests, canaries and shadows in a running server");

  private final String heading;
  private final String words;

  HelpGroup(String heading, String words) {
    this.heading = heading;
    this.words = words;
  }

  /// Returns the heading of the section.
  String heading() {
    return heading;
  }

  /// Returns the first words of its verbs.
  public List<String> words() {
    return List.of(words.split(" "));
  }

  /// Returns further lines of a group's help, after its verbs.
  static List<String> more(String group) {
    return group.equals("models") ? KnownModelsTable.lines() : List.of();
  }

  /// Returns the description of a group of verbs.
  public static String about(String group) {
    return ABOUT.getOrDefault(group, "");
  }
}
