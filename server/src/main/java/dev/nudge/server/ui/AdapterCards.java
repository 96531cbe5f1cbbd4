package dev.nudge.server.ui;

import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.server.ServedAdapters;
import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Renders adapters of a registry as JSON maps, without local paths.
///
/// Threading: any thread.
final class AdapterCards {
  private final Registry registry;

  /// Version digest → parent digest, empty if there is none; both are immutable.
  private final Map<String, String> parents = new ConcurrentHashMap<>();

  private final Supplier<List<ServedAdapters.Unusable>> unusable;

  /// @param unusable aliases at versions that cannot be served
  AdapterCards(Registry registry, Supplier<List<ServedAdapters.Unusable>> unusable) {
    this.registry = registry;
    this.unusable = unusable;
  }

  /// An adapter with its versions and aliases.
  Map<String, @Nullable Object> of(Adapter adapter) {
    Map<String, @Nullable Object> card = new LinkedHashMap<>();
    card.put("name", adapter.name());
    card.put("versions", adapter.versions().stream().map(this::version).toList());
    card.put("aliases", adapter.aliases().stream().map(a -> alias(adapter, a)).toList());
    return card;
  }

  private Map<String, @Nullable Object> version(Version version) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("number", version.number());
    values.put("digest", version.digest());
    values.put("state", version.state().word());
    values.put("created", version.pushed().at().toString());
    values.put("by", version.pushed().by());
    values.put("why", version.pushed().why());
    values.put("rank", version.rank());
    values.put("bytes", version.bytes());
    values.put("base", version.base());
    values.put("base_name", registry.bases().name(version));
    String parent = parents.computeIfAbsent(version.digest(), _ -> parent(version));
    values.put("parent", parent.isEmpty() ? null : parent);
    return values;
  }

  /// Returns the version, else the weights, that training continued from.
  private String parent(Version version) {
    try {
      JsonNode lineage = registry.lineage(version);
      return lineage.path("parent_version").asString(lineage.path("parent").asString(""));
    } catch (InputException e) {
      return ""; // a file is missing: requests for the version fail
    }
  }

  private Map<String, @Nullable Object> alias(Adapter adapter, Alias alias) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("alias", alias.name());
    values.put("version", alias.version());
    values.put("digest", alias.digest());
    values.put("protected", adapter.isProtected(alias.name()));
    values.put("at", alias.moved().at().toString());
    values.put("by", alias.moved().by());
    values.put("why", alias.moved().why());
    for (ServedAdapters.Unusable one : unusable.get()) {
      if (one.alias().equals(adapter.name() + "@" + alias.name())) {
        values.put("unusable", one.reason());
        values.put("answers", one.answers());
      }
    }
    values.put("before", before(adapter.versions(), alias));
    return values;
  }

  /// The version number that a rollback would restore: the latest earlier one that exists and is
  /// not blocked; null: none.
  private static @Nullable Integer before(List<Version> versions, Alias alias) {
    for (String digest : alias.before().reversed()) {
      for (Version version : versions) {
        if (version.digest().equals(digest) && version.state() != VersionState.BLOCKED) {
          return version.number();
        }
      }
    }
    return null;
  }
}
