package dev.nudge.registry;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Json;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Reads the gate verdicts that are stored with versions.
record Gates(OciLayout layout) {

  /// The reasons why a verdict does not let a version pass; empty: it passes.
  ///
  /// @param last the verdict; missing node: none
  /// @param policy digest of the required policy; null: any
  List<String> against(Version version, JsonNode last, @Nullable String policy) {
    if (last.isMissingNode()) {
      return List.of(
          "no %s%s is kept with it"
              .formatted(GateCheck.FILE, policy == null ? "" : " of the policy " + policy));
    }
    GateCheck.Known known =
        new GateCheck.Known(
            files(version),
            layout.json(version, "tokenizer_config.json"),
            layout.json(version, MediaTypes.LINEAGE));
    return GateCheck.against(known, last, policy);
  }

  /// The digests of a version's files by their names.
  private Map<String, String> files(Version version) {
    Map<String, String> files = new TreeMap<>();
    layout
        .manifest(version.digest())
        .files(version.shown())
        .forEach((name, file) -> files.put(name, file.digest()));
    return files;
  }

  private JsonNode blob(Version.Report report) {
    return report.name().equals(GateCheck.FILE)
        ? Json.readOrMissing(layout.blobs().path(report.digest()))
        : MissingNode.getInstance();
  }

  /// Whether a gate judged on the base of a version; true if either is unknown.
  boolean isOn(Version version, JsonNode gate) {
    String judged = gate.path("digests").path("base").asString("");
    JsonNode bases = layout.json(version, MediaTypes.LINEAGE).path("base");
    return judged.isEmpty()
        || bases.isEmpty()
        || bases.valueStream().anyMatch(one -> one.asString("").equals(judged));
  }

  /// The latest verdict on a version; missing node: none.
  ///
  /// @param policy digest of the policy of the verdict; null: any
  JsonNode last(Version version, @Nullable String policy) {
    return last(version.reports(), policy);
  }

  private JsonNode last(List<Version.Report> reports, @Nullable String policy) {
    JsonNode last = null;
    for (Version.Report report : reports) {
      JsonNode gate = blob(report);
      boolean asked =
          policy == null || gate.path("digests").path("policy").asString("").equals(policy);
      if (!gate.isMissingNode() && asked && (last == null || !at(gate).isBefore(at(last)))) {
        last = gate;
      }
    }
    return last == null ? MissingNode.getInstance() : last;
  }

  /// The latest verdict on a version that judged its own files; missing node: none.
  JsonNode own(Version version) {
    List<Version.Report> own =
        version.reports().stream().filter(r -> foreign(version, blob(r)) == null).toList();
    return last(own, null);
  }

  /// The file of an adapter of which a verdict judged another one; null: none, or no verdict.
  @Nullable String foreign(Version version, JsonNode gate) {
    Map<String, String> files = files(version);
    JsonNode judged = gate.path("digests").path("adapter");
    return PeftAdapter.FILES.stream()
        .filter(
            name ->
                files.containsKey(name)
                    && !files.get(name).equals(judged.path(name).asString(files.get(name))))
        .findFirst()
        .orElse(null);
  }

  private static Instant at(JsonNode gate) {
    try {
      return Instant.parse(gate.path("at").asString(""));
    } catch (DateTimeParseException e) {
      return Instant.MIN;
    }
  }
}
