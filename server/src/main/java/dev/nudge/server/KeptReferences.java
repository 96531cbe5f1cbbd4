package dev.nudge.server;

import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryException;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Resolves adapter references in a registry: `legal@champion`, `legal:3`, `legal@sha256:…`. Other
/// processes may change it meanwhile.
///
/// Threading: any number of threads.
///
/// @param at last seen version of each alias
/// @param notes receives one line if an alias has moved
record KeptReferences(Registry registry, Map<Reference, Integer> at, Consumer<String> notes) {
  KeptReferences(Registry registry, Consumer<String> notes) {
    this(registry, new ConcurrentHashMap<>(), notes);
  }

  /// Resolves a reference now.
  ///
  /// @param asked model name of the request
  /// @return null if there is none
  /// @throws ApiException if the version may not be served
  @Nullable Served find(String asked, String reference) {
    try {
      Reference parsed = Reference.parse(reference);
      Version version = registry.resolve(parsed);
      noteMove(parsed, version.number());
      return served(asked, version);
    } catch (RegistryException e) {
      return switch (e.reason()) {
        case UNKNOWN, MOVED, NOWHERE_BACK, REFERENCED, GATED -> null;
        case BLOCKED -> throw blocked(asked);
      };
    }
  }

  private void noteMove(Reference reference, int version) {
    if (reference.to() instanceof Reference.Alias) {
      Integer before = at.put(reference, version);
      if (before != null && before != version) {
        notes.accept("%s: version %d answers, was %d".formatted(reference, version, before));
      }
    }
  }

  /// Why it is blocked is for those who run the server: `adapters show` tells it.
  private static ApiException blocked(String asked) {
    return ApiException.forbidden(
        "model", "adapter_blocked", "'%s' is blocked".formatted(ApiException.shown(asked)));
  }

  /// The location of the registry, for messages.
  String place() {
    return registry.folder().toString();
  }

  private static Served served(String asked, Version version) {
    return new Served(asked, version.name(), version.number(), version.digest(), version.folder());
  }

  /// All aliases with their current versions.
  List<ServedAdapters.Card> list() {
    List<ServedAdapters.Card> cards = new ArrayList<>();
    for (Adapter adapter : registry.list()) {
      for (Alias alias : adapter.aliases()) {
        String id = adapter.name() + "@" + alias.name();
        adapter.versions().stream()
            .filter(v -> v.number() == alias.version() && v.state() != VersionState.BLOCKED)
            .forEach(version -> cards.add(new ServedAdapters.Card(id, served(id, version))));
      }
    }
    return cards;
  }
}
