package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.HubProgress;
import dev.nudge.format.Json;
import dev.nudge.hub.CardFacts;
import dev.nudge.hub.Hub;
import dev.nudge.hub.RepoName;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/// Publishes a folder on the hub, and prints the commit.
final class HubPublish implements ExportVerb.Publisher {
  @Override
  public void check(Console console, RepoName name) {
    HubNames.hub(console).checkPublish(name);
  }

  @Override
  public Hub.Published publish(
      Console console, RepoName name, Path folder, CardFacts facts, boolean open) {
    return run(console, name, folder, facts, open);
  }

  /// Parses the repository of a target.
  ///
  /// @param target `hf:org/name`
  static RepoName name(String target) {
    RepoName name = RepoName.parse(target);
    if (!name.equals(RepoName.model(name.id()))) {
      throw new InputException(
          "'%s' cannot be published to; it must be hf:org/name".formatted(target));
    }
    return name;
  }

  /// Publishes a folder and prints the commit; the caller prints the object of `--json`.
  ///
  /// @param open whether a new repository is public
  static Hub.Published run(
      Console console, RepoName name, Path folder, CardFacts facts, boolean open) {
    String base =
        Json.readOrMissing(folder.resolve("adapter_config.json"))
            .path("base_model_name_or_path")
            .asString("");
    if (!base.isEmpty() && (Files.exists(Path.of(base)) || !RepoName.isName(base))) {
      console.warn(
          "its adapter_config.json names the base by a path of this machine; published is its last name, %s, and one that is trained on a name of the hub says that name"
              .formatted(HubName.last(Path.of(base))));
    }
    HubProgress progress = new HubProgress(console, "sending", System::nanoTime);
    Hub.Published done = HubNames.hub(console).publish(name, folder, facts, open, progress);
    if (!done.left().isEmpty()) {
      console.note(
          "left out, as nothing that a model or an adapter has: " + String.join(", ", done.left()));
    }
    console.result(
        "%s is published: commit %s, %s"
            .formatted(done.address(), done.commit(), Bytes.shown(done.bytes())));
    return done;
  }

  /// Returns a registry's facts about a version, for the model card.
  static CardFacts facts(Registry registry, Version version) {
    JsonNode lineage = registry.lineage(version);
    Map<String, String> scores = new TreeMap<>();
    for (Version.Report report : version.reports()) {
      JsonNode results = Json.readOrMissing(registry.file(report)).path("results");
      for (Map.Entry<String, JsonNode> task : results.properties()) {
        for (Map.Entry<String, JsonNode> metric : task.getValue().properties()) {
          if (metric.getValue().isNumber()) {
            scores.put(
                task.getKey() + " " + metric.getKey(),
                String.format(Locale.ROOT, "%.4f", metric.getValue().asDouble()));
          }
        }
      }
    }
    return new CardFacts(
        lineage.path("licence").asString(null),
        lineage.path("settings"),
        lineage.path("data").path("data").asString(null),
        lineage.path("results"),
        scores);
  }
}
