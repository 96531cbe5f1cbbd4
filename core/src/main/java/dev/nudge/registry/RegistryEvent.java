package dev.nudge.registry;

import dev.nudge.format.Json;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A change of a registry: a line of its [Journal].
public sealed interface RegistryEvent {
  /// The adapter's name.
  String name();

  /// Author, time and reason.
  Note note();

  /// A version was registered.
  record Pushed(
      String name,
      Note note,
      int version,
      String digest,
      long manifestBytes,
      long bytes,
      int rank,
      @Nullable String base)
      implements RegistryEvent {}

  /// An alias was created, moved, rolled back or removed.
  ///
  /// @param from digest of its old version; null: the alias is new
  /// @param to digest of its new version; null: the alias was removed
  /// @param version number of `to`; 0 with null
  /// @param overridden reasons against the move, if it was forced
  record Moved(
      String name,
      Note note,
      String alias,
      @Nullable String from,
      @Nullable String to,
      int version,
      boolean rollback,
      List<String> overridden)
      implements RegistryEvent {
    public Moved {
      overridden = List.copyOf(overridden);
    }
  }

  /// An alias was protected or unprotected.
  ///
  /// @param on whether it is protected now
  /// @param policy digest of the required policy; null: any
  /// @param overridden reasons against the protection, if it was forced
  record Protected(
      String name,
      Note note,
      String alias,
      boolean on,
      @Nullable String policy,
      List<String> overridden)
      implements RegistryEvent {
    public Protected {
      overridden = List.copyOf(overridden);
    }
  }

  /// A version's state was set.
  record Stated(String name, Note note, int version, VersionState from, VersionState to)
      implements RegistryEvent {}

  /// A report was attached to a version.
  record Reported(String name, Note note, int version, Version.Report report)
      implements RegistryEvent {}

  /// A version was removed.
  record Removed(String name, Note note, int version, String digest) implements RegistryEvent {}

  /// The name of the event in the journal.
  default String word() {
    return switch (this) {
      case Pushed _ -> "push";
      case Moved moved -> moved.rollback ? "rollback" : "alias";
      case Protected e -> e.on ? "protect" : "unprotect";
      case Stated _ -> "state";
      case Reported _ -> "report";
      case Removed _ -> "remove";
    };
  }

  /// The event as JSON keys and values.
  default Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("event", word());
    all.put("at", note().at().toString());
    all.put("by", note().by());
    all.put("name", name());
    switch (this) {
      case Pushed e -> {
        all.put("version", e.version);
        all.put("digest", e.digest);
        all.put("manifest_bytes", e.manifestBytes);
        all.put("bytes", e.bytes);
        all.put("rank", e.rank);
        all.put("base", e.base);
      }
      case Moved e -> {
        all.put("alias", e.alias);
        all.put("from", e.from);
        all.put("to", e.to);
        all.put("version", e.version);
        putOverridden(all, e.overridden);
      }
      case Protected e -> {
        all.put("alias", e.alias);
        all.put("policy", e.policy);
        putOverridden(all, e.overridden);
      }
      case Stated e -> {
        all.put("version", e.version);
        all.put("from", e.from.word());
        all.put("to", e.to.word());
      }
      case Reported e -> {
        all.put("version", e.version);
        all.put("report", Json.tree(e.report));
      }
      case Removed e -> {
        all.put("version", e.version);
        all.put("digest", e.digest);
      }
    }
    all.put("why", note().why());
    return all;
  }

  private static void putOverridden(Map<String, @Nullable Object> all, List<String> reasons) {
    if (!reasons.isEmpty()) {
      all.put("overridden", reasons);
    }
  }

  /// Parses the JSON of [#values].
  ///
  /// @throws IllegalArgumentException if this nudge does not know the event
  static RegistryEvent of(JsonNode line) {
    Note note = new Note(Instant.parse(text(line, "at")), text(line, "by"), orNull(line, "why"));
    String name = text(line, "name");
    int version = line.path("version").asInt(0);
    return switch (text(line, "event")) {
      case "push" ->
          new Pushed(
              name,
              note,
              version,
              text(line, "digest"),
              line.path("manifest_bytes").asLong(0),
              line.path("bytes").asLong(0),
              line.path("rank").asInt(0),
              orNull(line, "base"));
      case "alias" -> moved(line, name, note, false);
      case "rollback" -> moved(line, name, note, true);
      case "protect" ->
          new Protected(
              name, note, text(line, "alias"), true, orNull(line, "policy"), overridden(line));
      case "unprotect" -> new Protected(name, note, text(line, "alias"), false, null, List.of());
      case "state" ->
          new Stated(name, note, version, state(text(line, "from")), state(text(line, "to")));
      case "report" ->
          new Reported(name, note, version, Json.record(line.path("report"), Version.Report.class));
      case "remove" -> new Removed(name, note, version, text(line, "digest"));
      default -> throw new IllegalArgumentException("event " + text(line, "event"));
    };
  }

  private static List<String> overridden(JsonNode line) {
    return line.path("overridden").valueStream().map(one -> one.asString("")).toList();
  }

  private static Moved moved(JsonNode line, String name, Note note, boolean rollback) {
    return new Moved(
        name,
        note,
        text(line, "alias"),
        orNull(line, "from"),
        orNull(line, "to"),
        line.path("version").asInt(0),
        rollback,
        overridden(line));
  }

  private static VersionState state(String word) {
    return VersionState.valueOf(word.toUpperCase(java.util.Locale.ROOT));
  }

  private static String text(JsonNode line, String key) {
    String text = orNull(line, key);
    if (text == null) {
      throw new IllegalArgumentException("no " + key);
    }
    return text;
  }

  private static @Nullable String orNull(JsonNode line, String key) {
    JsonNode value = line.path(key);
    return value.isString() ? value.asString() : null;
  }
}
