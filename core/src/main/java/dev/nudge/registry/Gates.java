package dev.nudge.registry;

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
    Map<String, String> files = new TreeMap<>();
    layout
        .manifest(version.digest())
        .files(version.shown())
        .forEach((name, file) -> files.put(name, file.digest()));
    GateCheck.Known known =
        new GateCheck.Known(
            files,
            layout.json(version, "tokenizer_config.json"),
            layout.json(version, MediaTypes.LINEAGE));
    return GateCheck.against(known, last, policy);
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
    JsonNode last = null;
    for (Version.Report report : version.reports()) {
      JsonNode gate =
          report.name().equals(GateCheck.FILE)
              ? Json.readOrMissing(layout.blobs().path(report.digest()))
              : MissingNode.getInstance();
      boolean asked =
          policy == null || gate.path("digests").path("policy").asString("").equals(policy);
      if (!gate.isMissingNode() && asked && (last == null || !at(gate).isBefore(at(last)))) {
        last = gate;
      }
    }
    return last == null ? MissingNode.getInstance() : last;
  }

  private static Instant at(JsonNode gate) {
    try {
      return Instant.parse(gate.path("at").asString(""));
    } catch (DateTimeParseException e) {
      return Instant.MIN;
    }
  }
}
