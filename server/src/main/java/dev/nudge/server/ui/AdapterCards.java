package dev.nudge.server.ui;

import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Adapters of a registry as keys and values, without folders of this machine.
///
/// Threading: any thread.
final class AdapterCards {
  private final Registry registry;

  /// Digest of a version → that of its parent, empty where it has none: neither ever changes.
  private final Map<String, String> parents = new ConcurrentHashMap<>();

  AdapterCards(Registry registry) {
    this.registry = registry;
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
    values.put("base_name", registry.baseName(version));
    String parent = parents.computeIfAbsent(version.digest(), _ -> parent(version));
    values.put("parent", parent.isEmpty() ? null : parent);
    return values;
  }

  /// The version that training went on from, or the weights where that was no version.
  private String parent(Version version) {
    try {
      JsonNode lineage = registry.lineage(version);
      return lineage.path("parent_version").asString(lineage.path("parent").asString(""));
    } catch (InputException e) {
      return ""; // a file of the version is missing: who asks for it is told
    }
  }

  private static Map<String, @Nullable Object> alias(Adapter adapter, Alias alias) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("alias", alias.name());
    values.put("version", alias.version());
    values.put("digest", alias.digest());
    values.put("protected", adapter.isProtected(alias.name()));
    values.put("at", alias.moved().at().toString());
    values.put("by", alias.moved().by());
    values.put("why", alias.moved().why());
    values.put("before", before(adapter.versions(), alias));
    return values;
  }

  /// The number of the version that a rollback would go to: the latest before that is still there
  /// and not blocked; null: none.
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
