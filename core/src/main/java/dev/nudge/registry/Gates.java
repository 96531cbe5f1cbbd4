package dev.nudge.registry;

import dev.nudge.format.Json;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
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
    return GateCheck.against(known(version), last, policy);
  }

  private GateCheck.Known known(Version version) {
    Map<String, String> files = new TreeMap<>();
    layout
        .manifest(version.digest())
        .files(version.shown())
        .forEach((name, file) -> files.put(name, file.digest()));
    return new GateCheck.Known(
        files,
        layout.json(version, "tokenizer_config.json"),
        layout.json(version, MediaTypes.LINEAGE));
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
    return last(
        version,
        gate -> policy == null || gate.path("digests").path("policy").asString("").equals(policy));
  }

  /// The latest verdict on a version that judged its own files; missing node: none.
  JsonNode own(Version version) {
    if (version.reports().isEmpty()) {
      return MissingNode.getInstance();
    }
    GateCheck.Known known = known(version);
    return last(version, gate -> GateCheck.foreign(known, gate) == null);
  }

  private JsonNode last(Version version, Predicate<JsonNode> counts) {
    JsonNode last = null;
    for (Version.Report report : version.reports()) {
      JsonNode gate =
          report.name().equals(GateCheck.FILE)
              ? Json.readOrMissing(layout.blobs().path(report.digest()))
              : MissingNode.getInstance();
      if (!gate.isMissingNode()
          && counts.test(gate)
          && (last == null || !at(gate).isBefore(at(last)))) {
        last = gate;
      }
    }
    return last == null ? MissingNode.getInstance() : last;
  }

  /// Why an alias's version has not passed the gate of its protection; empty: it has, or there is
  /// no version.
  List<String> unpassed(Book book, String name, String alias) {
    Alias at = book.alias(name, alias);
    Version version = at == null ? null : book.version(name, at.digest());
    Protection protection = book.protection(name, alias);
    String policy = protection == null ? null : protection.policy();
    return version == null ? List.of() : against(version, last(version, policy), policy);
  }

  /// Warns of a report that judged another adapter than the version's; else null.
  @Nullable String otherJudged(Version version, Path report) {
    boolean gate = String.valueOf(report.getFileName()).equals(GateCheck.FILE);
    String file = gate ? GateCheck.foreign(known(version), Json.readOrMissing(report)) : null;
    return file == null
        ? null
        : "--report %s judged another %s than that of %s; it is kept, and is no verdict on %s: run nudge eval with this adapter"
            .formatted(report, file, version.shown(), version.shown());
  }

  private static Instant at(JsonNode gate) {
    try {
      return Instant.parse(gate.path("at").asString(""));
    } catch (DateTimeParseException e) {
      return Instant.MIN;
    }
  }
}
